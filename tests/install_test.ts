// install.sh, run in several shells, from folders and from a server that misbehaves.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TARGETS } from "../tasks/compiler.ts";

const SCRIPT = join(import.meta.dirname!, "..", "install.sh");
const PROGRAM = "#!/bin/sh\necho mambaenv 9.9.9\n";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const SUMS = `${sha256(PROGRAM)}  mambaenv\n`;
const MACHINE = `${process.platform}-${process.arch}`;

interface Result {
  status: number | null;
  said: string;
}
type Files = { [path: string]: string };

/** A folder with `files`, HOME at `home`; removed afterwards. */
async function place(files: Files, test: (top: string) => Promise<void> | void): Promise<void> {
  const top = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "install-")));
  try {
    fs.mkdirSync(`${top}/home`);
    for (const [path, text] of Object.entries(files)) {
      fs.mkdirSync(join(top, path, ".."), { recursive: true });
      fs.writeFileSync(join(top, path), text, { mode: path.startsWith("bin/") ? 0o755 : 0o644 });
    }
    await test(top);
  } finally {
    fs.rmSync(top, { recursive: true });
  }
}

interface Options {
  shell?: string;
  PATH?: string;
  started?: (pid: number) => void;
}

/** Runs install.sh in a group of processes of its own; programs in `bin` of the folder come first. */
function install(top: string, words: string[], options: Options = {}): Promise<Result> {
  const { shell = "sh", PATH = `${top}/bin:/usr/local/bin:/usr/bin:/bin` } = options;
  const [program = "", ...first] = shell.split(" ");
  const child = spawn(program, [...first, SCRIPT, ...words], {
    cwd: top,
    env: { HOME: `${top}/home`, PATH },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => said += text);
  options.started?.(child.pid!);
  return new Promise((settle) => child.on("close", (status) => settle({ status, said })));
}

/** What is below a folder: files with their text, folders with a final slash. */
function tree(dir: string): string[] {
  return fs.readdirSync(dir, { recursive: true, encoding: "utf8" }).sort();
}

const GOOD = { "dist/mambaenv": PROGRAM, "dist/SHA256SUMS": SUMS };

for (const shell of ["dash", "bash", "bash --posix", "busybox sh", "ksh", "mksh"]) {
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

for (const shell of ["dash", "bash --posix", "busybox sh", "ksh", "mksh"]) {
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
    said: /names no program for this machine \(mambaenv-/,
  },
  {
    title: "an unknown system",
    files: { ...GOOD, "bin/uname": '#!/bin/sh\n[ "$1" = -s ] && echo Plan9 || echo mips\n' },
    status: 1,
    said: /there is no mambaenv for Plan9 \(mips\)/,
  },
  {
    title: "an unknown processor",
    files: { ...GOOD, "bin/uname": '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo mips\n' },
    status: 1,
    said: /there is no mambaenv for Linux on mips/,
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

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on loopback for one test. */
async function served(serve: Serve, test: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(serve);
  await new Promise<void>((ready) => server.listen(0, "localhost", ready));
  try {
    await test(`http://localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

const FILES: Files = { "/v1/SHA256SUMS": SUMS, "/v1/mambaenv": PROGRAM };
const serveFiles: Serve = ({ url }, response) => {
  const text = FILES[url ?? ""];
  response.writeHead(text === undefined ? 404 : 200).end(text ?? "<h1>Not here</h1>");
};
/** Names more bytes than it sends. */
const serveCut: Serve = (request, response) => {
  if (!request.url?.endsWith("/mambaenv")) return serveFiles(request, response);
  response.writeHead(200, { "content-length": PROGRAM.length });
  response.write(PROGRAM.slice(0, -9), () => response.destroy());
};
const SERVERS: { title: string; serve: Serve; path?: string; status: number; said: RegExp }[] = [
  { title: "installs", serve: serveFiles, status: 0, said: /^Installed/m },
  {
    title: "404",
    serve: serveFiles,
    path: "/v2",
    status: 1,
    said: /cannot get SHA256SUMS from http:.*\/v2$/m,
  },
  {
    title: "a cut download",
    serve: serveCut,
    status: 1,
    said: /cannot get mambaenv from|is not what SHA256SUMS says/,
  },
  {
    title: "a wrong checksum",
    serve: (_, response) => void response.end(SUMS),
    status: 1,
    said: /is not what SHA256SUMS says; nothing was installed/,
  },
  {
    title: "an error page instead of SHA256SUMS",
    serve: (_, response) => void response.end("<html>"),
    status: 1,
    said: /names no program/,
  },
  {
    title: "a redirection is followed",
    serve: (request, response) =>
      request.url?.startsWith("/v1/")
        ? void response.writeHead(302, { location: request.url.replace("/v1/", "/moved/") }).end()
        : serveFiles(Object.assign(request, { url: request.url?.replace("/moved/", "/v1/") }), response),
    status: 0,
    said: /^Installed/m,
  },
];
/** The programs that install.sh uses, and `more`, alone in a folder. */
function tools(top: string, ...more: string[]): string {
  const dir = `${top}/tools`;
  fs.mkdirSync(dir);
  const usual = ["sh", "uname", "dirname", "sed", "mkdir", "tr", "cat", "mv", "rm", "chmod", "cp", "sleep"];
  for (const name of [...usual, ...more]) {
    const path = ["/usr/bin", "/bin"].map((dir) => `${dir}/${name}`).find((path) => fs.existsSync(path));
    if (path) fs.symlinkSync(path, `${dir}/${name === "busybox" ? "wget" : name}`);
  }
  return dir;
}

for (const tool of ["curl", "wget", "busybox"]) {
  for (const { title, serve, path = "/v1", status, said } of SERVERS) {
    Deno.test(`install.sh: ${tool === "busybox" ? "busybox's wget" : tool}: ${title}: status ${status}`, () =>
      place({}, (top) =>
        served(serve, async (url) => {
          const PATH = tools(top, tool, "sha256sum");
          const result = await install(top, ["--from", url + path], { PATH });
          assert.match(result.said, said);
          assert.equal(result.status, status);
          assert.deepEqual(fs.readdirSync(`${top}/home/.local/bin`), status === 0 ? ["mambaenv"] : []);
        })));
  }
}

Deno.test("install.sh: says that curl and wget are missing", () =>
  place({}, async (top) => {
    const { status, said } = await install(top, ["--from", "http://localhost:1"], {
      PATH: tools(top, "sha256sum"),
    });
    assert.equal(status, 1);
    assert.match(said, /neither curl nor wget is here/);
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

Deno.test("install.sh: a server that is not there, and no password on the screen", () =>
  place({}, async (top) => {
    const { status, said } = await install(top, ["--from", "http://me:secret@localhost:1/x"]);
    assert.equal(status, 1);
    assert.match(said, /cannot get SHA256SUMS from http:\/\/localhost:1\/x$/m);
    assert.doesNotMatch(said, /secret/);
  }));

Deno.test("install.sh: ended in the middle of a download, it leaves nothing", () =>
  place({}, (top) => {
    let pid = 0;
    const serve: Serve = (request, response) => {
      if (!request.url?.endsWith("/mambaenv")) return serveFiles(request, response);
      response.writeHead(200, { "content-length": 1e6 });
      response.write("#", () => process.kill(-pid, "SIGTERM"));
    };
    return served(serve, async (url) => {
      const { status } = await install(top, ["--from", `${url}/v1`], { started: (child) => pid = child });
      assert.equal(status, 143);
      assert.deepEqual(fs.readdirSync(`${top}/home/.local/bin`), []);
    });
  }));

Deno.test("install.sh: a folder that may not be written to is named", () =>
  place({
    ...GOOD,
    "bin/mkdir": '#!/bin/sh\ncase $* in *.mambaenv-install*) exit 1;; esac\nexec /bin/mkdir "$@"\n',
  }, async (top) => {
    const { status, said } = await install(top, ["--from", "dist"]);
    assert.equal(status, 1);
    assert.match(said, /cannot write to .*\.local\/bin; choose another folder: --to DIR/);
  }));
