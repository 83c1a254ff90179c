// Every effect on the world outside, passed to who needs it; what is loaded here costs the warm path.
import * as fs from "node:fs";
import { Problem, reason } from "./problem.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** What `stat` tells; `mtime` in milliseconds since 1970 with fractions, `size` in bytes. */
export interface Stat {
  kind: "file" | "dir" | "link" | "other";
  size: number;
  mtime: number;
  mode: number;
  uid: number;
  dev: number;
  ino: number;
}

/** How a child process is run: its stdin is closed unless `input` is given. */
export interface RunOptions {
  cwd?: string;
  env?: Env;
  input?: string;
  /** `capture` returns what it prints, `stderr` lets it flow to our stderr. Default `stderr`. */
  stdout?: "capture" | "stderr";
  /** `inherit` (default) shows it, `capture` returns it, `tee` does both. */
  stderr?: "capture" | "inherit" | "tee";
  /** Milliseconds after which it and its children are ended; the status is then 124. */
  timeout?: number;
}
/** How a child ended: its status, 128 + signal, 124 after a time-out, 127 where it could not start. */
export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** All that the program may know or do. Strings from the system carry invalid UTF-8 as U+DC80..U+DCFF. */
export interface World {
  readonly argv: readonly string[];
  readonly env: Env;
  readonly cwd: string;
  readonly platform: string;
  readonly arch: string;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  /** This program's own file. */
  readonly program: string;
  /** A file's text; undefined where there is none, or it is no readable file. */
  read(path: string): string | undefined;
  /** A folder's entries, sorted by code point; undefined where it is no readable folder. */
  list(path: string): string[] | undefined;
  stat(path: string): Stat | undefined;
  lstat(path: string): Stat | undefined;
  /** Where a symbolic link points, as written; undefined where it is none. */
  readlink(path: string): string | undefined;
  /** The path without symbolic links; undefined where there is nothing. */
  realpath(path: string): string | undefined;
  executable(path: string): boolean;
  writable(path: string): boolean;
  /** Makes the folder and its parents. */
  mkdir(path: string): void;
  /** Makes exactly one folder; false where something is there already. */
  claim(path: string): boolean;
  /** Writes the whole file, or nothing: a temporary beside it, then one rename. */
  write(path: string, text: string): void;
  /** Makes or replaces a symbolic link in one rename. */
  symlink(target: string, path: string): void;
  rename(from: string, to: string): void;
  /** Removes a file or a whole tree; nothing there is fine. */
  remove(path: string): void;
  /** Sets a file's times to now. */
  touch(path: string): void;
  tty(fd: 0 | 1 | 2): boolean;
  now(): number;
  /** Calls `act` every so often, without keeping the program alive; returns what ends it. */
  every(milliseconds: number, act: () => void): () => void;
  /** Whether a process of this machine lives. */
  alive(pid: number): boolean;
  /** Has `act` run if a signal ends the program; returns what takes that back. */
  trap(act: () => void): () => void;
  sleep(milliseconds: number): Promise<void>;
  run(argv: readonly string[], options?: RunOptions): Promise<Ended>;
  /** The answer of stdout, once. A reader that is gone is no error. */
  out(text: string): void;
  /** Words on stderr. */
  err(text: string): void;
}

/** Bytes of the system as text; invalid UTF-8 becomes lone surrogates, as Python's `surrogateescape`. */
export function decode(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let out = "";
  for (let i = 0; i < bytes.length;) {
    const length = sequence(bytes, i);
    if (length === 0) out += String.fromCharCode(0xdc00 + bytes[i++]!);
    else {
      out += Buffer.from(bytes.subarray(i, i + length)).toString("utf8");
      i += length;
    }
  }
  return out;
}

/** Length of the valid UTF-8 sequence at `i`, 0 if there is none. */
function sequence(bytes: Uint8Array, i: number): number {
  const first = bytes[i]!;
  const length = first < 0x80
    ? 1
    : first < 0xc2
    ? 0
    : first < 0xe0
    ? 2
    : first < 0xf0
    ? 3
    : first < 0xf5
    ? 4
    : 0;
  if (length < 2) return length;
  for (let k = 1; k < length; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[i + 1]!;
  const overlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const beyond = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

/** The bytes that `decode` read. */
export function encode(text: string): Buffer {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text);
  const parts = text.split(/(?<![\ud800-\udbff])([\udc80-\udcff])/);
  return Buffer.concat(
    parts.map((part, i) => i % 2 ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part)),
  );
}

/** A path as the file system wants it. */
function native(path: string): string | Buffer {
  return /[\udc80-\udcff]/.test(path) ? encode(path) : path;
}

function absent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function status(stats: fs.Stats): Stat {
  const kind = stats.isFile()
    ? "file"
    : stats.isDirectory()
    ? "dir"
    : stats.isSymbolicLink()
    ? "link"
    : "other";
  const { size, mtimeMs: mtime, mode, uid, dev, ino } = stats;
  return { kind, size, mtime, mode, uid, dev, ino };
}

/** Runs an effect on disk; the system's refusal becomes a Problem that names the path. */
function effect<T>(deed: string, path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new Problem(
      `Cannot ${deed} ${JSON.stringify(path)}: ${REASONS[code] ?? reason(error)}`,
      HINTS[code],
    );
  }
}
const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "not permitted",
};
const MOVE = "choose a folder you can write to: MAMBAENV_ROOT=/path/with/space mambaenv";
const HINTS: Record<string, string> = { ENOSPC: MOVE, EDQUOT: MOVE, EROFS: MOVE, EACCES: MOVE, EPERM: MOVE };

const traps: (() => void)[] = [];

/** Cleans up in reverse order when a signal comes, and ends the program with 128 + its number. */
function trap(act: () => void): () => void {
  if (traps.length === 0) {
    for (const [name, number] of [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const) {
      process.once(name, () => {
        for (const act of traps.splice(0).reverse()) act();
        process.exit(128 + number);
      });
    }
  }
  traps.push(act);
  return () => void traps.splice(traps.indexOf(act) >>> 0, 1);
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

let serial = 0;
function beside(path: string): string {
  return `${path}.${process.pid}.${serial++}.tmp`;
}

/** The real world; `process` is read once, here. */
export function createWorld(argv: readonly string[]): World {
  return {
    argv,
    env: environment(),
    cwd: workingDirectory(),
    platform: process.platform,
    arch: process.arch,
    pid: process.pid,
    ppid: process.ppid,
    uid: process.getuid?.() ?? 0,
    program: process.execPath,
    read: (path) => absent(() => decode(fs.readFileSync(native(path)))),
    list: (path) => absent(() => fs.readdirSync(native(path), "buffer").map(decode).sort(order)),
    stat,
    lstat: (path) => {
      const stats = absent(() => fs.lstatSync(native(path), { throwIfNoEntry: false }));
      return stats && status(stats);
    },
    readlink: (path) => absent(() => decode(fs.readlinkSync(native(path), { encoding: "buffer" }))),
    realpath: (path) => absent(() => decode(fs.realpathSync(native(path), "buffer"))),
    executable: (path) => permits(path, fs.constants.X_OK) && stat(path)?.kind === "file",
    writable: (path) => permits(path, fs.constants.W_OK),
    mkdir: (path) => effect("make", path, () => void fs.mkdirSync(native(path), { recursive: true })),
    claim: (path) => {
      try {
        fs.mkdirSync(native(path));
        return true;
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
        return effect("make", path, () => {
          throw error;
        });
      }
    },
    write: (path, text) =>
      effect("write", path, () => {
        const temporary = beside(path);
        try {
          fs.writeFileSync(native(temporary), encode(text));
          fs.renameSync(native(temporary), native(path));
        } catch (error) {
          fs.rmSync(native(temporary), { force: true });
          throw error;
        }
      }),
    symlink: (target, path) =>
      effect("link", path, () => {
        const temporary = beside(path);
        fs.symlinkSync(native(target), native(temporary));
        fs.renameSync(native(temporary), native(path));
      }),
    rename: (from, to) => effect("rename", from, () => fs.renameSync(native(from), native(to))),
    remove: (path) => effect("remove", path, () => fs.rmSync(native(path), { recursive: true, force: true })),
    touch: (path) => effect("touch", path, () => fs.utimesSync(native(path), new Date(), new Date())),
    tty,
    now: () => Date.now(),
    every: (milliseconds, act) => {
      const timer = setInterval(act, milliseconds);
      timer.unref();
      return () => clearInterval(timer);
    },
    alive,
    trap,
    sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)),
    run: async (words, options) => (await import("./child.ts")).run(words, options ?? {}, trap),
    out: (text) => put(1, text),
    err: (text) => put(2, text),
  };
}

function stat(path: string): Stat | undefined {
  const stats = absent(() => fs.statSync(native(path), { throwIfNoEntry: false }));
  return stats && status(stats);
}

function permits(path: string, mode: number): boolean {
  return absent(() => (fs.accessSync(native(path), mode), true)) ?? false;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The environment; read as bytes only where the runtime's reading lost some. */
function environment(): Env {
  const env: Record<string, string | undefined> = { ...process.env };
  if (!Object.values(env).some((value) => value?.includes("\ufffd"))) return env;
  const raw = absent(() => fs.readFileSync("/proc/self/environ"));
  if (raw === undefined) return env;
  for (const entry of decode(raw).split("\0")) {
    const cut = entry.indexOf("=", 1);
    if (cut > 0) env[entry.slice(0, cut)] = entry.slice(cut + 1);
  }
  return env;
}

/** The folder we are in, as the shell calls it (PWD keeps symbolic links) if that is true. */
function workingDirectory(): string {
  const real = absent(() => process.cwd());
  if (real === undefined) return process.env["PWD"] ?? "/";
  return real.includes("\ufffd")
    ? absent(() => decode(fs.readlinkSync("/proc/self/cwd", { encoding: "buffer" }))) ?? real
    : real;
}

/** Whether a descriptor is a terminal: a character device other than the null one (node:tty costs 2 ms). */
function tty(fd: 0 | 1 | 2): boolean {
  const stats = absent(() => fs.fstatSync(fd));
  return stats?.isCharacterDevice() === true && stats.rdev !== absent(() => fs.statSync("/dev/null"))?.rdev;
}

function put(fd: 1 | 2, text: string): void {
  let bytes: Uint8Array = encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(fd, bytes));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      else if (code !== "EINTR") return;
    }
  }
}
