// What a lock's packages need of the machine, held against what it has: an older glibc, no graphics driver.
import { virtualPackages } from "../builtin/virtual.ts";
import { type Lock, type Locked, LOCKFILE } from "../lockfile.ts";
import { compareConda, dependency, fits } from "../requirement/conda.ts";
import type { World } from "../world.ts";

/** A line for each virtual package that this machine lacks, with the packages that need it. */
export async function lacks(packages: readonly Locked[], platform: string, world: World): Promise<string[]> {
  const there = new Map((await virtualPackages(world, platform)).map(({ name, version }) => [name, version]));
  const needs = new Map<string, string[]>();
  for (const { manager, name, dependencies } of packages) {
    if (manager !== "conda") continue;
    for (const [need, text] of Object.entries(dependencies)) {
      // Which processor it is stands in the build, which is not compared here.
      if (!need.startsWith("__") || need === "__archspec") continue;
      const { constraint } = dependency(`${need} ${text}`);
      const version = there.get(need);
      if (version !== undefined && fits(constraint, version)) continue;
      const what = `${need} ${constraint === "*" ? "" : constraint}`.trim();
      const has = version === undefined ? "has none" : `has ${version}`;
      const key = `${what}, and this machine ${has}`;
      needs.set(key, [...needs.get(key) ?? [], name]);
    }
  }
  return [...needs].sort().map(([what, names]) =>
    `${names.sort().join(", ")} may not work here: needs ${what}`
  );
}

/** A line for each virtual package that the lock was made for, and that this machine lacks or has older. */
export async function differs(assumed: Lock["assumed"], platform: string, world: World): Promise<string[]> {
  const names = Object.keys(assumed).filter((name) => name !== "archspec").sort();
  if (names.length === 0) return [];
  const there = new Map((await virtualPackages(world, platform)).map(({ name, version }) => [name, version]));
  return names.flatMap((name) => {
    const version = there.get(`__${name}`);
    if (version !== undefined && compareConda(version, assumed[name]!) >= 0) return [];
    const has = version === undefined ? "has none" : `has ${version}`;
    return [`${LOCKFILE} was made for ${name} ${assumed[name]}, and this machine ${has}`];
  });
}
