// Whether a lock file still is what the project asks for.
import { type Lock, type Locked, LOCKFILE } from "../lockfile.ts";
import type { Requirement } from "../requirements.ts";
import { dependency, fits, toConda } from "../requirement/conda.ts";
import { environment } from "../requirement/environment.ts";
import { evaluate } from "../requirement/marker.ts";
import { candidates, extrasOf } from "../requirement/name.ts";
import { pythons } from "../requirement/python.ts";
import { contains } from "../requirement/specifier.ts";
import { Problem } from "../problem.ts";
import { secretless } from "../secret.ts";
import type { World } from "../world.ts";
import { type Content, contentHash, local, ours } from "./content.ts";

/** Why a lock does not fit; undefined where it does. Another tool's is compared package by package. */
export async function misfit(lock: Lock, content: Content, world: World): Promise<string | undefined> {
  const { platform } = content;
  const packages = lock.packages.filter((each) => each.platform === platform);
  if (packages.length === 0) return `it has no packages for ${platform}`;
  const hash = lock.hashes[platform];
  if (hash === await contentHash(content, world)) return undefined;
  const lacking = await missing(packages, content);
  if (lacking !== undefined) return lacking;
  return ours(hash) ? "what is asked for changed since it was made" : undefined;
}

/** The first thing asked for that the packages are not. */
async function missing(packages: readonly Locked[], content: Content): Promise<string | undefined> {
  const { wanted, settings, platform } = content;
  const conda = new Map(
    packages.filter(({ manager }) => manager === "conda").map((each) => [each.name, each]),
  );
  const pip = new Map(packages.filter(({ manager }) => manager === "pip").map((each) => [each.name, each]));
  const python = conda.get("python");
  if (python === undefined) return "it has no Python";
  const asked = (settings.python ?? wanted.python)?.value ?? "";
  if (!suits(asked, python.version)) return `it has Python ${python.version}, and ${asked} is asked for`;
  for (const { spec } of wanted.specs) {
    const { name, constraint } = dependency(spec);
    const found = conda.get(name);
    if (!found || !fits(constraint, found.version)) return `it has no ${spec}`;
  }
  const here = environment(platform, python.version);
  for (const requirement of wanted.requirements) {
    if (local(requirement) || (requirement.marker && !evaluate(requirement.marker, here))) continue;
    const found = pip.get(requirement.name ?? "") ?? await condas(requirement, conda);
    if (!found || !suffices(found, requirement)) {
      return `it has no ${secretless(requirement.text)}`;
    }
  }
  return undefined;
}

/** conda's versions are not always PyPI's kind. */
function suffices({ manager, version }: Locked, { clauses }: Requirement): boolean {
  return manager === "pip" ? contains(clauses, version) : fits(toConda(clauses, [version], true), version);
}

function suits(asked: string, version: string): boolean {
  try {
    return pythons(asked, [version]).length > 0;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

/** The conda package of a lock that is a requirement. */
export async function condas(
  { conda, known: own, written = "", extras }: Requirement,
  packages: ReadonlyMap<string, Locked>,
): Promise<Locked | undefined> {
  if (conda !== undefined) return packages.get(dependency(conda).name);
  const { known, spellings } = await candidates(written);
  const names = [...await extrasOf(written, extras) ?? [], own || known || "", ...spellings];
  return names.map((name) => packages.get(name)).find((each) => each !== undefined);
}

/** The words for a lock file that is not taken as it is. */
export function unused(reason: string): string {
  return `mambaenv: warning: ${LOCKFILE} does not fit: ${reason}; what it has stays where it can; to bring it up to date: mambaenv lock\n`;
}
