// What of the package caches nobody needs: packages that no environment has, and what downloads left.
import { type Condarc, loadCondarc } from "../../condarc.ts";
import { orphaned } from "../../builtin/owner.ts";
import type { Facts } from "../../facts.ts";
import { inventory, Tally } from "../../inventory.ts";
import { LOCKFILE } from "../../lockfile.ts";
import { cacheOf } from "../../lockfile/wheels.ts";
import { findProject, parent } from "../../project.ts";
import { cacheHome } from "../../vars.ts";
import type { World } from "../../world.ts";
import { cache as staging } from "../stage/pack.ts";

/** Milliseconds for which a package stays that nobody has yet: a build may be about to link it. */
const YOUNG = 3600_000;
/** Milliseconds after which nobody of another machine writes a file that did not change. */
const STALE = 6 * 3600_000;
/** Milliseconds for which an archive stays that no job takes. */
const MONTH = 30 * 86400_000;
/** A package's folder or archive; the folder of another channel's namesake ends with a part of its checksum. */
const PACKAGE = /^(?!\.)(.+-[^-]+-[^-]+?)(\.conda|\.tar\.bz2)?$/;

/** What goes, by folder or file. */
export interface Needless {
  packages: string[];
  leftovers: string[];
  /** Archives and images that `stage` made. */
  staged: string[];
}

/** Environments of these folders, the caches of their roots, and the generations that go or would. */
export interface Stock {
  stores: readonly string[];
  facts: Pick<Facts, "installation">;
  removed: ReadonlySet<string>;
  /** The files of those that are still there. */
  doomed: Tally;
}

/** Looks through the caches; only what is this user's own is taken for needless. */
export async function needless(stock: Stock, world: World): Promise<Needless> {
  const condarc: Condarc = await loadCondarc(world, stock.facts.installation()?.root);
  const roots = stock.stores.map(parent);
  const caches = new Set([...condarc.pkgs_dirs, ...roots.map((root) => `${root}/pkgs`)]);
  const names = linked(stock, world);
  const all = [...caches].flatMap((cache) => (world.list(cache) ?? []).map((name) => ({ cache, name })));
  const left = ({ cache, name }: Entry) => {
    const stat = own(`${cache}/${name}`, world);
    if (stat === undefined || !/\.(partial|unpack)$/.test(name)) return false;
    return /\.(conda|tar\.bz2)\.partial$/.test(name) || orphaned(name, world.now() - stat.mtime, STALE);
  };
  const unused = (entry: Entry) => idle(entry, names, world) && !shared(entry, stock.doomed, world);
  const paths = (entries: readonly Entry[]) => entries.map(({ cache, name }) => `${cache}/${name}`);
  const wheels = archives(stock, world);
  return {
    packages: [...paths(all.filter(unused)), ...paths(wheels.filter(({ name }) => !name.startsWith(".")))],
    leftovers: [...paths(all.filter(left)), ...paths(wheels.filter(({ name }) => name.startsWith(".")))],
    staged: paths(staged(world)),
  };
}

/** Archives of PyPI that no environment's project has in its lock, nor this folder's, and what killed downloads left. */
function archives({ stores, removed }: Stock, world: World): Entry[] {
  if (cacheHome(world.env) === undefined) return [];
  const cache = cacheOf(world);
  const stamps = stores.flatMap((envs) => inventory(envs, world)).flatMap(({ generations }) =>
    generations.filter(({ prefix }) => !removed.has(prefix)).map(({ stamp }) => stamp?.project)
  );
  const projects = new Set([...stamps, findProject({}, world)?.root].filter((root) => root !== undefined));
  const locks = [...projects].map((root) => world.read(`${root}/${LOCKFILE}`) ?? "");
  return (world.list(cache) ?? []).map((name) => ({ cache, name })).filter(({ name }) => {
    const stat = own(`${cache}/${name}`, world);
    if (stat?.kind !== "dir") return false;
    const age = world.now() - stat.mtime;
    if (name.startsWith(".")) return age > STALE;
    return /^[0-9a-f]{64}$/.test(name) && age > YOUNG && !locks.some((text) => text.includes(name));
  });
}

/** What `stage` made and nobody took for a while, and what killed ones left. */
function staged(world: World): Entry[] {
  if (!cacheHome(world.env)?.startsWith("/")) return [];
  const cache = staging(world);
  return (world.list(cache) ?? []).map((name) => ({ cache, name })).filter(({ name }) => {
    const stat = own(`${cache}/${name}`, world);
    const age = stat?.kind === "file" ? world.now() - stat.mtime : 0;
    return age > (name.endsWith(".part") ? STALE : MONTH);
  });
}

interface Entry {
  cache: string;
  name: string;
}

/** Whether this is a package of ours that no environment names, and that is there for a while. */
function idle({ cache, name }: Entry, names: ReadonlySet<string>, world: World): boolean {
  const path = `${cache}/${name}`, stat = own(path, world);
  const [, dist, archive] = PACKAGE.exec(name) ?? [];
  if (stat === undefined || dist === undefined) return false;
  if (names.has(dist) || names.has(dist.replace(/-[0-9a-f]{8}$/, ""))) return false;
  const mark = archive ? stat : world.stat(`${path}/info/repodata_record.json`);
  return stat.kind === (archive ? "file" : "dir") && mark !== undefined && world.now() - mark.mtime > YOUNG;
}

/** Whether something that stays has links to a package's files. */
function shared({ cache, name }: Entry, doomed: Tally, world: World): boolean {
  return new Tally().add(`${cache}/${name}`, world).shared(doomed);
}

function own(path: string, world: World) {
  const stat = world.lstat(path);
  return stat?.uid === world.uid ? stat : undefined;
}

/** The packages that environments have, by the names of their records. */
function linked({ stores, removed }: Stock, world: World): Set<string> {
  const prefixes = stores.flatMap((envs) => [
    parent(envs),
    ...[envs, `${envs}/.mambaenv`].flatMap((dir) => (world.list(dir) ?? []).map((name) => `${dir}/${name}`)),
  ]).filter((prefix) => !removed.has(world.realpath(prefix) ?? prefix));
  const records = prefixes.flatMap((prefix) => world.list(`${prefix}/conda-meta`) ?? []);
  return new Set(records.map((name) => name.replace(/\.json$/, "")));
}
