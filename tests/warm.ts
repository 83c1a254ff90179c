// What the warm path may cost and do, by strace.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "../lib/args.ts";
import { run } from "../lib/commands/enter.ts";
import type { World } from "../lib/world.ts";
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
const CALLS = "trace=%file,getdents64,write,close,%network,%process";
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
  const written = calls.findIndex((line) => line.startsWith("write(1"));
  assert.equal(calls.filter((line) => line.startsWith("write(1")).length, 1);
  // Who reads it need not wait for the process to be gone, which takes half a millisecond.
  assert.ok(calls.slice(written + 1).some((line) => /^close\(1\b/.test(line)));
}

/**
 * Methods that JavaScriptCore has as JavaScript: it reads and compiles them anew in each process, 50 µs for the first
 * and 10 to 40 for each more (measured; docs/benchmarks.md).
 */
const COMPILED = [
  "at",
  "every",
  "filter",
  "find",
  "findIndex",
  "findLast",
  "flat",
  "flatMap",
  "forEach",
  "map",
  "reduce",
  "some",
];

/** Asserts that entering calls none of those. */
export async function lean(world: World): Promise<void> {
  const methods = Array.prototype as unknown as Record<string, (...words: unknown[]) => unknown>;
  const own = COMPILED.map((name) => [name, methods[name]!] as const);
  const called: string[] = [];
  let code = "";
  const replace = (name: string, value: unknown) =>
    Object.defineProperty(methods, name, { value, writable: true, configurable: true, enumerable: false });
  try {
    for (const [name, method] of own) {
      replace(name, function (this: unknown, ...words: unknown[]) {
        const [, , caller = ""] = new Error().stack!.split("\n");
        if (caller.includes("/lib/")) called[called.length] = `${name} ${caller.trim()}`;
        return Reflect.apply(method, this, words);
      });
    }
    code = (await run(parse(["--shell", "bash"], world.env), world)).out;
  } finally {
    for (const [name, method] of own) replace(name, method);
  }
  assert.match(code, /MAMBAENV_ACTIVE=/);
  assert.deepEqual(called, []);
}
