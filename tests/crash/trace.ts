// strace as the disk's enemy: counts the calls of a program that change the disk, and strikes at one of them.
import { tool } from "../oracle.ts";

/** Every system call that changes what is on disk; `?`: where this machine has it. */
export const CHANGING = `
  mkdir mkdirat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir open openat creat
  write pwrite64 writev pwritev pwritev2 copy_file_range sendfile ftruncate truncate fallocate
  utimensat utimes chmod fchmod fchmodat
`.trim().split(/\s+/);

/** One call, by how often its thread made such a call before; `path` is what it was about. */
export interface Point {
  call: string;
  nth: number;
  path: string;
}

/** Words that run a program under strace, which writes a log; with `strike` it is struck at a point. */
export function traced(log: string, strike?: { point: Point; harm: string }): string[] {
  const all = CHANGING.map((call) => `?${call}`).join();
  const { point, harm } = strike ?? {};
  const calls = point?.call ?? all;
  const inject = point ? ["-e", `inject=${calls}:${harm}:when=${point.nth}`] : [];
  // Faster by far, but then (6.1) no signal is sent.
  const fast = harm?.startsWith("signal") ? [] : ["--seccomp-bpf"];
  return [
    tool("strace"),
    ...fast,
    "-f",
    "-qq",
    "-y",
    "-s",
    "0",
    "-o",
    log,
    "-e",
    `trace=${calls}`,
    ...inject,
  ];
}

/** A call of a log: which thread began it, its name, and the rest of the line. */
const BEGUN = /^(\d+) +(\w+)\((.*)$/;

/** The calls of a log that are about something below `top` and change it, each once. */
export function points(log: string, top: string): Point[] {
  const counts = new Map<string, number>();
  const found = new Map<string, Point>();
  for (const line of log.split("\n")) {
    const [, thread, call, rest] = BEGUN.exec(line) ?? [];
    if (call === undefined || rest === undefined) continue;
    const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, nth);
    const path = changed(call, rest, top);
    if (path !== undefined) found.set(`${call} ${nth}`, { call, nth, path });
  }
  return [...found.values()];
}

/** Where the program was struck, if that was at a call that changes something below `top`. */
export function struck(log: string, call: string, top: string): string | undefined {
  const lines = log.split("\n");
  // An error is marked; where it was killed, nothing was begun after.
  const line = lines.find((line) => line.includes("(INJECTED)")) ??
    lines.findLast((line) => line.includes(` ${call}(`));
  return line && changed(call, line, top);
}

/** The path below `top` that a call changes; reading, and what is not on this disk, does not count. */
function changed(call: string, rest: string, top: string): string | undefined {
  if (/^open(at)?$/.test(call) && !/O_CREAT|O_TRUNC/.test(rest)) return undefined;
  const at = rest.indexOf(`${top}/`);
  return at < 0 ? undefined : /^[^">]*/.exec(rest.slice(at))![0];
}
