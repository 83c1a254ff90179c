// What a project adds around conda's activation: PATH, PYTHONPATH, and how all of it is undone. Pure.
import { apply } from "./activation.ts";
import { normal } from "./activation/path.ts";
import type { Change } from "./code.ts";
import type { Env } from "./world.ts";

/** For each variable that entering changed: its value before and after, null where it was unset. */
type Undo = { [name: string]: [before: string | null, after: string | null] };

/** A list variable as its parts; empty ones would mean the current folder of every process. */
function parts(list: string | undefined): string[] {
  return (list ?? "").split(":").filter(Boolean);
}

function without(list: readonly string[], ...dirs: readonly string[]): string[] {
  const gone = new Set(dirs.map(normal));
  return list.filter((part) => !gone.has(normal(part)));
}

/** What is entered, and how. */
export interface Entry {
  prefix: string;
  /** Root of the project; none where an environment is entered by its name. */
  root?: string;
  /** What becomes of PYTHONPATH: the root in front of it, the root alone, or nothing. */
  pythonpath: "prepend" | "replace" | "off";
  /** Whether packages of `~/.local` may be imported. */
  userSite: boolean;
  /** Whether other environments stay in PATH. */
  stack?: boolean;
  /** Whether it is the last good one, as a change failed. */
  fallback?: boolean;
}

/**
 * Adds to conda's changes what makes the environment the only one: PATH whole, no user site, no other Python's
 * home, the project's root importable; all before any script of the environment runs. Then what undoes it all;
 * MAMBAENV_ACTIVE last.
 */
export function enter(activation: readonly Change[], entry: Entry, env: Env): Change[] {
  const changes = surround(activation, entry, env);
  const after = apply(env, changes);
  const undo: Undo = {};
  for (const name of new Set([...Object.keys(env), ...Object.keys(after)])) {
    if (env[name] !== after[name]) undo[name] = [env[name] ?? null, after[name] ?? null];
  }
  changes.push({ kind: "set", name: "MAMBAENV_UNDO", value: JSON.stringify(undo) });
  changes.push({ kind: "set", name: "MAMBAENV_ACTIVE", value: entry.prefix });
  return changes;
}

function surround(activation: readonly Change[], entry: Entry, env: Env): Change[] {
  let at = activation.length - 1;
  while (at >= 0 && activation[at]!.kind !== "path") at--;
  const found = activation[at];
  const dirs = found?.kind === "path" ? found.dirs : parts(env["PATH"]);
  const path: Change = { kind: "path", dirs: whole(dirs, entry, env) };
  const changes = [...activation];
  if (at < 0) changes.unshift(path);
  else changes[at] = path;
  let scripts = changes.length;
  while (scripts > 0 && changes[scripts - 1]!.kind === "source") scripts--;
  const own = new Set<string>();
  for (const change of activation) if (change.kind === "set") own.add(change.name);
  return [
    ...changes.slice(0, scripts),
    ...around(entry, own, apply(env, activation)),
    ...changes.slice(scripts),
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
  const { root, pythonpath, userSite } = entry;
  const changes: Change[] = ["VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME"]
    .filter((name) => env[name] !== undefined && !own.has(name)).map((name) => ({ kind: "unset", name }));
  if (!userSite && !own.has("PYTHONNOUSERSITE")) {
    changes.push({ kind: "set", name: "PYTHONNOUSERSITE", value: "1" });
  }
  if (entry.fallback) changes.push({ kind: "set", name: "MAMBAENV_DID_FALLBACK", value: "1" });
  else if (env["MAMBAENV_DID_FALLBACK"] !== undefined) {
    changes.push({ kind: "unset", name: "MAMBAENV_DID_FALLBACK" });
  }
  if (root === undefined) return changes;
  if (pythonpath !== "off") {
    const rest = pythonpath === "replace" ? [] : without(parts(env["PYTHONPATH"]), root);
    changes.push({ kind: "set", name: "PYTHONPATH", value: [root, ...rest].join(":") });
  }
  changes.push({ kind: "set", name: "MAMBAENV_ACTIVE_PROJECT", value: root });
  return changes;
}

/** Folders in PYTHONPATH that hold another Python's packages. */
export function foreign(prefix: string, env: Env): string[] {
  return parts(env["PYTHONPATH"]).filter((dir) =>
    dir.includes("-packages") && /\/(site|dist)-packages(\/|$)/.test(dir) && !dir.startsWith(`${prefix}/`)
  );
}

/** Whether an environment entered by the program is active. */
export function entered(env: Env): boolean {
  return Boolean(env["MAMBAENV_ACTIVE"]);
}

/**
 * Undoes `enter`: after conda's own deactivation (`deactivation`, empty where somebody activated another on
 * top), each variable goes back to what it was, unless it was changed since: then only our parts are taken out.
 */
export function leave(deactivation: readonly Change[], env: Env): Change[] {
  const undo = recall(env);
  // Where the environment was active before the program entered it, it stays so.
  const stays = undo !== undefined && !("CONDA_SHLVL" in undo);
  const changes: Change[] = stays ? [] : [...deactivation];
  const root = env["MAMBAENV_ACTIVE_PROJECT"];
  const now = apply(env, changes);
  const before: { [name: string]: string | null } = {
    MAMBAENV_ACTIVE: null,
    MAMBAENV_UNDO: null,
    MAMBAENV_ACTIVE_PROJECT: null,
  };
  for (const [name, value] of Object.entries(undo ?? LOST)) {
    if ((env[name] ?? null) === value[1]) before[name] = value[0];
    else if (name === "PATH") {
      const ours = root === undefined ? [] : [`${root}/bin`];
      before[name] = swap(env[name], value) ?? without((now[name] ?? "").split(":"), ...ours).join(":");
    } else if (name === "PYTHONPATH" && root) {
      before[name] = (swap(env[name], value) ?? without(parts(env[name]), root).join(":")) || null;
    }
  }
  for (const [name, value] of Object.entries(before)) {
    if (value === (now[name] ?? null)) continue;
    if (value === null) changes.push({ kind: "unset", name });
    else if (name === "PATH") changes.push({ kind: "path", dirs: value.split(":") });
    else changes.push({ kind: "set", name, value });
  }
  return changes;
}

/** Where nobody knows what was before, our parts are taken out all the same. */
const LOST: Undo = { PATH: [null, null], PYTHONPATH: [null, null] };

/** A list that others added to, with our part of it as it was before; undefined where they changed that. */
function swap(now: string | undefined, [before, after]: Undo[string]): string | undefined {
  const at = now && after ? `:${now}:`.indexOf(`:${after}:`) : -1;
  if (!now || !after || at < 0) return undefined;
  return [now.slice(0, Math.max(at - 1, 0)), before, now.slice(at + after.length + 1)].filter(Boolean).join(
    ":",
  );
}

/** What MAMBAENV_UNDO says; undefined where somebody else wrote it. */
function recall(env: Env): Undo | undefined {
  try {
    const undo: unknown = JSON.parse(env["MAMBAENV_UNDO"] ?? "");
    if (typeof undo !== "object" || undo === null || Array.isArray(undo)) return undefined;
    const pairs = Object.entries(undo as Undo).filter(([name, pair]) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && Array.isArray(pair) && pair.length === 2 &&
      pair.every((value) => value === null || typeof value === "string")
    );
    return Object.fromEntries(pairs);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
