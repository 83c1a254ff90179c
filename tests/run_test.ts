// `mambaenv run`: what the command gets, and what its caller gets back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { parse } from "../lib/args.ts";
import { run } from "../lib/commands/run.ts";
import { call, PROGRAM, start } from "./program.ts";
import { tool } from "./oracle.ts";
import { put } from "./root.ts";
import { type TestWorld, testWorld } from "./world.ts";

const FILES = {
  "root/envs/work/conda-meta/history": "",
  "root/envs/other/conda-meta/history": "",
  "work/requirements.txt": "",
  "work/plain": "echo plain $1\n",
  "work/text": "x",
  "work/lost": "#!/nowhere/sh\n",
};

function place(): TestWorld {
  const world = testWorld(FILES);
  for (const name of ["work", "other"]) {
    put(`${world.top}/root/envs/${name}/bin/hello`, `#!/bin/sh\necho ${name} "$@"\ncat\nexit 7\n`, 0o755);
  }
  put(`${world.cwd}/plain`, FILES["work/plain"], 0o755);
  put(`${world.cwd}/lost`, FILES["work/lost"], 0o755);
  return world;
}

/** Scripts of an environment that answer for what they were given. */
function withScripts(world: TestWorld): void {
  const script =
    `echo "noise of $CONDA_DEFAULT_ENV"; read line; [[ a == a ]]; export SCRIPT="on:$line" STARTUP="\${BASH_ENV-none}"\n`;
  put(`${world.top}/root/envs/work/etc/conda/activate.d/a.sh`, script);
}

function variables(world: TestWorld, more = {}): { [name: string]: string } {
  return { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin", MAMBAENV_ROOT: `${world.top}/root`, ...more };
}

function mambaenv(world: TestWorld, words: string[], more = {}, input = "") {
  return call([PROGRAM, "run", ...words], { cwd: world.cwd, env: variables(world, more), input });
}

function bash(world: TestWorld, code: string, more = {}) {
  return call(["/bin/bash", "-c", code], { cwd: world.cwd, env: variables(world, { M: PROGRAM, ...more }) });
}

/** The same with and without a shell in between. */
const KINDS = [["without scripts", () => {}], ["with scripts", withScripts]] as const;

for (const [kind, prepare] of KINDS) {
  Deno.test(`run, ${kind}: stdin, words, stdout and status are the command's own`, () => {
    const world = place();
    prepare(world);
    const rows: [string[], string, number][] = [
      [["hello", "a", "b c", "-n", "--", "$x"], "work a b c -n -- $x\nin", 7],
      [["--", "hello"], "work\nin", 7],
      [["./plain", "1"], "plain 1\n", 0],
      [["sh", "-c", "kill -9 $$"], "", 137],
      [["nope"], "", 127],
      [["--", "-nope"], "", 127],
      [[""], "", 127],
      [["./text"], "", 126],
      [["/"], "", 126],
      [["./lost"], "", 127],
    ];
    for (const [words, out, status] of rows) {
      // bash spells a death by signal as its status, which is what users of a shell see.
      const quoted = words.map((word) => `'${word}'`).join(" ");
      const ended = bash(world, `printf in | "$M" run ${quoted}; exit "\${PIPESTATUS[1]}"`);
      assert.deepEqual([ended.out, ended.status], [out, status], `${words}: ${ended.err}`);
      if (status >= 126 && status < 128) {
        assert.match(ended.err, /^mambaenv: .*(Command not found|Cannot run|: )/m);
      }
    }
    assert.equal(readdirSync(world.cwd).length, 4, "nothing is written");
  });

  Deno.test(`run, ${kind}: descriptors, signals, limits and bytes as they were given`, () => {
    const world = place();
    prepare(world);
    const rows: [string, string][] = [
      ['"$M" run cat <(echo inherited)', "inherited\n"],
      ['"$M" run sh -c "echo six >&6" 6>&1', "six\n"],
      ['I=$("$M" run sed -n "s/^SigIgn:.//p" /proc/self/status); echo $((0x$I & 0x1001000))', "0\n"],
      ['ulimit -Sn 333; "$M" run sh -c "ulimit -n"; true', "333\n"],
      ['"$M" run yes | head -n1; echo "${PIPESTATUS[0]}"', "y\n141\n"],
      ["\"$M\" run printf %s $'a\\xffb\\xe9' | od -An -tx1", " 61 ff 62 e9\n"],
      ["X=$'\\xfe' \"$M\" run sh -c 'printf %s \"$X\"' | od -An -tx1", " fe\n"],
      ["exec 3<&0 0<&-; \"$M\" run sh -c 'echo closed'", "closed\n"],
    ];
    for (const [code, out] of rows) {
      const ended = bash(world, code);
      assert.equal(ended.out, out, `${code}: ${ended.err}`);
    }
  });
}

Deno.test("run: the project's environment as entered; -n and -p any other as conda has it; no prompt", () => {
  const world = place();
  const prefix = (name: string) => `${world.top}/root/envs/${name}`;
  const show = 'echo "$CONDA_DEFAULT_ENV|$CONDA_PREFIX|$PATH|${PYTHONPATH-}|${MAMBAENV_ACTIVE-}|${PS1-}"';
  const path = (name: string) => `${prefix(name)}/bin:/usr/bin:/bin`;
  const rows: [string[], string][] = [
    [[], `work|${prefix("work")}|${world.cwd}/bin:${path("work")}|${world.cwd}|${prefix("work")}|$ `],
    [["-n", "other"], `other|${prefix("other")}|${path("other")}|||$ `],
    [["-p", "../root/envs/other/"], `other|${prefix("other")}|${path("other")}|||$ `],
    [[`--prefix=${prefix("other")}`], `other|${prefix("other")}|${path("other")}|||$ `],
  ];
  for (const [words, expected] of rows) {
    const { out, err } = mambaenv(world, [...words, "sh", "-c", show], { PS1: "$ " });
    assert.deepEqual([out, err], [`${expected}\n`, ""]);
  }
  const bad: [string[], number, RegExp][] = [
    [["-n", "nope", "true"], 1, /No environment is called "nope"/],
    [["-p", ".", "true"], 1, /Not a conda environment/],
    [["--project", "../home", "--no-create", "true"], 3, /No environment "home"/],
    [[], 2, /No command to run/],
    [["--stack", "true"], 2, /Unknown flag "--stack" for "run"/],
  ];
  for (const [words, status, message] of bad) {
    const ended = mambaenv(world, words);
    assert.deepEqual([ended.out, ended.status], ["", status]);
    assert.match(ended.err, message);
  }
});

Deno.test("run: activation scripts see no stdin, print to stderr, and what they set is the command's", () => {
  const world = place();
  withScripts(world);
  const more = { BASH_ENV: "/nowhere", SHLVL: "4" };
  const words = ["sh", "-c", 'cat; echo "|$SCRIPT|$STARTUP|$BASH_ENV|$SHLVL"'];
  const { out, err } = mambaenv(world, words, more, "in");
  assert.equal(out.replace(/\|\d+\n/, ""), "in|on:|none|/nowhere", err);
  assert.equal(err, "noise of work\n");
  put(`${world.top}/root/envs/work/etc/conda/activate.d/b.sh`, "if then fi (\n");
  const broken = mambaenv(world, ["sh", "-c", 'echo "$SCRIPT"']);
  assert.deepEqual([broken.out, broken.status], ["on:\n", 0]);
  assert.match(broken.err, /warning: this script failed: .*b\.sh/);
});

Deno.test("run: within another environment, its deactivation scripts see that one, and the command does not", () => {
  const world = place();
  const other = `${world.top}/root/envs/other`;
  put(`${other}/etc/conda/deactivate.d/a.sh`, 'echo "left $CONDA_PREFIX" >&2; export PATH=$PATH:/left\n');
  const inherited = { CONDA_PREFIX: other, CONDA_SHLVL: "1", PATH: `${other}/bin:/usr/bin:/bin` };
  const { out, err } = mambaenv(world, ["sh", "-c", 'echo "$CONDA_PREFIX|$PATH"'], inherited);
  const prefix = `${world.top}/root/envs/work`;
  assert.deepEqual([out, err], [
    `${prefix}|${world.cwd}/bin:${prefix}/bin:/usr/bin:/bin\n`,
    `left ${other}\n`,
  ]);
});

Deno.test("run: values of 90 kB full of quotes, with scripts; what is too long says so", () => {
  const world = place();
  withScripts(world);
  for (
    const [value, out, status] of [["x'y".repeat(30_000), "90000\n", 0], [
      "x".repeat(140_000),
      "",
      126,
    ]] as const
  ) {
    put(`${world.top}/root/envs/work/conda-meta/state`, JSON.stringify({ env_vars: { BIG: value } }));
    const ended = mambaenv(world, ["sh", "-c", 'echo "${#BIG}"']);
    assert.deepEqual([ended.out, ended.status], [out, status]);
    if (status !== 0) assert.match(ended.err, /Cannot run .*: its words and the environment are too long/);
  }
});

Deno.test("run: it is the same process, so a signal reaches the command itself", async () => {
  const world = place();
  const code = 'trap "echo caught; exit 9" TERM; echo "$$ up" >&2; while :; do sleep 0.1; done';
  const child = start([PROGRAM, "run", "sh", "-c", code], { cwd: world.cwd, env: variables(world) });
  await child.says(/up/);
  process.kill(child.pid, "SIGTERM");
  const { status, out, err } = await child.ended;
  assert.deepEqual([status, out, err], [9, "caught\n", `${child.pid} up\n`]);
});

Deno.test("run: writes no file and starts no other program", () => {
  const world = place();
  const words = ["-f", "-qq", "-e", "trace=execve,open,openat,creat,mkdir,rename", PROGRAM, "run", "true"];
  const { stderr, status } = spawnSync(tool("strace"), words, {
    cwd: world.cwd,
    env: variables(world),
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const programs = stderr.split("\n").filter((line) => line.includes("execve("));
  assert.deepEqual(programs.map((line) => /execve\("([^"]+)"/.exec(line)![1]), [PROGRAM, "/usr/bin/true"]);
  const written = stderr.split("\n").filter((line) =>
    /O_(WRONLY|RDWR|CREAT)|creat\(|mkdir|rename/.test(line)
  );
  assert.deepEqual(written.filter((line) => !line.includes("/dev/")), []);
});

Deno.test("run: where the runtime cannot become a program, a child's status is passed on", async () => {
  const world = place();
  const env = variables(world);
  const status = async (...words: string[]) =>
    (await run(parse(["run", ...words], env), { ...world, env })).exit;
  assert.equal(await status("sh", "-c", "exit 5"), 5);
  assert.equal(await status("sh", "-c", "kill -15 $$"), 143);
  await assert.rejects(status(`${world.cwd}/lost`), { message: /first line is not there/, exit: 127 });
});
