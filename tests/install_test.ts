// install.sh, run in several shells, from folders.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { TARGETS } from "../tasks/compiler.ts";
import { tool, which } from "./oracle.ts";
import {
  type Files,
  install,
  MACHINE,
  place,
  PROGRAM,
  SCRIPT,
  sha256,
  SUMS,
  tools,
  tree,
} from "./installer.ts";

/** Where somebody has built the bash of macOS, that one too. */
const SHELLS = ["dash", "bash", "bash --posix", "busybox sh", "ksh", "mksh", which("bash-3.2") ?? []].flat();
const GOOD = { "dist/mambaenv": PROGRAM, "dist/SHA256SUMS": SUMS };

for (const shell of SHELLS) {
  if (spawnSync(shell.split(" ")[0]!, ["-c", ":"]).error) {
    console.error(`install_test: there is no ${shell} here`);
    continue;
  }
  Deno.test(`install.sh: ${shell} installs, and once more harmlessly`, () =>
    place(GOOD, async (top) => {
      const first = await install(top, ["--from", "dist", "--to", "to here/it's"], { shell });
      assert.equal(first.status, 0, first.said);
      const target = `${top}/to here/it's/mambaenv`;
      assert.equal(fs.readFileSync(target, "utf8"), PROGRAM);
      assert.equal(fs.statSync(target).mode & 0o777, 0o755);
      assert.match(first.said, /^Installed .*it's\/mambaenv \(mambaenv 9\.9\.9\)$/m);
      assert.ok(first.said.includes(`export PATH='${top}/to here/it'\\''s':"$PATH"`), first.said);
      const inode = fs.statSync(target).ino;
      const second = await install(top, ["--from=dist/", "--to=to here/it's"], { shell });
      assert.equal(second.status, 0, second.said);
      assert.match(second.said, /is already in/);
      assert.equal(fs.statSync(target).ino, inode);
      assert.deepEqual(tree(`${top}/to here`), ["it's", "it's/mambaenv"]);
      assert.deepEqual(tree(`${top}/home`), []);
    }));
}

Deno.test("install.sh: shellcheck finds nothing", () => {
  const { error, stdout } = spawnSync("shellcheck", ["-s", "sh", SCRIPT], { encoding: "utf8" });
  if (error) console.error("install_test: there is no shellcheck here");
  else assert.equal(stdout, "");
});

Deno.test("install.sh: cut anywhere, it does nothing", () =>
  place({ "install.sh": "", mambaenv: PROGRAM, SHA256SUMS: SUMS }, (top) => {
    const text = fs.readFileSync(SCRIPT, "utf8").trimEnd();
    const env = { HOME: `${top}/home`, PATH: "/usr/bin:/bin" };
    const run = (cut: number) => {
      fs.writeFileSync(`${top}/install.sh`, text.slice(0, cut));
      return spawnSync("sh", [`${top}/install.sh`], { env, cwd: top, stdio: "ignore" });
    };
    for (let cut = 0; cut < text.length; cut += cut < text.length - 60 ? 17 : 1) {
      run(cut);
      assert.deepEqual(tree(`${top}/home`), [], `cut at ${cut}: ${text.slice(cut - 20, cut)}`);
    }
    run(text.length);
    assert.deepEqual(tree(`${top}/home`).at(-1), ".local/bin/mambaenv");
  }));

Deno.test("install.sh: read from a pipe, it takes nothing from the current folder", () =>
  place({ mambaenv: PROGRAM, SHA256SUMS: SUMS, "dist/SHA256SUMS": SUMS }, (top) => {
    const env = { HOME: `${top}/home`, PATH: "/usr/bin:/bin" };
    const input = fs.readFileSync(SCRIPT);
    const { status } = spawnSync("sh", [], { env, cwd: top, input, stdio: ["pipe", "ignore", "ignore"] });
    assert.equal(status, 2);
    assert.deepEqual(tree(`${top}/home`), []);
  }));

const OTHER = "#!/bin/sh\necho another\n";
/** Programs that tell of another machine than this one; what they are not asked for is the real one's. */
const cpu = (flags: string) =>
  `#!/bin/sh\ncase $* in /proc/cpuinfo) echo "flags : ${flags}" ;; *) exec /bin/cat "$@" ;; esac\n`;
const uname = (system: string, machine: string) =>
  `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${machine}\n`;
const ldd = (words: string) => `#!/bin/sh\necho "${words}" >&2\nexit 1\n`;
const DETECTED: [title: string, bin: Files, name: string][] = [
  ["AVX2", { "bin/cat": cpu("sse avx avx2 bmi") }, "linux-x64"],
  ["no AVX2", { "bin/cat": cpu("sse avx") }, "linux-x64-baseline"],
  ["no /proc", { "bin/cat": cpu("x").replace("echo", ": echo") }, "linux-x64-baseline"],
  ["musl", { "bin/cat": cpu("avx2"), "bin/ldd": ldd("musl libc (x86_64)") }, "linux-x64-musl"],
  [
    "musl, no AVX2",
    { "bin/cat": cpu("sse"), "bin/ldd": ldd("musl libc (x86_64)") },
    "linux-x64-musl-baseline",
  ],
  ["arm64", { "bin/uname": uname("Linux", "aarch64") }, "linux-arm64"],
  [
    "musl on arm64",
    { "bin/uname": uname("Linux", "aarch64"), "bin/ldd": ldd("musl libc") },
    "linux-arm64-musl",
  ],
  ["a Mac", { "bin/uname": uname("Darwin", "x86_64") }, "darwin-x64"],
  [
    "Rosetta",
    { "bin/uname": uname("Darwin", "x86_64"), "bin/sysctl": "#!/bin/sh\necho 1\n" },
    "darwin-arm64",
  ],
];
for (const [title, bin, name] of DETECTED) {
  Deno.test(`install.sh: ${title}: takes mambaenv-${name}`, () => {
    const here = { "bin/uname": uname("Linux", "x86_64"), "bin/ldd": ldd("ldd (GNU libc) 2.17") };
    const dist = TARGETS.flatMap((target) => {
      const text = `#!/bin/sh\necho mambaenv ${target.name}\n`;
      return [[target.name, text, `${sha256(text)}  mambaenv-${target.name}\n`] as const];
    });
    const files = Object.fromEntries(dist.map(([name, text]) => [`dist/mambaenv-${name}`, text]));
    const sums = { "dist/SHA256SUMS": dist.map(([, , sum]) => sum).join("") };
    return place({ ...here, ...bin, ...files, ...sums }, async (top) => {
      const { status, said } = await install(top, ["--from", "dist"]);
      assert.equal(status, 0, said);
      assert.match(said, new RegExp(`\\(mambaenv ${name}\\)$`, "m"));
    });
  });
}

Deno.test("install.sh: where there is no program for a processor without AVX2, none is installed", () =>
  place({
    "bin/uname": uname("Linux", "x86_64"),
    "bin/ldd": ldd("ldd (GNU libc) 2.17"),
    "bin/cat": cpu("sse"),
    "dist/mambaenv-linux-x64": PROGRAM,
    "dist/SHA256SUMS": `${sha256(PROGRAM)}  mambaenv-linux-x64\n`,
  }, async (top) => {
    const { status, said } = await install(top, ["--from", "dist"]);
    assert.equal(status, 1);
    assert.match(said, /names no program for this machine \(mambaenv-linux-x64-baseline\)/);
  }));

Deno.test("install.sh: --offline takes a folder, and downloads nothing", () =>
  place(
    { ...GOOD, "bin/curl": "#!/bin/sh\n: >called\n", "bin/wget": "#!/bin/sh\n: >called\n" },
    async (top) => {
      assert.equal((await install(top, ["--offline", "dist"])).status, 0);
      for (
        const words of [["--offline", "http://localhost:1"], ["--offline=dist", "--from", "dist"], [
          "--offline",
        ]]
      ) {
        assert.equal((await install(top, words)).status, 2, words.join(" "));
      }
      assert.equal((await install(top, ["--offline", "none"])).status, 1);
      assert.ok(!fs.existsSync(`${top}/called`));
    },
  ));

for (const shell of SHELLS) {
  if (spawnSync(shell.split(" ")[0]!, ["-c", ":"]).error) {
    console.error(`install_test: there is no ${shell} here`);
    continue;
  }
  Deno.test(`install.sh: ${shell} uninstalls the program alone, and once more harmlessly`, () =>
    place({ ...GOOD, "home/.local/share/mambaenv/envs/a": "", "home/.bashrc": "" }, async (top) => {
      assert.equal((await install(top, ["--from", "dist"], { shell })).status, 0);
      const { status, said } = await install(top, ["--uninstall"], { shell });
      assert.equal(status, 0, said);
      assert.equal(
        said,
        `Removed ${top}/home/.local/bin/mambaenv\n  still there, and yours to remove: ${top}/home/.local/share/mambaenv\n`,
      );
      assert.deepEqual(fs.readdirSync(`${top}/home/.local/bin`), []);
      assert.ok(fs.existsSync(`${top}/home/.local/share/mambaenv/envs/a`));
      const again = await install(top, ["--uninstall"], { shell });
      assert.deepEqual([again.status, /there is no mambaenv in/.test(again.said)], [0, true]);
    }));
}

Deno.test("install.sh: --uninstall leaves what is not ours, and takes what does not run any more", () =>
  place(
    { ...GOOD, "home/.local/bin/mambaenv/x": "", "bin/mambaenv": OTHER, "old/mambaenv": "broken" },
    async (top) => {
      for (const words of [[], ["--to", "bin"]]) {
        const { status, said } = await install(top, ["--uninstall", ...words]);
        assert.equal(status, 1);
        assert.match(said, /is a folder|is another program/);
      }
      assert.ok(fs.existsSync(`${top}/bin/mambaenv`) && fs.existsSync(`${top}/home/.local/bin/mambaenv/x`));
      assert.equal((await install(top, ["--uninstall", "--to=old"])).status, 0);
      assert.deepEqual(fs.readdirSync(`${top}/old`), []);
      assert.equal((await install(top, ["--uninstall", "--from", "dist"])).status, 2);
    },
  ));

/** Two versions side by side, and an older one in the folder itself. */
const RELEASES: Files = {
  "dist/mambaenv": OTHER,
  "dist/SHA256SUMS": `${sha256(OTHER)}  mambaenv\n`,
  "dist/9.9.9/mambaenv": PROGRAM,
  "dist/9.9.9/SHA256SUMS": SUMS,
  "dist/v9.9.10/mambaenv": PROGRAM.replace("9.9.9", "'9.9.10 (commit 1)'"),
  "dist/v9.9.10/SHA256SUMS": `${sha256(PROGRAM.replace("9.9.9", "'9.9.10 (commit 1)'"))}  mambaenv\n`,
};
const VERSIONS = ([
  ["9.9.9", 0, /\(mambaenv 9\.9\.9\)$/m],
  ["v9.9.10", 0, /\(mambaenv 9\.9\.10 \(commit 1\)\)$/m],
  ["9.9", 1, /mambaenv from dist is another, not 9\.9; nothing was installed$/m],
  ["../9.9.9", 2, /this is no version: \.\.\/9\.9\.9/],
] as const).map(([version, status, said]) => ({
  title: `--version ${version}`,
  files: RELEASES,
  words: ["--offline", "dist", `--version=${version}`],
  status,
  said,
}));
const LISTED = TARGETS.map(({ name }) => `(?=[^]*\\n {2}${name}\\n)`).join("") +
  `(\\n {2}[\\w-]+){${TARGETS.length}}\\n`;
const FOLDERS: { title: string; files: Files; words?: string[]; status: number; said: RegExp }[] = [
  {
    title: "the program of this machine comes before the plain one",
    files: {
      "bin/cat": cpu("avx2"),
      [`dist/mambaenv-${MACHINE}`]: PROGRAM,
      "dist/mambaenv": OTHER,
      "dist/SHA256SUMS": `${sha256(OTHER)}  mambaenv\n${sha256(PROGRAM)} *mambaenv-${MACHINE}\r\n`,
    },
    status: 0,
    said: /mambaenv 9\.9\.9/,
  },
  {
    title: "a wrong checksum",
    files: { "dist/mambaenv": OTHER, "dist/SHA256SUMS": SUMS },
    status: 1,
    said: /mambaenv from dist is not what SHA256SUMS says; nothing was installed\n.*expected [0-9a-f]{64}\n/,
  },
  {
    title: "no SHA256SUMS",
    files: { "dist/mambaenv": PROGRAM },
    status: 1,
    said: /there is no SHA256SUMS in dist$/m,
  },
  {
    title: "no program",
    files: { "dist/SHA256SUMS": SUMS },
    status: 1,
    said: /there is no mambaenv in dist$/m,
  },
  {
    title: "SHA256SUMS without a program for this machine",
    files: { "dist/SHA256SUMS": `${sha256("")}  mambaenv-plan9\n${sha256("")}  xmambaenv\n` },
    status: 1,
    said: /names no program for this machine \(mambaenv-.*\), only\n {2}mambaenv-plan9\n$/,
  },
  {
    title: "an unknown system",
    files: { ...GOOD, "bin/uname": '#!/bin/sh\n[ "$1" = -s ] && echo Plan9 || echo mips\n' },
    status: 1,
    said: /there is no mambaenv for Plan9 on mips, only for\n {2}linux-x64\n/,
  },
  {
    title: "an unknown processor",
    files: { ...GOOD, "bin/uname": '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo mips\n' },
    status: 1,
    said: new RegExp(`there is no mambaenv for Linux on mips, only for${LISTED}$`),
  },
  {
    title: "a program that does not run here",
    files: {
      "dist/mambaenv": "#!/bin/sh\necho GLIBC_9 not found >&2; exit 1\n",
      "dist/SHA256SUMS": `${sha256("#!/bin/sh\necho GLIBC_9 not found >&2; exit 1\n")}  mambaenv\n`,
    },
    status: 1,
    said: /does not run on this machine; nothing was installed: GLIBC_9 not found/,
  },
  {
    title: "a target that is a file",
    files: { ...GOOD, "home/.local/bin": "" },
    status: 1,
    said: /cannot make the folder .*--to DIR/,
  },
  {
    title: "a target in which the name is taken by a folder",
    files: { ...GOOD, "home/.local/bin/mambaenv/x": "" },
    status: 1,
    said: /\.local\/bin\/mambaenv is a folder/,
  },
  {
    title: "an unknown option",
    files: GOOD,
    words: ["--form", "dist"],
    status: 2,
    said: /unknown option: --form/,
  },
  {
    title: "an option without its value",
    files: GOOD,
    words: ["--from"],
    status: 2,
    said: /--from needs a value/,
  },
  {
    title: "another scheme",
    files: GOOD,
    words: ["--from", "ftp://x"],
    status: 2,
    said: /cannot read from ftp:/,
  },
  { title: "help", files: GOOD, words: ["--help"], status: 0, said: /^$/ },
  ...VERSIONS,
];
for (const { title, files, words = ["--from", "dist"], status, said } of FOLDERS) {
  Deno.test(`install.sh: ${title}: status ${status}`, () =>
    place(files, async (top) => {
      const before = tree(`${top}/home`);
      const result = await install(top, words);
      assert.match(result.said, said);
      assert.equal(result.status, status);
      const installed = fs.existsSync(`${top}/home/.local/bin/mambaenv`) && !said.source.includes("folder");
      assert.equal(installed, status === 0 && title !== "help");
      if (status !== 0) {
        const left = tree(`${top}/home`).filter((path) => !/^\.local(\/bin)?$/.test(path));
        assert.deepEqual(left, before.filter((path) => !/^\.local(\/bin)?$/.test(path)));
      }
    }));
}

Deno.test("install.sh: from file:// and from the folder of the script", () =>
  place(GOOD, async (top) => {
    assert.equal((await install(top, ["--from", `file://${top}/dist`, "--to", "a"])).status, 0);
    fs.cpSync(`${top}/dist`, `${top}/-dist`, { recursive: true });
    assert.equal((await install(top, ["--from", "-dist", "--to", "-b"])).status, 0);
    fs.copyFileSync(SCRIPT, `${top}/install.sh`);
    const env = { HOME: `${top}/home`, PATH: "/usr/bin:/bin" };
    assert.equal(spawnSync("sh", ["install.sh"], { cwd: top, env, stdio: "ignore" }).status, 0);
    assert.deepEqual(tree(`${top}/home`), [".local", ".local/bin", ".local/bin/mambaenv"]);
  }));

Deno.test("install.sh: an older program is replaced, a broken new one leaves it", () =>
  place(
    { ...GOOD, "home/.local/bin/mambaenv": OTHER, "bad/mambaenv": OTHER, "bad/SHA256SUMS": SUMS },
    async (top) => {
      assert.equal((await install(top, ["--from", "bad"])).status, 1);
      assert.equal(fs.readFileSync(`${top}/home/.local/bin/mambaenv`, "utf8"), OTHER);
      assert.equal((await install(top, ["--from", "dist"])).status, 0);
      assert.equal(fs.readFileSync(`${top}/home/.local/bin/mambaenv`, "utf8"), PROGRAM);
    },
  ));

Deno.test("install.sh: where the target is in PATH nothing is to be added, but a program before it is named", () =>
  place({ ...GOOD, "bin/mambaenv": OTHER }, async (top) => {
    const first = await install(top, ["--from", "dist", "--to", "bin"]);
    assert.doesNotMatch(first.said, /PATH/);
    fs.mkdirSync(`${top}/later`);
    const env = { HOME: `${top}/home`, PATH: `${top}/bin:/usr/bin:/bin:${top}/later` };
    const words = [SCRIPT, "--from", "dist", "--to", "later"];
    const { stderr } = spawnSync("sh", words, { cwd: top, env, encoding: "utf8" });
    assert.ok(stderr.includes(`PATH finds another one first: ${top}/bin/mambaenv`), stderr);
  }));

for (const [hasher, status] of [["shasum", 0], ["openssl", 0], ["", 1]] as const) {
  Deno.test(`install.sh: checks with ${hasher || "nothing: refuses"}`, () =>
    place(GOOD, async (top) => {
      const PATH = tools(top, ...hasher === "shasum" ? ["shasum", "perl"] : hasher ? [hasher] : []);
      const result = await install(top, ["--from", "dist"], { PATH });
      assert.equal(result.status, status, result.said);
      if (status) assert.match(result.said, /none of sha256sum, shasum and openssl is here/);
    }));
}

Deno.test("install.sh: a folder that may not be written to is named", () =>
  place({
    ...GOOD,
    "bin/mkdir": '#!/bin/sh\ncase $* in *.mambaenv-install*) exit 1;; esac\nexec /bin/mkdir "$@"\n',
  }, async (top) => {
    const { status, said } = await install(top, ["--from", "dist"]);
    assert.equal(status, 1);
    assert.match(said, /cannot write to .*\.local\/bin; choose another folder: --to DIR/);
  }));

Deno.test("install.sh: the program is checked before it can be run, and replaced while the old one runs", () =>
  place({
    ...GOOD,
    "bin/sha256sum":
      '#!/bin/sh\nls -l "$PWD"/home/.local/bin/.mamba*/mambaenv >>modes 2>&1\nexec /usr/bin/sha256sum\n',
  }, async (top) => {
    const target = `${top}/home/.local/bin/mambaenv`;
    fs.mkdirSync(join(target, ".."), { recursive: true });
    fs.copyFileSync(tool("sleep"), target);
    const old = spawn(target, ["60"], { stdio: "ignore" });
    try {
      await new Promise((started) => old.on("spawn", started));
      const { status, said } = await install(top, ["--from", "dist"]);
      assert.equal(status, 0, said);
      assert.equal(fs.readFileSync(target, "utf8"), PROGRAM);
      assert.ok(old.exitCode === null && old.signalCode === null, "the old one goes on");
      assert.match(fs.readFileSync(`${top}/modes`, "utf8"), /^-rw-r--r-- [^\n]*mambaenv\n$/m);
    } finally {
      old.kill();
    }
  }));

Deno.test({
  name: "install.sh: on a full disk nothing is installed, what was there stays, and nothing is left over",
  ignore: process.platform !== "linux" || !tool("unshare") ||
    spawnSync("unshare", ["-rm", "true"]).status !== 0,
}, () =>
  place({ "dist/mambaenv": PROGRAM.padEnd(100_000, "#") }, (top) => {
    fs.writeFileSync(`${top}/dist/SHA256SUMS`, `${sha256(PROGRAM.padEnd(100_000, "#"))}  mambaenv\n`);
    const code = `mkdir home/to && mount -t tmpfs -o size=64k none home/to && echo old >home/to/mambaenv &&
      sh "$0" --from dist --to home/to; echo "$?"; cd home/to && ls -A && cat mambaenv`;
    const env = { HOME: `${top}/home`, PATH: "/usr/bin:/bin" };
    const words = ["-rm", "sh", "-c", code, SCRIPT];
    const { stdout, stderr } = spawnSync("unshare", words, { cwd: top, env, encoding: "utf8" });
    assert.equal(stdout, "1\nmambaenv\nold\n", stderr);
    assert.match(stderr, /No space left[^]*cannot copy mambaenv from dist to .*\/home\/to$/m);
  }));
