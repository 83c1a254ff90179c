// What a lock is made from, and what of the last one is to stay.
import type { Record } from "../../builtin/record.ts";
import type { Index } from "../../builtin/repodata.ts";
import type { Facts } from "../../facts.ts";
import type { Lock, Locked } from "../../lockfile.ts";
import type { Project } from "../../project.ts";
import { dependency, fits } from "../../requirement/conda.ts";
import { candidates } from "../../requirement/name.ts";
import { normalize } from "../../requirement/parse.ts";
import { pythons } from "../../requirement/python.ts";
import type { Wanted } from "../../inputs.ts";
import { EXIT, Problem } from "../../problem.ts";
import type { Split } from "../../split.ts";
import { bare } from "../../secret.ts";

/** What is to be locked. */
export interface Making {
  facts: Facts;
  project: Project;
  platforms: readonly string[];
  /** The lock that this one follows: what is in it stays, where it can. */
  before?: Lock;
  /** Names that need not stay; none means all; undefined: everything stays. */
  upgrade?: readonly string[];
  quiet: boolean;
  verbose: boolean;
}

/** One platform, solved. */
export interface Solved {
  platform: string;
  made: Split;
  records: Record[];
}

/** What is to stay of the last lock, for a platform. */
export function held({ before, upgrade }: Making, platform: string): Locked[] {
  if (before === undefined || upgrade?.length === 0) return [];
  const free = new Set(upgrade);
  return before.packages.filter((each) => each.platform === platform && !free.has(each.name));
}

/** What the lock calls the packages that are named, as PyPI or conda call them. Throws Problem with exit 2. */
export async function upgraded(
  words: readonly string[] | undefined,
  before: Lock | undefined,
  wanted: Wanted,
): Promise<string[] | undefined> {
  const known = new Set(before?.packages.map(({ name }) => name));
  const found = words?.map(async (word) => {
    const { known: conda = "", spellings } = await candidates(word);
    const said = wanted.requirements.filter(({ name }) => name === normalize(word))
      .flatMap(({ conda }) => conda === undefined ? [] : dependency(conda).name);
    const names = [...said, conda, ...spellings].filter((name) => known.has(name));
    if (names.length > 0) return names;
    throw new Problem(
      `${JSON.stringify(word)} is not in conda-lock.yml`,
      "mambaenv lock --upgrade",
      EXIT.usage,
    );
  });
  return found && (await Promise.all(found)).flat();
}

/** The conda packages of that, as far as the channels still have them. */
export async function heldRecords(making: Making, platform: string, index: Index): Promise<Record[]> {
  const conda = held(making, platform).filter(({ manager }) => manager === "conda");
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
