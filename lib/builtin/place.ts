// Brings a file of a package cache into a prefix: as a hard link, else a reflink, else a copy.
import * as fs from "node:fs";
import { Problem } from "../problem.ts";
import { effect, native } from "../system.ts";
import { Damaged } from "./damaged.ts";

/** How a file came into a prefix. */
export type Way = "hardlink" | "reflink" | "copy";

/** What the file system says where it cannot do it at all: other devices, no such operation, not the owner. */
const NEVER = ["EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "ENOTTY", "EACCES"];

/** Places files, and remembers for each package cache what its file system can do. */
export class Placer {
  #ways = new Map<string, Way>();

  /** Whether hard links are worth trying. */
  links(cache: string): boolean {
    return !this.#ways.has(cache);
  }

  /** `target` must not exist. `copied`: never a hard link. Throws Problem. */
  place(cache: string, source: string, target: string, copied = false): Way {
    const way = this.#ways.get(cache) ?? "hardlink";
    if (way === "hardlink" && !copied) {
      const refusal = attempt(() => fs.linkSync(native(source), native(target)));
      if (refusal === undefined) return "hardlink";
      // The file has as many links as its file system can count; others can still be linked.
      if (refusal === "EMLINK") return copy(source, target);
      this.#ways.set(cache, "reflink");
    }
    if (!fs.lstatSync(native(source)).isFile()) throw new Error("it is no file in the package");
    if (this.#ways.get(cache) !== "copy") {
      const force = fs.constants.COPYFILE_FICLONE_FORCE | fs.constants.COPYFILE_EXCL;
      if (attempt(() => fs.copyFileSync(native(source), native(target), force)) === undefined) {
        like(source, target);
        return "reflink";
      }
      fs.rmSync(native(target), { force: true });
      if (this.#ways.has(cache)) this.#ways.set(cache, "copy");
    }
    return copy(source, target);
  }
}

/** Acts, and tells why the file system cannot; anything else that is wrong is thrown. */
function attempt(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EMLINK" || NEVER.includes(code)) return code;
    throw error;
  }
}

function copy(source: string, target: string): Way {
  fs.copyFileSync(native(source), native(target), fs.constants.COPYFILE_EXCL);
  like(source, target);
  return "copy";
}

/** A .pyc names the time of its source: a copy must have the same. */
function like(source: string, target: string): void {
  const { mode, atime, mtime } = fs.lstatSync(native(source));
  fs.chmodSync(native(target), mode & 0o777);
  fs.utimesSync(native(target), atime, mtime);
}

/** Runs what takes `source` of the package in `dir` to `target`; what is missing there is told as damage. */
export function taking<T>(dir: string, source: string, target: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (!fs.lstatSync(native(source), { throwIfNoEntry: false })) {
      throw new Damaged(dir, `it has no ${JSON.stringify(source.slice(dir.length + 1))}`);
    }
    return effect("write", target, () => {
      throw error;
    });
  }
}
