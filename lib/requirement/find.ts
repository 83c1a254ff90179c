// Which package of a channel is a project of PyPI, and which of its records a Python can have.
import { compareConda, dependency, fits } from "./conda.ts";
import { candidates } from "./name.ts";

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

/** A conda package, and those of its records that the Python can have. */
export interface Found {
  name: string;
  usable: Candidate[];
}

/** What is looked for: `given` where the name is conda's own. */
export interface Want {
  written: string;
  given: boolean;
  /** The Python it must run with, in full. */
  python: string;
}

/** Finds a project in the channels; undefined where they have none by any of its names. */
export async function find(want: Want, index: Index): Promise<Found | undefined> {
  const { written, given, python } = want;
  const load = async (name: string): Promise<Found & { records: readonly Candidate[] }> => {
    const records = await index.records(name);
    return { name, records, usable: records.filter((record) => runs(record, python)) };
  };
  const { known, spellings } = given ? { known: written, spellings: [] } : await candidates(written);
  const sure = known === undefined ? undefined : await load(known);
  if (sure && sure.records.length > 0) return sure;
  const others = await Promise.all(spellings.map(load));
  const there = await Promise.all(
    others.map(async (found) => ({ found, python: await holdsPython(index, found) })),
  );
  const found = there.filter(({ python }) => python).map(({ found }) => found);
  return found.length < 2 ? found[0] : found.reduce((best, each) => newer(each, best) ? each : best);
}

function newer(a: Found, b: Found): boolean {
  const newest = ({ usable }: Found) =>
    usable.map(({ version }) => version).reduce((x, y) => x === "" || compareConda(x, y) < 0 ? y : x, "");
  return a.usable.length > 0 && (b.usable.length === 0 || compareConda(newest(b), newest(a)) < 0);
}

function needsPython({ noarch, depends = [] }: Candidate): boolean {
  return noarch === "python" ||
    depends.map(dependency).some(({ name }) => name === "python" || name === "python_abi");
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
  const own = usable.length > 0 ? usable : records;
  if (own.length === 0) return false;
  const record = own.reduce((best, each) => compareConda(best.version, each.version) < 0 ? each : best);
  if (name === "python" || record.depends === undefined) return true;
  if (needsPython(record)) return true;
  // A package in parts: xgboost is py-xgboost of the same version, and that has the modules.
  const parts = record.depends.map(dependency).filter(({ constraint }) =>
    constraint.includes(record.version)
  );
  const below = await Promise.all(parts.map((each) => index.records(each.name)));
  return below.flat().some((part) => part.version === record.version && needsPython(part));
}
