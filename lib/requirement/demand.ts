// What pip says it needs of packages that conda installed in other versions.
import { Problem } from "../problem.ts";
import type { Requirement } from "../requirements.ts";
import type { Decision } from "./decide.ts";
import { normalize, parseRequirement } from "./parse.ts";
import { contains } from "./specifier.ts";
import { Unreadable } from "./unreadable.ts";

/** Something that pip wants otherwise than conda has it: `click>=8.2`, since `hard 1.0` needs it. */
export interface Demand {
  text: string;
  by: string;
}

/** pip did not install something. */
export class Refused extends Problem {}

/** pip found no way with what conda installed. */
export class Rejected extends Refused {
  constructor({ message, hint, exit }: Problem, readonly demands: readonly Demand[]) {
    super(message, hint, exit);
  }
}

/** What pip's reasons of a conflict ask of packages that are held fixed at these versions; one for each package. */
export function demands(conflict: string, fixed: ReadonlyMap<string, string>): Demand[] {
  const found = new Map<string, Demand>();
  for (const [, by = "", words = ""] of conflict.matchAll(/^\s+(\S+ \S+) depends on ([^;\n]+)/gm)) {
    // pip says `x<3 and >=2`, or `x<4, >=2 and !=3`.
    const text = words.replace(/ and /g, ",").replace(/\s+/g, "");
    const parsed = read(text);
    if (parsed?.name === undefined || parsed.url !== undefined) continue;
    const name = normalize(parsed.name), version = fixed.get(name);
    if (version === undefined || found.has(name) || contains(parsed.clauses, version)) continue;
    found.set(name, { text, by });
  }
  return [...found.values()];
}

function read(text: string): ReturnType<typeof parseRequirement> | undefined {
  try {
    return parseRequirement(text);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

/** A demand as if it stood in a file of the project. */
export function demanded({ text, by }: Demand): Requirement {
  const parsed = parseRequirement(text);
  return {
    file: `PyPI's ${by}`,
    line: 1,
    ...parsed,
    text,
    name: normalize(parsed.name!),
    written: parsed.name!,
    editable: false,
    hashed: false,
    forced: false,
  };
}

/** Decisions with what pip had to do with them: the channels alone would not tell. */
export function reasoned(why: readonly Decision[], asked: readonly Demand[]): Decision[] {
  const by = new Map(asked.map((each) => [demanded(each).name, `PyPI's ${each.by} needs ${each.text}`]));
  return why.map((each) => {
    const more = by.get(normalize(each.name));
    return more === undefined
      ? each
      : { ...each, why: [each.why, more].filter(Boolean).join(", and "), solved: true };
  });
}
