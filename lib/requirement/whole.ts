// A package is whole: it comes from conda or from PyPI, never half from each.
import { Impossible } from "../engines/engine.ts";
import type { Requirement } from "../requirements.ts";
import { dependency, fits, toConda } from "./conda.ts";
import { called, type Decision, type Part } from "./decide.ts";
import { candidates } from "./name.ts";
import { normalize } from "./parse.ts";
import { secretless } from "../secret.ts";

/** A package that conda is to install. */
export interface Packaged {
  name: string;
  version: string;
  depends: readonly string[];
}

/** What pip is to do, and why each comes from where it comes from. */
interface Sides {
  pip: Requirement[];
  why: Decision[];
}

/**
 * What a spec asks of conda, and a requirement of PyPI, is conda's, and pip is asked whether that will do; what has a
 * URL or a path is pip's, and the spec goes.
 */
export function once(specs: readonly string[], parts: readonly Part[]): { specs: string[]; parts: Part[] } {
  const asked = new Map(specs.map((spec) => [normalize(dependency(spec).name), spec]));
  const gone = new Set<string>();
  const kept = parts.map((part): Part => {
    const { decision: { name, by }, pip } = part;
    const spec = asked.get(normalize(name));
    if (spec === undefined || by !== "pypi") return part;
    if (pip.some(placed)) {
      gone.add(spec);
      return part;
    }
    const why = `${spec} is asked of conda`;
    return { ...part, decision: { name, by: "conda", conda: dependency(spec).name, why } };
  });
  return { specs: specs.filter((spec) => !gone.has(spec)), parts: kept };
}

/**
 * What a solve brings along of what was to come from PyPI. Where that will do, it is conda's; where not, those of
 * `movable` that need it are to come from PyPI, too: they are `away`, with the reason. Throws Problem where there is
 * no way.
 */
export async function untangle<Made extends Sides>(
  made: Made,
  packages: readonly Packaged[],
  movable: readonly Decision[],
): Promise<{ made: Made; away: Map<string, string> }> {
  const conda = new Map(packages.map((each) => [each.name, each]));
  const away = new Map<string, string>();
  let whole = made;
  for (const decision of made.why.filter(({ by }) => by === "pypi")) {
    const group = made.pip.filter((each) => called(each) === decision.name);
    const found = group.length > 0 ? await brought(decision.name, conda) : undefined;
    if (found === undefined) continue;
    const above = needing(found.name, packages);
    const movers = movable.filter((each) => above.has(each.conda ?? ""));
    const enough = group.every((each) => suffices(found, each));
    if (enough && (movers.length === 0 || group.every(({ forced, hashed }) => !forced && !hashed))) {
      whole = ceded(whole, decision, found, packages);
      continue;
    }
    if (movers.length === 0) throw torn(group[0]!, decision, found, packages);
    for (const { name } of movers) {
      away.set(normalize(name), `it needs ${decision.name}, which PyPI provides`);
    }
  }
  return { made: whole, away };
}

/** The package of a solve that is a project of PyPI; a namesake without Python is not. */
async function brought(name: string, conda: ReadonlyMap<string, Packaged>): Promise<Packaged | undefined> {
  const { known, spellings } = await candidates(name);
  const python = ({ depends }: Packaged): boolean =>
    depends.map(dependency).some(({ name }) => name === "python" || name === "python_abi");
  return [...known === undefined ? [] : [known], ...spellings].flatMap((each) => conda.get(each) ?? []).find(
    // A package in parts: xgboost is py-xgboost of the same version, and that has the modules.
    (found) =>
      python(found) || found.depends.map(dependency).some(({ name, constraint }) => {
        const part = conda.get(name);
        return part !== undefined && part.version === found.version && constraint.includes(found.version) &&
          python(part);
      }),
  );
}

/** Names of the packages that need one, by however many others. */
function needing(name: string, packages: readonly Packaged[]): Set<string> {
  const found = new Set<string>();
  for (let next = [name]; next.length > 0;) {
    next = next.flatMap((each) => users(each, packages)).filter((each) => !found.has(each));
    for (const each of next) found.add(each);
  }
  return found;
}

function users(name: string, packages: readonly Packaged[]): string[] {
  return packages.filter(({ depends }) => depends.some((each) => dependency(each).name === name))
    .map((each) => each.name).sort();
}

/** conda's versions are not always PyPI's kind. */
function suffices({ version }: Packaged, { clauses, url }: Requirement): boolean {
  return url === undefined && fits(toConda(clauses, [version], true), version);
}

function placed({ url }: Requirement): boolean {
  return url !== undefined;
}

/** conda's after all; pip still adds what extras need. */
function ceded<Made extends Sides>(
  made: Made,
  { name }: Decision,
  found: Packaged,
  packages: readonly Packaged[],
): Made {
  const [user] = users(found.name, packages);
  const why = user === undefined ? "conda has it anyway" : `conda's ${user} needs it`;
  return {
    ...made,
    pip: made.pip.filter((each) => called(each) !== name || each.extras.length > 0),
    why: made.why.map((each) =>
      each.name === name ? { name, by: "conda", conda: found.name, why, solved: true } : each
    ),
  };
}

function torn(
  { file, line, text }: Requirement,
  { name, why }: Decision,
  found: Packaged,
  packages: readonly Packaged[],
): Impossible {
  const needers = users(found.name, packages).join(", ") || "the environment";
  return new Impossible(
    `Cannot take ${name} from PyPI (${why}): conda's ${needers} needs ${found.name} ${found.version}, and a package ` +
      "cannot be half from each",
    `change ${JSON.stringify(file)} line ${line}: ${secretless(text)}`,
  );
}
