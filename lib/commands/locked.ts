// What commands that work with a lock begin with: the project's lock for one platform, and whether it still fits.
import type { Request } from "../args.ts";
import { subdirOf } from "../builtin/virtual.ts";
import { type Facts, gather } from "../facts.ts";
import { readWanted, type Wanted } from "../inputs.ts";
import { type Lock, type Locked, LOCKFILE, packagesFor, readLock } from "../lockfile.ts";
import { EXIT, Problem } from "../problem.ts";
import { homeless, type Project } from "../project.ts";
import type { World } from "../world.ts";

/** A project's lock, for one platform. */
export interface Held {
  facts: Facts;
  project: Project;
  wanted: Wanted;
  lock: Lock;
  platform: string;
  packages: Locked[];
}

/** Reads the lock; a warning says where it does not fit. Throws Problem: exit 4 without one, or under `--locked`. */
export async function held(request: Request, world: World): Promise<Held> {
  const { flags } = request;
  const facts = await gather({ ...request, flags: { ...flags, "no-sync": true } }, world);
  const { project, settings } = facts;
  if (project === undefined) throw homeless(world);
  const lock = await readLock(project.root, world);
  if (lock === undefined) throw new Problem(`No ${LOCKFILE} in ${project.root}`, "mambaenv lock", EXIT.stale);
  const platform = one(request) ?? subdirOf(world);
  const packages = packagesFor(lock, platform);
  const wanted = await readWanted(project, world, settings);
  if (settings.lock !== "frozen") {
    const { misfit } = await import("../lockfile/judge.ts");
    const reason = await misfit(lock, { wanted, settings, platform }, world);
    const words = `${LOCKFILE} does not fit: ${reason}`;
    if (reason && settings.lock) throw new Problem(words, "mambaenv lock", EXIT.stale);
    if (reason) world.err(`mambaenv: warning: ${words}; to bring it up to date: mambaenv lock\n`);
  }
  return { facts, project, wanted, lock, platform, packages };
}

/** The platform that is asked for; undefined for this machine's. */
function one({ command, flags: { platform = [] } }: Request): string | undefined {
  if (platform.length < 2) return platform[0];
  throw new Problem(
    `"${command.name}" is for one platform at a time, not for ${platform.join(", ")}`,
    `mambaenv ${command.name} --platform ${platform[0]}`,
    EXIT.usage,
  );
}
