// Who provides what: conda's channel what it has, by name and version; PyPI the rest. Pure but for the index.
import { Problem } from "./problem.ts";
import type { Requirement, Requirements } from "./requirements.ts";
import { dependency } from "./requirement/conda.ts";
import { called, decide, type Decision } from "./requirement/decide.ts";
import { environment } from "./requirement/environment.ts";
import type { Index } from "./requirement/find.ts";
import { type Environment, evaluate } from "./requirement/marker.ts";
import { type Python, pythons } from "./requirement/python.ts";
import { Unreadable } from "./requirement/unreadable.ts";
import { once } from "./requirement/whole.ts";

export type { Decision, Index };

/** The environment that is wanted. */
export interface Target {
  /** `3.11`, `3.11.4`, `>=3.10,<3.13`; empty for any. */
  python: string;
  /** conda subdir, such as `linux-64`. */
  platform: string;
  /** The machine's kernel release and version, where markers ask for them. */
  machine?: { release: string; version: string };
  /** Names (PEP 503) that are not to come from conda, and why; one reason holds for all. */
  away?: ReadonlyMap<string, string> | string;
}

/** Specs for one solve, requirements for one run of pip after it, and the reasons. */
export interface Split {
  conda: string[];
  pip: Requirement[];
  /** Versions that hold for what pip installs. */
  constraints: Requirement[];
  why: Decision[];
}

/**
 * Splits requirements between conda and pip; where several Pythons fit, for the newest that leaves pip the least.
 * Throws Problem where none is to be had.
 */
export async function split(wanted: Requirements, target: Target, index: Index): Promise<Split> {
  const versions = (await index.records("python")).map(({ version }) => version);
  let best: Split | undefined;
  for (const python of pythons(target.python, versions)) {
    const made = await splitFor({ wanted, target, index, python });
    if (!best || made.pip.length < best.pip.length) best = made;
    if (best.pip.length === 0) break;
  }
  return best!;
}

/** All that one split is made from. */
interface Task {
  wanted: Requirements;
  target: Target;
  index: Index;
  python: Python;
}

async function splitFor({ wanted, target, index, python }: Task): Promise<Split> {
  const here = environment(target.platform, python.full, target.machine);
  const [kept, dropped] = divide(wanted.requirements, here);
  const [constraints] = divide(wanted.constraints, here);
  const pre = wanted.options.some(({ flags }) => flags.some(({ name }) => name === "--pre"));
  const groups = [...Map.groupBy(kept, (each) => each.name ?? `${each.file}:${each.line}`).values()];
  const decided = await Promise.all(groups.map((group) => {
    const { name } = group[0]!;
    const away = typeof target.away === "string" ? target.away : name && target.away?.get(name);
    const clauses = [...group, ...constraints.filter((each) => each.name === name)].flatMap((each) =>
      each.clauses
    );
    return decide({ group, clauses, pre, away, python: python.full }, index);
  }));
  const { specs, parts } = once(wanted.specs.map(({ spec }) => spec), decided);
  const pip = parts.flatMap((part) => part.pip);
  const conda = [
    ...new Set([`python ${python.constraint}`, ...specs, ...parts.flatMap((part) => part.conda)]),
  ];
  if (pip.length > 0 && !conda.some((spec) => dependency(spec).name === "pip")) conda.push("pip");
  const known = new Set(parts.map(({ decision: { conda } }) => conda));
  const asked = specs.filter((spec) => !known.has(dependency(spec).name)).map((spec): Decision => {
    const { name } = dependency(spec);
    return { name, by: "conda", conda: name, why: `${spec} is asked of conda` };
  });
  const others = dropped.map((each): Decision => ({
    name: called(each),
    by: "nobody",
    why: "its marker is false here",
  }));
  return { conda, pip, constraints, why: [...parts.map(({ decision }) => decision), ...asked, ...others] };
}

/** Those whose markers hold, and the others. */
function divide(requirements: readonly Requirement[], here: Environment): [Requirement[], Requirement[]] {
  const { true: yes = [], false: no = [] } = Object.groupBy(requirements, (each) => `${holds(each, here)}`);
  return [yes, no];
}

function holds({ marker, file, line }: Requirement, here: Environment): boolean {
  try {
    return !marker || evaluate(marker, here);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new Problem(`Cannot parse ${JSON.stringify(file)} line ${line}: ${error.message}`, error.hint);
  }
}
