// Why a package comes from where it comes from, as a lock keeps it: the channels may say something else by then.
import type { Wanted } from "../inputs.ts";
import { type Lock, type Locked, LOCKFILE } from "../lockfile.ts";
import { called, type Decision } from "../requirement/decide.ts";
import { environment } from "../requirement/environment.ts";
import { evaluate } from "../requirement/marker.ts";
import { normalize } from "../requirement/parse.ts";
import { secretless } from "../secret.ts";
import { local } from "./content.ts";
import { condas } from "./judge.ts";

/** What a name in `custom_metadata` begins with that says why; then `linux-64_NAME`. */
const WHY = "mambaenv_why_";
/** Longest reason that is written down, and believed. */
const MOST = 500;

/** The reasons as names and texts; what comes from conda as a matter of course needs none. */
export function told(why: Lock["why"]): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(why).flatMap(([platform, decisions]) =>
      decisions.filter(({ name, by, why }) => by !== "nobody" && why !== "" && /^[\w.-]+$/.test(name))
        .map(({ name, by, conda, why }) => [
          `${WHY}${platform}_${normalize(name)}`,
          `${by === "pypi" ? "PyPI" : `conda as ${conda}`}: ${secretless(why).slice(0, MOST)}`,
        ])
    ),
  );
}

/** The same read back; whatever it is not is left out. */
export function heard(custom: { readonly [name: string]: string }): Lock["why"] {
  const found: { [platform: string]: Decision[] } = {};
  for (const [key, text] of Object.entries(custom)) {
    const [, platform, name] = /^mambaenv_why_([a-z]+-[a-z0-9]+)_([\w.-]+)$/.exec(key) ?? [];
    const [, who, conda, why] = /^(PyPI|conda as ([\w.-]+)): (\P{Cc}+)$/u.exec(text) ?? [];
    if (!platform || !name || !why || why.length > MOST) continue;
    const decision: Decision = who === "PyPI"
      ? { name, by: "pypi", why }
      : { name, by: "conda", conda: conda!, why };
    (found[platform] ??= []).push(decision);
  }
  return found;
}

/** The reasons of now, but those of then for what did not move since: the channels' newest is of no account for it. */
export function kept(now: Lock, { why, packages }: Pick<Lock, "why" | "packages">): Lock["why"] {
  const url = (list: readonly Locked[], platform: string, name: string) =>
    list.find((each) => each.platform === platform && each.name === name)?.url;
  return Object.fromEntries(
    Object.entries(now.why).map(([platform, decisions]) => {
      const old = new Map(why[platform]?.map((each) => [each.name, each]));
      return [
        platform,
        decisions.map((each) => {
          const name = normalize(each.name), was = old.get(name), there = each.conda ?? name;
          const same = was?.by === each.by && was.conda === each.conda &&
            url(packages, platform, there) === url(now.packages, platform, there);
          return same ? was : each;
        }),
      ];
    }),
  );
}

/** A lock's packages for one platform, and what they are to be. */
export interface Asked {
  packages: readonly Locked[];
  wanted: Wanted;
  platform: string;
  /** Reasons that the lock has. */
  known?: readonly Decision[];
}

/** Who provides each requirement, as the lock has it; where it has no reason, the lock is one. */
export async function decisions({ packages, wanted, platform, known = [] }: Asked): Promise<Decision[]> {
  const { requirements, specs } = wanted;
  const of = (wanted: string) =>
    new Map(packages.filter(({ manager }) => manager === wanted).map((each) => [each.name, each] as const));
  const [conda, pip] = [of("conda"), of("pip")];
  const here = environment(platform, conda.get("python")?.version ?? "3");
  const reasons = new Map(known.map((each) => [`${each.by} ${normalize(each.name)}`, each.why]));
  const decision = (name: string, by: "conda" | "pypi", conda?: string): Decision => {
    const why = reasons.get(`${by} ${normalize(name)}`) ?? LOCKFILE;
    return { name, by, why, ...conda !== undefined && { conda } };
  };
  const asked = specs.map(({ spec }): Decision => {
    const name = /^[\w.-]+/.exec(spec)?.[0] ?? spec;
    return conda.has(name)
      ? decision(name, "conda", name)
      : { name, by: "nobody", conda: name, why: LOCKFILE };
  });
  const others = await Promise.all(requirements.map(async (each): Promise<Decision> => {
    const name = called(each);
    if (each.marker && !evaluate(each.marker, here)) {
      return { name, by: "nobody", why: "its marker is false here" };
    }
    if (local(each)) return { name, by: "pypi", why: "it is a path" };
    if (pip.has(each.name ?? "")) return decision(name, "pypi");
    const found = await condas(each, conda);
    return found
      ? decision(name, "conda", found.name)
      : { name, by: "nobody", why: `${LOCKFILE} has no such package` };
  }));
  return [...new Map([...asked, ...others].map((each) => [each.name, each])).values()];
}
