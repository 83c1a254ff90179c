// `mambaenv`: activates the project's environment, after building it where need be.
import { activate, active, apply, deactivate, meta, type Options } from "../activation.ts";
import type { Request } from "../args.ts";
import { type Answer, type Change, render, type Shell } from "../code.ts";
import { type Condarc, loadCondarc, readCondarc } from "../condarc.ts";
import { type Facts, gather } from "../facts.ts";
import { fast, full, type Hooked } from "../hook.ts";
import { foremost, plan } from "../plan.ts";
import { readPrefix, readTarget } from "../prefix.ts";
import { INPUTS, resolve } from "../project.ts";
import { EXIT, Problem } from "../problem.ts";
import * as scope from "../scope.ts";
import { entered, leave } from "../scope/undo.ts";
import type { Env, World } from "../world.ts";
import { person, reader } from "./shell.ts";

/** Prints the code that activates; to a terminal, what to type instead. */
export async function run(request: Request, world: World): Promise<Answer> {
  if (person(request.flags, world)) return (await import("./status.ts")).advise(request, world);
  const shell = await reader(request.flags, world);
  const facts = await provide(request, world, (status) => world.out(shell.status(status) + "\n"));
  const changes = await entering(facts, { shell, stack: request.flags.stack, hook: true }, world);
  return { out: render(changes, shell), exit: EXIT.ok };
}

/** The project and its environment, which is built where need be; `end` runs before a signal ends that. */
export async function provide(
  request: Request,
  world: World,
  end?: (status: number) => void,
): Promise<Facts> {
  const facts = await gather(request, world);
  const steps = plan(facts);
  if (facts.settings.job && foremost(world.env)) {
    (await import("./job.ts")).tell(facts, request, world);
  }
  if (steps.length === 0) return facts;
  // Solving and linking take a tenth of a second, in which the compiler would only be in the way.
  world.longer(10);
  if (end) {
    world.trap(end);
    await (await import("../foreground.ts")).foreground(world);
  }
  return await (await import("../perform.ts")).perform(steps, facts, request, world);
}

/** How an environment is entered. */
export interface Way {
  shell: Shell;
  /** Whether the active environment stays beneath. */
  stack?: boolean;
  /** Whether conda's own functions are wanted, as the setting says. */
  hook: boolean;
}

/** What enters the environment: the way out of an earlier one, conda's functions, and the way in. */
export async function entering(facts: Facts, way: Way, world: World): Promise<Change[]> {
  const left = out(world.env, way.shell, world);
  const start = await hook(facts, way, { ...world, env: apply(world.env, left) });
  const changes = [...left, ...start.changes, ...await into(facts, way, { ...world, env: start.env })];
  // direnv takes over exported variables only, and complains of a prompt.
  if (!world.env["DIRENV_IN_ENVRC"]) return changes;
  return [...watched(facts), ...changes.filter(({ kind }) => kind !== "prompt")];
}

/** What direnv is to look at: the inputs, also those that are not there yet, and nothing that we write. */
function watched({ project, environment, awaited }: Facts): Change[] {
  if (project === undefined) return [];
  const more = environment.kind === "generation" ? environment.stamp.inputs.map(({ path }) => path) : [];
  const files = new Set([...INPUTS, ...more].map((path) => resolve(project.root, path)));
  return [{ kind: "watch", files: [...files, ...awaited === undefined ? [] : [awaited]] }];
}

/** conda's own functions, and the environment as it is after them. */
async function hook(facts: Facts, way: Way, world: World): Promise<Hooked> {
  const { env } = world;
  const how = facts.settings.hook.value;
  const found = how === "off" || !way.hook || !way.shell.hook ? undefined : facts.installation();
  if (found === undefined) return { changes: [], env };
  return how === "full" ? await full(found, way.shell, world) : fast(found, way.shell, world);
}

/** Enters the environment, with the project around it. */
async function into(facts: Facts, { shell, stack }: Way, world: World): Promise<Change[]> {
  const { environment, project, settings } = facts;
  if (environment.kind === "missing") throw new Error("activation without an environment");
  const above = active(world.env);
  const previous = above.level > 0 ? readPrefix(above.prefix, shell, world) : undefined;
  const prefix = readTarget(environment.prefix, shell, world);
  const options = { ...await preferences(facts, world), name: environment.place.label, stack };
  const entry = {
    prefix: prefix.path,
    root: project?.root,
    pythonpath: settings.pythonpath.value,
    userSite: settings.userSite,
    stack,
    fallback: facts.fallback,
    // What the login shell had loaded is of no use to another Python.
    ...settings.job && { without: scope.foreign(prefix.path, world.env) },
  };
  const changes = scope.enter(activate(world.env, prefix, previous, options), entry, world.env);
  const others = scope.foreign(prefix.path, apply(world.env, changes));
  const warnings = others.length === 0 ? prefix.warnings : [
    ...prefix.warnings,
    `PYTHONPATH has another Python's packages: ${others.join(", ")}; --pythonpath replace leaves them out`,
  ];
  for (const warning of warnings) world.err(`mambaenv: warning: ${warning}\n`);
  return changes;
}

/** What conda's configuration and installation say of an activation. */
async function preferences({ environment, installation }: Facts, world: World): Promise<Options> {
  const builtin = environment.kind === "generation" && environment.stamp.engine === "builtin";
  const root = builtin ? undefined : installation()?.root;
  const { changeps1, env_prompt: envPrompt } = await configuration(root, world);
  return { changeps1, envPrompt, ...root !== undefined && { root, meta: meta(root) } };
}

/** conda's configuration; a file that cannot be read is no reason not to activate. */
async function configuration(root: string | undefined, world: World): Promise<Condarc> {
  const read = readCondarc(world, root);
  if (read.unread.length === 0) return read;
  try {
    return await loadCondarc(world, root);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    world.err(`mambaenv: warning: ${error.message}\n`);
    return read;
  }
}

/** What undoes an earlier entering; nothing where there was none. */
export function out(env: Env, shell: Shell, world: World): Change[] {
  const ours = entered(env);
  if (ours === undefined) return [];
  const { level, prefix, below } = active(env);
  if (level === 0 || prefix !== ours) return leave([], env);
  const current = readPrefix(prefix, shell, world);
  const outer = below && readPrefix(below.prefix, shell, world);
  return leave(deactivate(env, current, outer), env);
}
