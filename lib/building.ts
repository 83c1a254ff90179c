// Where an environment is built.
import { type Facts, ownRoot } from "./facts.ts";
import type { Found } from "./installation.ts";
import { Problem } from "./problem.ts";
import { type Place, placeOf } from "./store.ts";
import { distrust } from "./trust.ts";
import type { World } from "./world.ts";

/** The prefix or root that was asked for, the installation, or our own root. Throws Problem where there is none. */
export function building(facts: Facts, world: World): { place: Place; root: string } {
  const { settings, environment } = facts;
  const root = settings.root?.value ?? home(facts.installation(), world);
  if (root === undefined) {
    throw new Problem("No folder for environments: HOME is not set", "mambaenv --root /path/with/space");
  }
  if (environment.kind === "generation" || environment.kind === "damaged") {
    return { place: environment.place, root };
  }
  if (settings.prefix) return { place: placeOf(settings.prefix.value), root };
  const name = settings.name!.value;
  return { place: { envs: `${root}/envs`, name, label: name }, root };
}

/** The installation's root where its `envs` can be made or filled, by us and not by strangers too; else our own. */
export function home(found: Pick<Found, "root"> | undefined, world: World): string | undefined {
  if (found === undefined) return ownRoot(world);
  const { root } = found, envs = `${root}/envs`;
  const safe = [root, envs].every((path) => distrust(path, world) === undefined);
  return safe && world.writable(world.stat(envs) ? envs : root) ? root : ownRoot(world);
}
