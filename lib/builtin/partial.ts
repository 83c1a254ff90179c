// Downloads that are not complete: each process has its own file, and takes over what a dead one left.
import * as fs from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { World } from "../world.ts";

/** Milliseconds after which nobody can be writing a file that did not change. */
const STALE = 180_000;

let serial = 0;

/** A file for the beginning of `path`, holding what an earlier try left of it where `resume` is set. */
export function claimPartial(path: string, resume: boolean, world: World): { file: string; begun: boolean } {
  const owner = `${host()}-${world.pid}-${serial++}`;
  const file = `${path}.${owner}.partial`;
  if (resume) {
    const left = fs.readdirSync(dirname(path))
      .filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith(".partial"))
      .map((name) => join(dirname(path), name))
      .filter((name) => orphan(name, world));
    for (const name of left) {
      if (moved(name, file)) return { file, begun: true };
    }
  }
  return { file, begun: false };
}

/** Leaves what came so far to the next try. */
export function returnPartial(file: string, path: string): void {
  moved(file, `${path}.partial`);
}

/** This machine, short enough for a file's name. */
function host(): string {
  return hostname().replace(/[^\w-]/g, "_").slice(0, 20);
}

function orphan(file: string, world: World): boolean {
  const [, where, pid] = /\.([\w-]+)-(\d+)-\d+\.partial$/.exec(file) ?? [];
  if (pid === undefined) return true;
  if (where === host()) return !world.alive(Number(pid));
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && world.now() - stat.mtimeMs > STALE;
}

/** Renames; false where somebody else was faster. */
function moved(from: string, to: string): boolean {
  try {
    fs.renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
