// Versions as conda orders them, constraints as conda matches them, and PEP 440 put into conda's words.
import { admitted, type Clause } from "./specifier.ts";
import { formatVersion, parseVersion, type Version } from "./version.ts";

/** `1.0rc1` is `[[1], [0, "rc", 1]]`. Order of parts: `dev`, `_`, letters, numbers, `post`. */
type Parts = readonly (readonly (bigint | string)[])[];
interface Order {
  epoch: bigint;
  parts: Parts;
  local: Parts;
}

function read(text: string): Order {
  const [, epoch = "0", version = "", local = ""] = /^\s*(?:([0-9]+)!)?([^+]*)(?:\+(.*?))?\s*$/.exec(text) ??
    [];
  return { epoch: BigInt(epoch), parts: cut(version), local: cut(local) };
}

function cut(text: string): Parts {
  if (text === "") return [];
  const tail = /[_-]$/.test(text) && text.length > 1;
  const segments = (tail ? text.slice(0, -1) : text).toLowerCase().split(/[._-]/).map((segment) => {
    const parts = (segment.match(/[0-9]+|[^0-9]+/g) ?? []).map((part) =>
      /^[0-9]/.test(part) ? BigInt(part) : part
    );
    return typeof parts[0] === "string" ? [0n, ...parts] : parts;
  });
  if (tail) segments.at(-1)!.push("_");
  return segments;
}

/** Less than, equal to or greater than zero, as conda puts version `a` before, with or after `b`. */
export function compareConda(a: string, b: string): number {
  const [left, right] = [read(a), read(b)];
  return big(left.epoch, right.epoch) || segments(left.parts, right.parts) ||
    segments(left.local, right.local);
}

function big(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function segments(a: Parts, b: Parts): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? [], b[i] ?? []];
    for (let k = 0; k < Math.max(left.length, right.length); k++) {
      const order = part(left[k] ?? 0n, right[k] ?? 0n);
      if (order !== 0) return order;
    }
  }
  return 0;
}

function part(a: bigint | string, b: bigint | string): number {
  const rank = (each: bigint | string) =>
    each === "dev" ? 0 : each === "_" ? 1 : each === "post" ? 4 : typeof each === "string" ? 2 : 3;
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

function startsWith(a: Parts, prefix: Parts): boolean {
  for (let i = 0; i < prefix.length; i++) {
    const [whole, want] = [a[i] ?? [], prefix[i]!];
    if (want.some((each, k) => each !== (whole[k] ?? (each === 0n ? 0n : undefined)))) return false;
    if (whole.length > want.length && i + 1 < Math.min(prefix.length, a.length)) return false;
  }
  return true;
}

/** Whether a version fits a conda constraint such as `>=1.2,<2|==3.*`; what is not understood fits. */
export function fits(constraint: string, version: string): boolean {
  return constraint.split("|").some((all) => all.split(",").every((one) => fitsOne(one.trim(), version)));
}

function fitsOne(one: string, version: string): boolean {
  const match = /^(==|!=|<=|>=|<|>|~=|=)?\s*([0-9A-Za-z_.!+-]+?)(\.?\*)?$/.exec(one);
  if (one === "" || one === "*" || !match) return true;
  const [, operator = "==", bound = "", star] = match;
  const prefixed = () => {
    const [whole, prefix] = [read(version), read(bound)];
    return whole.epoch === prefix.epoch && startsWith(whole.parts, prefix.parts) &&
      startsWith(whole.local, prefix.local);
  };
  const order = compareConda(version, bound);
  switch (operator) {
    case "=":
      return prefixed();
    case "==":
      return star ? prefixed() : order === 0;
    case "!=":
      return star ? !prefixed() : order !== 0;
    case "~=":
      return order >= 0 && fitsOne(`=${bound.replace(/[._-][^._-]*$/, "")}`, version);
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    default:
      return order >= 0;
  }
}

/** A conda spec, cut: its name and the constraint of its version, `*` for none. */
export function dependency(text: string): { name: string; constraint: string } {
  const [, name = text, constraint] = /^(?:\S*::)?([^\s=<>!~[]+)\s*([^\s[]*)/.exec(text.trim()) ?? [];
  return { name, constraint: constraint || "*" };
}

/**
 * A PEP 440 specifier as a conda constraint that lets in, of `versions`, exactly what the specifier lets in:
 * where the two differ (pre-releases, post-releases, locals) the versions in question are named.
 */
export function toConda(clauses: readonly Clause[], versions: readonly string[], pre = false): string {
  const base = clauses.map(spell).join(",");
  const known = [...new Set(versions)];
  const right = new Set(admitted(clauses, known, pre));
  const allowed = (version: string) => parseVersion(version) ? right.has(version) : fits(base, version);
  const out = known.filter((version) => fits(base, version) && !allowed(version));
  const missed = known.filter((version) => !fits(base, version) && allowed(version));
  const kept = known.length - out.length - missed.length;
  const main = out.length > 8 && right.size <= out.length && kept > 0
    ? known.filter((version) => fits(base, version) && allowed(version)).map((version) => `==${version}`)
    : [[base, ...out.map((version) => `!=${version}`)].filter((each) => each !== "").join(",")];
  return [...main, ...missed.map((version) => `==${version}`)].join("|") || "*";
}

function spell({ operator, text, version, wildcard }: Clause): string {
  if (!version) return `==${text}`;
  const plain = formatVersion(version);
  switch (operator) {
    case "===":
      return `==${text}`;
    case "==":
      return wildcard ? `${plain}.*` : `==${plain}`;
    case "!=":
      return wildcard ? `!=${plain}.*` : `!=${plain}`;
    case "~=":
      return `>=${plain},${prefix(version)}.*`;
    default:
      return operator + plain;
  }
}

function prefix(version: Version): string {
  return formatVersion({ epoch: version.epoch, release: version.release.slice(0, -1) });
}
