// What of a lock is to stay in what is solved anew, where it can.
import type { Record } from "../builtin/record.ts";
import type { Index } from "../builtin/repodata.ts";
import type { Lock, Locked } from "../lockfile.ts";
import { Problem } from "../problem.ts";
import { fits } from "../requirement/conda.ts";
import { pythons } from "../requirement/python.ts";
import type { Requirement } from "../requirements.ts";
import { bare } from "../secret.ts";
import { requirement } from "./wheels.ts";

/** The lock that something follows. */
export interface Followed {
  before?: Lock;
  /** Names that need not stay; none means all; undefined: everything stays. */
  upgrade?: readonly string[];
}

/** What is to stay of the last lock, for a platform. */
export function held({ before, upgrade }: Followed, platform: string): Locked[] {
  if (before === undefined || upgrade?.length === 0) return [];
  const free = new Set(upgrade);
  return before.packages.filter((each) => each.platform === platform && !free.has(each.name));
}

/** The conda packages of that, as far as the channels still have them. */
export async function heldRecords(following: Followed, platform: string, index: Index): Promise<Record[]> {
  const conda = held(following, platform).filter(({ manager }) => manager === "conda");
  const found = await Promise.all(conda.map(async ({ name, url }) => {
    const records = await index.records(name);
    return records.find((record) => bare(record.url) === url) ?? [];
  }));
  return found.flat();
}

/** The Python that is asked for, such that it is the last lock's; undefined where that is none of those. */
export function heldPython(asked: string, records: readonly Record[]): string | undefined {
  const python = records.find(({ name }) => name === "python")?.version;
  if (python === undefined) return undefined;
  try {
    const [found] = pythons(asked, [python]);
    return found && fits(found.constraint, python) ? python : undefined;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** A locked package as a constraint. */
export function constraint(locked: Locked): Requirement {
  return requirement(locked, `${locked.name}==${locked.version}`);
}

/** Keeps versions, unless they are in the way. */
export async function keeping<T>(
  kept: readonly Locked[],
  act: (kept: readonly Locked[]) => Promise<T>,
): Promise<T> {
  try {
    return await act(kept);
  } catch (error) {
    if (!(error instanceof Problem) || kept.length === 0) throw error;
    return await act([]);
  }
}
