// What a project adds around conda's activation: PATH, PYTHONPATH. Pure; scope/undo.ts has the way back.
import { apply, settled, variable } from "./activation.ts";
import { normal } from "./activation/path.ts";
import type { Change } from "./code.ts";
import type { Undo } from "./scope/undo.ts";
import type { Env } from "./world.ts";

/** A list variable as its parts; empty ones would mean the current folder of every process. */
export function parts(list: string | undefined): string[] {
  const all: string[] = [];
  for (const part of (list ?? "").split(":")) if (part) all.push(part);
  return all;
}

/** A list without some folders, however those are spelled. */
export function without(list: readonly string[], ...dirs: readonly string[]): string[] {
  const gone = new Set<string>();
  for (const dir of dirs) gone.add(normal(dir));
  const rest: string[] = [];
  for (const part of list) if (!gone.has(normal(part))) rest.push(part);
  return rest;
}

/** What is entered, and how. */
export interface Entry {
  prefix: string;
  /** Root of the project; none where an environment is entered by its name. */
  root?: string;
  /** What becomes of PYTHONPATH: the root in front of it, the root alone, or nothing. */
  pythonpath: "prepend" | "replace" | "off";
  /** Folders that leave PYTHONPATH where it is changed. */
  without?: readonly string[];
  /** Whether packages of `~/.local` may be imported. */
  userSite: boolean;
  /** Whether other environments stay in PATH. */
  stack?: boolean;
  /** Whether it is the last good one, as a change failed. */
  fallback?: boolean;
}

/**
 * Adds to conda's changes what makes the environment the only one: PATH whole, no user site, no other Python's
 * home, the project's root importable; all before any script of the environment runs. What undoes it all comes
 * first, so that it can be undone wherever it is interrupted, and MAMBAENV_ACTIVE last. Without scripts, all of it is
 * neighbours, for one statement of the shell.
 */
export function enter(activation: readonly Change[], entry: Entry, env: Env): Change[] {
  let scripts = 0, end = activation.length;
  while (scripts < end && activation[scripts]!.kind === "source") scripts++;
  while (end > scripts && activation[end - 1]!.kind === "source") end--;
  const conda = activation.slice(scripts, end);
  const own = new Set<string>();
  const prompts: Change[] = [];
  let dirs = parts(env["PATH"]);
  for (const change of conda) {
    if (change.kind === "path") dirs = [...change.dirs];
    else if (change.kind === "set") own.add(change.name);
    else if (change.kind === "prompt") prompts.push(change);
  }
  const path: Change = { kind: "path", dirs: whole(dirs, entry, env) };
  const variables = settled([...conda, path, ...around(entry, own, apply(env, activation))]);
  const after = apply(env, [...variables, ...prompts]);
  const undo: Undo = {};
  const names = prompts.length > 0 ? ["PS1"] : [];
  for (const change of variables) names.push(variable(change));
  for (const name of names.sort()) {
    if (env[name] !== after[name]) undo[name] = [env[name] ?? null, after[name] ?? null];
  }
  return [
    { kind: "set", name: "MAMBAENV_UNDO", value: JSON.stringify(undo) },
    ...activation.slice(0, scripts),
    ...variables,
    ...prompts,
    ...activation.slice(end),
    { kind: "set", name: "MAMBAENV_ACTIVE", value: entry.prefix },
  ];
}

/** PATH: the project's programs, the environment's, the others' but for those of other environments. */
function whole(dirs: readonly string[], { prefix, root, stack }: Entry, env: Env): string[] {
  const own = [...root === undefined ? [] : [`${root}/bin`], `${prefix}/bin`];
  const others: string[] = [];
  for (const name in env) {
    const another = name === "VIRTUAL_ENV" ||
      (!stack && name.startsWith("CONDA_PREFIX") && /^CONDA_PREFIX(_\d+)?$/.test(name));
    if (another && env[name]) others.push(`${env[name]}/bin`);
  }
  return [...own, ...without(dirs, ...own, ...without(others, ...SYSTEM))];
}
/** Folders that are more than an environment's, whatever somebody says. */
const SYSTEM = ["/bin", "/usr/bin", "/usr/local/bin"];

/** Variables around the environment; `own` are those that it sets itself, `env` is as it makes it. */
function around(entry: Entry, own: ReadonlySet<string>, env: Env): Change[] {
  const { root, pythonpath, userSite, without: left = [] } = entry;
  const changes: Change[] = [];
  for (const name of ["VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME"]) {
    if (env[name] !== undefined && !own.has(name)) changes.push({ kind: "unset", name });
  }
  if (!userSite && !own.has("PYTHONNOUSERSITE")) {
    changes.push({ kind: "set", name: "PYTHONNOUSERSITE", value: "1" });
  }
  if (entry.fallback) changes.push({ kind: "set", name: "MAMBAENV_DID_FALLBACK", value: "1" });
  else if (env["MAMBAENV_DID_FALLBACK"] !== undefined) {
    changes.push({ kind: "unset", name: "MAMBAENV_DID_FALLBACK" });
  }
  if (root === undefined) return changes;
  if (pythonpath !== "off") {
    const rest = pythonpath === "replace" ? [] : without(parts(env["PYTHONPATH"]), root, ...left);
    changes.push({ kind: "set", name: "PYTHONPATH", value: [root, ...rest].join(":") });
  }
  changes.push({ kind: "set", name: "MAMBAENV_ACTIVE_PROJECT", value: root });
  return changes;
}

/** Folders in PYTHONPATH that hold another Python's packages. */
export function foreign(prefix: string, env: Env): string[] {
  const others: string[] = [];
  for (const dir of parts(env["PYTHONPATH"])) {
    const packages = dir.includes("-packages") && /\/(site|dist)-packages(\/|$)/.test(dir);
    if (packages && !dir.startsWith(`${prefix}/`)) others.push(dir);
  }
  return others;
}
