// `mambaenv deactivate`: the environment as it was before the program entered it, else conda's own meaning.
import { active } from "../activation.ts";
import { understand } from "../activation/words.ts";
import type { Request } from "../args.ts";
import { type Answer, render } from "../code.ts";
import { EXIT } from "../problem.ts";
import { entered } from "../scope/undo.ts";
import type { Env, World } from "../world.ts";
import { run as conda } from "./activate.ts";
import { out } from "./enter.ts";
import { person, reader } from "./shell.ts";

/** Prints the code that undoes the last activation, by whomever. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { help } = understand("deactivate", request.words);
  if (help || person(request.flags, world) || !ours(world.env)) return await conda(request, world);
  const shell = await reader(request.flags, world);
  return { out: render(out(world.env, shell, world), shell), exit: EXIT.ok };
}

/** Whether the program's own entering is on top: nothing but it, or what conda left of it, is to be undone. */
function ours(env: Env): boolean {
  const prefix = entered(env);
  if (prefix === undefined) return false;
  const { level, prefix: top } = active(env);
  if (level === 0 || top === prefix) return true;
  return !Array.from({ length: level }, (_, i) => env[`CONDA_PREFIX_${i}`]).includes(prefix);
}
