// What the commands that look after the store share: the facts without a project, and removal under the lock.
import type { Request } from "../args.ts";
import type { Facts } from "../facts.ts";
import { installation } from "../installation.ts";
import { lock } from "../lock.ts";
import { findProject } from "../project.ts";
import { Problem } from "../problem.ts";
import { readSettings } from "../settings.ts";
import { generations, lockOf, type Place } from "../store.ts";
import { trust } from "../trust.ts";
import type { World } from "../world.ts";

/** Where things stand; neither a project nor a name is needed. */
export async function standing(
  request: Request,
  world: World,
): Promise<Pick<Facts, "settings" | "installation">> {
  const settings = await readSettings(request, findProject(request.flags, world), world);
  return { settings, installation: () => installation(world) };
}

/** Acts where nobody builds; false where somebody does. `room` makes room for the lock, which cannot be written. */
export async function alone(
  place: Place,
  act: () => void,
  world: World,
  room?: () => boolean,
): Promise<boolean> {
  let held, trusted = false;
  try {
    trust([place.envs, generations(place)], world);
    trusted = true;
    held = await lock(lockOf(place), world, 0);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (trusted && room?.()) return await alone(place, act, world);
    world.err(`mambaenv: warning: ${JSON.stringify(place.name)} is left alone: ${error.message}\n`);
    return false;
  }
  const untrap = world.trap(() => held.release());
  try {
    act();
  } finally {
    untrap();
    held.release();
  }
  return true;
}

/** Removes a generation: at one blow nobody finds it any more, then its files go. */
export function raze(prefix: string, world: World): void {
  if (world.lstat(prefix)) world.rename(prefix, `${prefix}.gone`);
  for (const end of ["gone", "explicit", "incomplete", "swept", "complete"]) world.remove(`${prefix}.${end}`);
}
