// From facts to steps. Pure: what is to be done, and why; nothing on the warm path.
import type { Facts } from "./facts.ts";
import { EXIT, Problem, unreadable } from "./problem.ts";
import type { Env } from "./world.ts";

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
      throw absent(settings);
    }
    default:
      return environment satisfies never;
  }
}
function absent({ job, prefix, name }: Facts["settings"]): Problem {
  const what = `No environment ${JSON.stringify(prefix?.value ?? name?.value)}`;
  if (job === undefined) {
    return new Problem(`${what}, and --no-create says not to make one`, "mambaenv", EXIT.missing);
  }
  const words = `${what}, and in a batch job (${job.from}=${job.value}) none is made`;
  return new Problem(words, "mambaenv sync before the job, or in it mambaenv --create", EXIT.missing);
}

/** The variables of batch systems: Slurm, PBS, LSF. */
const JOBS = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"] as const;

/** The batch job that this environment is of. */
export function batch(env: Env): { value: string; from: string } | undefined {
  for (const from of JOBS) if (env[from]) return { value: env[from], from };
  return undefined;
}

/** What numbers a job's processes: Slurm, and MPI as Open MPI and PMI start it. */
const RANKS = ["SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"] as const;

/** Whether this process is to speak for all that were started with it. */
export function foremost(env: Env): boolean {
  return (env[RANKS.find((name) => env[name]) ?? ""] ?? "0") === "0";
}

/** The words where a lock file is asked for and there is none. */
export function unlocked(mode: string): Problem {
  return new Problem(`No conda-lock.yml, and --${mode} asks for one`, "mambaenv lock", EXIT.stale);
}

const REASONS = { missing: "there is none yet", damaged: "it is damaged: its stamp is gone" } as const;
