// Ctrl-C where the shell keeps it: what is in zsh's `<(…)` has a process group of its own, to which the terminal does
// not send it, though zsh waits for the answer.
import { statusOf } from "./shells.ts";
import type { World } from "./world.ts";

/** Joins the terminal's group where a shell of that group waits for our stdout, and we are in another; Linux only. */
export async function foreground(world: World): Promise<void> {
  const group = waiting(world);
  if (group !== undefined) await world.join(group);
}

/** How many processes upward one looks: the shell, or subshells of it. */
const DEPTH = 3;

/** The terminal's group, if a process above that is in it reads what we write. */
function waiting(world: World): number | undefined {
  const { group, terminal = 0 } = statusOf("self", world) ?? {};
  if (terminal <= 0 || group === terminal) return undefined;
  const out = world.readlink("/proc/self/fd/1");
  for (let pid = world.ppid, i = 0; i < DEPTH && pid > 1; i++) {
    const above = statusOf(pid, world);
    if (above === undefined) break;
    if (above.group === terminal && reads(pid, out, world)) return terminal;
    pid = above.parent;
  }
  return undefined;
}

function reads(pid: number, pipe: string | undefined, world: World): boolean {
  const fds = `/proc/${pid}/fd`;
  return pipe?.startsWith("pipe:") === true &&
    (world.list(fds) ?? []).some((fd) => world.readlink(`${fds}/${fd}`) === pipe);
}
