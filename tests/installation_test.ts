// Where installations are found, in which order, at what cost, and which are refused.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { installation, installations } from "../lib/installation.ts";
import { createWorld } from "../lib/system.ts";
import type { Env, World } from "../lib/world.ts";

/** A scratch folder with `files` (a path ending in / is a folder, one with "->" a link, else a program). */
function scratch(files: readonly string[], test: (top: string) => void): void {
  const top = fs.realpathSync(fs.mkdtempSync(`${tmpdir()}/installation-`));
  try {
    fs.mkdirSync(`${top}/home`);
    for (const file of files) {
      const [path = "", target] = file.split(" -> ");
      fs.mkdirSync(`${top}/${path}`.replace(/[^/]*$/, ""), { recursive: true });
      if (target !== undefined) fs.symlinkSync(target.replaceAll("%", top), `${top}/${path}`);
      else if (!path.endsWith("/")) fs.writeFileSync(`${top}/${path}`, "#!/bin/sh\n", { mode: 0o755 });
    }
    test(top);
  } finally {
    fs.rmSync(top, { recursive: true });
  }
}

/** The real world with another environment; `%` stands for the scratch folder. */
function world(top: string, env: Env, changes: Partial<World> = {}): World {
  const filled = Object.entries({ HOME: "%/home", PATH: "", ...env }).map((
    [name, value],
  ) => [name, value?.replaceAll("%", top)]);
  return { ...createWorld([]), env: Object.fromEntries(filled), cwd: top, platform: "linux", ...changes };
}

/** What was found below the scratch folder, in order. */
function summary(world: World, top: string): string[] {
  return [...installations(world)].filter(({ root }) => root.startsWith(top) || !root.startsWith("/")).map(
    ({ root, from, programs, refused }) => {
      const kinds = (["conda", "mamba", "micromamba"] as const).filter((kind) => programs[kind]);
      return `${from}: ${root.replace(top, "%")} ${refused ?? `[${kinds.join(" ")}]`}`;
    },
  );
}

const CONDA = ["a/bin/conda", "a/condabin/conda", "a/conda-meta/"];
const TABLE: { title: string; files: string[]; env?: Env; found: string[] }[] = [
  { title: "nothing is found where nothing is", files: [], found: [] },
  {
    title: "every source tells, in the order of the documentation",
    files: [
      "one/",
      "two/bin/mamba",
      "three/bin/conda",
      "four/",
      "five/bin/conda",
      "six/bin/micromamba",
      "six/envs/x/",
      "home/miniforge3/bin/conda",
    ],
    env: {
      MINICONDA3_PATH: "%/one",
      MAMBA_EXE: "%/two/bin/mamba",
      CONDA_EXE: "%/three/bin/conda",
      PATH: "%/five/bin",
      CONDA_PREFIX: "%/six/envs/x",
    },
    found: [
      "MINICONDA3_PATH: %/one []",
      "MAMBA_EXE: %/two [mamba]",
      "CONDA_EXE: %/three [conda]",
      "PATH: %/five [conda]",
      "CONDA_PREFIX: %/six [micromamba]",
      "a usual place: %/home/miniforge3 [conda]",
    ],
  },
  {
    title: "MAMBA_ROOT_PREFIX is the root of MAMBA_EXE, even before it exists",
    files: ["bin/micromamba"],
    env: { MAMBA_EXE: "%/bin/micromamba", MAMBA_ROOT_PREFIX: "%/new" },
    found: ["MAMBA_EXE: %/new [micromamba]"],
  },
  {
    title: "MAMBA_ROOT_PREFIX alone needs a micromamba somewhere if it is not there yet",
    files: [],
    env: { MAMBA_ROOT_PREFIX: "%/new" },
    found: ["MAMBA_ROOT_PREFIX: %/new there is no such folder"],
  },
  {
    title: "MAMBA_ROOT_PREFIX that is not there yet holds with micromamba in ~/.local/bin",
    files: ["home/.local/bin/micromamba"],
    env: { MAMBA_ROOT_PREFIX: "%/new" },
    found: ["MAMBA_ROOT_PREFIX: %/new [micromamba]"],
  },
  {
    title: "micromamba in PATH works on ~/micromamba where that is",
    files: ["home/bin/micromamba", "home/micromamba/envs/"],
    env: { PATH: "%/home/bin" },
    found: ["PATH: %/home/micromamba [micromamba]"],
  },
  {
    title: "micromamba in PATH works on ~/.local/share/mamba otherwise",
    files: ["home/.local/bin/micromamba"],
    env: { PATH: "%/home/.local/bin" },
    found: ["PATH: %/home/.local/share/mamba [micromamba]"],
  },
  {
    title: "condabin leads to the root, whose bin has the programs",
    files: [...CONDA, "a/bin/mamba", "a/condabin/mamba -> ../bin/mamba"],
    env: { PATH: "%/a/condabin" },
    found: ["PATH: %/a [conda mamba]"],
  },
  {
    title: "links are followed, and the root keeps the name that users know",
    files: [...CONDA, "current -> a", "home/bin/conda -> %/current/bin/conda"],
    env: { PATH: "%/home/bin" },
    found: ["PATH: %/current [conda]"],
  },
  {
    title: "one root under two names comes once",
    files: [...CONDA, "current -> a"],
    env: { CONDA_EXE: "%/current/bin/conda", PATH: "%/a/bin:%/a/condabin" },
    found: ["CONDA_EXE: %/current [conda]"],
  },
  {
    title: "a broken CONDA_EXE is told, and does not hide the root it was in",
    files: ["a/bin/mamba", "a/conda-meta/"],
    env: { CONDA_EXE: "%/a/bin/conda", PATH: "%/a/bin" },
    found: [
      "CONDA_EXE: %/a/bin/conda there is no such program, or no installation around it",
      "PATH: %/a [mamba]",
    ],
  },
  {
    title: "a circle of links ends",
    files: ["a/bin/conda -> conda"],
    env: { CONDA_EXE: "%/a/bin/conda", PATH: "%/a/bin" },
    found: ["CONDA_EXE: %/a/bin/conda there is no such program, or no installation around it"],
  },
  {
    title: "CONDA_EXE as Python (conda's developer mode) is told",
    files: ["a/bin/python"],
    env: { CONDA_EXE: "%/a/bin/python" },
    found: ["CONDA_EXE: %/a/bin/python it names none of conda, mamba, micromamba"],
  },
  {
    title: "conda in an environment of a root belongs to that root",
    files: [...CONDA, "a/envs/x/bin/conda"],
    env: { PATH: "%/a/envs/x/bin" },
    found: ["PATH: %/a [conda]"],
  },
  {
    title: "CONDA_PREFIX leads to its root, from generations too",
    files: [...CONDA, "a/envs/.mambaenv/x-12345678/"],
    env: { CONDA_PREFIX: "%/a/envs/.mambaenv/x-12345678" },
    found: ["CONDA_PREFIX: %/a [conda]"],
  },
  {
    title: "CONDA_PREFIX is the root itself in base",
    files: CONDA,
    env: { CONDA_PREFIX: "%/a" },
    found: ["CONDA_PREFIX: %/a [conda]"],
  },
  {
    title: "the program's own store is no installation",
    files: ["store/envs/.mambaenv/x-12345678/bin/", "store/envs/.mambaenv/x-12345678/conda-meta/"],
    env: { CONDA_PREFIX: "%/store/envs/.mambaenv/x-12345678" },
    found: ["CONDA_PREFIX: %/store no conda, mamba or micromamba in it"],
  },
  {
    title: "relative and empty folders of PATH are never looked into",
    files: ["bin/conda", "conda", "mamba", "micromamba"],
    env: { PATH: ":.:bin::" },
    found: [],
  },
  {
    title: "a shim that is in no bin tells nothing",
    files: ["home/.pyenv/shims/conda"],
    env: { PATH: "%/home/.pyenv/shims" },
    found: [],
  },
  {
    title: "a wrapper in ~/.local/bin does not make ~/.local a root",
    files: ["home/.local/bin/conda"],
    env: { PATH: "%/home/.local/bin" },
    found: [],
  },
  {
    title: "MINICONDA3_PATH takes a tilde, and nothing relative",
    files: ["home/mini/bin/"],
    env: { MINICONDA3_PATH: "~/mini" },
    found: ["MINICONDA3_PATH: %/home/mini []"],
  },
  {
    title: "a relative MINICONDA3_PATH is refused",
    files: ["mini/bin/conda"],
    env: { MINICONDA3_PATH: "mini" },
    found: ["MINICONDA3_PATH: mini it is no absolute path"],
  },
  {
    title: "names with spaces, quotes and newlines are names",
    files: ["a 'b\"\n$(x)/bin/conda"],
    env: { PATH: "%/a 'b\"\n$(x)/bin" },
    found: ["PATH: %/a 'b\"\n$(x) [conda]"],
  },
];

for (const { title, files, env = {}, found } of TABLE) {
  Deno.test(`installations: ${title}`, () =>
    scratch(files, (top) => assert.deepEqual(summary(world(top, env), top), found)));
}

/** A world that counts what it asks of the file system. */
function counted(inner: World): { world: World; count: () => number } {
  let calls = 0;
  const count = <A extends unknown[], R>(method: (...words: A) => R) => (...words: A) => {
    calls++;
    return method(...words);
  };
  const { read, list, stat, lstat, readlink, realpath, executable, writable } = inner;
  return {
    count: () => calls,
    world: {
      ...inner,
      read: count(read),
      list: count(list),
      stat: count(stat),
      lstat: count(lstat),
      readlink: count(readlink),
      realpath: count(realpath),
      executable: count(executable),
      writable: count(writable),
    },
  };
}

const COSTS: { env: Env; files: string[]; most: number }[] = [
  { env: { CONDA_EXE: "%/a/bin/conda" }, files: CONDA, most: 2 },
  { env: { MINICONDA3_PATH: "%/a" }, files: CONDA, most: 1 },
  { env: { MAMBA_EXE: "%/m/micromamba", MAMBA_ROOT_PREFIX: "%/a" }, files: ["a/", "m/micromamba"], most: 2 },
  { env: { PATH: "%/a/condabin:/usr/bin" }, files: CONDA, most: 2 },
];
for (const { env, files, most } of COSTS) {
  Deno.test(`installation: ${Object.keys(env).join(" and ")} costs ${most} file operations`, () =>
    scratch(files, (top) => {
      const { world: spy, count } = counted(world(top, env));
      assert.equal(installation(spy)?.root, `${top}/a`);
      assert.equal(count(), most);
    }));
}

Deno.test("installation: a search in vain on a usual PATH costs at most 20 file operations", () =>
  scratch([], (top) => {
    const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games";
    const { world: spy, count } = counted(world(top, { PATH }));
    installation(spy);
    assert.ok(count() <= 20, `${count()} operations`);
  }));

Deno.test("installation: the folder given with --root comes first if it has a program", () =>
  scratch([...CONDA, "b/bin/conda"], (top) => {
    const root = { value: `${top}/b`, from: "--root" };
    assert.equal(installation(world(top, { CONDA_EXE: "%/a/bin/conda" }), { root })?.root, `${top}/b`);
  }));

/** Gives everything to somebody who is neither we nor root, and says who we are then. */
function strangers(top: string, mode: number): number {
  const uid = fs.statSync(top).uid;
  if (uid === 0) fs.chownSync(`${top}/home/miniforge3`, 4321, 4321);
  fs.chmodSync(`${top}/home/miniforge3`, mode);
  return uid === 0 ? 1234 : uid + 1;
}

const OWNERS: { title: string; mode: number; parent: number; ours?: boolean; refused?: RegExp }[] = [
  { title: "a stranger's that anyone may write to", mode: 0o777, parent: 0o755, refused: /anyone may write/ },
  {
    title: "a stranger's in a folder like /tmp",
    mode: 0o755,
    parent: 0o1777,
    refused: /anyone may write to /,
  },
  { title: "a stranger's that only they may write to", mode: 0o755, parent: 0o755 },
  { title: "our own that anyone may write to", mode: 0o777, parent: 0o1777, ours: true },
];
for (const { title, mode, parent, ours, refused } of OWNERS) {
  Deno.test(`installations: ${title} is ${refused ? "refused" : "taken"}`, () =>
    scratch(["home/miniforge3/bin/conda"], (top) => {
      const uid = strangers(top, mode);
      fs.chmodSync(`${top}/home`, parent);
      const place = `${top}/home/miniforge3`;
      const inner = world(top, {}, { uid: ours ? fs.statSync(place).uid : uid });
      const found = [...installations(inner)].find(({ root }) => root === place);
      assert.match(found?.refused ?? "taken", refused ?? /^taken$/);
    }));
}
