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
