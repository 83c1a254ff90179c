// Downloads that are not complete: each process has its own file, and takes over what a dead one left.
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { World } from "../world.ts";
import { orphaned, owner } from "./owner.ts";

/** Milliseconds after which nobody can be writing a file that did not change. */
const STALE = 180_000;

/** A file for the beginning of `path`, holding what an earlier try left of it where `resume` is set. */
export function claimPartial(path: string, resume: boolean, world: World): { file: string; begun: boolean } {
  const file = `${path}.${owner()}.partial`;
  if (resume) {
    const left = fs.readdirSync(dirname(path))
      .filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith(".partial"))
      .map((name) => join(dirname(path), name))
      .filter((name) => orphan(name, path, world));
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

function orphan(file: string, path: string, world: World): boolean {
  if (file === `${path}.partial`) return true;
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && orphaned(file, world.now() - stat.mtimeMs, STALE);
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
