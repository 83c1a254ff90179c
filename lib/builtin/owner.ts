// Whose a temporary file or folder is: its name says who is at work on it, so that what a dead process left can go.
import * as fs from "node:fs";
import { hostname } from "node:os";
import { alive } from "../signals.ts";

let serial = 0;
let held: string | undefined;

/** A part of a name that is of this process alone. */
export function owner(): string {
  return `${here()}-${process.pid}-${serial++}`;
}

/** This machine, short enough for a file's name, and whose process numbers they are: a container has its own. */
function here(): string {
  return held ??= `${hostname().replace(/[^\w-]/g, "_").slice(0, 20)}-${space()}`;
}

function space(): string {
  try {
    return fs.readlinkSync("/proc/self/ns/pid").replace(/\D/g, "") || "0";
  } catch (error) {
    if (error instanceof Error) return "0";
    throw error;
  }
}

/**
 * Whether nobody is at work on what has such a name and changed `age` milliseconds ago: its process of this machine
 * is dead, or it is of another and did not change for `stale`.
 */
export function orphaned(name: string, age: number, stale: number): boolean {
  const [, where, pid] = /\.([\w-]+)-(\d+)-\d+\.\w+$/.exec(name) ?? [];
  return where === here() ? !alive(Number(pid)) : age > stale;
}
