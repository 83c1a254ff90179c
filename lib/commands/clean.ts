// `mambaenv clean`: what no project and no process of this machine needs any more.
import type { Request } from "../args.ts";
import { discard } from "../builtin/unpack.ts";
import type { Answer } from "../code.ts";
import { type Generation, inventory, type Kept, occupied, orphaned, stores, Tally } from "../inventory.ts";
import { mounted, NETWORKED } from "../mount.ts";
import { EXIT } from "../problem.ts";
import { link } from "../store.ts";
import { bytes } from "../progress.ts";
import type { World } from "../world.ts";
import { needless } from "./clean/cache.ts";
import { alone, raze, standing } from "./keep.ts";

const KINDS = [
  "old generations",
  "generations whose project is gone",
  "incomplete builds",
  "unused packages",
  "leftovers of downloads",
] as const;
type Kind = typeof KINDS[number];
/** Milliseconds for which a generation stays that was replaced, where other hosts may have processes in it. */
const RECENT = 7 * 86400_000;

/** One cleaning. */
interface Sum {
  dry: boolean;
  busy(prefix: string): boolean;
  counts: { [kind in Kind]: { count: number; tally: Tally } };
  removed: Set<string>;
  /** How many stay as another host may use them. */
  spared: number;
}

/** Removes, or with `--dry-run` only counts. */
export async function run(request: Request, world: World): Promise<Answer> {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, { count: 0, tally: new Tally() }]));
  const dry = request.flags["dry-run"] === true;
  const sum = { dry, busy: occupied(world), counts, removed: new Set<string>(), spared: 0 } as Sum;
  const facts = await standing(request, world), all = stores(facts, world);
  for (const envs of all) {
    for (const kept of inventory(envs, world)) {
      // Looked at again under the lock: what was being built may be the current one by now.
      const act = () => {
        const now = inventory(envs, world).find(({ place }) => place.name === kept.place.name);
        if (now) sweep(now, sum, world);
      };
      await alone(kept.place, act, world);
    }
  }
  // What is removed by now has no links any more.
  const doomed = new Tally();
  if (dry) { for (const prefix of sum.removed) doomed.add(prefix, world); }
  const found = await needless({ stores: all, facts, removed: sum.removed, doomed }, world);
  for (const path of found.packages) take(path, "unused packages", sum, world);
  for (const path of found.leftovers) take(path, "leftovers of downloads", sum, world);
  const lines = KINDS.map((kind) => {
    const { count, tally } = sum.counts[kind];
    return `${String(count).padStart(4)} ${kind}: ${tally.files} files, ${
      bytes(tally.own(kind === "unused packages" ? doomed : undefined))
    }\n`;
  });
  const spared = sum.spared === 0
    ? ""
    : `${
      String(sum.spared).padStart(4)
    } replaced within 7 days stay: other hosts may have processes in them\n`;
  return { out: `${dry ? "Would remove" : "Removed"}\n${lines.join("")}${spared}`, exit: EXIT.ok };
}

function sweep({ place, generations }: Kept, sum: Sum, world: World): void {
  const shared = NETWORKED.test(mounted(place.envs, world).kind);
  generations.forEach((generation, i) => {
    const kind = unneeded(generation, world);
    if (kind === undefined || sum.busy(generation.prefix)) return;
    const until = generations[i - 1]?.stamp?.made ?? 0;
    if (kind === "old generations" && shared && world.now() - until < RECENT) return void sum.spared++;
    note(generation.prefix, kind, sum, world);
    sum.removed.add(generation.prefix);
    if (sum.dry) return;
    if (generation.current) world.remove(link(place));
    raze(generation.prefix, world);
  });
}

function note(path: string, kind: Kind, { counts }: Sum, world: World): void {
  counts[kind].count++;
  counts[kind].tally.add(path, world);
}

/** Removes what is in a cache, which may be refused. */
function take(path: string, kind: Kind, sum: Sum, world: World): void {
  const tally = new Tally().add(path, world);
  if (!sum.dry && !discard(path)) {
    world.err(`mambaenv: warning: ${JSON.stringify(path)} cannot be removed\n`);
    return;
  }
  sum.counts[kind].count++;
  sum.counts[kind].tally.join(tally);
}

function unneeded(generation: Generation, world: World): Kind | undefined {
  if (generation.current) {
    return orphaned(generation, world) ? "generations whose project is gone" : undefined;
  }
  return generation.stamp ? "old generations" : "incomplete builds";
}
