// Which Python is wanted: what the user wrote, put against what the channels have.
import { Problem } from "../problem.ts";
import { compareConda, fits, toConda } from "./conda.ts";
import { type Clause, parseSpecifier } from "./specifier.ts";

/** A Python to try: conda's constraint of it, and the version in full that markers see. */
export interface Python {
  constraint: string;
  full: string;
}

/** The Pythons that fit `wanted`, the newest first, one a minor version. Throws Problem where none fits. */
export function pythons(wanted: string, versions: readonly string[]): Python[] {
  const text = wanted.trim().replace(/^python\s*(?=[0-9=<>!~])/i, "");
  const clauses = clausesOf(text);
  const whole = toConda(clauses, versions);
  const fitting = versions.filter((version) => fits(whole, version)).sort((a, b) => compareConda(b, a));
  if (fitting.length === 0) throw missing(text, versions);
  return [...Map.groupBy(fitting, minor)].map(([name, group]) => {
    const all = versions.filter((version) => minor(version) === name);
    const constraint = toConda(clauses, all);
    const told = clauses.length === 1 && clauses[0]!.operator === "==" &&
      clauses[0]!.text.split(".").length > 1;
    return { constraint: told ? constraint : join(constraint, `${name}.*`), full: group[0]! };
  });
}

function missing(text: string, versions: readonly string[]): Problem {
  const newest = [...versions].sort((a, b) => compareConda(b, a))[0];
  return new Problem(
    `No Python${text && ` ${text}`} on the channels` + (newest ? `; the newest there is ${newest}` : ""),
    newest ? `mambaenv --python ${minor(newest)}` : "mambaenv --channel conda-forge",
  );
}

function join(constraint: string, pin: string): string {
  return constraint === "*" ? pin : constraint.split("|").map((each) => `${each},${pin}`).join("|");
}

function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** `3.11`, `=3.11` and `3.11.*` are the same; else as PEP 440. */
function clausesOf(text: string): Clause[] {
  const bare = /^=?=?\s*([0-9]+(?:\.[0-9]+)*)(?:\.?\*)?$/.exec(text)?.[1];
  const clauses = parseSpecifier(bare === undefined ? text : `==${bare}.*`);
  if (clauses) return clauses;
  throw new Problem(`Cannot parse ${JSON.stringify(text)} as a version of Python`, "mambaenv --python 3.11");
}
