// conda's activation, pure: what an environment, a prefix and options make of the reader's shell.
// Equal to conda's own but for D1–D11 of tests/golden_test.ts.
import type { Change } from "./code.ts";
import { active, type Env, type Options, type Prefix, stacked } from "./activation/state.ts";
import { added, replaced } from "./activation/path.ts";
import { modifier, nameOf } from "./activation/prompt.ts";
import { enter, leave, settled } from "./activation/variables.ts";

export { type Active, active, type Env, meta, type Options, type Prefix, UNSET } from "./activation/state.ts";
export { nameOf } from "./activation/prompt.ts";
export { conflicts, settled, variable } from "./activation/variables.ts";

/** Activates `prefix`; `previous` is the environment that is active now, as read from disk. */
export function activate(
  env: Env,
  prefix: Prefix,
  previous: Prefix | undefined,
  options: Options = {},
): Change[] {
  const now = active(env);
  if (now.level > 0 && now.prefix === prefix.path) return reactivate(env, prefix, options);
  const level = now.level + 1;
  const switches = now.level > 0 && !options.stack;
  const left = switches && previous ? leave(env, previous.vars, now.level - 1, options, true) : [];
  const name = options.name ?? nameOf(prefix.path, options.root);
  const prompt = modifier(
    env,
    { kind: options.stack ? "stack" : "switch", prefix: prefix.path, name },
    options,
  );
  const taken: Change[] = now.level === 0 ? [] : [
    { kind: "set", name: `CONDA_PREFIX_${now.level}`, value: now.prefix },
    ...stackMark(env, level, options.stack === true),
  ];
  const entered = enter(apply(env, left), prefix.vars, now.level, options, taken);
  return [
    ...sources(switches ? previous?.deactivate : []),
    ...settled([
      ...left,
      {
        kind: "path",
        dirs: switches ? replaced(env, now.prefix, prefix.path) : added(env, prefix.path, options),
      },
      { kind: "set", name: "CONDA_PREFIX", value: prefix.path },
      { kind: "set", name: "CONDA_SHLVL", value: String(level) },
      { kind: "set", name: "CONDA_DEFAULT_ENV", value: name },
      { kind: "set", name: "CONDA_PROMPT_MODIFIER", value: prompt },
      ...entered,
      ...taken,
      ...installation(env, options),
    ]),
    // Behind CONDA_PROMPT_MODIFIER, without which nobody could take it out again.
    ...prompted(env, prompt, options),
    ...sources(prefix.activate),
  ];
}

/** Leaves the active environment `current` for the one below it, `outer` (undefined: none is active then). */
export function deactivate(
  env: Env,
  current: Prefix,
  outer: Prefix | undefined,
  options: Options = {},
): Change[] {
  const now = active(env);
  if (now.level === 0) return [];
  const left = leave(env, current.vars, now.level - 1, options, false);
  const inner = stacked(env, now.level);
  const path = now.below && !inner ? replaced(env, now.prefix, now.below.prefix) : replaced(env, now.prefix);
  const levels: Change[] = [];
  for (let i = now.level - 1; i > 0 && i >= (now.below?.level ?? 1); i--) {
    levels.push({ kind: "unset", name: `CONDA_PREFIX_${i}` });
  }
  if (inner) levels.push({ kind: "unset", name: `CONDA_STACKED_${now.level}` });
  const start: Change[] = [{ kind: "path", dirs: path }, ...sources(current.deactivate)];
  if (!now.below) {
    const outside = ["CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER"].map(gone);
    return [
      ...start,
      ...prompted(env, "", options),
      ...settled([...levels, ...left, ...outside, ...installation(env, options)]),
      // Last, since at level 0 nobody would do what an interruption left undone.
      { kind: "set", name: "CONDA_SHLVL", value: "0" },
    ];
  }
  const { level, prefix } = now.below;
  const name = nameOf(prefix, options.root);
  const prompt = modifier(env, { kind: "back", prefix, name }, options);
  const again = inner ? "stacked" : "again";
  return [
    ...start,
    ...prompted(env, prompt, options),
    ...settled([
      ...levels,
      ...left,
      { kind: "set", name: "CONDA_PREFIX", value: prefix },
      { kind: "set", name: "CONDA_SHLVL", value: String(level) },
      { kind: "set", name: "CONDA_DEFAULT_ENV", value: name },
      { kind: "set", name: "CONDA_PROMPT_MODIFIER", value: prompt },
      ...enter(apply(env, left), outer?.vars ?? new Map(), level - 1, options, [], again),
      ...installation(env, options),
    ]),
    ...sources(outer?.activate),
  ];
}

/** Runs the active environment's scripts again and puts its `bin` and prompt in order. */
export function reactivate(env: Env, current: Prefix, options: Options = {}): Change[] {
  const now = active(env);
  if (now.level === 0) return [];
  const name = env["CONDA_DEFAULT_ENV"] ?? nameOf(now.prefix, options.root);
  const prompt = modifier(env, { kind: "same", prefix: now.prefix, name }, options);
  return [
    ...sources(current.deactivate),
    ...settled([
      { kind: "path", dirs: replaced(env, now.prefix, now.prefix) },
      { kind: "set", name: "CONDA_SHLVL", value: String(now.level) },
      { kind: "set", name: "CONDA_PROMPT_MODIFIER", value: prompt },
      ...installation(env, options),
    ]),
    ...prompted(env, prompt, options),
    ...sources(current.activate),
  ];
}

/** The environment after these changes, as far as they tell: scripts and foreign code aside. */
export function apply(env: Env, changes: readonly Change[]): Env {
  if (changes.length === 0) return env;
  // Without a prototype, a variable called __proto__ is one like any other.
  const after: { [name: string]: string | undefined } = Object.assign(Object.create(null), env);
  for (const change of changes) {
    const ps1 = after["PS1"];
    if (change.kind === "path") after["PATH"] = change.dirs.join(":");
    else if (change.kind === "set") after[change.name] = change.value;
    else if (change.kind === "unset") delete after[change.name];
    else if (change.kind === "prompt" && ps1 !== undefined) {
      after["PS1"] = change.add + (change.remove ? ps1.replaceAll(change.remove, "") : ps1);
    }
  }
  return { ...after };
}

function sources(files: readonly string[] = []): Change[] {
  const changes: Change[] = [];
  for (const file of files) changes.push({ kind: "source", file });
  return changes;
}

function prompted(env: Env, add: string, options: Options): Change[] {
  if (options.changeps1 === false) return [];
  const [remove, exported] = [env["CONDA_PROMPT_MODIFIER"] ?? "", env["PS1"] !== undefined];
  return [{ kind: "prompt", remove, add, exported }];
}

/** The mark of a stacked level; a stale one is taken away. */
function stackMark(env: Env, level: number, stack: boolean): Change[] {
  const name = `CONDA_STACKED_${level}`;
  if (stack) return [{ kind: "set", name, value: "true" }];
  return stacked(env, level) ? [{ kind: "unset", name }] : [];
}

/** Where conda itself is, for its own functions: to them an empty variable is an unset one. */
function installation(env: Env, options: Options): Change[] {
  const changes: Change[] = [];
  for (const [name, value] of Object.entries(options.meta ?? {})) {
    if (value !== undefined) changes.push({ kind: "set", name, value });
    else if (env[name]) changes.push(gone(name));
  }
  return changes;
}

function gone(name: string): Change {
  return { kind: "unset", name };
}
