// `mambaenv init`: what it writes works under direnv, and nothing that is there is lost.
import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";
import { type TestWorld, testWorld } from "./world.ts";

function init(world: TestWorld, ...words: string[]) {
  const env = { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin" };
  return call([PROGRAM, "init", ...words], { cwd: world.cwd, env });
}
const read = (world: TestWorld, name: string) => readFileSync(`${world.cwd}/${name}`, "utf8");

Deno.test("init: writes .envrc after showing it, and says what comes next; a second time nothing", () => {
  const world = testWorld();
  const printed = init(world, "--print");
  assert.deepEqual(world.list(world.cwd), [], "--print writes nothing");
  assert.match(printed.out, /^\/.*\/work\/\.envrc\n {2}# This folder's/);
  const first = init(world);
  assert.deepEqual([first.status, first.out, first.err], [0, "", `${printed.out}Now: direnv allow\n`]);
  assert.deepEqual(world.list(world.cwd), [".envrc"]);
  const text = read(world, ".envrc");
  const second = init(world);
  assert.equal(second.status, 0);
  assert.match(second.err, /nothing to write/);
  assert.equal(read(world, ".envrc"), text);
});

Deno.test("init: .python-version with --python, .gitignore where there is git", () => {
  const world = testWorld({ "work/.git/": "", "work/.gitignore": "*.pyc" });
  assert.equal(init(world, "--python", "3.12", "-q").err, "");
  assert.equal(read(world, ".python-version"), "3.12\n");
  assert.equal(read(world, ".gitignore"), "*.pyc\n.direnv/\n");
  assert.match(init(world, "--python", "3.12").err, /nothing to write/);
  assert.equal(read(world, ".gitignore"), "*.pyc\n.direnv/\n");
});

const KEPT: [
  title: string,
  files: { [path: string]: string },
  words: string[],
  said: RegExp,
  status: number,
][] = [
  ["an .envrc of one's own", { "work/.envrc": "export A=1\n" }, [], /left alone\n {2}try: add this line/, 1],
  ["one that names us in a comment only", { "work/.envrc": "# mambaenv\n" }, [], /left alone/, 1],
  ["a folder .envrc", { "work/.envrc/": "" }, [], /left alone/, 1],
  ["another .python-version", { "work/.python-version": "3.9\n" }, ["--python", "3.12"], /left alone/, 1],
  ["what is no version", {}, ["--python", ">=3.9"], /holds one version/, 2],
  ["no folder", {}, ["--project", "nowhere"], /No folder/, 2],
];
for (const [title, files, words, said, status] of KEPT) {
  Deno.test(`init: ${title}: an error, and nothing is written`, () => {
    const world = testWorld(files);
    const before = world.list(world.cwd);
    const seen = init(world, ...words);
    assert.deepEqual([seen.status, seen.out], [status, ""]);
    assert.match(seen.err, said);
    assert.deepEqual(world.list(world.cwd), before);
    for (const [path, text] of Object.entries(files)) {
      if (!path.endsWith("/")) assert.equal(readFileSync(`${world.top}/${path}`, "utf8"), text);
    }
  });
}

Deno.test("init: a link that leads nowhere is something that is there", () => {
  const world = testWorld();
  symlinkSync("../elsewhere", `${world.cwd}/.envrc`);
  assert.equal(init(world).status, 1);
  assert.equal(world.stat(`${world.top}/elsewhere`), undefined);
});

Deno.test({
  name: "init: under direnv the folder's environment is active; without the program it is said",
  ignore: !tool("direnv"),
}, () => {
  const world = testWorld({ "root/envs/work/conda-meta/": "", "bin/": "" });
  assert.equal(init(world).status, 0);
  symlinkSync(PROGRAM, `${world.top}/bin/mambaenv`);
  const base = { HOME: `${world.top}/home`, MAMBAENV_ROOT: `${world.top}/root`, DIRENV_LOG_FORMAT: "" };
  const show = ["exec", ".", "/bin/sh", "-c", "echo in:$MAMBAENV_ACTIVE"];
  const run = (PATH: string, ...words: string[]) =>
    call([tool("direnv"), ...words], { cwd: world.cwd, env: { ...base, PATH } });
  const path = `${world.top}/bin:/usr/bin:/bin`;
  assert.equal(run(path, "allow", ".").status, 0);
  assert.equal(run(path, ...show).out, `in:${world.top}/root/envs/work\n`);
  const without = run("/usr/bin:/bin", ...show);
  assert.deepEqual([without.status, without.out], [0, "in:\n"], without.err);
  assert.match(without.err, /mambaenv is not on PATH/);
});
