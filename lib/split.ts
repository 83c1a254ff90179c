// Who provides what: conda's channel what it has, by name and version; PyPI the rest. Pure but for the index.
import { Problem } from "./problem.ts";
import type { Requirement, Requirements } from "./requirements.ts";
import { compareConda, dependency, fits, toConda } from "./requirement/conda.ts";
import { environment } from "./requirement/environment.ts";
import { type Environment, evaluate, Unreadable } from "./requirement/marker.ts";
import { candidates, extrasOf } from "./requirement/name.ts";
import { type Python, pythons } from "./requirement/python.ts";
import { formatSpecifier } from "./requirement/specifier.ts";

/** What the split asks of a record of the channel. */
export interface Candidate {
  version: string;
  build: string;
  subdir: string;
  depends?: readonly string[];
  noarch?: string | true;
}
/** The channels' records of a name; none where they have no such name. */
export interface Index {
  records(name: string): Promise<readonly Candidate[]>;
}

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

/** Who is to provide a requirement, and why; `nobody` where it is for other machines. */
export interface Decision {
  /** As written, or the path or URL. */
  name: string;
  by: "conda" | "pypi" | "nobody";
  why: string;
  /** What conda calls the package, where it provides it under the requirement's name or another. */
  conda?: string;
}

/** Specs for one solve, requirements for one run of pip after it, and the reasons. */
export interface Split {
  conda: string[];
  pip: Requirement[];
  /** Versions that hold for what pip installs. */
  constraints: Requirement[];
  why: Decision[];
}

/** Splits requirements between conda and pip. Throws Problem where Python itself is not to be had. */
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
/** What becomes of the requirements of one name. */
interface Part {
  conda: string[];
  pip: Requirement[];
  decision: Decision;
}

async function splitFor(task: Task): Promise<Split> {
  const { wanted, target, python } = task;
  const here = environment(target.platform, python.full, target.machine);
  const [kept, dropped] = divide(wanted.requirements, here);
  const [constraints] = divide(wanted.constraints, here);
  const groups = Map.groupBy(kept, (each) => each.name ?? `${each.file}:${each.line}`);
  const parts = await Promise.all([...groups.values()].map((group) => decide(task, group, constraints)));
  const pip = parts.flatMap((part) => part.pip);
  const conda = new Set([
    `python ${python.constraint}`,
    ...wanted.specs.map(({ spec }) => spec),
    ...parts.flatMap((part) => part.conda),
  ]);
  if (pip.length > 0 && ![...conda].some((spec) => dependency(spec).name === "pip")) conda.add("pip");
  return {
    conda: [...conda],
    pip,
    constraints,
    why: [
      ...parts.map(({ decision }) => decision),
      ...wanted.specs.map(({ spec }): Decision => ({
        name: dependency(spec).name,
        by: "conda",
        why: `# conda: ${spec}`,
      })),
      ...dropped.map((each): Decision => ({
        name: called(each),
        by: "nobody",
        why: "its marker is false here",
      })),
    ],
  };
}

function called(requirement: Requirement): string {
  return requirement.written ?? requirement.url ?? requirement.text;
}

/** Those whose markers hold, and the others. */
function divide(requirements: readonly Requirement[], here: Environment): [Requirement[], Requirement[]] {
  const holds = (each: Requirement) => {
    try {
      return !each.marker || evaluate(each.marker, here);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      throw new Problem(
        `Cannot parse ${JSON.stringify(each.file)} line ${each.line}: ${error.message}`,
        error.hint,
      );
    }
  };
  const { true: yes = [], false: no = [] } = Object.groupBy(requirements, (each) => `${holds(each)}`);
  return [yes, no];
}

async function decide(task: Task, group: Requirement[], constraints: readonly Requirement[]): Promise<Part> {
  const { name, written } = group[0]!;
  const toPip = (why: string): Part => ({
    conda: [],
    pip: group,
    decision: { name: called(group[0]!), by: "pypi", why },
  });
  const reason = group.map(onlyPip).find((why) => why !== undefined) ?? away(task.target, name);
  if (reason !== undefined || name === undefined || written === undefined) {
    return toPip(reason ?? "it has no name");
  }
  const clauses = [...group, ...constraints.filter((each) => each.name === name)].flatMap((each) =>
    each.clauses
  );
  const pre = task.wanted.options.some(({ flags }) => flags.some((flag) => flag.name === "--pre"));
  const named = group.flatMap(({ conda }) => conda ?? []);
  const full = named.filter((spec) => /[\s=<>!~[]/.test(spec));
  const found = await find(task, named[0] ?? written, named.length > 0);
  if (full.length > 0) {
    return { conda: full, pip: [], decision: { name: written, by: "conda", why: `# conda: ${full}` } };
  }
  if (!found) return toPip(`the channels have no ${written}`);
  if (found.usable.length === 0) {
    return toPip(`the channels have no ${found.name} for Python ${task.python.full}`);
  }
  const versions = found.usable.map(({ version }) => version);
  const constraint = toConda(clauses, versions, pre);
  if (!versions.some((version) => fits(constraint, version))) {
    const newest = versions.reduce((a, b) => compareConda(a, b) < 0 ? b : a);
    return toPip(`the channels have no ${found.name} ${formatSpecifier(clauses)}; the newest is ${newest}`);
  }
  const spec = (conda: string) => constraint === "*" ? conda : `${conda} ${constraint}`;
  const extras = named.length > 0 ? [] : [...new Set(group.flatMap((each) => each.extras))];
  const decision: Decision = {
    name: written,
    by: "conda",
    conda: found.name,
    why: found.name === name ? "" : `conda calls it ${found.name}`,
  };
  if (extras.length === 0) return { conda: [spec(found.name)], pip: [], decision };
  return withExtras(task, { group, extras, written, spec, name: found.name, decision });
}

/** Conda's packages know no extras: conda has the package for them, or pip adds what they need to conda's own. */
async function withExtras(
  { index }: Task,
  { group, extras, written, spec, name, decision }: {
    group: Requirement[];
    extras: string[];
    written: string;
    spec: (name: string) => string;
    name: string;
    decision: Decision;
  },
): Promise<Part> {
  const known = await extrasOf(written, extras);
  const there = known ? await Promise.all(known.map((each) => index.records(each))) : [];
  if (known && there.every((records) => records.length > 0)) {
    const why = `conda's ${known.join(", ")} has the extras ${extras.join(", ")}`;
    return { conda: [name, ...known].map(spec), pip: [], decision: { ...decision, why } };
  }
  const why = `pip adds what the extras ${extras.join(", ")} need`;
  return {
    conda: [spec(name)],
    pip: group.filter((each) => each.extras.length > 0),
    decision: { ...decision, why },
  };
}

function onlyPip(requirement: Requirement): string | undefined {
  const { forced, editable, url, hashed } = requirement;
  return forced
    ? "the file says # pip"
    : editable
    ? "it is editable"
    : url !== undefined
    ? /^[a-z][a-z0-9+.-]+:/i.test(url) ? "it is a URL" : "it is a path"
    : hashed
    ? "its hashes are those of PyPI's files"
    : undefined;
}

function away({ away }: Target, name: string | undefined): string | undefined {
  return typeof away === "string" ? away : name === undefined ? undefined : away?.get(name);
}

/** A conda package, and those of its records that the Python can have. */
interface Found {
  name: string;
  usable: Candidate[];
}

async function find(task: Task, written: string, given: boolean): Promise<Found | undefined> {
  const load = async (name: string): Promise<Found & { records: readonly Candidate[] }> => {
    const records = await task.index.records(name);
    return { name, records, usable: records.filter((record) => runs(record, task.python.full)) };
  };
  const { known, spellings } = given ? { known: written, spellings: [] } : await candidates(written);
  const sure = known === undefined ? undefined : await load(known);
  if (sure && sure.records.length > 0) return sure;
  const others = await Promise.all(spellings.map(load));
  const there = await Promise.all(
    others.map(async (found) => ({ found, python: await holdsPython(task.index, found) })),
  );
  const found = there.filter(({ python }) => python).map(({ found }) => found);
  return found.length < 2 ? found[0] : found.reduce((best, each) => newer(each, best) ? each : best);
}

function newer(a: Found, b: Found): boolean {
  const newest = ({ usable }: Found) =>
    usable.map(({ version }) => version).reduce((x, y) => x === "" || compareConda(x, y) < 0 ? y : x, "");
  return a.usable.length > 0 && (b.usable.length === 0 || compareConda(newest(b), newest(a)) < 0);
}

/** Whether a record can be installed beside this Python. */
function runs(record: Candidate, python: string): boolean {
  return (record.depends ?? []).map(dependency).every(({ name, constraint }) =>
    (name !== "python" && name !== "python_abi") || fits(constraint, python)
  );
}

/** A channel's `graphviz` is the C program, PyPI's a Python module: a namesake without Python is not taken. */
async function holdsPython(
  index: Index,
  { name, usable, records }: Found & { records: readonly Candidate[] },
): Promise<boolean> {
  const record = (usable.length > 0 ? usable : records).at(-1);
  if (!record) return false;
  if (name === "python" || record.noarch === "python" || record.depends === undefined) return true;
  const depends = record.depends.map(dependency);
  if (depends.some((each) => each.name === "python" || each.name === "python_abi")) return true;
  const same = depends.filter(({ constraint }) => constraint.includes(record.version));
  const below = await Promise.all(same.map((each) => index.records(each.name)));
  return below.flat().some(({ depends, noarch, version }) =>
    version === record.version &&
    (noarch === "python" || depends?.some((each) => ["python", "python_abi"].includes(dependency(each).name)))
  );
}
