// The compiled program, called as users call it.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, linkSync } from "node:fs";
import { join } from "node:path";

/** The compiled program; the tests of it fail without, since a test that looks away is none. */
export const PROGRAM = join(import.meta.dirname!, "..", "dist", "mambaenv");

export interface Called {
  status: number | null;
  out: string;
  err: string;
}

/** Words for `env` that give a program this environment and nothing else: Deno's spawnSync adds its own. */
export function bare(argv: readonly string[], env: { [name: string]: string }): string[] {
  return ["-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...argv];
}

/** Runs a program and waits; `env` is the whole environment. */
export function call(
  argv: readonly string[],
  options: { cwd: string; env?: { [name: string]: string }; input?: string; timeout?: number },
): Called {
  if (!existsSync(PROGRAM)) throw new Error("dist/mambaenv is missing: deno task compile");
  const { cwd, env = {}, input = "", timeout = 120_000 } = options;
  const ended = spawnSync("/usr/bin/env", bare(argv, env), { cwd, input, timeout, encoding: "utf8" });
  if (ended.error && ended.status === null && ended.signal === null) throw ended.error;
  return { status: ended.status, out: ended.stdout, err: ended.stderr };
}

/** A call that goes on while the test does: its process, and how it ends. */
export interface Started {
  pid: number;
  ended: Promise<Called>;
  /** Waits until stderr says so. */
  says(words: RegExp): Promise<void>;
}

/** Starts a program in a process group of its own, for tests that serve it or interrupt it. */
export function start(
  argv: readonly string[],
  options: { cwd: string; env: { [name: string]: string } },
): Started {
  const [program = "", ...words] = argv;
  const child = spawn(program, words, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => texts.out += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => texts.err += text);
  const ended = new Promise<Called>((done, fail) => {
    child.on("error", fail);
    child.on("close", (status) => done({ status, ...texts }));
  });
  const says = async (words: RegExp) => {
    for (let i = 0; !words.test(texts.err); i++) {
      if (i > 1200 || child.exitCode !== null) throw new Error(`it never said ${words}:\n${texts.err}`);
      await new Promise((wake) => setTimeout(wake, 25));
    }
  };
  return { pid: child.pid!, ended, says };
}

/** Puts the program at a path where other users reach it: a link, since a file just written may be busy when it is called. */
export function lend(path: string): void {
  try {
    linkSync(PROGRAM, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
    copyFileSync(PROGRAM, path);
  }
}
