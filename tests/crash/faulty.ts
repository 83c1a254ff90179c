// `node:fs` for a program that is run in this process: the n-th call that changes the disk is refused, comes half-way
// and is refused then, or is the last that the program ever makes. An import map puts it in the place of the real one.
import * as fs from "node:fs";
export * from "node:fs";

/** What happens at a call; a code is the system's refusal. */
export type Harm = "killed" | "short" | string;

/** The calls below `top` are counted; at the one of number `at` harm is done. */
export interface Plan {
  top: string;
  at: number;
  harm: Harm;
  count: number;
  /** The names of the calls, for who wants to know. */
  calls?: string[];
  /** What it was done to. */
  struck?: string;
  dead?: boolean;
}

let plan: Plan | undefined;
const paths = new Map<number, string>();

/** Begins to count; without a plan, the disk is as good as it is. */
export function arm(next: Plan | undefined): void {
  plan = next;
}

/** Thrown in the place of what a killed program would have done next. */
export class Killed extends Error {}

/** Counts a call; true where it is to be a short one. `half` does a part of it before it is refused. */
export function count(call: string, path: unknown, half: () => void = () => {}): boolean {
  const about = String(path);
  if (plan === undefined || !about.startsWith(plan.top)) return false;
  if (plan.dead) throw new Killed(`${call} ${about}`);
  plan.calls?.push(call);
  if (++plan.count !== plan.at) return false;
  plan.struck = `${call} ${about}`;
  if (plan.harm === "short") return true;
  half();
  if (plan.harm === "killed") {
    plan.dead = true;
    throw new Killed(plan.struck);
  }
  const words = `${plan.harm}: refused, ${call} '${about}'`;
  throw Object.assign(new Error(words), { code: plan.harm, syscall: call, path: about });
}

/** A call whose first word is the path that it changes. */
function guarded<W extends [unknown, ...unknown[]], R>(
  call: string,
  act: (...words: W) => R,
): (...words: W) => R {
  return (...words) => {
    count(call, words[0]);
    return act(...words);
  };
}

/** A call whose second word is the new name. */
function second<W extends [unknown, unknown, ...unknown[]], R>(
  call: string,
  act: (...words: W) => R,
): (...words: W) => R {
  return (...words) => {
    count(call, words[1]);
    return act(...words);
  };
}

export const mkdirSync = guarded("mkdir", fs.mkdirSync as (...words: [unknown, unknown?]) => unknown);
export const rmdirSync = guarded("rmdir", fs.rmdirSync);
export const renameSync = guarded("rename", fs.renameSync);
export const utimesSync = guarded("utimes", fs.utimesSync);
export const chmodSync = guarded("chmod", fs.chmodSync);
export const symlinkSync = second("symlink", fs.symlinkSync);
export const linkSync = second("link", fs.linkSync);
export const promises = {
  ...fs.promises,
  link: async (from: string, to: string) => (count("link", to), await fs.promises.link(from, to)),
  mkdir: async (path: string) => (count("mkdir", path), await fs.promises.mkdir(path)),
};

/** Of a tree a part is gone. */
export function rmSync(path: fs.PathLike, options?: fs.RmOptions): void {
  if (!fs.lstatSync(path, { throwIfNoEntry: false })) return fs.rmSync(path, options);
  count("unlink", path, () => {
    const [first] = fs.lstatSync(path).isDirectory() ? fs.readdirSync(path) : [];
    if (first !== undefined) fs.rmSync(`${path}/${first}`, options);
  });
  fs.rmSync(path, options);
}

export function writeFileSync(path: string, bytes: Uint8Array | string, options?: fs.WriteFileOptions): void {
  count("file", path, () => fs.writeFileSync(path, bytes.slice(0, bytes.length / 2), options));
  fs.writeFileSync(path, bytes, options);
}

export function copyFileSync(from: string, to: string, mode?: number): void {
  count("copy", to, () => {
    const bytes = fs.readFileSync(from);
    fs.writeFileSync(to, bytes.subarray(0, bytes.length / 2), { flag: "wx" });
  });
  fs.copyFileSync(from, to, mode);
}

export function openSync(path: fs.PathLike, flags?: fs.OpenMode, mode?: fs.Mode): number {
  if (flags !== undefined && flags !== "r" && flags !== 0) count("open", path);
  const fd = fs.openSync(path, flags ?? "r", mode);
  paths.set(fd, String(path));
  return fd;
}

export function writeSync(fd: number, bytes: Uint8Array, at = 0, length = bytes.length - at): number {
  const half = () => fs.writeSync(fd, bytes, at, Math.ceil(length / 2));
  return count("write", paths.get(fd), half) ? half() : fs.writeSync(fd, bytes, at, length);
}

export const futimesSync: typeof fs.futimesSync = (fd, ...times) => {
  count("utimes", paths.get(fd));
  fs.futimesSync(fd, ...times);
};
export const ftruncateSync: typeof fs.ftruncateSync = (fd, size) => {
  count("truncate", paths.get(fd));
  fs.ftruncateSync(fd, size);
};
export const fsyncSync: typeof fs.fsyncSync = (fd) => {
  count("fsync", paths.get(fd));
  fs.fsyncSync(fd);
};
