// The compiled program, called as users call it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The compiled program; the tests of it fail without, since a test that looks away is none. */
export const PROGRAM = join(import.meta.dirname!, "..", "dist", "mambaenv");

export interface Called {
  status: number | null;
  out: string;
  err: string;
}

/** Runs a program and waits; `env` is the whole environment. */
export function call(
  argv: readonly string[],
  options: { cwd: string; env?: { [name: string]: string }; input?: string; timeout?: number },
): Called {
  if (!existsSync(PROGRAM)) throw new Error("dist/mambaenv is missing: deno task compile");
  const { cwd, env = {}, input = "", timeout = 120_000 } = options;
  const [program = "", ...words] = argv;
  const ended = spawnSync(program, words, { cwd, env, input, timeout, encoding: "utf8" });
  if (ended.error && ended.status === null && ended.signal === null) throw ended.error;
  return { status: ended.status, out: ended.stdout, err: ended.stderr };
}
