// The stamp of a generation: what it was made from, and whether that still holds.
import type { Found } from "./installation.ts";
import { INPUTS, type Project, resolve } from "./project.ts";
import type { Decision } from "./requirement/decide.ts";
import type { Settings } from "./settings.ts";
import type { Stat, World } from "./world.ts";

/** A file that the environment was made from; `path` is relative to the project's root, or absolute. */
export interface Input {
  path: string;
  /** Milliseconds since 1970, bytes and `digest` of the content; none where the file was not there. */
  state?: { mtime: number; ctime: number; size: number; digest: string };
}

/** `conda-meta/mambaenv.json`. */
export interface Stamp {
  version: 1;
  name: string;
  /** Root of the project that owns the environment. */
  project: string | undefined;
  engine: string;
  /** When its inputs were read, milliseconds since 1970. */
  made: number;
  asked: Asked;
  inputs: Input[];
  /** The installation that was found then, so that it is not searched for again; null for none. */
  installation: Found | null;
  /** The requirements as they were, secrets taken out. */
  requirements: string[];
  /** How the lock file was used: it fitted, it was taken as it was, or it did not fit; undefined without one. */
  lock?: "fits" | "frozen" | "unfit";
  /** Who provides what, where a solve decided it: what the channels have would not tell. */
  solved?: Decision[];
}

/** What was asked for beyond the inputs; what is undefined leaves the choice. */
export interface Asked {
  python?: string;
  channels?: readonly string[];
  cuda?: string;
  glibc?: string;
  newer?: string;
  extras?: readonly string[];
  groups?: readonly string[];
  /** What conda calls projects; unlike the others, none is a choice, too. */
  names?: Readonly<Record<string, string | false>>;
}

/** Where the stamp is in a prefix. */
export const STAMP = "conda-meta/mambaenv.json";
/** File systems keep times by up to 2 s (NFS, FAT): a file changed that recently is compared by content. */
const COARSE = 2000;

/** Reads a generation's stamp; undefined where it is missing or not ours to understand. */
export function readStamp(prefix: string, world: World): Stamp | undefined {
  const text = world.read(`${prefix}/${STAMP}`);
  if (text === undefined) return undefined;
  try {
    const stamp = JSON.parse(text) as Stamp;
    return stamp?.version === 1 && Array.isArray(stamp.inputs) ? stamp : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function writeStamp(prefix: string, stamp: Stamp, world: World): void {
  world.mkdir(`${prefix}/conda-meta`);
  world.write(`${prefix}/${STAMP}`, JSON.stringify(stamp, null, 1) + "\n");
}

/** What the settings ask for beyond the inputs; passwords and tokens of channels are not written down. */
export async function asked(settings: Settings): Promise<Asked> {
  const { python, channels, cuda, glibc, newer, extras, groups, names } = settings;
  return {
    ...python && { python: python.value },
    ...channels && { channels: await shown(channels.value) },
    ...cuda && { cuda: cuda.value },
    ...glibc && { glibc: glibc.value },
    ...newer && { newer: newer.value },
    ...extras && { extras: extras.value },
    ...groups && { groups: groups.value },
    ...names && { names: Object.fromEntries(Object.entries(names.value).sort()) },
  };
}

/** What could hide a secret is rare; the others need no other module. */
async function shown(channels: readonly string[]): Promise<readonly string[]> {
  if (!/[@?]|\/t\//.test(channels.join())) return channels;
  return channels.map((await import("./secret.ts")).shown);
}

/** The state of every input, `extra` being files named by others (`-r more.txt`). */
export function readInputs(project: Project, extra: readonly string[], world: World): Input[] {
  const paths = [...INPUTS, ...extra].map((path) => resolve(project.root, path));
  return [...new Set(paths)].map((path) => {
    const stat = world.stat(path);
    const text = stat && world.read(path);
    const short = path.startsWith(project.root + "/") ? path.slice(project.root.length + 1) : path;
    if (stat === undefined || text === undefined) return { path: short };
    return {
      path: short,
      state: { mtime: stat.mtime, ctime: stat.ctime, size: stat.size, digest: digest(text) },
    };
  });
}

/**
 * Inputs as they are after a build, if they are what it was made from: then `made` can be now, and times near
 * the reading need not be doubted for ever.
 */
export function settled(
  before: Input[],
  after: Input[],
  { made, now }: { made: number; now: number },
): Pick<Stamp, "inputs" | "made"> {
  const same = before.every(({ path, state }, i) =>
    after[i]?.path === path && after[i]?.state?.digest === state?.digest
  );
  return same ? { inputs: after, made: now } : { inputs: before, made };
}

/** Why the environment no longer fits; undefined if it does. Content decides, times only save the reading. */
export async function staleness(
  stamp: Stamp,
  project: Project | undefined,
  settings: Settings,
  world: World,
): Promise<string | undefined> {
  const lock = project?.files.has("conda-lock.yml") ? settings.lock ?? "free" : undefined;
  if (lock === "frozen") {
    const taken = stamp.inputs.find(({ path }) => path === "conda-lock.yml");
    const change = taken && changed(taken, stamp.made, project!, world);
    if (change) return `conda-lock.yml ${change}`;
    return stamp.lock === "unfit" ? "--frozen takes conda-lock.yml as it is" : undefined;
  }
  if (lock && stamp.lock === "frozen") {
    return "it was made with --frozen, though the requirements had changed";
  }
  if (lock === "locked" && stamp.lock !== "fits") return "--locked asks for what conda-lock.yml says";
  const now = await asked(settings);
  if (now.python !== undefined && now.python !== stamp.asked.python) {
    return `Python ${now.python} is asked for (${settings.python?.from}), it was ${
      stamp.asked.python ?? "free"
    }`;
  }
  if (JSON.stringify(now.names) !== JSON.stringify(stamp.asked.names)) {
    return `the names changed${settings.names ? ` (${settings.names.from})` : ""}`;
  }
  for (const name of ["channels", "extras", "groups"] as const) {
    if (now[name] === undefined || JSON.stringify(now[name]) === JSON.stringify(stamp.asked[name] ?? [])) {
      continue;
    }
    return `the ${name} changed (${settings[name]?.from})`;
  }
  for (const name of ["cuda", "glibc", "newer"] as const) {
    if (now[name] === undefined || now[name] === stamp.asked[name]) continue;
    const title = name === "newer" ? "exclude-newer" : name;
    return `${title} ${now[name]} is asked for (${settings[name]?.from}), it was ${
      stamp.asked[name] ?? "free"
    }`;
  }
  if (project === undefined) return undefined;
  for (const input of stamp.inputs) {
    const change = changed(input, stamp.made, project, world);
    if (change) return `${input.path} ${change}`;
  }
  return undefined;
}

function changed(input: Input, made: number, project: Project, world: World): string | undefined {
  const path = resolve(project.root, input.path);
  const listed = (INPUTS as readonly string[]).includes(input.path);
  const stat: Stat | undefined = listed ? project.files.get(input.path) : world.stat(path);
  const { state } = input;
  if (stat === undefined || state === undefined) {
    return stat ? "is new" : state ? "is gone" : undefined;
  }
  const same = stat.mtime === state.mtime && stat.ctime === state.ctime && stat.size === state.size;
  if (same && stat.ctime < made - COARSE) return undefined;
  return digest(world.read(path) ?? "") === state.digest ? undefined : "changed";
}

/** 53 bits of a text, enough to notice a change; node:crypto would cost 3 ms. */
export function digest(text: string): string {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(16);
}
