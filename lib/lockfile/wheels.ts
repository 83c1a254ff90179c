// The archives of PyPI that a lock names, kept by their checksum, so that the next creation needs no network.
import { hashFile } from "../builtin/whole.ts";
import { type Locked, LOCKFILE } from "../lockfile.ts";
import { type PipOrder } from "../pip.ts";
import { Problem } from "../problem.ts";
import type { Requirement } from "../requirements.ts";
import { cacheHome } from "../vars.ts";
import type { World } from "../world.ts";

/** Runs pip for some requirements. */
export type Run = (requirements: readonly Requirement[], more: Partial<PipOrder>) => Promise<void>;

/** What pip is to install of a lock's archives. */
export interface Archives {
  /** At hand, in one of the folders. */
  wheels: Requirement[];
  /** To be built, or asked for by URL. */
  sources: Requirement[];
  folders: string[];
}

/** Has every archive at hand; those that were asked for by URL pip gets itself, since it writes that down. */
export async function archives(locked: readonly Locked[], run: Run, world: World): Promise<Archives> {
  const hashed = locked.filter(({ sha256 }) => sha256 !== undefined);
  const kept = hashed.filter(({ direct }) => !direct);
  const top = cacheOf(world);
  const folder = ({ sha256 }: Locked) => `${top}/${sha256}`;
  const missing = kept.filter((each) => !there(each, world));
  if (missing.length > 0) {
    const dest = `${top}/.${crypto.randomUUID()}`;
    world.mkdir(dest);
    try {
      const exact = ["--no-deps", "--require-hashes", "--dest", dest] as const;
      await run(missing.map(addressed), { words: ["download", ...exact] });
      for (const each of missing) {
        world.mkdir(folder(each));
        world.rename(`${dest}/${file(each)}`, `${folder(each)}/${file(each)}`);
      }
    } finally {
      world.remove(dest);
    }
  }
  const [wheels, sources] = [true, false].map((wheel) =>
    kept.filter((each) => file(each).endsWith(".whl") === wheel)
  );
  return {
    wheels: wheels!.map(pinned),
    sources: [...sources!.map(pinned), ...hashed.filter(({ direct }) => direct).map(addressed)],
    folders: kept.map(folder),
  };
}

/** Whether an archive is at hand; what was asked for by URL never is, since pip gets that itself. */
export function there(locked: Locked, world: World): boolean {
  const path = `${cacheOf(world)}/${locked.sha256}/${file(locked)}`;
  return !locked.direct && locked.sha256 !== undefined && world.stat(path)?.kind === "file";
}

/** Removes the archives at hand that are not what the lock says, cut or altered; whether there were any. */
export function drop(locked: readonly Locked[], world: World): boolean {
  const top = cacheOf(world);
  const bad = locked.filter((each) =>
    there(each, world) && hashFile(`${top}/${each.sha256}/${file(each)}`) !== each.sha256
  );
  for (const each of bad) {
    world.err(
      `mambaenv: warning: ${JSON.stringify(file(each))} in ${top} is damaged: it is downloaded again\n`,
    );
    world.remove(`${top}/${each.sha256}`);
  }
  return bad.length > 0;
}

/** Where the archives are kept, a folder each. Throws Problem. */
export function cacheOf({ env }: World): string {
  const cache = cacheHome(env);
  if (cache) return `${cache}/mambaenv/wheels`;
  throw new Problem("No folder for the cache: HOME is not set", "XDG_CACHE_HOME=/tmp/cache mambaenv");
}

/** The archive's name; pip keeps it. */
function file({ url }: Locked): string {
  return decodeURIComponent(url.replace(/#.*/, "").split("/").at(-1)!);
}

/** A requirement by version and checksum. */
export function pinned(locked: Locked): Requirement {
  return requirement(locked, `${locked.name}==${locked.version} --hash=sha256:${locked.sha256}`);
}

/** A requirement by URL and checksum. */
export function addressed(locked: Locked): Requirement {
  return requirement(locked, `${locked.name} @ ${locked.url} --hash=sha256:${locked.sha256}`, locked.url);
}

/** A requirement without a checksum: a state of a repository. */
export function plain(locked: Locked): Requirement {
  return requirement(locked, `${locked.name} @ ${locked.url}`, locked.url);
}

/** A requirement of pip in the words of the lock. */
export function requirement({ name, line = 1 }: Locked, text: string, url?: string): Requirement {
  return {
    file: LOCKFILE,
    line,
    text,
    name,
    written: name,
    extras: [],
    clauses: [],
    editable: false,
    hashed: true,
    forced: true,
    ...url !== undefined && { url },
  };
}
