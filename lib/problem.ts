// What the user can be told: the one kind of error that is expected, and its exit codes.

/** Exit codes of the program, DESIGN §2; the last two are those of `run`, as every shell has them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  missing: 3,
  stale: 4,
  offline: 5,
  denied: 126,
  absent: 127,
} as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** Something the user can understand and mend: what happened, and a command to run next. */
export class Problem extends Error {
  override name = "Problem";
  /** `message` names file, line and value; `hint` is a command or a deed that mends it. */
  constructor(message: string, readonly hint = "", readonly exit: Exit = EXIT.failed) {
    super(message);
  }
}

/** What is said of an environment that is there, though not for this user. */
export function unreadable(path: string): Problem {
  const name = JSON.stringify(path);
  return new Problem(`Cannot read the environment ${name}: permission denied`, `ls -ld ${name}`);
}

/** A word that is none of those that are known; who explains it says which one may have been meant. */
export class Unknown extends Problem {
  constructor(message: string, hint: string, readonly choice: { word: string; known: readonly string[] }) {
    super(message, hint, EXIT.usage);
  }
}

/** The message of anything that was thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const REASONS: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "not permitted",
  // Bun's own removal (1.4.5) says so of whatever it does not know.
  EFAULT: "the system refuses it",
};
const MOVE = "choose a folder you can write to: MAMBAENV_ROOT=/path/with/space mambaenv";
/** What helps where there is no room. */
export const ROOM = "mambaenv clean, or put everything elsewhere: MAMBAENV_ROOT=/path/with/space mambaenv";

/** What the system refused, as a Problem; undefined for errors that are not the system's. */
export function refusal(error: unknown, deed = "go on"): Problem | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const known = REASONS[String(error.code)];
  if (known === undefined && !("syscall" in error)) return undefined;
  const path = "path" in error && !deed.includes('"') ? ` with ${JSON.stringify(error.path)}` : "";
  return new Problem(
    `Cannot ${deed}${known ? path : ""}: ${known ?? error.message}`,
    error.code === "EFAULT" ? "" : known && (/^(ENOSPC|EDQUOT)$/.test(String(error.code)) ? ROOM : MOVE),
  );
}
