// What a project adds around conda's activation: PATH, PYTHONPATH, and how all of it is undone. Pure.
import { apply } from "./activation.ts";
import type { Change } from "./code.ts";
import type { Env } from "./world.ts";

/** For each variable that entering changed: its value before and after, null where it was unset. */
type Undo = { [name: string]: [before: string | null, after: string | null] };

/** A list variable as its parts; empty ones would mean the current folder of every process. */
function parts(list: string | undefined): string[] {
  return (list ?? "").split(":").filter(Boolean);
}

function without(list: readonly string[], dir: string): string[] {
  return list.filter((part) => part !== dir);
}

/**
 * Adds a project to conda's changes: its `bin` in front of PATH, its root in front of PYTHONPATH, before any
 * script of the environment runs; then what undoes it all; MAMBAENV_ACTIVE last.
 */
export function enter(
  activation: readonly Change[],
  prefix: string,
  root: string | undefined,
  env: Env,
): Change[] {
  const changes = root === undefined ? [...activation] : augment(activation, root, env);
  if (root !== undefined) changes.push({ kind: "set", name: "MAMBAENV_ACTIVE_PROJECT", value: root });
  const after = apply(env, changes);
  const undo: Undo = {};
  for (const name of new Set([...Object.keys(env), ...Object.keys(after)])) {
    if (env[name] !== after[name]) undo[name] = [env[name] ?? null, after[name] ?? null];
  }
  changes.push({ kind: "set", name: "MAMBAENV_UNDO", value: JSON.stringify(undo) });
  changes.push({ kind: "set", name: "MAMBAENV_ACTIVE", value: prefix });
  return changes;
}

function augment(activation: readonly Change[], root: string, env: Env): Change[] {
  const bin = `${root}/bin`;
  const added = (dirs: readonly string[]): Change[] => [
    { kind: "path", dirs: [bin, ...without(dirs, bin)] },
    { kind: "set", name: "PYTHONPATH", value: [root, ...without(parts(env["PYTHONPATH"]), root)].join(":") },
  ];
  const last = activation.findLastIndex((change) => change.kind === "path");
  const change = activation[last];
  if (change?.kind !== "path") return [...added(parts(env["PATH"])), ...activation];
  return [...activation.slice(0, last), ...added(change.dirs), ...activation.slice(last + 1)];
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
  const changes: Change[] = [...deactivation];
  const root = env["MAMBAENV_ACTIVE_PROJECT"];
  const now = apply(env, changes);
  const before: { [name: string]: string | null } = {
    MAMBAENV_ACTIVE: null,
    MAMBAENV_UNDO: null,
    MAMBAENV_ACTIVE_PROJECT: null,
  };
  for (const [name, value] of Object.entries(recall(env))) {
    if ((env[name] ?? null) === value[1]) before[name] = value[0];
    else if (name === "PATH" && root) {
      before[name] = without((now["PATH"] ?? "").split(":"), `${root}/bin`).join(":");
    } else if (name === "PYTHONPATH" && root) {
      before[name] = without(parts(env[name]), root).join(":") || null;
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

/** What MAMBAENV_UNDO says; nothing where somebody else wrote it. */
function recall(env: Env): Undo {
  try {
    const undo = JSON.parse(env["MAMBAENV_UNDO"] || "{}") as Undo | null;
    const pairs = Object.entries(undo ?? {}).filter(([name, pair]) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && Array.isArray(pair) &&
      pair.every((value) => value === null || typeof value === "string")
    );
    return Object.fromEntries(pairs);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
