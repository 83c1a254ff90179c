// Where a change fails: the environment that worked before is entered instead.
import type { Facts } from "./facts.ts";
import { EXIT, type Problem } from "./problem.ts";
import { plain } from "./progress.ts";
import { newest } from "./store.ts";
import type { World } from "./world.ts";

/** Exit codes of what was asked for in so many words: then nothing else is entered. */
const STRICT: readonly number[] = [EXIT.usage, EXIT.stale];

/** The facts with the environment that worked before the change, and one warning; undefined where none may be. */
export function lastGood(problem: Problem, facts: Facts, world: World): Facts | undefined {
  const { environment: before, settings } = facts;
  if (!settings.fallback || STRICT.includes(problem.exit) || before.kind === "missing") return undefined;
  const environment = before.kind === "damaged" ? newest(before.place, world) : before;
  if (environment === undefined) return undefined;
  const made = environment.kind === "generation"
    ? ` of ${new Date(environment.stamp.made).toISOString()}`
    : "";
  const words = [
    `mambaenv: warning: the last good environment${made} is entered, since the change failed: ${problem.message}`,
    `  try: ${problem.hint || "mambaenv --no-fallback"}`,
  ];
  world.err(words.flatMap((text) => text.split("\n")).map((line) => `${plain(line)}\n`).join(""));
  return { ...facts, environment, stale: undefined, fallback: true };
}
