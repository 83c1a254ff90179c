// A prefix as read from disk: what its activation runs and sets; and which prefix a name or a path means.
import { type Prefix, UNSET, valueOf } from "./activation/state.ts";
import { normal } from "./activation/path.ts";
import { nameable, type Shell } from "./code.ts";
import { Problem, reason, unreadable } from "./problem.ts";
import type { World } from "./world.ts";

export type { Prefix } from "./activation/state.ts";

/** Reads a prefix that is to be entered. Throws Problem where this user may not. */
export function readTarget(path: string, shell: Pick<Shell, "scripts">, world: World): Prefix {
  const prefix = readPrefix(path, shell, world);
  if (prefix.refused) throw unreadable(path);
  return prefix;
}

/** Whether an environment is there that this user may not look into. */
export function denied(path: string, world: World): boolean {
  let refused = false;
  world.stat(`${path}/conda-meta`, () => refused = true);
  return refused && world.lstat(path) !== undefined;
}

/** Reads what activating `path` in a shell needs. What is broken becomes a warning; a missing prefix is empty. */
export function readPrefix(path: string, shell: Pick<Shell, "scripts">, world: World): Prefix {
  const warnings: string[] = [];
  const vars = new Map<string, string | null>();
  const folder = `${path}/etc/conda`;
  // Most prefixes have none of the three folders: one question tells.
  let refused = false;
  const unread = (what: string) => warnings.push(`Cannot read ${JSON.stringify(what)}: it is left out`);
  const there = world.list(folder, () => {
    refused = denied(path, world);
    if (!refused) unread(folder);
  }) ?? [];
  if (refused) return { path, activate: [], deactivate: [], vars, warnings, refused };
  const list = (name: string) => {
    const file = `${folder}/${name}`;
    return there.includes(name) ? world.list(file, () => unread(file)) ?? [] : [];
  };
  for (const name of list("env_vars.d")) {
    readVariables(`${folder}/env_vars.d/${name}`, (json) => json, vars, warnings, world);
  }
  readVariables(`${path}/conda-meta/state`, variablesOf, vars, warnings, world);
  const scripts = (name: string) => {
    const files: string[] = [];
    for (const file of list(name)) if (file.endsWith(shell.scripts)) files.push(`${folder}/${name}/${file}`);
    return files;
  };
  return {
    path,
    activate: scripts("activate.d"),
    deactivate: scripts("deactivate.d").reverse(),
    vars,
    warnings,
  };
}

/** Names that conda's activation passes itself: an environment that sets them breaks it. */
const RESERVED = ["PATH", "CONDA_PREFIX", "CONDA_SHLVL", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER"];

/** Adds one file's variables to `vars`; later ones win. */
function readVariables(
  file: string,
  pick: (json: unknown) => unknown,
  vars: Map<string, string | null>,
  warnings: string[],
  world: World,
): void {
  // No file is no news: only something that is there can be broken.
  let refused = false;
  if (world.lstat(file, () => refused = true) === undefined && !refused) return;
  const text = world.read(file);
  if (text === undefined) {
    warnings.push(`Cannot read ${JSON.stringify(file)}: its variables are left out`);
    return;
  }
  let found: unknown;
  try {
    found = pick(JSON.parse(text, exact));
  } catch (error) {
    warnings.push(`Cannot parse ${JSON.stringify(file)}: ${reason(error)}; its variables are left out`);
    return;
  }
  if (!record(found)) {
    warnings.push(`Cannot parse ${JSON.stringify(file)}: not an object of variables; they are left out`);
    return;
  }
  for (const [name, value] of Object.entries(found)) {
    if (RESERVED.includes(name)) {
      vars.delete(name);
      if (value !== UNSET) {
        warnings.push(`Ignored ${name} in ${JSON.stringify(file)}: activation sets it itself`);
      }
    } else if (!nameable(name) || (typeof value === "string" && value.includes("\0"))) {
      warnings.push(
        `Ignored ${JSON.stringify(name)} in ${JSON.stringify(file)}: no environment variable can be that`,
      );
    } else vars.set(name, value === null ? null : spelled(value));
  }
}

function variablesOf(state: unknown): unknown {
  if (!record(state)) throw new TypeError("not a JSON object");
  return state["env_vars"] ?? {};
}

function record(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Digits);
}

/** A number as the file spells it: 1.0 is not 1, and long ones keep their digits. */
class Digits {
  constructor(readonly text: string) {}
}

function exact(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" ? new Digits(context?.source ?? String(value)) : value;
}

/** A JSON value as Python's `str` spells it, since conda does; `inner`: as part of a list or an object. */
function spelled(value: unknown, inner = false): string {
  if (typeof value === "string") return inner ? quoted(value) : value;
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => spelled(item, true)).join(", ")}]`;
  if (record(value)) {
    const fields = Object.entries(value).map(([key, item]) => `${quoted(key)}: ${spelled(item, true)}`);
    return `{${fields.join(", ")}}`;
  }
  return value === true ? "True" : value === false ? "False" : "None";
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(
    /[\\\n\r\t]/g,
    (c) => ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" })[c] ?? "\\\\",
  );
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

/** Where names are looked up. */
export interface Places {
  /** Folders of environments in order: see `envsDirs`. */
  dirs: readonly string[];
  /** What base and root mean; none where there is no conda. */
  root?: string;
}

/** The prefix that `activate WORD` means, as conda resolves it. Throws Problem where there is none. */
export function locate(word: string, places: Places, world: World): string {
  if (/[/\\]/.test(word)) {
    const path = expand(word, world);
    const refused = () => {
      throw unreadable(path);
    };
    if (world.stat(`${path}/conda-meta`, refused)?.kind === "dir") return generation(path, world);
    throw new Problem(
      `Not a conda environment: ${JSON.stringify(path)} has no folder conda-meta`,
      "conda env list",
    );
  }
  if (word === "base" || word === "root") {
    if (places.root !== undefined) return places.root;
    throw new Problem(
      `No conda installation was found, so there is no environment ${word}`,
      "mambaenv status",
    );
  }
  const shut = new Set<string>();
  for (const dir of places.dirs) {
    const path = normal(`${dir}/${word}`);
    if (world.stat(path, () => shut.add(dir))?.kind === "dir") return generation(path, world);
  }
  const looked = places.dirs.length
    ? ` in ${places.dirs.map((dir) => shut.has(dir) ? `${dir} (permission denied)` : dir).join(", ")}`
    : ": no folder of environments is known";
  throw new Problem(`No environment is called ${JSON.stringify(word)}${looked}`, "conda env list");
}

/** The generation that a link of ours leads to now: who has it active keeps it when the link moves on. */
function generation(path: string, world: World): string {
  const target = world.readlink(path) ?? "";
  return /^\.mambaenv\/[^/]+$/.test(target) ? normal(`${path}/../${target}`) : path;
}

/** A path with `~`, `$VAR` and `${VAR}` replaced, absolute and normalised, as conda's `expand`. */
export function expand(path: string, world: Pick<World, "env" | "cwd">): string {
  const filled = path.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (all, a, b) => valueOf(world.env, a ?? b) ?? all);
  const home = world.env["HOME"];
  const full = home !== undefined && /^~(?=\/|$)/.test(filled)
    ? (home.replace(/\/+$/, "") || "/") + filled.slice(1)
    : filled;
  return normal(full.startsWith("/") ? full : `${world.cwd}/${full}`);
}

/** conda's order of environment folders: the configured ones, then the root's own and the user's. */
export function envsDirs(configured: readonly string[], root: string | undefined, world: World): string[] {
  const own = root === undefined ? [] : [`${root}/envs`];
  const user = ["~/.conda/envs"];
  const fixed = root !== undefined && world.writable(`${root}/conda-meta/history`)
    ? [...own, ...user]
    : [...user, ...own];
  return [...new Set([...configured, ...fixed].map((dir) => expand(dir, world)))];
}
