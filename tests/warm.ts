// What the warm path may cost and do, by strace.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../tasks/compile.ts";
import { tool } from "./oracle.ts";
import { bare, PROGRAM } from "./program.ts";

/** Where the program is called: its whole environment, its working folder. */
export interface Call {
  cwd: string;
  env: { [name: string]: string };
}

/** Most file operations more than those of an empty compiled program. */
export const BUDGET = 25;
const CALLS = "trace=%file,getdents64,write,%network,%process";
const FILE =
  /^(open|openat|stat|lstat|statx|newfstatat|access|faccessat2?|readlink|readlinkat|getcwd|getdents64)\(/;
/** Calls that change something. */
export const DEED =
  /^(mkdir|rename|unlink|symlink|link|chmod|chown|utime|truncate|socket|connect|fork|vfork)/;

/** The system calls of a program that ends well. */
function trace(argv: readonly string[], { cwd, env }: Call, log: string): string[] {
  const words = [tool("strace"), "-f", "-qq", "-e", CALLS, "-o", log, ...argv];
  const ended = spawnSync("/usr/bin/env", bare(words, { ...env, PWD: cwd }), { cwd, encoding: "utf8" });
  assert.equal(ended.status, 0, ended.stderr);
  return readFileSync(log, "utf8").split("\n").map((line) => line.replace(/^\d+ +/, ""));
}

/** File operations of the program and of an empty one, and all that the program's calls were. */
export function compare(call: Call): { ours: number; empty: number; calls: string[] } {
  const top = mkdtempSync(join(tmpdir(), "mambaenv-warm-"));
  try {
    writeFileSync(join(top, "empty.ts"), "");
    const nothing = build([join(top, "empty.ts")], join(top, "empty"));
    const calls = trace([PROGRAM, "--shell", "bash"], call, join(top, "log"));
    const count = (lines: string[]) => lines.filter((line) => FILE.test(line)).length;
    return { ours: count(calls), empty: count(trace([nothing], call, join(top, "log"))), calls };
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

/** Asserts that entering reads little, writes its code once, and does nothing else. */
export function frugal(call: Call): void {
  const { ours, empty, calls } = compare(call);
  assert.ok(
    ours - empty <= BUDGET,
    `${ours} - ${empty}:\n${calls.filter((line) => FILE.test(line)).join("\n")}`,
  );
  assert.deepEqual(calls.filter((line) => DEED.test(line)), []);
  assert.equal(calls.filter((line) => line.startsWith("execve(")).length, 1);
  assert.deepEqual(calls.filter((line) => /O_(WRONLY|RDWR|CREAT)/.test(line) && !line.includes("/dev/")), []);
  assert.equal(calls.filter((line) => line.startsWith("write(1")).length, 1);
}
