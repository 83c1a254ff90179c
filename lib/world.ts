// Every effect on the world outside, as it is passed to who needs it; system.ts has the real one.

export type Env = Readonly<Record<string, string | undefined>>;

/** What `stat` tells; `mtime` in milliseconds since 1970 with fractions, `size` in bytes. */
export interface Stat {
  kind: "file" | "dir" | "link" | "other";
  size: number;
  mtime: number;
  /** When anything of it changed, as `mtime`; nobody can set it back. */
  ctime: number;
  mode: number;
  uid: number;
  dev: number;
  ino: number;
  /** How many names the file has. */
  nlink: number;
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

/** A program to become. */
export interface Program {
  file: string;
  argv: readonly string[];
  env: Env;
  /** Descriptors beyond the first three that stay open. */
  keep: readonly number[];
}

/** Called where nothing is found as we may not look, which is not to say that nothing is there. */
export type Refused = () => void;

/** All that the program may know or do. Strings from the system carry invalid UTF-8 as U+DC80..U+DCFF. */
export interface World {
  readonly argv: readonly string[];
  readonly env: Env;
  readonly cwd: string;
  readonly platform: string;
  readonly arch: string;
  /** The words that start this program once more. */
  self(): readonly string[];
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  /** A file's text; undefined where there is none, or it is no readable file. */
  read(path: string): string | undefined;
  /** A folder's entries, sorted by code point; undefined where it is no readable folder. */
  list(path: string, refused?: Refused): string[] | undefined;
  stat(path: string, refused?: Refused): Stat | undefined;
  lstat(path: string, refused?: Refused): Stat | undefined;
  /** Where a symbolic link points, as written; undefined where it is none. */
  readlink(path: string): string | undefined;
  /** The path without symbolic links; undefined where there is nothing. */
  realpath(path: string): string | undefined;
  executable(path: string): boolean;
  writable(path: string): boolean;
  /** Makes the folder and its parents; `mode` (0o700) where others must not look in. */
  mkdir(path: string, mode?: number): void;
  /** Removes a folder if it is empty, and does nothing else. */
  vacate(path: string): void;
  /**
   * Writes the whole file, or nothing: a temporary beside it, then one rename. `durable`: also where the power goes,
   * which costs a disk's pause.
   */
  write(path: string, text: string, durable?: boolean): void;
  /** Makes or replaces a symbolic link in one rename, which is on disk when this returns. */
  symlink(target: string, path: string): void;
  /** Waits until all that was written to the path's file system is on its disk. Throws Problem. */
  flush(path: string): Promise<void>;
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
  /** Has `act` run with the status, 128 + the signal, if one ends the program; returns what takes that back. */
  trap(act: (status: number) => void): () => void;
  /**
   * Work begins that takes longer than entering: from now on, code that runs often is compiled to the machine's, what
   * runs `scale` times as often as is usual.
   */
  longer(scale?: number): void;
  /** Joins a group of processes, whose signals reach us then, but for the one that stops. */
  join(group: number): Promise<void>;
  sleep(milliseconds: number): Promise<void>;
  run(argv: readonly string[], options?: RunOptions): Promise<Ended>;
  /**
   * Starts this program once more with other words, in a session of its own that holds nothing of ours; what it says
   * goes to a file. Throws Problem.
   */
  launch(words: readonly string[], options: { cwd: string; env: Env; log: string }): Promise<void>;
  /** Becomes the program, by which ours ends; where it cannot, waits for its status. Throws Problem. */
  exec(program: Program): Promise<number>;
  /** The answer of stdout, once: it ends there, for who reads it to go on. A reader that is gone is no error. */
  out(text: string): void;
  /** Words on stderr. */
  err(text: string): void;
}
