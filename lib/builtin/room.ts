// Whether a disk has room for what is to come: said before the first byte, where it is certain, not half-way.
import * as fs from "node:fs";
import { Problem, ROOM } from "../problem.ts";
import { bytes, counted } from "../progress.ts";
import { native } from "../system.ts";
import type { Record } from "./record.ts";
import { attempt } from "./stock.ts";

/** What is free: bytes, and files where the file system counts them. */
export interface Free {
  bytes: number;
  files?: number;
}

/** What is free for this user where a folder is; undefined where nobody tells. */
export function freeIn(folder: string): Free | undefined {
  const stat = attempt(() => fs.statfsSync(native(folder)));
  if (stat === undefined || stat.blocks === 0) return undefined;
  return { bytes: stat.bavail * stat.bsize, ...stat.files > 0 && { files: stat.ffree } };
}

/** A package's archive stays, and unpacked it is no smaller; it is a folder, `info`, and some files there. */
const TIMES = 2, FILES = 8;

/** Throws Problem where the packages cannot fit into a cache, however well they are packed. */
export function checkRoom(
  records: readonly Record[],
  cache: string,
  free: Partial<Free> | undefined = freeIn(cache),
  whose: "disk" | "quota" = "disk",
): void {
  if (free === undefined) return;
  const need = TIMES * records.reduce((sum, { size = 0 }) => sum + size, 0);
  const files = FILES * records.length;
  const lacks = free.bytes !== undefined && need > free.bytes
    ? `${bytes(need)} or more, and ${bytes(free.bytes)} are free`
    : free.files !== undefined && files > free.files
    ? `${files} files or more, and ${free.files} can be made`
    : undefined;
  if (lacks === undefined) return;
  const words = counted(records.length, "package", records.length === 1 ? " needs" : " need");
  throw new Problem(
    `The ${whose} is too ${whose === "disk" ? "full" : "small"}: ${words} room in ${
      JSON.stringify(cache)
    } for ${lacks}`,
    ROOM,
  );
}
