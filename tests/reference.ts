// Asks `packaging` and py-rattler what they make of a text, many at once; and chance that is the same each time.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { oracle } from "./oracle.ts";

/** A Python with packaging and py-rattler, `""` where there is none. */
export const python = await oracle();

export type Question = readonly [what: string, ...arguments: unknown[]];

/** The answers to questions of `data/reference.py`; null where the text is refused. */
export function ask(questions: readonly Question[]): unknown[] {
  const ended = spawnSync(python, [join(import.meta.dirname!, "data", "reference.py")], {
    input: JSON.stringify(questions),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return JSON.parse(ended.stdout);
}

/** Chance with a seed: whole numbers, and picks from lists. */
export function chance(seed: number) {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  return { below, pick, often: (percent: number) => below(100) < percent };
}
