// PyPI's packages for a machine that is not here: pip finds the archives, and what they need is followed by hand,
// since pip takes every marker for this machine's.
import type { Solved } from "./making.ts";
import { parseRequirement } from "../../requirement/parse.ts";
import { candidates } from "../../requirement/name.ts";
import { contains, formatSpecifier, parseSpecifier } from "../../requirement/specifier.ts";
import type { Requirement } from "../../requirements.ts";
import { type Entry, type Machine, needs } from "./report.ts";

/** Asks pip for requirements, without what they need. */
export type Ask = (requirements: readonly Requirement[]) => Promise<Entry[]>;

/** Follows what is needed until nothing is missing; `doubts` are what only the other machine can tell. */
export async function follow(
  first: readonly Requirement[],
  { records }: Pick<Solved, "records">,
  machine: Machine,
  ask: Ask,
): Promise<{ entries: Entry[]; doubts: string[] }> {
  const conda = new Map(records.map(({ name, version }) => [name, version]));
  const found = new Map<string, Entry>();
  const doubts = new Set<string>();
  const asked = new Set<string>();
  for (let wanted: readonly Requirement[] = first; wanted.length > 0;) {
    for (const entry of await ask(wanted)) {
      found.set(key(entry), entry);
      if (!/\.whl$/.test(entry.download_info.url)) {
        doubts.add(`whether ${key(entry)} builds there from its source`);
      }
    }
    const next = new Map<string, Set<string>>();
    for (const entry of found.values()) {
      for (const { name, text, extras } of needs(entry, machine)) {
        const there = found.get(name);
        const version = there?.metadata.version ?? await provided(name, conda);
        if (version !== undefined && !contains(parseSpecifier(text.replace("*", "")) ?? [], version)) {
          doubts.add(`whether ${key(entry)} works with ${name} ${version}: it asks for ${text}`);
        }
        const lacking = extras.filter((extra) => !there?.requested_extras?.includes(extra));
        if (version !== undefined && (lacking.length === 0 || there === undefined)) continue;
        const lines = next.get(name) ?? new Set();
        next.set(
          name,
          lines.add(`${extras.length > 0 ? `[${extras.join(",")}]` : ""}${text.replace("*", "")}`),
        );
      }
    }
    const lines = [...next].sort().flatMap(([name, texts]) => [...texts].map((text) => name + text));
    wanted = lines.filter((text) => !asked.has(text)).map(requirement);
    for (const text of lines) asked.add(text);
  }
  return { entries: [...found.values()], doubts: [...doubts].sort() };
}

function key({ metadata }: Entry): string {
  return metadata.name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** The version of a project that conda provides. */
async function provided(name: string, conda: ReadonlyMap<string, string>): Promise<string | undefined> {
  const { known = "", spellings } = await candidates(name);
  return [known, ...spellings].map((each) => conda.get(each)).find((version) => version !== undefined);
}

function requirement(text: string): Requirement {
  const place = { file: "the lock", line: 1 };
  const parsed = parseRequirement(text);
  return { ...place, ...parsed, text, written: parsed.name, editable: false, hashed: false, forced: true };
}

/** A requirement whose marker holds on the other machine, for a pip that would ask this one. */
export function unmarked(given: Requirement): Requirement {
  const { marker, written, extras, clauses, url } = given;
  if (marker === undefined) return given;
  const name = (written ?? "") + (extras.length > 0 ? `[${extras.join(",")}]` : "");
  if (url === undefined) return { ...given, text: name + formatSpecifier(clauses) };
  return { ...given, text: written === undefined ? url : `${name} @ ${url}` };
}

/** Words that make pip look for another machine's wheels. */
export function tags({ platform, python }: Machine, system: string): string[] {
  const [name, word = ""] = platform.split("-");
  const arch = { 64: "x86_64", 32: "i686", arm64: "arm64" }[word] ?? word;
  const [major = 2, minor = 17] = system.split(".").map(Number);
  const own = name === "osx"
    ? [`macosx_${major}_${minor}_${arch}`]
    : name === "win"
    ? [word === "64" ? "win_amd64" : word === "32" ? "win32" : "win_arm64"]
    : [
      ...Array.from({ length: minor - 4 }, (_, i) => `manylinux_2_${minor - i}_${arch}`),
      ...minor >= 17 ? [`manylinux2014_${arch}`] : [],
      `linux_${arch}`,
    ];
  const short = python.split(".").slice(0, 2).join(".");
  return [...own.map((tag) => `--platform=${tag}`), `--python-version=${short}`, "--implementation=cp"];
}
