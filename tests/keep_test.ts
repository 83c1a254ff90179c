// Looking after the store by the compiled program: list, rollback, remove, clean.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { parse } from "../lib/args.ts";
import { Problem } from "../lib/problem.ts";
import { run } from "../lib/commands/clean.ts";
import { call, PROGRAM } from "./program.ts";
import { type Stamp, writeStamp } from "../lib/stamp.ts";
import { begin, commit } from "../lib/store.ts";
import { testWorld } from "./world.ts";

/** A store with `work` of this folder in three generations, `gone` of a project to be removed, and a dead build. */
function filled(world = testWorld({ "work/requirements.txt": "", "gone/": "", "root/": "" })) {
  const envs = `${world.top}/root/envs`;
  const made = (name: string, project: string, age: number) => {
    const place = { envs, name, label: name };
    const draft = begin(place, world);
    const stamp: Stamp = {
      version: 1,
      name,
      project,
      engine: "builtin",
      made: Date.now() - age,
      asked: {},
      inputs: [],
      installation: null,
      requirements: [],
    };
    writeStamp(draft.prefix, stamp, world);
    world.write(`${draft.prefix}/file`, "x".repeat(1_500_000));
    commit(draft, place, world);
    return draft.prefix;
  };
  const work = [3, 2, 1].map((hours) => made("work", world.cwd, hours * 3_600_000));
  const gone = made("gone", `${world.top}/gone`, 0);
  const dead = begin({ envs, name: "dead", label: "dead" }, world);
  world.mkdir(dead.prefix);
  world.write(`${dead.prefix}/half`, "x");
  const env = { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin", MAMBAENV_ROOT: `${world.top}/root` };
  const run = (...words: string[]) => call([PROGRAM, ...words], { cwd: world.cwd, env });
  const store = () => readdirSync(`${envs}/.mambaenv`).map((name) => `${envs}/.mambaenv/${name}`).sort();
  return { world, envs, work, gone, dead: dead.prefix, run, store };
}

Deno.test("list: name, generations, size, age, engine, project; --json", () => {
  const { world, run, work } = filled();
  const { out, err, status } = run("list");
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^name +generations +size +age +engine +project\n/);
  assert.match(out, new RegExp(`^work +3 +4\\.5 MB +60 min +builtin +${world.cwd}$`, "m"));
  assert.match(out, /^dead +1 +1 kB +incomplete$/m);
  const json = JSON.parse(run("list", "--json").out);
  assert.deepEqual(json.map(({ name }: { name: string }) => name), ["dead", "gone", "work"]);
  assert.deepEqual(json[2].generations.map(({ prefix }: { prefix: string }) => prefix), work.toReversed());
});

Deno.test("rollback: the one before, and the one before that, and then no more", () => {
  const { world, run, envs, work } = filled();
  for (const prefix of [work[1]!, work[0]!]) {
    const { status, err } = run("rollback");
    assert.equal(status, 0, err);
    assert.equal(`${envs}/${world.readlink(`${envs}/work`)}`, prefix);
  }
  const last = run("rollback");
  assert.equal(last.status, 3);
  assert.match(last.err, /No generation of "work" before this one/);
});

Deno.test("remove: all of one name; nothing that is in use, or not ours", () => {
  const { run, envs, work, store, world } = filled();
  world.mkdir(`${envs}/plain/conda-meta`);
  for (const name of ["plain", "nope", "../root"]) assert.equal(run("remove", name).status, 3, name);
  const user = spawn("/bin/sleep", ["60"], { cwd: work[0] });
  try {
    assert.match(run("remove", "work").err, /A process of this machine is in ".*": process \d+ \(sleep\)\n/);
  } finally {
    user.kill();
  }
  while (world.readlink(`/proc/${user.pid}/cwd`)) call(["/bin/sleep", "0.05"], { cwd: "/" });
  const { out, status } = run("remove", "work");
  assert.equal(status, 0);
  assert.match(out, /^Removed "work": 3 generations, 6 files, 4\.5 MB freed$/m);
  assert.ok(store().every((path) => !path.includes("/work-")));
  assert.equal(world.lstat(`${envs}/work`), undefined);
});

Deno.test("clean: old, orphaned and incomplete go, what a process is in stays; --dry-run only counts", () => {
  const { run, work, gone, dead, store, world, envs } = filled();
  rmSync(`${world.top}/gone`, { recursive: true });
  const before = store();
  const user = spawn("/bin/sleep", ["60"], { env: { CONDA_PREFIX: work[0] } });
  try {
    const dry = run("clean", "--dry-run");
    const lines = [
      "Would remove",
      "   1 old generation: 2 files, 1.5 MB",
      "   1 generation whose project is gone: 2 files, 1.5 MB",
      "   1 incomplete build: 1 file, 1 kB",
      "   0 unused packages: 0 files, 0 kB",
      "   0 leftovers of downloads: 0 files, 0 kB",
      "   0 staged archives that no job took for 30 days: 0 files, 0 kB",
      `   1 generation stays, process ${user.pid} (sleep) is in it: ${work[0]}`,
    ];
    assert.deepEqual(dry.out.trimEnd().split("\n"), lines, dry.err);
    assert.deepEqual(store(), before);
    const { out } = run("clean");
    assert.equal(out, dry.out.replace("Would remove", "Removed"));
    assert.deepEqual(
      store(),
      before.filter((path) => ![work[1], gone, dead, `${dead}.incomplete`].includes(path)),
    );
    assert.equal(world.lstat(`${envs}/gone`), undefined);
    assert.equal(`${envs}/${world.readlink(`${envs}/work`)}`, work[2]);
  } finally {
    user.kill();
  }
});

Deno.test("clean: on a network's disk, what was replaced within 7 days stays, and is told", async () => {
  const { world, work, store } = filled();
  const mounts = `srv:/x ${world.top} nfs4 rw 0 0\n`;
  const env = { ...world.env, MAMBAENV_ROOT: `${world.top}/root` };
  const read = (path: string) => path === "/proc/self/mounts" ? mounts : world.read(path);
  const clean = async (now: () => number) => {
    const { out } = await run(parse(["clean"], env), { ...world, env, read, now });
    return out;
  };
  assert.match(await clean(world.now), /^ +2 generations stay, replaced within 7 days: other hosts may/m);
  assert.ok(work.every((prefix) => store().includes(prefix)));
  assert.match(await clean(() => Date.now() + 8 * 86400_000), /^ +2 old generations/m);
  assert.deepEqual(work.filter((prefix) => store().includes(prefix)), [work[2]]);
});

Deno.test("clean: where nothing can be written, each environment is left alone, and why is told", async () => {
  const { world, store } = filled();
  const refuse = () => {
    throw new Problem("the file system is read-only");
  };
  const env = { ...world.env, MAMBAENV_ROOT: `${world.top}/root` };
  const before = store();
  const { out, exit } = await run(parse(["clean"], env), { ...world, env, mkdir: refuse, rename: refuse });
  assert.deepEqual([exit, store()], [0, before], out);
  for (const name of ["work", "gone", "dead"]) {
    assert.ok(world.said().includes(`"${name}" is left alone: the file system is read-only\n`), world.said());
  }
});

Deno.test({
  name: "clean: on a full disk, where no lock can be written, it makes room; what is current stays",
  ignore: process.getuid!() !== 0,
}, () => {
  for (const [size, work] of [["9m", true], ["9m,nr_inodes=40", true], ["9m", false]] as const) {
    const world = testWorld({ "work/requirements.txt": "", "gone/": "", "root/": "" });
    const mount = (...words: string[]) => assert.equal(call(words, { cwd: "/" }).status, 0, words.join(" "));
    mount("/bin/mount", "-t", "tmpfs", "-o", `size=${size}`, "none", `${world.top}/root`);
    try {
      const { run, store, work: [old, older, now], dead, gone } = filled(world);
      // Of `work` only a dead build may be in the way.
      for (const prefix of work ? [] : [old!, older!]) rmSync(prefix, { recursive: true });
      fill(`${world.top}/root/fill`);
      assert.throws(
        () => mkdirSync(`${world.top}/root/x`) ?? writeFileSync(`${world.top}/root/x/y`, "x"),
        /ENOSPC/,
      );
      rmSync(`${world.top}/root/x`, { recursive: true, force: true });
      const { out, err } = run("clean");
      assert.match(out, work ? /^ +2 old generations: 4 files, 3.0 MB/m : /^ +0 old generations/m, err);
      assert.match(out, /^ +1 incomplete build: 1 file/m);
      assert.deepEqual([err, store().filter((path) => !path.endsWith(".log"))], ["", [gone, now].sort()]);
      assert.ok(!store().includes(dead));
    } finally {
      mount("/bin/umount", `${world.top}/root`);
    }
  }
});

/** Writes files until nothing more goes in. */
function fill(dir: string): void {
  mkdirSync(dir);
  for (let i = 0, size = 1 << 20; size >= 1; i++) {
    try {
      writeFileSync(`${dir}/${i}`, "x".repeat(size));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      size = Math.floor(size / 2);
    }
  }
}
