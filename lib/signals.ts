// Signals: what has to be cleared away when one ends the program, and whether a process lives.

const traps: ((status: number) => void)[] = [];
let trapping = false;

/** Cleans up in reverse order when a signal comes, and ends the program with 128 + its number. */
export function trap(act: (status: number) => void): () => void {
  if (!trapping) {
    trapping = true;
    for (const [name, number] of [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const) {
      process.once(name, () => {
        for (const act of traps.splice(0).reverse()) act(128 + number);
        process.exit(128 + number);
      });
    }
  }
  traps.push(act);
  return () => void traps.splice(traps.indexOf(act) >>> 0, 1);
}

/** Joins a group of processes; its terminal's Ctrl-Z does not stop us, as whoever waits for us would wait for ever. */
export async function join(group: number): Promise<void> {
  process.on("SIGTSTP", () => undefined);
  (await import("./libc.ts")).libc()?.setpgid(0, group);
}

/** Whether a process of this machine lives. */
export function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
