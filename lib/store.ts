// Environments on disk: a link `envs/NAME` to a generation, or a folder that the user made.
import { Problem } from "./problem.ts";
import { basename, parent, resolve } from "./project.ts";
import { digest, readStamp, type Stamp } from "./stamp.ts";
import type { World } from "./world.ts";

/** Where an environment is or will be: `envs/name` is its link. */
export interface Place {
  envs: string;
  name: string;
  /** What CONDA_DEFAULT_ENV and the prompt call it. */
  label: string;
}

/** An environment as found at its place. */
export type Environment =
  /** `refused` is the path of one that this user may not look into. */
  | { kind: "missing"; refused?: string }
  /** A folder that the user or conda made: activated as it is, never rebuilt. */
  | { kind: "plain"; prefix: string; place: Place }
  | { kind: "generation"; prefix: string; place: Place; stamp: Stamp }
  /** A generation without its stamp: to be built anew. */
  | { kind: "damaged"; prefix: string; place: Place };

/** The folder of all generations beside the links. */
export function generations(place: Place): string {
  return link({ ...place, name: ".mambaenv" });
}

/**
 * What the folders of its generations are called, without their number. That path is written into scripts, into
 * Python's own modules and Makefiles, so it has no quotes, blanks or other signs, whatever the name has.
 */
export function stem({ name }: Pick<Place, "name">): string {
  const plain = name.replace(/[^\p{L}\p{N}\p{M}._+-]/gu, "_").replace(/^-/, "_");
  return plain === name ? name : `${plain}.${digest(name).slice(0, 6)}`;
}

/** The lock of who builds. */
export function lockOf(place: Place): string {
  return `${generations(place)}/${stem(place)}.lock`;
}

/** There while direnv awaits a new generation: it looks at seconds, which a fast build begins and ends within. */
export function awaitedOf(place: Place): string {
  return `${generations(place)}/${stem(place)}.awaited`;
}

export function link(place: Place): string {
  return `${place.envs === "/" ? "" : place.envs}/${place.name}`;
}

/** What the link to a generation says. */
export function targetOf(prefix: string): string {
  return `.mambaenv/${basename(prefix)}`;
}

/** Whether a place's link leads to a generation. */
export function leads(place: Place, prefix: string, world: World): boolean {
  return world.readlink(link(place)) === targetOf(prefix);
}

/** The place of `--prefix PATH`: its label is the whole path, as conda has it. */
export function placeOf(path: string): Place {
  return { envs: parent(path), name: basename(path), label: path };
}

/** Looks at a place with one or two file operations, and the stamp's. Links to other places are followed. */
export function look(place: Place, world: World, depth = 0): Environment {
  const path = link(place);
  const target = world.readlink(path);
  if (target === undefined) {
    return world.stat(`${path}/conda-meta`)?.kind === "dir"
      ? { kind: "plain", prefix: path, place }
      : { kind: "missing" };
  }
  const prefix = resolve(place.envs, target);
  if (parent(prefix) !== generations(place)) {
    if (depth < 2 && target.startsWith("/")) {
      return look({ envs: parent(prefix), name: basename(prefix), label: place.label }, world, depth + 1);
    }
    const there = world.stat(`${prefix}/conda-meta`)?.kind === "dir";
    return there ? { kind: "plain", prefix: path, place } : { kind: "missing" };
  }
  const stamp = readStamp(prefix, world);
  if (stamp) return { kind: "generation", prefix, place, stamp };
  return world.stat(prefix) ? { kind: "damaged", prefix, place } : { kind: "missing" };
}

/** The youngest complete generation of a place; undefined where there is none. */
export function newest(place: Place, world: World): Environment & { kind: "generation" } | undefined {
  const all = (world.list(generations(place)) ?? []).flatMap((name) => {
    const start = stem(place);
    const ours = name.startsWith(start) && /^-[0-9a-f]{8}$/.test(name.slice(start.length));
    const prefix = `${generations(place)}/${name}`;
    const stamp = ours && complete(prefix, world) && readStamp(prefix, world);
    return stamp ? [{ kind: "generation" as const, prefix, place, stamp }] : [];
  });
  return all.sort((a, b) => b.stamp.made - a.stamp.made)[0];
}

/** Whether a generation was finished and nobody began to remove it: neither has a marker. */
export function complete(prefix: string, world: World): boolean {
  return ["incomplete", "swept"].every((end) => world.lstat(`${prefix}.${end}`) === undefined);
}

/** Whether something that is no link of ours stands where the link goes. */
export function taken(path: string, world: World): boolean {
  const stat = world.lstat(path);
  return stat !== undefined && stat.kind !== "link";
}

/** A generation that is being built: its path is final, its marker says that it is not complete. */
export interface Draft {
  prefix: string;
  marker: string;
}

/** Starts a generation; the caller holds the place's lock. */
export function begin(place: Place, world: World): Draft {
  const [id = 0] = crypto.getRandomValues(new Uint32Array(1));
  const prefix = `${generations(place)}/${stem(place)}-${id.toString(16).padStart(8, "0")}`;
  const draft = { prefix, marker: `${prefix}.incomplete` };
  world.mkdir(generations(place));
  world.write(draft.marker, "");
  return draft;
}

/** Now, by this machine or by who keeps the disk, whose clock may be behind: the times of files are of that. */
export function clock({ marker }: Draft, world: World): number {
  world.touch(marker);
  return Math.min(world.now(), world.stat(marker)?.ctime ?? Infinity);
}

/**
 * Makes a finished generation the current one: the one rename that switches. The marker is renamed first, by this
 * or by a sweep, not by both: what another removed, as this process did not move for minutes, is not switched to.
 */
export function commit(draft: Draft, place: Place, world: World): void {
  const done = `${draft.prefix}.complete`;
  world.rename(draft.marker, done);
  try {
    world.symlink(targetOf(draft.prefix), link(place));
    world.remove(done);
  } catch (error) {
    // Whatever was refused: where the link leads there it is done, and a sweep removes the marker.
    if (!(error instanceof Problem) || !leads(place, draft.prefix, world)) throw error;
  }
}

/** Removes what is there of a draft; a marker stays to the last, so that no half of it is taken for a whole. */
export function discard(draft: Draft, world: World): void {
  const done = `${draft.prefix}.complete`;
  if (world.lstat(done)) world.rename(done, draft.marker);
  world.remove(draft.prefix);
  world.remove(`${draft.prefix}.explicit`);
  world.remove(draft.marker);
}

/** Behind a place's name: what was half removed, half written, or to become its lock. Only who has that writes there. */
const REST = /^(-[0-9a-f]{8}\.(gone|\w+\.\d+\.\d+\.tmp)|\.lock\.([0-9a-f]{16}|doing\.\d+\.\d+\.tmp))$/;

/** Removes what killed builds of this place left; the caller holds the place's lock. */
export function sweep(place: Place, world: World): void {
  const dir = generations(place), start = stem(place);
  const behind = (entry: string, start: string) => entry.startsWith(start) ? entry.slice(start.length) : "";
  for (const entry of world.list(place.envs) ?? []) {
    const temporary = /^\.\d+\.\d+\.tmp$/.test(behind(entry, place.name));
    const path = link({ ...place, name: entry });
    if (temporary && world.readlink(path) !== undefined) {
      world.remove(path);
    }
  }
  for (const entry of world.list(dir) ?? []) {
    const rest = behind(entry, start);
    if (REST.test(rest)) world.remove(`${dir}/${entry}`);
    const [, id, end] = /^(-[0-9a-f]{8})\.(incomplete|swept|complete)$/.exec(rest) ?? [];
    if (id === undefined) continue;
    const prefix = `${dir}/${start}${id}`;
    // Where the power went, the switch may be on disk and the marker's renaming before it not.
    if (end === "complete" || leads(place, prefix, world)) world.remove(`${dir}/${entry}`);
    else if (claimed(`${dir}/${entry}`, prefix, world)) discard({ prefix, marker: `${prefix}.swept` }, world);
  }
}

/** Whether the marker of a dead build is ours to sweep: one rename, which a commit may have been faster with. */
function claimed(marker: string, prefix: string, world: World): boolean {
  try {
    if (marker !== `${prefix}.swept`) world.rename(marker, `${prefix}.swept`);
    return true;
  } catch (error) {
    if (error instanceof Problem && world.lstat(marker) === undefined) return false;
    throw error;
  }
}
