// In which order packages are linked: what a package depends on before it.
import type { Record } from "./record.ts";

/** The name that a MatchSpec begins with. */
export function specName(spec: string): string {
  return (/^\s*(?:[^\s[]*::)?([^\s=<>!~[,;|]+)/.exec(spec)?.[1] ?? "").toLowerCase();
}

/**
 * Sorts packages so that each comes after what it depends on, whatever order they are given in. In a circle, such as
 * that of python and pip, `noarch` ones come last. Where two have the same file, the later one's counts: the same
 * order as rattler's makes the same environment.
 */
export function topological<T extends { record: Record }>(packages: readonly T[]): T[] {
  const all = new Map(packages.map((item) => [item.record.name, item]));
  const needs = new Map<string, string[]>();
  for (const [name, { record }] of all) {
    needs.set(
      name,
      record.depends.map(specName).filter((need) => need !== name && all.has(need)).sort().reverse(),
    );
  }
  const loose = (from: string, to: string) =>
    all.get(from)!.record.noarch === undefined && all.get(to)!.record.noarch !== undefined &&
    reaches(needs, to, from);
  const edges = new Map([...needs].map(([name, list]) => [name, list.filter((need) => !loose(name, need))]));
  const needed = new Set([...edges.values()].flat());
  const names = [...all.keys()].sort().reverse();
  const sorted = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const need of edges.get(name)!) visit(need);
    sorted.add(name);
  };
  for (const name of names) if (!needed.has(name)) visit(name);
  for (const name of names) visit(name);
  return [...sorted].map((name) => all.get(name)!);
}

function reaches(needs: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const name of seen) {
    if (name === to) return true;
    for (const need of needs.get(name)!) seen.add(need);
  }
  return false;
}
