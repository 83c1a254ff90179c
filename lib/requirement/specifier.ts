// Version specifiers as PEP 440 has them: `>=1.26,<2`, read and asked whether they contain a version.
import { compareVersions, GRAMMAR, parseVersion, prerelease, sameRelease, type Version } from "./version.ts";

export type Operator = "==" | "!=" | "~=" | "<=" | ">=" | "<" | ">" | "===";
/** One clause of a specifier: `text` is the version as written, without `.*`. */
export interface Clause {
  operator: Operator;
  text: string;
  /** Read from `text`; for `===` undefined where it is no version. */
  version?: Version;
  wildcard: boolean;
}

const { release, suffix, local } = GRAMMAR;
const CLAUSE = new RegExp(
  `^(?:(===)\\s*([^\\s,;)]*)|(==|!=)\\s*(${release}(?:\\.\\*|${suffix}(?:${local})?))` +
    `|(~=)\\s*(v?(?:[0-9]+!)?[0-9]+(?:\\.[0-9]+)+${suffix})|(<=|>=|<|>)\\s*(${release}${suffix}))`,
  "i",
);

/** Reads one clause at the start of `text`: the clause and its length; undefined where there is none. */
export function readClause(text: string): { clause: Clause; length: number } | undefined {
  const match = CLAUSE.exec(text);
  if (!match) return undefined;
  const parts = match.slice(1);
  const operator = parts.find((part, i) => i % 2 === 0 && part !== undefined) as Operator;
  const written = parts.find((part, i) => i % 2 === 1 && part !== undefined)!;
  const wildcard = operator !== "===" && written.endsWith(".*");
  const plain = wildcard ? written.slice(0, -2) : written;
  return {
    clause: { operator, text: plain, version: parseVersion(plain), wildcard },
    length: match[0].length,
  };
}

/** Reads a whole specifier set, such as `>=1,<2`; undefined where it is none. Empty text is an empty set. */
export function parseSpecifier(text: string): Clause[] | undefined {
  const clauses: Clause[] = [];
  for (const part of text.split(",").map((each) => each.trim()).filter((each) => each !== "")) {
    const read = readClause(part);
    if (!read || read.length !== part.length) return undefined;
    clauses.push(read.clause);
  }
  return clauses;
}

/** The specifier as text, `*` for an empty one. */
export function formatSpecifier(clauses: readonly Clause[]): string {
  return clauses.map(({ operator, text, wildcard }) => operator + text + (wildcard ? ".*" : "")).join(",") ||
    "*";
}

/** Whether every clause admits the version, pre-releases not being held against it. */
export function contains(clauses: readonly Clause[], text: string): boolean {
  const version = parseVersion(text);
  return clauses.every((clause) =>
    clause.operator === "==="
      ? clause.text.toLowerCase() === text.trim().toLowerCase()
      : version !== undefined && admits(clause, version)
  );
}

/** Whether a clause itself names a pre-release, which lets pre-releases in. */
export function namesPrerelease(clauses: readonly Clause[]): boolean {
  return clauses.some(({ operator, version, wildcard }) =>
    operator !== "!=" && !wildcard && version !== undefined && prerelease(version)
  );
}

function admits(clause: Clause, candidate: Version): boolean {
  const bound = clause.version;
  if (!bound) return false;
  const order = () => compareVersions(candidate, bound);
  switch (clause.operator) {
    case "==":
      return clause.wildcard ? within(candidate, bound) : equal(candidate, bound);
    case "!=":
      return !(clause.wildcard ? within(candidate, bound) : equal(candidate, bound));
    case "~=":
      return order() >= 0 && within(candidate, { ...bound, release: bound.release.slice(0, -1) });
    case ">=":
      return order() >= 0;
    case "<=":
      return order() <= 0 || equal(candidate, bound);
    case "<":
      return order() < 0 && (prerelease(bound) || !(prerelease(candidate) && kin(candidate, bound)));
    case ">":
      return order() > 0 && !exceedsOnlyByName(candidate, bound);
    case "===":
      return false;
    default:
      return clause.operator satisfies never;
  }
}

function equal(candidate: Version, bound: Version): boolean {
  return compareVersions(bound.local ? candidate : { ...candidate, local: undefined }, bound) === 0;
}

/** `==1.2.*`: the release starts with these numbers, padded by zeros. */
function within(candidate: Version, bound: Version): boolean {
  return candidate.epoch === bound.epoch &&
    bound.release.every((part, i) => part === (candidate.release[i] ?? 0n));
}

/** A pre-release of the bound itself; for a post-release, one of that very post-release. */
function kin(candidate: Version, bound: Version): boolean {
  return sameRelease(candidate, bound) &&
    (bound.post === undefined || (candidate.pre === undefined && candidate.post === bound.post));
}

/** `>1.0` admits neither `1.0+local` nor `1.0.post1`; `>1.0.post1` no local of it. */
function exceedsOnlyByName(candidate: Version, bound: Version): boolean {
  if (!sameRelease(candidate, bound)) return false;
  const same = candidate.pre?.join() === bound.pre?.join();
  if (bound.dev !== undefined) return same && candidate.post === bound.post && candidate.dev === bound.dev;
  if (bound.post !== undefined) return same && candidate.post === bound.post;
  return same;
}

/** Those of `versions` that the specifier lets in: pre-releases only if it names one, or nothing else fits. */
export function admitted(clauses: readonly Clause[], versions: readonly string[], pre = false): string[] {
  const all = versions.filter((version) => contains(clauses, version));
  if (pre || namesPrerelease(clauses)) return all;
  const finals = all.filter((version) => {
    const parsed = parseVersion(version);
    return !parsed || !prerelease(parsed);
  });
  return finals.length > 0 ? finals : all;
}
