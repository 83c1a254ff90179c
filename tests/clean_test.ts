// `clean` and the package caches: what no environment has goes, with what downloads left; the rest still serves.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { ENTER, Lab } from "./crash/lab.ts";

const SCENE = { name: "clean", had: ["tool, more"], has: "tool", words: ENTER, locked: true };

Deno.test("clean: unused packages and what downloads left go, counted by --dry-run alike; young ones stay", async () => {
  const lab = await Lab.open(SCENE);
  try {
    const pkgs = `${lab.top}/home/.local/share/mambaenv/pkgs`;
    const list = () => fs.readdirSync(pkgs).sort();
    lab.entered(await lab.call([...ENTER, "--no-fallback"]), SCENE.has);
    const before = list();
    assert.match((await lab.call(["clean", "--dry-run"])).out, /^ +0 unused packages/m, "they are young");
    const old = new Date(Date.now() - 7 * 3600_000);
    for (const name of before) {
      const mark = name.endsWith(".conda") ? name : `${name}/info/repodata_record.json`;
      fs.utimesSync(`${pkgs}/${mark}`, old, old);
    }
    const [busy, dead] = [".tool-1.0-0.other-1-99-0.unpack", ".tool-1.0-0.other-1-98-0.unpack"];
    for (const name of [busy, dead]) fs.mkdirSync(`${pkgs}/${name}`);
    fs.writeFileSync(`${pkgs}/${dead}/half`, "x");
    fs.utimesSync(`${pkgs}/${dead}`, old, old);
    fs.writeFileSync(`${pkgs}/more-1.0-0.conda.partial`, "xx");
    fs.writeFileSync(`${pkgs}/mine`, "a user's");

    const filled = list();
    const dry = await lab.call(["clean", "--dry-run"]);
    assert.match(dry.out, /^ +1 old generation:/m, dry.err);
    assert.match(dry.out, /^ +2 unused packages: [1-9]\d* files, \d+ kB$/m);
    assert.match(dry.out, /^ +2 leftovers of downloads: 2 files/m);
    assert.deepEqual(list(), filled);
    const real = await lab.call(["clean"]);
    const packages = /unused packages.*|leftovers.*/g;
    assert.deepEqual(real.out.match(packages), dry.out.match(packages), real.err);
    const kept = before.filter((name) => !name.startsWith("more"));
    assert.deepEqual(list(), [...kept, busy, "mine"].sort());
    lab.entered(await lab.call(["--no-create", ...ENTER]), SCENE.has);
    assert.equal((await lab.call(["sync", "--force"])).status, 0);
  } finally {
    lab.close();
  }
});

Deno.test("clean: archives of PyPI go that no project's lock names, young ones and a lock's stay", async () => {
  const lab = await Lab.open(SCENE);
  try {
    const wheels = `${lab.top}/home/.cache/mambaenv/wheels`;
    const [named, unnamed, young] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [
      string,
      string,
      string,
    ];
    const old = new Date(Date.now() - 7 * 3600_000);
    for (const name of [named, unnamed, young, ".0f3a-4711", ".1f3a-4711", "mine"]) {
      fs.mkdirSync(`${wheels}/${name}`, { recursive: true });
      fs.writeFileSync(`${wheels}/${name}/x.whl`, "x");
      if (name !== young && name !== ".1f3a-4711") fs.utimesSync(`${wheels}/${name}`, old, old);
    }
    lab.entered(await lab.call([...ENTER, "--no-fallback"]), SCENE.has);
    fs.appendFileSync(`${lab.top}/work/conda-lock.yml`, `# sha256: ${named}\n`);
    // Not in the project: the environment's stamp tells where that is.
    const { out, err } = await lab.call(["clean"], ["/usr/bin/env", "-C", "/"]);
    assert.match(out, /^ +1 unused package: 1 file/m, err);
    assert.match(out, /^ +1 leftover of downloads: 1 file/m);
    assert.deepEqual(fs.readdirSync(wheels).sort(), [".1f3a-4711", named, young, "mine"]);
  } finally {
    lab.close();
  }
});

Deno.test("clean: what was made for stage goes when no job took it for a month", async () => {
  const lab = await Lab.open(SCENE);
  try {
    const kept = `${lab.top}/home/.cache/mambaenv/stage`, disk = `${lab.top}/disk`;
    lab.entered(await lab.call([...ENTER, "--no-fallback"]), SCENE.has);
    const stage = async () => {
      fs.rmSync(disk, { recursive: true, force: true });
      fs.mkdirSync(disk);
      const { status, err } = await lab.call(["stage", "--to", disk]);
      assert.equal(status, 0, err);
    };
    const age = () => {
      const old = new Date(Date.now() - 31 * 86400_000);
      for (const name of fs.readdirSync(kept)) fs.utimesSync(`${kept}/${name}`, old, old);
    };
    await stage();
    age();
    await stage();
    assert.match((await lab.call(["clean"])).out, /^ +0 staged archives that no job took for 30 days: /m);
    fs.writeFileSync(`${kept}/x.4711.part`, "half");
    age();
    const { out, err } = await lab.call(["clean"]);
    assert.match(out, /^ +3 staged archives that no job took for 30 days: 3 files, /m, err);
    assert.deepEqual(fs.readdirSync(kept), []);
    await stage();
  } finally {
    lab.close();
  }
});
