// Ctrl-C where the shell keeps it: what is in zsh's `<(…)` has a process group of its own, to which the terminal does
// not send it, though zsh waits for the answer.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { libc } from "./libc.ts";

/** Joins the terminal's group where a shell of that group waits for our stdout, and we are in another; Linux only. */
export function foreground(): void {
  const group = waiting();
  if (group === undefined) return;
  // The same terminal's Ctrl-Z would stop us, and the shell would wait for ever.
  process.on("SIGTSTP", () => undefined);
  libc()?.setpgid(0, group);
}

/** How many processes upward one looks: the shell, or subshells of it. */
const DEPTH = 3;

/** The terminal's group, if a process above that is in it reads what we write. */
function waiting(): number | undefined {
  try {
    const { group, terminal } = status("self");
    if (terminal <= 0 || group === terminal) return undefined;
    const out = readlinkSync("/proc/self/fd/1");
    for (let pid = process.ppid, i = 0; i < DEPTH && pid > 1; i++) {
      const above = status(pid);
      if (above.group === terminal && reads(pid, out)) return terminal;
      pid = above.parent;
    }
  } catch (error) {
    // No /proc, or processes of others: all stays as it is.
    if (!(error instanceof Error && "code" in error)) throw error;
  }
  return undefined;
}

function status(pid: number | "self"): { parent: number; group: number; terminal: number } {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [, parent, group, , , terminal] = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  return { parent: parent!, group: group!, terminal: terminal! };
}

function reads(pid: number, pipe: string): boolean {
  const fds = `/proc/${pid}/fd`;
  return pipe.startsWith("pipe:") && readdirSync(fds).some((fd) => link(`${fds}/${fd}`) === pipe);
}

/** Where a descriptor points; undefined if it was closed meanwhile. */
function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
