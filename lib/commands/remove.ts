// `mambaenv remove NAME`: an environment that mambaenv made, with all its generations.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { inventory, occupied, stores, Tally } from "../inventory.ts";
import { EXIT, Problem } from "../problem.ts";
import { link } from "../store.ts";
import { bytes, counted } from "../progress.ts";
import type { World } from "../world.ts";
import { alone, raze, standing } from "./keep.ts";

/** Removes the link, then the generations. Throws Problem where it is not ours, or in use. */
export async function run(request: Request, world: World): Promise<Answer> {
  const [name] = request.words;
  if (name === undefined) throw new Problem("No name of an environment", "mambaenv list", EXIT.usage);
  const all = stores(await standing(request, world), world).flatMap((envs) => inventory(envs, world));
  const kept = all.find(({ place }) => place.name === name);
  if (kept === undefined) {
    throw new Problem(`No environment ${JSON.stringify(name)} of mambaenv's`, "mambaenv list", EXIT.missing);
  }
  const { place, generations } = kept;
  const busy = occupied(world);
  for (const { prefix } of generations) {
    const who = busy(prefix);
    if (who === undefined) continue;
    throw new Problem(
      `A process of this machine is in ${JSON.stringify(prefix)}: ${who}`,
      "end it, or leave it: mambaenv deactivate",
    );
  }
  const tally = new Tally();
  const done = await alone(place, () => {
    for (const { prefix } of generations) tally.add(prefix, world);
    if (generations.some(({ current }) => current)) world.remove(link(place));
    for (const { prefix } of generations) raze(prefix, world);
  }, world);
  if (!done) return { out: "", exit: EXIT.failed };
  const freed = `${counted(tally.files, "file")}, ${bytes(tally.own())} freed`;
  return {
    out: `Removed ${JSON.stringify(name)}: ${counted(generations.length, "generation")}, ${freed}\n`,
    exit: EXIT.ok,
  };
}
