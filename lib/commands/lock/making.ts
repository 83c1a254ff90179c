// What a lock is made from.
import type { Record } from "../../builtin/record.ts";
import type { Facts } from "../../facts.ts";
import type { Lock } from "../../lockfile.ts";
import type { Followed } from "../../lockfile/held.ts";
import type { Project } from "../../project.ts";
import { dependency } from "../../requirement/conda.ts";
import { candidates } from "../../requirement/name.ts";
import { normalize } from "../../requirement/parse.ts";
import type { Wanted } from "../../inputs.ts";
import { EXIT, Problem } from "../../problem.ts";
import type { Split } from "../../split.ts";

/** What is to be locked. */
export interface Making extends Followed {
  facts: Facts;
  project: Project;
  platforms: readonly string[];
  quiet: boolean;
  verbose: boolean;
}

/** One platform, solved. */
export interface Solved {
  platform: string;
  made: Split;
  records: Record[];
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
