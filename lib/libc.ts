// Calls of libc's own that the runtime does not have, through Bun's `bun:ffi`. Loaded when one is needed.
import { reason } from "./problem.ts";

/** What is called of libc; pointers are numbers. */
export interface System {
  execve(file: number, argv: number, env: number): number;
  fcntl(descriptor: number, command: number, value: number): number;
  setrlimit(resource: number, limits: number): number;
  setpgid(pid: number, group: number): number;
  syncfs(descriptor: number): number;
  signal(signal: number, action: number): number;
  /** The last error's number. */
  errno(): number;
  /** The address of memory, which the caller holds on to. */
  address(memory: NodeJS.TypedArray): number;
}

/** Bun's way to call C, as far as it is used. */
interface Foreign {
  dlopen(file: string, symbols: object): { symbols: { [name: string]: (...words: number[]) => number } };
  ptr(memory: NodeJS.TypedArray): number;
  read: { i32(address: number): number };
}

const NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
const SYMBOLS = {
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setpgid: { args: ["i32", "i32"], returns: "i32" },
  syncfs: { args: ["i32"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  __errno_location: { args: [], returns: "ptr" },
};

/** libc, where the runtime can call it. */
export function libc(): System | undefined {
  const foreign = process.getBuiltinModule("bun:ffi") as unknown as Foreign | undefined;
  if (foreign === undefined || process.platform !== "linux") return undefined;
  for (const name of NAMES) {
    try {
      const { symbols } = foreign.dlopen(name, SYMBOLS);
      const place = symbols["__errno_location"]!();
      const errno = () => foreign.read.i32(place);
      return { ...symbols, errno, address: foreign.ptr } as unknown as System;
    } catch (error) {
      // Another libc, or a machine that lets no code be made: what is left is a child.
      if (process.env["MAMBAENV_VERBOSE"]) console.error(`mambaenv: ${name}: ${reason(error)}`);
    }
  }
  return undefined;
}

/** The name of an error's number. */
export function codeOf(errno: number): string {
  const { errno: numbers } = process.getBuiltinModule("node:os").constants;
  for (const [name, number] of Object.entries(numbers)) if (number === errno) return name;
  return `errno ${errno}`;
}
