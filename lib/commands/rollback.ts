// `mambaenv rollback`: the generation before the current one, until the requirements change again.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { gather } from "../facts.ts";
import { inventory } from "../inventory.ts";
import { EXIT, Problem } from "../problem.ts";
import { link, targetOf } from "../store.ts";
import type { World } from "../world.ts";
import { alone } from "./keep.ts";

/** Switches the link. Throws Problem where there is no earlier generation. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { environment } = await gather({ ...request, flags: { ...request.flags, "no-sync": true } }, world);
  if (environment.kind !== "generation" && environment.kind !== "damaged") {
    throw new Problem("No environment of mambaenv's here", "mambaenv list", EXIT.missing);
  }
  const { place, prefix } = environment;
  const all = inventory(place.envs, world).find(({ place: { name } }) => name === place.name)?.generations ??
    [];
  const older = all.slice(all.findIndex((each) => each.prefix === prefix) + 1).find(({ stamp }) => stamp);
  if (older === undefined) {
    throw new Problem(
      `No generation of ${JSON.stringify(place.label)} before this one`,
      "mambaenv list",
      EXIT.missing,
    );
  }
  const done = await alone(
    place,
    () => world.symlink(targetOf(older.prefix), link(place)),
    world,
  );
  if (!done) return { out: "", exit: EXIT.failed };
  const made = new Date(older.stamp!.made).toISOString();
  return { out: `Now that of ${made}; to enter it as it is: mambaenv --no-sync\n`, exit: EXIT.ok };
}
