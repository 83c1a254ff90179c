// Which shell reads our code, for every command that prints some.
import type { Flags } from "../args.ts";
import type { Shell } from "../code.ts";
import { EXIT, Problem } from "../problem.ts";
import { ask, detect, shellNamed, shells } from "../shells.ts";
import type { World } from "../world.ts";

/** Whether a person reads our stdout, who is told what to type instead. */
export function person(flags: Flags, world: World): boolean {
  return flags.shell !== "json" && world.tty(1);
}

/** The shell that `--shell` names, else the process that reads us. Throws Problem with exit 2. */
export async function reader(flags: Flags, world: World): Promise<Shell> {
  if (flags.shell !== undefined) {
    const shell = shellNamed(flags.shell);
    if (shell) return shell;
    throw unknown(`Unknown shell ${JSON.stringify(flags.shell)}`);
  }
  const found = detect(world) ?? await ask(world);
  if (found === undefined) throw unknown("Cannot tell which shell reads this");
  if (!found.sure) world.err(`mambaenv: warning: the shell is ${found.how}; --shell NAME makes it sure\n`);
  return found.shell;
}

function unknown(words: string): Problem {
  const known = shells.map(({ names }) => names[0]).join(", ");
  return new Problem(`${words}; known: ${known}`, "name it: mambaenv --shell bash", EXIT.usage);
}
