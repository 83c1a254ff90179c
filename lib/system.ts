// The real world. What is loaded here costs the warm path.
import * as fs from "node:fs";
import { decode, encode } from "./bytes.ts";
import { Problem, reason, refusal } from "./problem.ts";
import { alive, join, trap } from "./signals.ts";
import type { Env, Refused, RunOptions, Stat, World } from "./world.ts";

/** Bun's own way, as far as it is used. */
interface Runtime {
  Bun?: { unsafe: { setJITPolicy(scale: number): void } };
}

/** A path as the file system wants it. */
export function native(path: string): string | Buffer {
  return path.isWellFormed() ? path : encode(path);
}

function absent<T>(read: () => T, refused?: Refused): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (error.code === "EACCES" || error.code === "EPERM") refused?.();
    return undefined;
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
  const { size, mtimeMs: mtime, ctimeMs: ctime, mode, uid, dev, ino, nlink } = stats;
  return { kind, size, mtime, ctime, mode, uid, dev, ino, nlink };
}

/** Runs an effect on disk; the system's refusal becomes a Problem that names the path. */
export function effect<T>(deed: string, path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const words = `${deed} ${JSON.stringify(path)}`;
    throw refusal(error, words) ?? new Problem(`Cannot ${words}: ${reason(error)}`);
  }
}

let serial = 0;

/** Makes something beside a path, and puts it there by one rename; `durable`: that is on disk then, where it can be. */
function replace(deed: string, path: string, make: (temporary: string) => void, durable = false): void {
  effect(deed, path, () => {
    const temporary = `${path}.${process.pid}.${serial++}.tmp`;
    try {
      make(temporary);
      fs.renameSync(native(temporary), native(path));
    } catch (error) {
      fs.rmSync(native(temporary), { force: true });
      throw error;
    }
  });
  if (!durable) return;
  const folder = absent(() => fs.openSync(native(path.slice(0, path.lastIndexOf("/")) || "/"), "r"));
  if (folder === undefined) return;
  absent(() => fs.fsyncSync(folder));
  absent(() => fs.closeSync(folder));
}

async function run(words: readonly string[], options: RunOptions = {}) {
  return (await import("./child.ts")).run(words, options, trap);
}

/** What the runtime puts where there was no UTF-8: then, and only then, the bytes are read (Buffers cost 0.1 ms). */
const LOST = "\ufffd";

function lossy(text: string): boolean {
  return text.includes(LOST);
}

/** Compiled, the program is its own runtime; else that has to be told what to run. */
function self(): string[] {
  return [process.execPath, ..."Deno" in globalThis ? ["run", "-A", process.argv[1]!] : []];
}

/** The real world; `process` is read once, here. */
export function createWorld(argv: readonly string[]): World {
  return {
    argv: exact(argv),
    env: environment(),
    cwd: workingDirectory(),
    platform: process.platform,
    arch: process.arch,
    self,
    pid: process.pid,
    ppid: process.ppid,
    uid: process.getuid?.() ?? 0,
    read: (path) => {
      const text = absent(() => fs.readFileSync(native(path), "utf8"));
      return text?.includes(LOST) ? decode(fs.readFileSync(native(path))) : text;
    },
    list: (path, refused) => {
      const names = absent(() => fs.readdirSync(native(path)), refused);
      return (names?.some(lossy) ? fs.readdirSync(native(path), "buffer").map(decode) : names)?.sort(order);
    },
    stat,
    lstat: (path, refused) => {
      const stats = absent(() => fs.lstatSync(native(path), { throwIfNoEntry: false }), refused);
      return stats && status(stats);
    },
    readlink: (path) => {
      const target = absent(() => fs.readlinkSync(native(path)));
      return target?.includes(LOST) ? decode(fs.readlinkSync(native(path), { encoding: "buffer" })) : target;
    },
    realpath: (path) => absent(() => decode(fs.realpathSync(native(path), "buffer"))),
    executable: (path) => permits(path, fs.constants.X_OK) && stat(path)?.kind === "file",
    writable: (path) => permits(path, fs.constants.W_OK),
    mkdir: (path, mode) =>
      effect("make", path, () => void fs.mkdirSync(native(path), { recursive: true, mode })),
    vacate: (path) => absent(() => fs.rmdirSync(native(path))),
    write: (path, text, durable) =>
      replace("write", path, (temporary) => {
        fs.writeFileSync(native(temporary), encode(text), { flush: durable ?? false });
      }, durable),
    symlink: (target, path) =>
      replace("link", path, (temporary) => fs.symlinkSync(native(target), native(temporary)), true),
    flush: async (path) => (await import("./flush.ts")).flush(path, run),
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
    longer: (scale = 1) => (globalThis as Runtime).Bun?.unsafe.setJITPolicy(scale),
    join,
    sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)),
    run,
    launch: async (words, options) => (await import("./child.ts")).launch([...self(), ...words], options),
    exec: async (program) => (await import("./exec.ts")).exec(program),
    out: (text) => (put(1, text), absent(() => fs.closeSync(1))),
    err: (text) => put(2, text),
  };
}

function stat(path: string, refused?: Refused): Stat | undefined {
  const stats = absent(() => fs.statSync(native(path), { throwIfNoEntry: false }), refused);
  return stats && status(stats);
}

function permits(path: string, mode: number): boolean {
  return absent(() => (fs.accessSync(native(path), mode), true)) ?? false;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The words as they were given; read as bytes only where the runtime's reading lost some. */
function exact(words: readonly string[]): readonly string[] {
  if (!lossy(words.join(""))) return words;
  const raw = absent(() => fs.readFileSync("/proc/self/cmdline"));
  const all = raw === undefined ? [] : decode(raw).split("\0").slice(0, -1);
  return all.length < words.length ? words : all.slice(-words.length);
}

/** The environment; read as bytes only where the runtime's reading lost some. */
function environment(): Env {
  const env: Record<string, string | undefined> = { ...process.env };
  let lost = false;
  for (const name in env) lost ||= lossy(env[name]!);
  if (!lost) return env;
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
  const named = process.env["PWD"];
  if (real === undefined) return named ?? "/";
  if (real.includes(LOST)) {
    return absent(() => decode(fs.readlinkSync("/proc/self/cwd", { encoding: "buffer" }))) ?? real;
  }
  if (named === undefined || named === real || !named.startsWith("/") || named.includes("/.")) return real;
  const [here, there] = [stat(real), stat(named)];
  return here && there && here.ino === there.ino && here.dev === there.dev ? named : real;
}

/** Whether a descriptor is a terminal: a character device other than the null one (node:tty costs 2 ms). */
function tty(fd: 0 | 1 | 2): boolean {
  const stats = absent(() => fs.fstatSync(fd));
  return stats?.isCharacterDevice() === true && stats.rdev !== absent(() => fs.statSync("/dev/null"))?.rdev;
}

function put(fd: 1 | 2, text: string): void {
  let bytes = text.isWellFormed() ? new TextEncoder().encode(text) : encode(text);
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
