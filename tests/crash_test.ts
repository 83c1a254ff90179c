// Killed or refused at every system call that changes the disk: an environment that was there works, the next run
// makes the one that is wanted, and nothing that is left stays.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { ENTER, Lab, type Scene } from "./crash/lab.ts";
import { type Point, points, struck, traced } from "./crash/trace.ts";
import { tool } from "./oracle.ts";
import type { Called } from "./program.ts";

const [ONE, BOTH] = ["tool", "tool, more"];
const SCENES: readonly Scene[] = [
  { name: "solve and create", had: [], has: ONE, words: ENTER, locked: false },
  { name: "create", had: [], has: ONE, words: ENTER, locked: true },
  { name: "change", had: [ONE], has: BOTH, words: ENTER, locked: true },
  { name: "clean", had: [ONE, BOTH], has: BOTH, words: ["clean"], locked: true },
  { name: "rollback", had: [ONE, BOTH], has: BOTH, words: ["rollback"], locked: true },
];
/** What a call may be refused with, and what is said then. */
const REFUSALS: { [name: string]: RegExp } = {
  ENOSPC: /the disk is full/,
  EDQUOT: /quota/,
  EIO: /EIO/,
  EROFS: /read-only/,
  EACCES: /permission denied/,
  EMLINK: /EMLINK/,
  EXDEV: /EXDEV/,
  ESTALE: /ESTALE/,
};
/** Calls at which it was killed, and that were refused. */
let all = 0;
const ignore = process.platform !== "linux" || !tool("strace");

interface Place {
  /** As many as there are cores to work on them. */
  labs: Lab[];
  /** The calls of the scene that change the disk. */
  calls: Point[];
}
const places = new Map<Scene, Promise<Place>>();

/** A scene opened, once for all that happens to it. */
function open(scene: Scene): Promise<Place> {
  const make = async () => {
    const labs = await Promise.all([1, 2].map(() => Lab.open(scene)));
    const [lab] = labs as [Lab], log = `${lab.top}/log`;
    const { status, err } = await lab.call(scene.words, traced(log));
    assert.equal(status, 0, err);
    return { labs, calls: points(fs.readFileSync(log, "utf8"), `${lab.top}/home`) };
  };
  const place = places.get(scene) ?? make();
  places.set(scene, place);
  return place;
}

/** Has each lab of a scene take the next item, as if nothing had happened before. */
async function each<T>(labs: Lab[], items: readonly T[], act: (lab: Lab, item: T) => Promise<void>) {
  const queue = [...items];
  const ends = await Promise.allSettled(labs.map(async (lab) => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      lab.reset();
      await act(lab, item).catch((error) => {
        queue.length = 0;
        throw error;
      });
    }
  }));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Whether a call is to be tried: not all of those that another scene has, too. */
function wanted({ name }: Scene, path: string, nth: number): boolean {
  if (name === "solve and create") return path.includes("/.cache/");
  return name !== "create" || nth % 4 === 0;
}

for (const scene of SCENES) {
  Deno.test({
    name: `crash: ${scene.name}: killed at each call that changes the disk, the next run succeeds`,
    ignore,
  }, async () => {
    let tried = 0;
    const { labs, calls } = await open(scene);
    const some = calls.filter(({ path }, i) => wanted(scene, path, i));
    await each(labs, some, async (lab, point) => {
      const log = `${lab.top}/log`;
      const { status } = await lab.call(scene.words, traced(log, { point, harm: "signal=KILL" }));
      const where = struck(fs.readFileSync(log, "utf8"), point.call, `${lab.top}/home`);
      if (status === null && where !== undefined) tried++;
      await lab.recovers().catch((error) => {
        throw new Error(`killed at ${point.call} ${point.nth}, ${where ?? point.path}`, { cause: error });
      });
    });
    all += tried;
    console.log(`crash: ${scene.name}: killed at ${tried} calls`);
    assert.ok(tried > 5, `${tried}`);
  });
}

for (const scene of SCENES) {
  Deno.test({
    name: `crash: ${scene.name}: a refused call is told or does no harm, the last good is entered`,
    ignore,
  }, async () => {
    let tried = 0, failed = 0;
    const { labs, calls } = await open(scene);
    // Each refusal at calls all over the way.
    const some = Object.keys(REFUSALS).flatMap((name, i) =>
      calls.filter((_, at) => at % (scene.locked ? 24 : 60) === 3 * i).map((point) => ({ name, point }))
    );
    await each(labs, some, async (lab, { name, point }) => {
      const log = `${lab.top}/log`;
      const called = await lab.call(scene.words, [
        "/usr/bin/timeout",
        "60",
        ...traced(log, { point, harm: `error=${name}` }),
      ]);
      const where = struck(fs.readFileSync(log, "utf8"), point.call, `${lab.top}/home`);
      try {
        if (where !== undefined) {
          tried++;
          if (called.status !== 0) failed++;
          bearable(lab, called, REFUSALS[name]!);
        }
        await lab.recovers();
      } catch (error) {
        const words = `${name} at ${point.call} ${point.nth}, ${where ?? point.path}: ${called.err}`;
        throw new Error(words, { cause: error });
      }
    });
    all += tried;
    console.log(`crash: ${scene.name}: ${tried} calls refused, ${failed} times it failed and said why`);
    assert.ok(tried > 1, `${tried}`);
  });
}

Deno.test({ name: "crash: the calls tried are hundreds", ignore }, async () => {
  for (const place of places.values()) for (const lab of (await place).labs) lab.close();
  console.log(`crash: ${all} calls tried`);
  assert.ok(all > 200, `${all}`);
});

/** It did its work, or fell back to what was there, or said why it did not. */
function bearable(lab: Lab, called: Called, words: RegExp): void {
  const { had, words: said } = lab.scene;
  assert.doesNotMatch(called.err, /internal error|this is a bug|\.ts:\d/);
  if (called.status === 0 && said === ENTER) {
    lab.entered(called);
    return;
  }
  if (called.status === 0) return;
  assert.equal(called.status, 1, called.err);
  assert.ok(had.length === 0 || said !== ENTER, "it falls back");
  // What removes in Bun (1.4.5) does not tell why.
  assert.match(called.err, new RegExp(`${words.source}|the system refuses it`));
}
