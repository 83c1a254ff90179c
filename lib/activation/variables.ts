// The variables that an environment sets while it is active, and the saved copies of what they hide.
import type { Change } from "../code.ts";
import { active, type Env, type Options, type Prefix, UNSET, valueOf } from "./state.ts";

type Vars = Prefix["vars"];

/** The variable that is changed; none for other changes. */
export function variable(change: Change): string {
  return change.kind === "path" ? "PATH" : "name" in change ? change.name : "";
}

/** Changes of variables, the last one of each: what is set in front of what is gone, so that each is one statement. */
export function settled(changes: readonly Change[]): Change[] {
  const last = new Map<string, Change>();
  for (const change of changes) if (variable(change)) last.set(variable(change), change);
  const set: Change[] = [], gone: Change[] = [];
  for (const change of last.values()) (change.kind === "unset" ? gone : set).push(change);
  return [...set, ...gone];
}

/**
 * Sets an environment's variables on top of level `under`, keeping what they hide in `__CONDA_SHLVL_n_X`.
 * `taken` is what activation itself sets. `again` comes back to a level that was left, or is stacked on.
 */
export function enter(
  env: Env,
  vars: Vars,
  under: number,
  options: Options,
  taken: readonly Change[],
  again?: "again" | "stacked",
): Change[] {
  const changes: Change[] = [];
  for (const [raw, value] of vars) {
    const name = upper(raw, options);
    if (value === UNSET || taken.some((change) => variable(change) === name)) continue;
    if (name !== "PATH" && again !== "stacked") changes.push(...keep(env, raw, name, value, under, again));
    changes.push(value === null ? { kind: "unset", name } : { kind: "set", name, value });
  }
  return changes;
}

/** Saves what is hidden, as conda does; a copy left from an earlier time goes. */
function keep(
  env: Env,
  raw: string,
  name: string,
  value: string | null,
  under: number,
  again?: string,
): Change[] {
  const copy = copyOf(name, under);
  const hidden = valueOf(env, name) ?? valueOf(env, raw);
  if (again) {
    // The very value may be left from a conda that never removes it: no copy, or it would stay for ever.
    return hidden === undefined || hidden === value || env[copy] !== undefined
      ? []
      : [{ kind: "set", name: copy, value: hidden }];
  }
  if (hidden !== undefined) return [{ kind: "set", name: copy, value: hidden }];
  return env[copy] === undefined ? [] : [{ kind: "unset", name: copy }];
}

/** Takes an environment's variables away, or brings back what they hid; the copies go. */
export function leave(env: Env, vars: Vars, under: number, options: Options, switches: boolean): Change[] {
  const changes: Change[] = [];
  for (const [raw, value] of vars) {
    const name = upper(raw, options);
    if (name === "PATH") continue;
    const copy = copyOf(name, under);
    const saved = savedOf(env, raw, name, under);
    // Nothing changes, and the copy tells the way back that the value is not the environment's own.
    if (switches && saved !== undefined && saved === value) continue;
    changes.push(saved === undefined ? { kind: "unset", name } : { kind: "set", name, value: saved });
    if (env[copy] !== undefined) changes.push({ kind: "unset", name: copy });
  }
  return changes;
}

/** The saved copy. conda keeps a lower-case variable's value under the upper-case name: that is none. */
function savedOf(env: Env, raw: string, name: string, under: number): string | undefined {
  const saved = env[copyOf(name, under)];
  return raw !== name && saved === valueOf(env, raw) ? undefined : saved;
}

function copyOf(name: string, level: number): string {
  return `__CONDA_SHLVL_${level}_${name}`;
}

function upper(name: string, options: Options): string {
  return options.uppercase === false ? name : name.toUpperCase();
}

/** Warnings of an activation: variables that hide another value, and names that activation needs itself. */
export function conflicts(env: Env, prefix: Prefix, options: Options = {}): string[] {
  const now = active(env);
  if (now.level > 0 && now.prefix === prefix.path) return [];
  const own = now.level === 0 ? [] : [`CONDA_PREFIX_${now.level}`];
  if (now.level > 0 && options.stack) own.push(`CONDA_STACKED_${now.level + 1}`);
  const names = [...prefix.vars].flatMap(([raw, value]) =>
    value !== UNSET && ![undefined, value].includes(valueOf(env, raw)) ? [upper(raw, options)] : []
  );
  const hidden = names.filter((name) => !own.includes(name)).sort();
  const needed = [...prefix.vars.keys()].filter((raw) => own.includes(upper(raw, options))).sort();
  return [
    ...hidden.length ? [`The environment at ${prefix.path} overwrites ${hidden.join(", ")}`] : [],
    ...needed.map((name) => `Ignored ${name} of ${prefix.path}: activation sets it itself`),
  ];
}
