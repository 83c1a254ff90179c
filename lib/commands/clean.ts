// `mambaenv clean`: what no project and no process of this machine needs any more.
import type { Request } from "../args.ts";
import { discard } from "../builtin/unpack.ts";
import type { Answer } from "../code.ts";
import { type Generation, inventory, type Kept, occupied, orphaned, stores, Tally } from "../inventory.ts";
import { holder } from "../lock.ts";
import { mounted, NETWORKED } from "../mount.ts";
import { EXIT, Problem } from "../problem.ts";
import { bytes, counted, plain } from "../progress.ts";
import { leads, link, lockOf, type Place } from "../store.ts";
import type { World } from "../world.ts";
import { needless } from "./clean/cache.ts";
import { alone, raze, standing } from "./keep.ts";

/** What is counted: a noun, and what follows it. */
const KINDS = {
  old: ["old generation"],
  orphan: ["generation", " whose project is gone"],
  dead: ["incomplete build"],
  unused: ["unused package"],
  left: ["leftover", " of downloads"],
  staged: ["staged archive", " that no job took for 30 days"],
} as const;
type Kind = keyof typeof KINDS;
/** Milliseconds for which a generation stays that was replaced, where other hosts may have processes in it. */
const RECENT = 7 * 86400_000;

/** One cleaning. */
interface Sum {
  dry: boolean;
  busy: ReturnType<typeof occupied>;
  counts: { [kind in Kind]: { count: number; tally: Tally } };
  removed: Set<string>;
  /** Those that stay as another host may use them. */
  spared: Set<string>;
  /** Those that stay, and who is in them. */
  used: Map<string, string>;
}

/** Removes, or with `--dry-run` only counts. */
export async function run(request: Request, world: World): Promise<Answer> {
  const sum: Sum = {
    dry: request.flags["dry-run"] === true,
    busy: occupied(world),
    counts: { old: none(), orphan: none(), dead: none(), unused: none(), left: none(), staged: none() },
    removed: new Set(),
    spared: new Set(),
    used: new Map(),
  };
  const facts = await standing(request, world), all = stores(facts, world);
  for (const envs of all) for (const kept of inventory(envs, world)) await environment(kept, sum, world);
  // What is removed by now has no links any more.
  const doomed = new Tally();
  if (sum.dry) { for (const prefix of sum.removed) doomed.add(prefix, world); }
  const found = await needless({ stores: all, facts, removed: sum.removed, doomed }, world);
  for (const path of found.packages) take(path, "unused", sum, world);
  for (const path of found.leftovers) take(path, "left", sum, world);
  for (const path of found.staged) take(path, "staged", sum, world);
  return {
    out: `${sum.dry ? "Would remove" : "Removed"}\n${lines(sum, doomed).join("\n")}\n`,
    exit: EXIT.ok,
  };
}

function none() {
  return { count: 0, tally: new Tally() };
}

function lines({ counts, spared, used }: Sum, doomed: Tally): string[] {
  const line = (count: number, words: string) => words.padStart(words.length + 4 - String(count).length);
  const removed = Object.entries(KINDS).map(([kind, [noun, rest]]) => {
    const { count, tally } = counts[kind as Kind];
    const size = `${counted(tally.files, "file")}, ${
      bytes(tally.own(kind === "unused" ? doomed : undefined))
    }`;
    return line(count, `${counted(count, noun, rest)}: ${size}`);
  });
  const stay = spared.size === 1 ? " stays" : " stay";
  const recent = `${
    counted(spared.size, "generation", stay)
  }, replaced within 7 days: other hosts may have processes there`;
  return [
    ...removed,
    ...spared.size > 0 ? [line(spared.size, recent)] : [],
    ...[...used].map(([prefix, who]) => line(1, `1 generation stays, ${who} is in it: ${plain(prefix)}`)),
  ];
}

/** Removes what is unneeded of an environment, which nobody builds meanwhile. */
async function environment(kept: Kept, sum: Sum, world: World): Promise<void> {
  const { place } = kept;
  // Looked at again under the lock: what was being built may be the current one by now.
  const act = () => {
    const now = inventory(place.envs, world).find(({ place: { name } }) => name === place.name);
    for (const each of now ? unneeded(now, sum, world) : []) remove(each, place, sum, world);
  };
  if (!sum.dry) return void await alone(place, act, world, () => makeRoom(kept, sum, world));
  const who = holder(lockOf(place), world);
  if (who === undefined) act();
  else world.err(`mambaenv: warning: ${JSON.stringify(place.name)} is left alone: ${who}\n`);
}

interface Unneeded {
  generation: Generation;
  kind: Kind;
}

function unneeded({ place, generations }: Kept, sum: Sum, world: World): Unneeded[] {
  const shared = NETWORKED.test(mounted(place.envs, world).kind);
  return generations.flatMap((generation, i) => {
    const { prefix } = generation, kind = kindOf(generation, world);
    if (kind === undefined) return [];
    const who = sum.busy(prefix);
    if (who !== undefined) return (sum.used.set(prefix, who), []);
    const until = generations[i - 1]?.stamp?.made ?? 0;
    if (kind === "old" && shared && world.now() - until < RECENT) return (sum.spared.add(prefix), []);
    return [{ generation, kind }];
  });
}

function remove({ generation, kind }: Unneeded, place: Place, sum: Sum, world: World): void {
  note(generation.prefix, kind, sum, world);
  sum.removed.add(generation.prefix);
  if (sum.dry) return;
  if (generation.current) world.remove(link(place));
  raze(generation.prefix, world);
}

/** On a full disk no lock can be written: one generation goes without, if nobody has the lock and none is switched to it. */
function makeRoom(kept: Kept, sum: Sum, world: World): boolean {
  if (holder(lockOf(kept.place), world) !== undefined) return false;
  const [first] = unneeded(kept, sum, world).filter(({ generation }) => !generation.current);
  if (first === undefined) return false;
  const { prefix } = first.generation, gone = `${prefix}.gone`;
  try {
    world.rename(prefix, gone);
  } catch (error) {
    // It is not for want of room that nothing can be written.
    if (!(error instanceof Problem)) throw error;
    return false;
  }
  if (leads(kept.place, prefix, world)) {
    world.rename(gone, prefix);
    return false;
  }
  note(gone, first.kind, sum, world);
  sum.removed.add(prefix);
  raze(prefix, world);
  return true;
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

function kindOf(generation: Generation, world: World): Kind | undefined {
  if (generation.current) return orphaned(generation, world) ? "orphan" : undefined;
  return generation.stamp ? "old" : "dead";
}
