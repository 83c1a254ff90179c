// Which Python is wanted: what the user wrote, put against what the channels have.
import { Problem } from "../problem.ts";
import { compareConda, fits, toConda } from "./conda.ts";
import { parseSpecifier } from "./specifier.ts";

/** A Python to try: conda's constraint of it, and the version in full that markers see. */
export interface Python {
  constraint: string;
  full: string;
}

/** The Pythons that fit `wanted`, the newest first, one a minor version. Throws Problem where none fits. */
export function pythons(wanted: string, versions: readonly string[]): Python[] {
  const text = wanted.trim().replace(/^python\s*(?=[0-9=<>!~])/i, "");
  const constraint = constraintOf(text, versions);
  const fitting = versions.filter((version) => fits(constraint, version)).sort((a, b) => compareConda(b, a));
  if (fitting.length === 0) {
    const newest = [...versions].sort((a, b) => compareConda(b, a))[0];
    const what = text === "" ? "Python" : `Python ${text}`;
    throw new Problem(
      `No ${what} on the channels` + (newest ? ` (the newest there is ${newest})` : ""),
      newest ? `mambaenv --python ${minor(newest)}` : "mambaenv --channel conda-forge",
    );
  }
  const newest = new Map<string, string>();
  for (const full of fitting) if (!newest.has(minor(full))) newest.set(minor(full), full);
  if (newest.size === 1) {
    return [{ constraint: constraint === "*" ? `${minor(fitting[0]!)}.*` : constraint, full: fitting[0]! }];
  }
  return [...newest].map(([name, full]) => ({
    constraint: [constraint, `${name}.*`].filter((each) => each !== "*").join(","),
    full,
  }));
}

function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

function constraintOf(text: string, versions: readonly string[]): string {
  const bare = /^[0-9]+(?:\.[0-9]+)*(\.\*)?$/.exec(text);
  if (bare) return bare[1] ? text : `${text}.*`;
  const clauses = parseSpecifier(
    text.replace(/^=(?=[0-9])/, "==").replace(/(?<=^==[0-9.]+)$/, ".*").replace("..*", ".*"),
  );
  if (clauses) return toConda(clauses, versions);
  throw new Problem(
    `Cannot parse ${JSON.stringify(text)} as a version of Python`,
    "mambaenv --python 3.11",
  );
}
