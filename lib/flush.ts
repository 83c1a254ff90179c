// Has what was written reach the disk, before anything says that it is there.
import * as fs from "node:fs";
import { codeOf, libc } from "./libc.ts";
import { Problem } from "./problem.ts";
import { native } from "./system.ts";
import type { World } from "./world.ts";

/**
 * Waits until all that was written to the path's file system is on its disk. One call costs a tenth of what making an
 * environment does, a call for each file half of it. By another program, so that the lock's heart beats meanwhile;
 * that of coreutils before 8.24 (2015) does not know how. Throws Problem where what was written is lost.
 */
export async function flush(path: string, run: World["run"]): Promise<void> {
  const env = { ...process.env, LC_ALL: "C" };
  const { status, stderr } = await run(["sync", "-f", path], { env, stdout: "capture", stderr: "capture" });
  if (status === 0) return;
  if (status === 127 || /option/.test(stderr)) return here(path);
  throw lost(path, stderr.trim().split("\n")[0] || `it ended with ${status}`);
}

function here(path: string): void {
  const system = libc();
  if (system === undefined) return;
  const fd = fs.openSync(native(path), "r");
  try {
    if (system.syncfs(fd) !== 0) throw lost(path, codeOf(system.errno()));
  } finally {
    fs.closeSync(fd);
  }
}

function lost(path: string, why: string): Problem {
  return new Problem(`Cannot write ${JSON.stringify(path)} to its disk: ${why}`, "mambaenv doctor");
}
