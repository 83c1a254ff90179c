// How an entering is undone, also one that was interrupted, or that others changed since. Pure.
import { apply, settled, variable } from "../activation.ts";
import type { Change } from "../code.ts";
import { parts, without } from "../scope.ts";
import type { Env } from "../world.ts";

/** For each variable that entering changed: its value before and after, null where it was unset. */
export type Undo = { [name: string]: [before: string | null, after: string | null] };

/** The environment that the program entered, or began to enter or to leave; undefined where there is none. */
export function entered(env: Env): string | undefined {
  if (env["MAMBAENV_ACTIVE"]) return env["MAMBAENV_ACTIVE"];
  const undo = recall(env);
  return undo && (undo["CONDA_PREFIX"]?.[1] ?? env["CONDA_PREFIX"] ?? "");
}

/**
 * Undoes `enter`: after conda's own deactivation (`deactivation`, empty where somebody activated another on
 * top), each variable goes back to what it was, unless it was changed since: then only our parts are taken out.
 * MAMBAENV_UNDO goes last: where this is interrupted, the next time does what is left of it.
 */
export function leave(deactivation: readonly Change[], env: Env): Change[] {
  const undo = recall(env);
  // Where the environment was active before the program entered it, it stays so.
  const conda = undo !== undefined && !("CONDA_SHLVL" in undo) ? [] : deactivation;
  const prompts = conda.flatMap(again);
  const now = apply(env, prompts);
  const after = [...restored(conda, undo, env)].filter(([name, value]) => value !== (now[name] ?? null));
  const changes = settled(after.map(given));
  let inner = 0;
  while (conda[inner]?.kind === "path" || conda[inner]?.kind === "source") inner++;
  const sources = (part: readonly Change[]) => part.filter(({ kind }) => kind === "source");
  const scripts = sources(conda.slice(0, inner));
  // From lists, scripts may take out what is theirs.
  const lists = scripts.length === 0 ? [] : changes.filter((change) => variable(change) in LOST);
  return [
    ...prompts,
    ...lists,
    ...scripts,
    ...changes.filter((change) => !lists.includes(change)),
    ...sources(conda.slice(inner)),
  ];
}

/** A prompt that comes out the same where it was made before, and that was interrupted. */
function again(change: Change): Change[] {
  if (change.kind !== "prompt") return [];
  return change.add ? [{ ...change, remove: change.add, add: "" }, change] : [change];
}

/** The variables as they were, MAMBAENV_UNDO last. */
function restored(conda: readonly Change[], undo: Undo | undefined, env: Env): Map<string, string | null> {
  const now = apply(env, conda);
  const after = new Map<string, string | null>([["MAMBAENV_ACTIVE_PROJECT", null]]);
  for (const name of conda.map(variable)) {
    // What entering left as it was is none of the environment's.
    if (name && (!undo || name in undo)) after.set(name, now[name] ?? null);
  }
  const root = env["MAMBAENV_ACTIVE_PROJECT"];
  const bin = root === undefined ? [] : [`${root}/bin`];
  for (const [name, value] of Object.entries(undo ?? LOST)) {
    const list = env[name] ?? "";
    if (value.includes(env[name] ?? null)) after.set(name, value[0]);
    else if (name === "PATH") {
      const rest = () => without((now[name] ?? "").split(":"), ...bin).join(":");
      after.set(name, mended(list, value, [...bin, `${entered(env)}/bin`]) ?? rest());
    } else if (name === "PYTHONPATH" && root) {
      after.set(name, (mended(list, value, [root]) ?? without(parts(list), root).join(":")) || null);
    }
  }
  for (const name of ["MAMBAENV_ACTIVE", "MAMBAENV_UNDO"]) {
    after.delete(name);
    after.set(name, null);
  }
  return after;
}

/** The change that gives a variable its value; null takes it away. */
function given([name, value]: [name: string, value: string | null]): Change {
  if (value === null) return { kind: "unset", name };
  return name === "PATH" ? { kind: "path", dirs: value.split(":") } : { kind: "set", name, value };
}

/** Where nobody knows what was before, our parts are taken out all the same. */
const LOST: Undo = { PATH: [null, null], PYTHONPATH: [null, null] };

/** A list that others changed, with our part of it as it was before; `own` are folders that only we put there. */
function mended(list: string, [before, after]: Undo[string], own: readonly string[]): string | undefined {
  const around = cut(list, after);
  if (around) return [around[0], before, around[1]].filter(Boolean).join(":");
  const rest = cut(list, before)?.flatMap(parts);
  return rest && without(rest, ...own).length === rest.length ? list : undefined;
}

/** What a list has in front of a part and behind it; undefined where that is not in it. */
function cut(list: string, part: string | null): [front: string, back: string] | undefined {
  const at = part ? `:${list}:`.indexOf(`:${part}:`) : -1;
  return part && at >= 0 ? [list.slice(0, Math.max(at - 1, 0)), list.slice(at + part.length + 1)] : undefined;
}

/** What MAMBAENV_UNDO says; undefined where somebody else wrote it. */
function recall(env: Env): Undo | undefined {
  if (env["MAMBAENV_UNDO"] === undefined) return undefined;
  try {
    const undo: unknown = JSON.parse(env["MAMBAENV_UNDO"]);
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
