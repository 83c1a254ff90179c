// `mambaenv clean`: what no project and no process of this machine needs any more.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { type Generation, inventory, type Kept, occupied, orphaned, stores, Tally } from "../inventory.ts";
import { EXIT } from "../problem.ts";
import { link } from "../store.ts";
import { bytes } from "../progress.ts";
import type { World } from "../world.ts";
import { alone, raze, standing } from "./keep.ts";

const KINDS = ["old generations", "generations whose project is gone", "incomplete builds"] as const;
type Kind = typeof KINDS[number];
type Sum = { [kind in Kind]: { count: number; tally: Tally } };

/** Removes, or with `--dry-run` only counts. */
export async function run(request: Request, world: World): Promise<Answer> {
  const dry = request.flags["dry-run"] === true;
  const busy = occupied(world);
  const sum = Object.fromEntries(KINDS.map((kind) => [kind, { count: 0, tally: new Tally() }])) as Sum;
  for (const envs of stores(await standing(request, world), world)) {
    for (const kept of inventory(envs, world)) {
      // Looked at again under the lock: what was being built may be the current one by now.
      const act = () => {
        const now = inventory(envs, world).find(({ place }) => place.name === kept.place.name);
        if (now) sweep(now, { sum, busy, dry }, world);
      };
      await alone(kept.place, act, world);
    }
  }
  const lines = KINDS.map((kind) => {
    const { count, tally } = sum[kind];
    return `${String(count).padStart(4)} ${kind}: ${tally.files} files, ${bytes(tally.own)}\n`;
  });
  return { out: `${dry ? "Would remove" : "Removed"}\n${lines.join("")}`, exit: EXIT.ok };
}

function sweep(
  { place, generations }: Kept,
  { sum, busy, dry }: { sum: Sum; busy: (prefix: string) => boolean; dry: boolean },
  world: World,
): void {
  for (const generation of generations) {
    const kind = needless(generation, world);
    if (kind === undefined || busy(generation.prefix)) continue;
    sum[kind].count++;
    sum[kind].tally.add(generation.prefix, world);
    if (dry) continue;
    if (generation.current) world.remove(link(place));
    raze(generation.prefix, world);
  }
}

function needless(generation: Generation, world: World): Kind | undefined {
  if (generation.current) {
    return orphaned(generation, world) ? "generations whose project is gone" : undefined;
  }
  return generation.stamp ? "old generations" : "incomplete builds";
}
