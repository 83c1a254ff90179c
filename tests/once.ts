// What tests make once and share, such as the oracle's venv and the channel: folders of `.cache`, each with a key.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const HOME = dirname(dirname(fileURLToPath(import.meta.url)));

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/**
 * The folder `.cache/NAME-…`, made by `build` unless it was made for this `key` before. Test files that run at the
 * same time wait for the one that builds; what one that died left behind is made anew, other keys' go after a day.
 */
export async function once(name: string, key: string, build: (dir: string) => unknown): Promise<string> {
  const stem = join(HOME, ".cache", name);
  const dir = `${stem}-${createHash("sha256").update(key).digest("hex").slice(0, 12)}`;
  const stamp = `${dir}.done`;
  if (fs.existsSync(stamp)) return dir;
  const release = await acquire(`${dir}.lock`);
  try {
    if (fs.existsSync(stamp)) return dir;
    sweep(stem);
    fs.rmSync(dir, { recursive: true, force: true });
    fs.mkdirSync(dir, { recursive: true });
    await build(dir);
    fs.writeFileSync(stamp, key);
    return dir;
  } finally {
    release();
  }
}

/** Removes what was made for keys that are history. */
function sweep(stem: string): void {
  for (const name of fs.readdirSync(dirname(stem))) {
    const path = join(dirname(stem), name);
    if (!name.startsWith(`${basename(stem)}-`) || !name.endsWith(".done")) continue;
    if (Date.now() - fs.statSync(path).mtimeMs < DAY) continue;
    fs.rmSync(path);
    fs.rmSync(path.replace(/\.done$/, ""), { recursive: true, force: true });
  }
}

/** Waits for the folder `lock` to be ours; returns what gives it back. */
async function acquire(lock: string): Promise<() => void> {
  fs.mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      fs.mkdirSync(lock);
      fs.writeFileSync(join(lock, "pid"), String(process.pid));
      return () => fs.rmSync(lock, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    if (abandoned(lock)) bury(lock);
    else await new Promise((wake) => setTimeout(wake, 200));
  }
}

/** Takes an abandoned lock away, and puts it back if another was quicker and the lock is its new one. */
function bury(lock: string): void {
  const grave = `${lock}.${process.pid}`;
  try {
    fs.renameSync(lock, grave);
    if (abandoned(grave)) fs.rmSync(grave, { recursive: true });
    else fs.renameSync(grave, lock);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Whether its owner is gone, or so long at work that another process must have the owner's number by now. */
function abandoned(lock: string): boolean {
  const made = fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  if (Date.now() - made > 15 * MINUTE) return true;
  try {
    const pid = Number(fs.readFileSync(join(lock, "pid"), "utf8"));
    return pid > 0 && !alive(pid);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    // Between its mkdir and its pid, or just given back; a minute is too long for either.
    return Date.now() - made > MINUTE;
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    return false;
  }
}
