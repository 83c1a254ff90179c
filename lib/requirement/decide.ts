// Whether conda or PyPI provides the requirements of one name, and why.
import type { Requirement } from "../requirements.ts";
import { compareConda, dependency, fits, toConda } from "./conda.ts";
import { find, type Found, type Index } from "./find.ts";
import { extrasOf } from "./name.ts";
import { normalize } from "./parse.ts";
import { type Clause, formatSpecifier } from "./specifier.ts";
import { secretless } from "../secret.ts";

/** Who is to provide a requirement, and why; `nobody` where it is for other machines. */
export interface Decision {
  /** As written, or the path or URL. */
  name: string;
  by: "conda" | "pypi" | "nobody";
  why: string;
  /** What conda calls the package, where it provides it. */
  conda?: string;
  /** Whether a solve decided it: what the channels have would not tell. */
  solved?: true;
}

/** What becomes of the requirements of one name. */
export interface Part {
  conda: string[];
  pip: Requirement[];
  decision: Decision;
}

/** The requirements of one name, all that is said of its version, and what else decides. */
export interface Case {
  group: readonly Requirement[];
  /** Those of the group and of the constraints. */
  clauses: readonly Clause[];
  /** Whether pre-releases are wanted. */
  pre: boolean;
  /** Why it is not to come from conda. */
  away?: string;
  /** The Python, in full. */
  python: string;
}

/** A requirement as the user knows it, without secrets. */
export function called({ written, url, text }: Requirement): string {
  // The text still has its variables' names, which may stand for secrets.
  return written ?? secretless(url === undefined || text.includes("${") ? text : url);
}

/** Decides for the requirements of one name, all alike: never a package half from each. */
export async function decide(given: Case, index: Index): Promise<Part> {
  const { group, python, away } = given;
  const [first] = group;
  const name = called(first!);
  const toPip = (why: string): Part => ({ conda: [], pip: [...group], decision: { name, by: "pypi", why } });
  const reason = group.map(onlyPip).find((why) => why !== undefined) ?? away;
  if (reason !== undefined || first?.written === undefined) {
    const part = toPip(reason ?? "it has no name");
    return reason === undefined || reason !== away
      ? part
      : { ...part, decision: { ...part.decision, solved: true } };
  }
  const specs = group.flatMap(({ conda }) => conda ?? []);
  const whole = specs.filter((spec) => dependency(spec).name !== spec);
  if (whole.length > 0) {
    const decision: Decision = {
      name,
      by: "conda",
      conda: dependency(whole[0]!).name,
      why: `# conda: ${whole.join(", ")}`,
    };
    return { conda: whole, pip: [], decision };
  }
  const own = specs[0] ?? (first.known || undefined);
  const found = await find({ written: own ?? first.written, given: own !== undefined, python }, index);
  if (!found) return toPip(`the channels have no ${name}`);
  if (found.usable.length === 0) return toPip(`the channels have no ${found.name} for Python ${python}`);
  const versions = found.usable.map(({ version }) => version);
  const constraint = toConda(given.clauses, versions, given.pre);
  if (!versions.some((version) => fits(constraint, version))) {
    const newest = versions.reduce((a, b) => compareConda(a, b) < 0 ? b : a);
    return toPip(
      `the channels have no ${found.name} ${formatSpecifier(given.clauses)}; the newest is ${newest}`,
    );
  }
  return fromConda(given, found, constraint, index);
}

async function fromConda({ group }: Case, found: Found, constraint: string, index: Index): Promise<Part> {
  const { name: normal = "", written = "", conda } = group[0]!;
  const spec = (name: string) => constraint === "*" ? name : `${name} ${constraint}`;
  const decision: Decision = {
    name: written,
    by: "conda",
    conda: found.name,
    why: normalize(found.name) === normal ? "" : `conda calls it ${found.name}`,
  };
  const extras = conda === undefined ? [...new Set(group.flatMap((each) => each.extras))] : [];
  if (extras.length === 0) return { conda: [spec(found.name)], pip: [], decision };
  const known = await extrasOf(written, extras) ?? [];
  const there = await Promise.all(known.map((name) => index.records(name)));
  if (known.length > 0 && there.every((records) => records.length > 0)) {
    const why = `conda's ${known.join(", ")} has the extras ${extras.join(", ")}`;
    return { conda: [...new Set([found.name, ...known])].map(spec), pip: [], decision: { ...decision, why } };
  }
  // conda's packages know no extras: pip finds conda's own there, held fixed, and adds what the extras need.
  const why = `pip adds what the extras ${extras.join(", ")} need`;
  const pip = group.filter((each) => each.extras.length > 0);
  return { conda: [spec(found.name)], pip, decision: { ...decision, why } };
}

function onlyPip({ known, forced, editable, url, hashed }: Requirement): string | undefined {
  if (known === false) return "names says that it is PyPI's";
  if (forced) return "the file says # pip";
  if (editable) return "it is editable";
  if (url !== undefined) return /^[a-z][a-z0-9+.-]+:/i.test(url) ? "it is a URL" : "it is a path";
  return hashed ? "its hashes are those of PyPI's files" : undefined;
}
