// A link in our own root to what was built elsewhere, so that the warm path need not search for it.
import { ownRoot } from "./facts.ts";
import { Problem } from "./problem.ts";
import { link, look, type Place, taken } from "./store.ts";
import type { World } from "./world.ts";

/** Leaves a link in our own root to what was built elsewhere, where nothing of another's is in its way. */
export function remember(place: Place, world: World): void {
  const own = ownRoot(world);
  if (own === undefined || place.envs === `${own}/envs` || place.label !== place.name) return;
  const short = { ...place, envs: `${own}/envs` };
  try {
    if (!free(short, place, world)) return;
    world.mkdir(short.envs);
    world.symlink(link(place), link(short));
  } catch (error) {
    // A home that cannot be written costs the short way only.
    if (!(error instanceof Problem)) throw error;
  }
}

/** Whether the short way may be laid: nothing is there, a link to nothing, or one to what is the same project's. */
function free(short: Place, place: Place, world: World): boolean {
  if (taken(link(short), world)) return false;
  const there = look(short, world);
  if (there.kind === "missing") return true;
  const now = look(place, world);
  return there.kind === "generation" && there.place.envs !== short.envs && now.kind === "generation" &&
    there.stamp.project === now.stamp.project;
}
