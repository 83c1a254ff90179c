// `mambaenv deactivate`: the environment as it was before the program entered it.
import type { Request } from "../args.ts";
import { type Answer, render } from "../code.ts";
import { EXIT, Problem } from "../problem.ts";
import { entered } from "../scope.ts";
import type { World } from "../world.ts";
import { out } from "./enter.ts";
import { reader } from "./shell.ts";

/** Prints the code that undoes the last entering. */
export async function run(request: Request, world: World): Promise<Answer> {
  const shell = await reader(request.flags, world);
  if (!entered(world.env)) throw new Problem("No environment of mambaenv is active", "mambaenv", EXIT.usage);
  return { out: render(out(world.env, shell, world), shell), exit: EXIT.ok };
}
