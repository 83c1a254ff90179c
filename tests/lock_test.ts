// The lock: one at a time, whoever died, froze, or has another clock.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { lock, Lost } from "../lib/lock.ts";
import { Problem } from "../lib/problem.ts";
import type { World } from "../lib/world.ts";
import { type TestWorld, testWorld } from "./world.ts";

const PATH = "l.lock";

/** A world whose pauses take no time. */
function hurried(changes: Partial<World> = {}) {
  return testWorld({}, { sleep: () => new Promise((wake) => setTimeout(wake, 0)), ...changes });
}

/** An owner of a lock, as it stands in its folder. */
function held(path: string, owner: unknown): void {
  mkdirSync(path);
  writeFileSync(`${path}/t.owner`, typeof owner === "string" ? owner : JSON.stringify(owner));
}

const ELSEWHERE = { host: "n17", pid: 4711, start: "1", boot: "x", space: "y", since: Date.now() };

function dead() {
  const { read, readlink } = testWorld();
  const host = read("/proc/sys/kernel/hostname")!.trim();
  const boot = read("/proc/sys/kernel/random/boot_id")!.trim();
  return { ...ELSEWHERE, host, boot, space: readlink("/proc/self/ns/pid"), pid: 999_999_999 };
}

Deno.test("lock: the second waits, says for whom, and gets it", async () => {
  const world = testWorld();
  const path = `${world.top}/${PATH}`;
  const first = await lock(path, world);
  const second = lock(path, world);
  await world.sleep(300);
  assert.match(
    world.said(),
    new RegExp(`^mambaenv: waiting for host \\S+, pid ${world.pid}, since \\d+ s\\n$`),
  );
  first.check();
  first.release();
  (await second).release();
  assert.deepEqual(readdirSync(world.top), ["home", "work"]);
});

Deno.test("lock: what is being done is told with the heartbeat", async () => {
  const beats: (() => void)[] = [];
  const world = hurried({ every: (_, act) => (beats.push(act), () => undefined) });
  const path = `${world.top}/${PATH}`;
  const first = await lock(path, world);
  first.doing("linking \u001b[2Jnumpy");
  for (const beat of beats) beat();
  await assert.rejects(
    lock(path, world, 0),
    /than 0 s for host \S+, pid \d+, since 0 s: linking \?\[2Jnumpy$/,
  );
  first.release();
});

Deno.test("lock: what is to become it may be swept at any time; what is refused for good is told", async () => {
  const path = (world: TestWorld) => `${world.top}/${PATH}`;
  for (const step of ["write", "rename"] as const) {
    let times = 0;
    const real = testWorld();
    const world: World = {
      ...hurried(),
      [step]: (from: string, to: string) => {
        // As another does who has it: the lock is there, and ours is gone.
        if (++times === 1) {
          mkdirSync(path(real));
          writeFileSync(`${path(real)}/t.owner`, JSON.stringify(dead()));
          for (const name of readdirSync(real.top)) {
            if (/\.lock\.\w{16}$/.test(name)) real.remove(`${real.top}/${name}`);
          }
        }
        real[step](from, to);
      },
    };
    (await lock(path(real), world)).release();
    assert.ok(times > 1, step);
    assert.deepEqual(readdirSync(real.top), ["home", "work"]);
    let tries = 0;
    const full: World = {
      ...hurried(),
      [step]: () => {
        tries++;
        throw new Problem("the disk is full");
      },
    };
    await assert.rejects(lock(path(real), full), /the disk is full/);
    assert.ok(tries < 30);
    assert.deepEqual(readdirSync(real.top), ["home", "work"]);
  }
});

Deno.test("lock: --lock-timeout ends the waiting", async () => {
  const world = hurried();
  const path = `${world.top}/${PATH}`;
  const first = await lock(path, world);
  await assert.rejects(lock(path, world, 3), /Not waiting longer than 3 s for host/);
  first.check();
  first.release();
});

Deno.test("lock: of a dead process is taken over, by one of many", async () => {
  const world = testWorld();
  const path = `${world.top}/${PATH}`;
  held(path, dead());
  let inside = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    const mine = await lock(path, world);
    assert.equal(++inside, 1);
    await world.sleep(5);
    inside--;
    mine.release();
  }));
  assert.deepEqual(readdirSync(world.top), ["home", "work"]);
});

/** Takes the lock so many times; each time it must be alone with it. */
const WANT = `
import { lock } from ${JSON.stringify(fileURLToPath(new URL("../lib/lock.ts", import.meta.url)))};
import { createWorld } from ${JSON.stringify(fileURLToPath(new URL("../lib/system.ts", import.meta.url)))};
const [path, times, die] = Deno.args;
const world = createWorld([]);
for (let i = 0; i < Number(times); i++) {
  const mine = await lock(path, world);
  Deno.mkdirSync(path + ".inside");
  await world.sleep(2);
  mine.check();
  Deno.removeSync(path + ".inside");
  if (die === "die" && i === 1) process.kill(process.pid, "SIGKILL");
  mine.release();
}
`;

Deno.test("lock: eight processes, three of which are killed with it: never two at once", async () => {
  const world = testWorld();
  const path = `${world.top}/${PATH}`;
  writeFileSync(`${world.top}/want.ts`, WANT);
  held(path, dead());
  const words = (die: string) => ["run", "-A", "--no-check", `${world.top}/want.ts`, path, "6", die];
  const all = Array.from({ length: 8 }, (_, i) => {
    const child = spawn(Deno.execPath(), words(i < 3 ? "die" : ""), {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new Promise((ended) => child.on("close", (code, signal) => ended(signal ?? code)));
  });
  assert.deepEqual(await Promise.all(all), ["SIGKILL", "SIGKILL", "SIGKILL", 0, 0, 0, 0, 0]);
});

Deno.test("lock: of another host holds while its heart beats, whatever its clock says", async () => {
  let beats = 0;
  let waited = 0;
  const world = hurried({
    sleep: (pause) => {
      waited += pause;
      // Its clock is years behind, and moves on for 400 s.
      const beat = new Date(1e12 + waited);
      if (waited < 400_000 && ++beats) utimesSync(`${path}/t.owner`, beat, beat);
      return Promise.resolve();
    },
  });
  const path = `${world.top}/${PATH}`;
  held(path, ELSEWHERE);
  const mine = await lock(path, world);
  assert.ok(beats > 300, `${beats}`);
  assert.ok(waited > 519_000 && waited < 523_000, `${waited}`);
  assert.match(world.said(), /waiting for host n17, pid 4711, since \d+ s\n/);
  mine.release();
});

/** What else may be found in a lock. */
const ODD: { [what: string]: string } = {
  "an empty file": "",
  "half of an owner": '{"token": "x", "ho',
  "null": "null",
  "a list": "[1]",
  "a pid that is none": JSON.stringify({ ...ELSEWHERE, pid: -1 }),
};

for (const [what, text] of Object.entries(ODD)) {
  Deno.test(`lock: ${what} as its owner is taken over after a while`, async () => {
    let waited = 0;
    const world = hurried({ sleep: (pause) => (waited += pause, Promise.resolve()) });
    const path = `${world.top}/${PATH}`;
    held(path, text);
    (await lock(path, world)).release();
    assert.ok(waited >= 5000 && waited < 7000, `${waited}`);
    assert.deepEqual(readdirSync(world.top), ["home", "work"]);
  });
}

Deno.test("lock: a folder without an owner is nobody's", async () => {
  const world = testWorld();
  mkdirSync(`${world.top}/${PATH}`);
  (await lock(`${world.top}/${PATH}`, world)).release();
});

Deno.test("lock: a frozen holder neither keeps, beats nor removes its successor's", async () => {
  const beats: (() => void)[] = [];
  const world = hurried({ every: (_, act) => (beats.push(act), () => undefined) });
  const path = `${world.top}/${PATH}`;
  const frozen = await lock(path, world);
  // The successor, on another host, found that nothing moved.
  world.rename(path, `${world.top}/gone`);
  world.remove(`${world.top}/gone`);
  held(path, ELSEWHERE);
  const old = new Date(1e12);
  utimesSync(`${path}/t.owner`, old, old);
  assert.throws(() => frozen.check(), Lost);
  for (const beat of beats) beat();
  assert.equal(world.stat(`${path}/t.owner`)?.mtime, 1e12);
  frozen.release();
  assert.deepEqual(readdirSync(path), ["t.owner"]);
});

Deno.test("lock: where nothing can be written is a Problem", async () => {
  const world = testWorld({ "file": "" });
  await assert.rejects(lock(`${world.top}/file/l.lock`, world), /Cannot make/);
});

Deno.test("lock: of this machine before it was started anew, it is taken at once; of a namesake that beats, it is not", async () => {
  const hour = 3600_000;
  for (
    const [beat, uptime, taken] of [[hour, hour / 2, true], [hour / 4, hour / 2, false], [
      hour,
      undefined,
      false,
    ]] as const
  ) {
    const real = hurried();
    const read = (path: string) =>
      path === "/proc/uptime" ? uptime && `${uptime / 1000} 17.25\n` : real.read(path);
    const world = { ...real, read } as TestWorld;
    const path = `${world.top}/${PATH}`;
    held(path, { ...dead(), boot: "the one before" });
    const then = new Date(Date.now() - beat);
    utimesSync(`${path}/t.owner`, then, then);
    const got = lock(path, world, 1);
    if (taken) (await got).release();
    else await assert.rejects(got, /Not waiting longer than 1 s for host/);
  }
});
