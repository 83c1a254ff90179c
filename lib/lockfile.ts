// conda-lock.yml in version 1, the form that conda-lock, mamba and micromamba read: what stands in it.
import { EXIT, Problem } from "./problem.ts";
import type { Decision } from "./requirement/decide.ts";
import type { World } from "./world.ts";

/** Its name, in the root of the project. */
export const LOCKFILE = "conda-lock.yml";

/** What a name in `custom_metadata` begins with that says what was assumed of the machine. */
export const ASSUMED = "mambaenv_assumed_";

/** A package for one platform: a conda package, or what pip is to install. */
export interface Locked {
  manager: "conda" | "pip";
  name: string;
  version: string;
  /** conda subdir of the machines that get it, such as `linux-64`. */
  platform: string;
  /** What it needs, by name; `*` or empty for any version. */
  dependencies: { [name: string]: string };
  /** Without secrets. */
  url: string;
  md5?: string;
  sha256?: string;
  /** Whether its URL was asked for, so that Python is to remember it. */
  direct: boolean;
  /** Where it stands in the file. */
  line?: number;
}

/** A lock file. */
export interface Lock {
  /** Of what was asked for, by platform; each tool has a hash of its own. */
  hashes: { [platform: string]: string };
  /** Versions of virtual packages, by name without `__`, of the machine that it was made for, where that is another. */
  assumed: { readonly [name: string]: string };
  /** Why it has what is asked for from conda or from PyPI, by platform; what is not told came as a matter of course. */
  why: { readonly [platform: string]: readonly Decision[] };
  channels: string[];
  platforms: string[];
  /** Files that say what was asked for, relative to the project. */
  sources: string[];
  packages: Locked[];
}

/** Reads the lock file in a project's root; undefined where there is none. Throws Problem. */
export async function readLock(root: string, world: World): Promise<Lock | undefined> {
  const path = `${root}/${LOCKFILE}`;
  const text = world.read(path);
  if (text !== undefined) return await (await import("./lockfile/parse.ts")).parseLock(text);
  if (world.stat(path) === undefined) return undefined;
  throw new Problem(`Cannot read ${JSON.stringify(path)}`, `ls -l ${JSON.stringify(path)}`);
}

/** The packages of a lock for a platform. Throws Problem where it has none. */
export function packagesFor(lock: Lock, platform: string): Locked[] {
  const found = lock.packages.filter((each) => each.platform === platform);
  if (found.length > 0) return found;
  const known = lock.platforms.join(", ") || "none";
  throw new Problem(
    `${JSON.stringify(LOCKFILE)} has no packages for ${platform}, only for: ${known}`,
    `mambaenv lock --platform ${[...lock.platforms, platform].join(",")}`,
    EXIT.stale,
  );
}
