// Whether files are as what lists them says: of a package in a cache, or of an environment.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { reason, refusal } from "../problem.ts";
import { native } from "../system.ts";

/** What a file is to be; what is not said is not compared. */
export interface Expected {
  path: string;
  kind?: string;
  size?: number;
  sha256?: string;
}

/** Every file below `root` that is missing, or has another size or, where it changed at `since` or later, another content. */
export function flaws(root: string, all: readonly Expected[], since = Infinity): string[] {
  return all.map((each) => flaw(root, each, since)).filter((words) => words !== undefined);
}

function flaw(root: string, { path, kind, size, sha256 }: Expected, since: number): string | undefined {
  const full = `${root}/${path}`;
  const stat = fs.lstatSync(native(full), { throwIfNoEntry: false });
  if (stat === undefined) return `it has no ${JSON.stringify(path)}`;
  if (kind === "softlink" || kind === "directory" || !stat.isFile()) return undefined;
  if (size !== undefined && stat.size !== size) {
    return `${JSON.stringify(path)} has ${stat.size} bytes, expected ${size}`;
  }
  // At the very time it may have been before or after: disks count in ticks.
  if (stat.mtimeMs < since || sha256 === undefined) return undefined;
  try {
    return hashFile(full) === sha256
      ? undefined
      : `${JSON.stringify(path)} is another file: its sha256 differs`;
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return `${JSON.stringify(path)} cannot be read: ${reason(error)}`;
  }
}

/** The sha256 of bytes, in hexadecimal digits. */
export function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The same of a file's. */
export function hashFile(path: string): string {
  const sum = createHash("sha256");
  const fd = fs.openSync(native(path), "r");
  try {
    const bytes = new Uint8Array(1 << 20);
    for (let read; (read = fs.readSync(fd, bytes)) > 0;) sum.update(bytes.subarray(0, read));
  } finally {
    fs.closeSync(fd);
  }
  return sum.digest("hex");
}
