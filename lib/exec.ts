// Becoming another program. Bun's own execve keeps what its runtime changed for itself (ignored signals, a raised
// limit of open files, descriptors closed to children), so libc's is called, with all of that put back.
import { readFileSync } from "node:fs";
import { encode } from "./bytes.ts";
import { codeOf, libc, type System } from "./libc.ts";
import { EXIT, Problem } from "./problem.ts";
import type { Program } from "./world.ts";

/** Becomes the program; returns a status only where the runtime has to stay and wait for it. Throws Problem. */
export async function exec(program: Program): Promise<number> {
  const system = libc();
  if (system === undefined) return await wait(program);
  const error = become(program, system);
  if (error === ENOEXEC) {
    // A script without a first line that says whose it is: a shell's, as execvp and every shell take it.
    const [, ...words] = program.argv;
    become({ ...program, file: "/bin/sh", argv: ["sh", program.file, ...words] }, system);
  }
  throw failure(program.file, codeOf(error));
}

const REASONS: { [code: string]: string } = {
  ENOENT: "the program in its first line is not there",
  EACCES: "permission denied",
  E2BIG: "its words and the environment are too long",
  ENOEXEC: "it is no program for this machine",
};

function failure(file: string, code: string): Problem {
  const exit = code === "ENOENT" ? EXIT.absent : EXIT.denied;
  return new Problem(`Cannot run ${JSON.stringify(file)}: ${REASONS[code] ?? code}`, "", exit);
}

/** Returns the error's number where it did not come to it. */
function become({ file, argv, env, keep }: Program, system: System): number {
  const held: NodeJS.TypedArray[] = [];
  const address = (memory: NodeJS.TypedArray) => (held.push(memory), system.address(memory));
  const text = (words: string) => address(encode(`${words}\0`));
  const list = (items: readonly string[]) =>
    address(BigUint64Array.from([...items.map((item) => BigInt(text(item))), 0n]));
  const pairs = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`]
  );
  const [path, words, variables] = [text(file), list(argv), list(pairs)];
  const limit = inherited();
  if (limit) system.setrlimit(NOFILE, address(BigUint64Array.from(limit)));
  for (const descriptor of keep) system.fcntl(descriptor, F_SETFD, 0);
  for (const signal of [SIGPIPE, SIGXFSZ]) system.signal(signal, 0);
  system.execve(path, words, variables);
  return system.errno();
}

// Linux's numbers, on every processor that there is a program for: `node:os` has them, and takes its time.
const ENOEXEC = 8, SIGPIPE = 13, SIGXFSZ = 25, NOFILE = 7, F_SETFD = 2;

/** Soft and hard limit of open files as the parent has them, since the runtime raised the soft one. */
function inherited(): [bigint, bigint] | undefined {
  try {
    const line = /^Max open files +(\d+) +(\d+)/m;
    const [, soft] = line.exec(readFileSync(`/proc/${process.ppid}/limits`, "utf8")) ?? [];
    const [, now, hard] = line.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    if (!soft || !now || !hard || BigInt(soft) >= BigInt(now)) return undefined;
    return [BigInt(soft), BigInt(hard)];
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/** Runs it as a child with our own streams; signals go on to it, and its end becomes ours. */
async function wait({ file, argv, env }: Program): Promise<number> {
  const [{ spawn }, { constants }] = await Promise.all([import("node:child_process"), import("node:os")]);
  return await new Promise((done, fail) => {
    const [argv0 = file, ...words] = argv;
    const child = spawn(file, words, { argv0, env: env as NodeJS.ProcessEnv, stdio: "inherit" });
    // What a terminal sends reaches the child by itself.
    for (const name of ["SIGINT", "SIGQUIT"] as const) process.on(name, () => undefined);
    const passed = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"] as const;
    for (const name of passed) process.on(name, () => child.kill(name));
    child.on("error", (error) => fail(failure(file, "code" in error ? String(error.code) : error.message)));
    child.on("close", (status, name) => done(status ?? 128 + (name ? constants.signals[name] : 0)));
  });
}
