// What is in the stores: environments, their generations, how big they are, and who uses them.
import { type Facts, ownRoot } from "./facts.ts";
import { parent } from "./project.ts";
import { plain } from "./progress.ts";
import { readStamp, type Stamp } from "./stamp.ts";
import { complete, generations, leads, type Place, stem } from "./store.ts";
import type { World } from "./world.ts";

/** One generation, complete or not. */
export interface Generation {
  prefix: string;
  stamp: Stamp | undefined;
  /** Whether the link leads to it. */
  current: boolean;
}

/** An environment with its generations, the youngest first. */
export interface Kept {
  place: Place;
  generations: Generation[];
}

/** The folders of environments that are ours to look after: the one asked for, else our own and the installation's. */
export function stores(
  { settings, installation }: Pick<Facts, "settings" | "installation">,
  world: World,
): string[] {
  if (settings.root) return [`${settings.root.value}/envs`];
  const roots = [ownRoot(world), installation()?.root].filter((root) => root !== undefined);
  return [...new Set(roots)].map((root) => `${root}/envs`);
}

/** The environments in a folder that mambaenv made, by name. */
export function inventory(envs: string, world: World): Kept[] {
  const found = new Map<string, Kept>();
  const names = new Map((world.list(envs) ?? []).map((name) => [stem({ name }), name]));
  const seen = new Set<string>();
  for (const entry of world.list(`${envs}/.mambaenv`) ?? []) {
    const [, own, start] = /^((.+)-[0-9a-f]{8})(\.(incomplete|swept|gone))?$/.exec(entry) ?? [];
    if (own === undefined || start === undefined || seen.has(own)) continue;
    seen.add(own);
    const name = names.get(start) ?? readStamp(`${envs}/.mambaenv/${own}`, world)?.name ?? start;
    const place = { envs, name, label: name };
    const prefix = `${generations(place)}/${own}`;
    const whole = complete(prefix, world);
    const kept = found.get(name) ?? { place, generations: [] };
    const current = leads(place, prefix, world);
    kept.generations.push({ prefix, stamp: whole ? readStamp(prefix, world) : undefined, current });
    found.set(name, kept);
  }
  const age = ({ stamp }: Generation) => stamp?.made ?? 0;
  for (const { generations } of found.values()) generations.sort((a, b) => age(b) - age(a));
  return [...found.values()];
}

/** Whether the project is gone. One whose folder's folder is gone, too, may be on a disk that is not mounted. */
export function orphaned({ stamp }: Generation, world: World): boolean {
  const { project } = stamp ?? {};
  return project !== undefined && world.stat(project) === undefined &&
    world.stat(parent(project)) !== undefined;
}

/** Sums up files: each once, however many links it has. */
export class Tally {
  files = 0;
  #seen = new Map<string, { size: number; links: number; all: number }>();

  add(path: string, world: World): this {
    const stat = world.lstat(path);
    if (stat === undefined) return this;
    if (stat.kind === "dir") {
      for (const name of world.list(path) ?? []) this.add(`${path}/${name}`, world);
      return this;
    }
    this.files++;
    const key = `${stat.dev}:${stat.ino}`;
    const held = this.#seen.get(key) ?? { size: stat.size, links: 0, all: stat.nlink };
    held.links++;
    this.#seen.set(key, held);
    return this;
  }

  /** All their bytes. */
  get bytes(): number {
    return [...this.#seen.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** The bytes that go with them and `also`: no link to them is elsewhere, such as in the package cache. */
  own(also?: Tally): number {
    return [...this.#seen].reduce((sum, [key, { size }]) => sum + (this.#shared(key, also) ? 0 : size), 0);
  }

  /** Whether one of them has a link that is neither here nor there. */
  shared(also?: Tally): boolean {
    return [...this.#seen.keys()].some((key) => this.#shared(key, also));
  }

  #shared(key: string, also?: Tally): boolean {
    const { links, all } = this.#seen.get(key)!;
    return links + (also ? also.#seen.get(key)?.links ?? 0 : 0) < all;
  }

  /** Takes the files of another in. */
  join(other: Tally): this {
    this.files += other.files;
    for (const [key, held] of other.#seen) {
      this.#seen.set(key, { ...held, links: held.links + (this.#seen.get(key)?.links ?? 0) });
    }
    return this;
  }
}

/** Names a process of this machine that runs in a prefix, as far as its user may know: `process 4711 (python)`, `this shell`. */
export function occupied(world: World): (prefix: string) => string | undefined {
  const texts = (world.list("/proc") ?? []).filter((pid) => /^\d+$/.test(pid)).map((pid) => {
    const at = `/proc/${pid}`;
    const text = [
      world.read(`${at}/environ`),
      world.read(`${at}/maps`),
      world.readlink(`${at}/exe`),
      world.readlink(`${at}/cwd`),
    ].join("\n");
    return { pid, text };
  });
  return (prefix) => {
    const found = texts.filter(({ text }) => text.includes(prefix));
    // What started us has it in its environment since it activated it, which nobody sees but who it starts.
    if (found.some(({ pid }) => pid === String(world.pid))) return "this shell";
    const pid = found[0]?.pid;
    const name = pid && world.read(`/proc/${pid}/comm`)?.trim();
    return pid && plain(`process ${pid}${name ? ` (${name})` : ""}`);
  };
}
