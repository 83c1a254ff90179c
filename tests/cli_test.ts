// The compiled program as users call it: what it prints, what it exits with, what it takes no notice of.
import assert from "node:assert/strict";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { tool } from "./oracle.ts";
import { install } from "./root.ts";
import { call, PROGRAM } from "./program.ts";
import { frugal } from "./warm.ts";
import { type TestWorld, testWorld } from "./world.ts";

const BASH = "/bin/bash";
const PLAIN = {
  "root/envs/work/conda-meta/history": "",
  "root/envs/work/bin/": "",
  "work/requirements.txt": "",
};

function variables(world: TestWorld): { [name: string]: string } {
  return { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin", MAMBAENV_ROOT: `${world.top}/root` };
}

/** Runs bash code in which `M` is the program. */
function bash(world: TestWorld, code: string, more: { [name: string]: string } = {}) {
  return call([BASH, "-c", code], { cwd: world.cwd, env: { ...variables(world), M: PROGRAM, ...more } });
}

Deno.test("enter: activates in bash, under strict options, in POSIX mode, by source and by eval", () => {
  const world = testWorld(PLAIN);
  const shown = 'echo "$?|$CONDA_DEFAULT_ENV|$CONDA_PREFIX|$PATH|$PYTHONPATH|$MAMBAENV_ACTIVE"';
  const prefix = `${world.top}/root/envs/work`;
  const path = `${world.cwd}/bin:${prefix}/bin:/usr/bin:/bin`;
  const expected = `0|work|${prefix}|${path}|${world.cwd}|${prefix}\n`;
  const forms = [
    'source <("$M")',
    'eval "$("$M")"',
    'set -euo pipefail; set -o noclobber; IFS=/; eval "$("$M")"',
  ];
  for (const form of [...forms, 'set -o posix; eval "$("$M")"', 'source <("$M"); source <("$M")']) {
    const { out, err } = bash(world, `${form}; IFS=' '; ${shown}`);
    assert.deepEqual([out, err], [expected, ""], form);
  }
});

Deno.test("deactivate: the environment is as it was", () => {
  const world = testWorld(PLAIN);
  const dump = "env -0 | sort -z | grep -zv ^_=";
  const { out } = bash(world, `${dump}; printf '#'; source <("$M"); source <("$M" deactivate); ${dump}`);
  const [before, after] = out.split("#");
  assert.equal(after, before);
});

Deno.test("enter: a folder with a hostile name is a name", () => {
  const world = testWorld();
  for (
    const name of ['my "odd" $dir', "a'b", "$(touch pwned)", "`x`", "-n", "a\\b", "!x", "é\u{1f40d}", " x "]
  ) {
    const folder = `${world.cwd}/${name}`;
    world.mkdir(folder);
    world.mkdir(`${world.top}/root/envs/${name}/conda-meta`);
    writeFileSync(`${folder}/requirements.txt`, "");
    const code = 'cd -- "$D" && source <("$M") && printf %s "$CONDA_DEFAULT_ENV"';
    const { out, err } = bash(world, code, { D: folder });
    assert.deepEqual([out, err], [name, ""]);
    assert.deepEqual(readdirSync(folder), ["requirements.txt"]);
  }
});

Deno.test("failures: words on stderr, the code's status, a living shell, an unchanged environment", () => {
  const world = testWorld({ "work/": "", "p/requirements.txt": "", "bad/requirements.txt": "x ==\n" });
  const rows: [string, string, number, RegExp][] = [
    ["work", "", 2, /No project in ".*\/work" or above/],
    ["p", "--no-create", 3, /No environment "p"/],
    ["p", "--frobnicate", 2, /Unknown flag "--frobnicate"/],
    ["p", "frobnicate", 2, /Unknown command "frobnicate"/],
    ["p", "--shell tclsh", 2, /Unknown shell "tclsh"; known: bash/],
    ["p", "--engine conda", 3, /No conda on this machine/],
    ["p", "deactivate demo", 2, /Unexpected "demo" after "deactivate"/],
    ["p", "activate nope", 1, /No environment is called "nope"/],
    ["p", "--project /nowhere", 2, /No project folder/],
    ["bad", "--offline", 1, /Cannot parse "requirements.txt" line 1/],
  ];
  for (const [folder, words, status, message] of rows) {
    const code =
      `cd ../${folder}; B=$(env); eval "$("$M" ${words})"; S=$?; [ "$B" = "$(B= env)" ]; echo "$S alive"`;
    const { out, err } = bash(world, code);
    assert.equal(out, `${status} alive\n`, `${words}: ${err}`);
    assert.match(err, message);
    assert.ok(!/\n\s+at .*:\d+/.test(err), "a stack trace");
    const direct = call([PROGRAM, ...words.split(" ").filter(Boolean)], {
      cwd: `${world.top}/${folder}`,
      env: variables(world),
    });
    assert.equal(direct.status, status);
  }
  assert.deepEqual(readdirSync(`${world.top}/home`), []);
});

Deno.test("stdout: a terminal gets words and the line to type, a closed one no trace", () => {
  const world = testWorld(PLAIN);
  const script = tool("script");
  const env = { ...variables(world), SHELL: BASH };
  const seen = call([script, "-qec", `${PROGRAM}; :`, "/dev/null"], { cwd: world.cwd, env });
  assert.match(seen.out, /To activate it: source <\(mambaenv\)/);
  assert.ok(!seen.out.includes("export"));
  const closed = bash(world, '"$M" >&-; "$M" | true; "$M" status | head -c1 >/dev/null; echo ok');
  assert.deepEqual([closed.out, closed.err], ["ok\n", ""]);
});

Deno.test("the folder's own bunfig.toml, .env, tsconfig.json, node_modules and *.ts change nothing", () => {
  const evil = 'require("fs").writeFileSync("pwned", "")';
  const world = testWorld({
    ...PLAIN,
    "work/bunfig.toml": 'preload = ["./evil.ts"]\n[define]\n"process.argv" = "[]"\n',
    "work/evil.ts": evil,
    "work/.env": "MAMBAENV_NAME=pwned\nBUN_OPTIONS=--preload=./evil.ts\n",
    "work/.env.local": "MAMBAENV_NAME=pwned\n",
    "work/tsconfig.json": '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}',
    "work/package.json": '{"main": "evil.ts", "type": "commonjs"}',
    "work/lib/commands/status.ts": evil,
    "work/node_modules/smol-toml/index.js": evil,
    "work/pyproject.toml": "[tool.mambaenv]\n",
  });
  const before = readdirSync(world.cwd).sort();
  const { out, err, status } = call([PROGRAM, "status", "--json"], { cwd: world.cwd, env: variables(world) });
  assert.equal(status, 0, err);
  assert.equal(JSON.parse(out).name.value, "work");
  assert.deepEqual(readdirSync(world.cwd).sort(), before);
});

Deno.test({
  name: "warm path: 25 file operations, no write, no child: an environment made by hand",
  ignore: !tool("strace"),
}, () => {
  const world = testWorld(PLAIN);
  frugal({ cwd: world.cwd, env: variables(world) });
});

Deno.test("where it runs: no HOME, an empty PATH, few descriptors, umask 077, a read-only prefix", () => {
  const world = testWorld(PLAIN);
  const env = variables(world);
  const ok = /CONDA_PREFIX=/;
  const { HOME: _, ...homeless } = env;
  assert.match(call([PROGRAM, "--shell", "bash"], { cwd: world.cwd, env: homeless }).out, ok);
  assert.match(call([PROGRAM, "--shell", "bash"], { cwd: world.cwd, env: { ...env, PATH: "" } }).out, ok);
  assert.match(bash(world, 'ulimit -n 64; umask 077; "$M"').out, ok);
  chmodSync(`${world.top}/root/envs/work`, 0o555);
  assert.match(bash(world, '"$M" <&-').out, ok);
});

Deno.test("status: says where each value came from; --json is JSON", () => {
  const world = testWorld({ ...PLAIN, "work/.python-version": "3.12\n" });
  const { out, status } = call([PROGRAM, "status", "--shell", "zsh"], {
    cwd: world.cwd,
    env: variables(world),
  });
  assert.equal(status, 0);
  assert.match(out, /^name +work \(the project's folder\)$/m);
  assert.match(out, /^python +3\.12 \(\.python-version\)$/m);
  assert.match(out, /never rebuilt/);
  const json = call([PROGRAM, "status", "--json"], { cwd: world.cwd, env: variables(world) });
  assert.equal(JSON.parse(json.out).environment.kind, "plain");
});

Deno.test("status: what the files ask for together; of variables their names, of channels no secret", () => {
  const world = testWorld({
    ...PLAIN,
    "work/requirements.txt": "-r more.txt\n-c limits.txt\nrich\n",
    "work/more.txt": "six\nhello\n",
    "work/limits.txt": "rich<20\n",
    "work/environment.yml": `name: lab
channels: [https://u:SECRET@h/t/SECRET/c, bioconda]
dependencies: [python=3.12, zlib, {pip: [cowsay]}]
variables: {LEVEL: 3, KEY: SECRET}
prefix: /home/other/envs/lab
`,
    "root/envs/lab/conda-meta/history": "",
  });
  const env = variables(world);
  const { out, status } = call([PROGRAM, "status"], { cwd: world.cwd, env });
  assert.equal(status, 0);
  const rows = [
    /^name +lab \(environment\.yml\)$/m,
    /^python +3\.12 \(environment\.yml\)$/m,
    /^channels +https:\/\/\*\*\*@h\/t\/\*\*\*\/c, bioconda \(environment\.yml\)$/m,
    /^requirements +more\.txt: 2 requirements\n +requirements\.txt: 1 requirement\n +environment\.yml: 2 requirements\n +limits\.txt: 1 constraint$/m,
    /^variables +LEVEL, KEY \(environment\.yml\)$/m,
    /^its prefix +\/home\/other\/envs\/lab \(environment\.yml: not used/m,
  ];
  for (const row of rows) assert.match(out, row);
  const json = call([PROGRAM, "status", "--json"], { cwd: world.cwd, env }).out;
  assert.deepEqual(JSON.parse(json).variables, ["LEVEL", "KEY"]);
  assert.equal((out + json).includes("SECRET"), false);
  writeFileSync(`${world.cwd}/more.txt`, "???\n");
  const broken = call([PROGRAM, "status"], { cwd: world.cwd, env });
  assert.equal(broken.status, 0, broken.err);
  assert.match(broken.out, /^requirements +Cannot parse "more\.txt" line 1: /m);
});

Deno.test("enter --hook full: entered three times it is entered once, deactivated it is as after the hook", () => {
  const world = testWorld(PLAIN);
  const root = `${world.top}/conda`;
  install(root, { conda: "works", condaSh: true, mambaSh: true });
  const show = 'echo "$CONDA_SHLVL|$CONDA_DEFAULT_ENV|$PATH"; ';
  const enter = 'source <("$M" --hook full); ';
  const { out, err } = bash(world, `${enter}${show}${enter}${enter}${show}type -t conda`, {
    MINICONDA3_PATH: root,
  });
  const [first, third, kind] = out.split("\n");
  assert.equal(third, first, err);
  assert.equal(kind, "function");
});

Deno.test("enter: a broken .condarc is a warning, not the end", () => {
  const world = testWorld({ ...PLAIN, "home/.condarc": "channels: [\n  - :\nenvs_dirs: {{\n" });
  const { out, err } = bash(world, 'source <("$M"); echo "$CONDA_DEFAULT_ENV"');
  assert.equal(out, "work\n");
  assert.match(err, /warning: .*\.condarc/);
});
