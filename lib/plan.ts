// From facts to steps. Pure: what is to be done, and why; nothing on the warm path.
import type { Facts } from "./facts.ts";
import { EXIT, Problem, unreadable } from "./problem.ts";

/** What must be done before an environment can be activated. */
export type Step =
  | { kind: "build"; reason: string; /** Even where it fits. */ force?: boolean }
  /** A build by another process, while what there is is entered. */
  | { kind: "defer"; reason: string };

/** The steps that lead to an environment that fits. Throws Problem with exit 3 where none may be made. */
export function plan({ environment, settings, stale, project }: Facts): Step[] {
  const { lock } = settings;
  if (lock && !project?.files.has("conda-lock.yml")) {
    throw unlocked(lock);
  }
  switch (environment.kind) {
    case "plain":
      return [];
    case "generation":
      if (stale !== undefined && lock === "locked" && !settings.create) {
        throw new Problem(
          `The environment is not what --locked asks for: ${stale}`,
          "mambaenv --locked",
          EXIT.stale,
        );
      }
      if (stale === undefined || !settings.create) return [];
      return [{ kind: settings.background ? "defer" : "build", reason: stale }];
    case "missing":
    case "damaged": {
      if (settings.create) return [{ kind: "build", reason: REASONS[environment.kind] }];
      if (environment.kind === "missing" && environment.refused) throw unreadable(environment.refused);
      const name = JSON.stringify(settings.prefix?.value ?? settings.name?.value);
      throw new Problem(
        `No environment ${name}, and --no-create says not to make one`,
        "mambaenv",
        EXIT.missing,
      );
    }
    default:
      return environment satisfies never;
  }
}
/** The words where a lock file is asked for and there is none. */
export function unlocked(mode: string): Problem {
  return new Problem(`No conda-lock.yml, and --${mode} asks for one`, "mambaenv lock", EXIT.stale);
}

const REASONS = { missing: "there is none yet", damaged: "it is damaged: its stamp is gone" } as const;
