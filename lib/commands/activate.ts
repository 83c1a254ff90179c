// `mambaenv activate`, `deactivate`, `reactivate` of any conda environment, with conda's words and meaning.
import { activate, active, conflicts, deactivate, meta, type Options, reactivate } from "../activation.ts";
import { understand, type Verb, type Wanted } from "../activation/words.ts";
import type { Request } from "../args.ts";
import { type Answer, type Change, render, type Shell } from "../code.ts";
import { type Condarc, loadCondarc, readCondarc } from "../condarc.ts";
import { installation } from "../installation.ts";
import { envsDirs, expand, locate, readPrefix } from "../prefix.ts";
import { EXIT } from "../problem.ts";
import type { World } from "../world.ts";
import { reader } from "./shell.ts";

/** What the reader's shell has to do, and what the user should know of; a sentence each. */
export interface Plan {
  changes: Change[];
  warnings: readonly string[];
}

/** Prints the code; without a name, that of the project's environment. `request.words` are conda's, untouched. */
export async function run(request: Request, world: World): Promise<Answer> {
  const verb = request.command.name as Verb;
  const shell = await reader(request.flags, world);
  const plan = await conda(verb, request.words, shell, world);
  if (plan === undefined) {
    const { help } = understand(verb, request.words);
    return (help ? await import("./help.ts") : await import("./enter.ts")).run(request, world);
  }
  for (const warning of plan.warnings) world.err(`mambaenv: warning: ${warning}\n`);
  return { out: render(plan.changes, shell), exit: EXIT.ok };
}

/** conda's own meaning of the words. undefined where they ask for help, or name no environment to activate. */
export async function conda(
  verb: Verb,
  words: readonly string[],
  shell: Shell,
  world: World,
): Promise<Plan | undefined> {
  const wanted = understand(verb, words);
  if (wanted.help || (verb === "activate" && wanted.target === undefined)) return undefined;
  const found = installation(world)?.root;
  const quick = readCondarc(world, found);
  const condarc = quick.unread.length === 0 ? quick : await loadCondarc(world, found);
  const plan = decide(wanted, found, condarc, shell, world);
  // direnv takes over exported variables only, and complains of a prompt.
  const direnv = world.env["DIRENV_IN_ENVRC"] !== undefined;
  const changes = direnv ? plan.changes.filter(({ kind }) => kind !== "prompt") : plan.changes;
  return { changes, warnings: [...condarc.warnings, ...plan.warnings] };
}

function decide(
  wanted: Wanted,
  found: string | undefined,
  condarc: Condarc,
  shell: Shell,
  world: World,
): Plan {
  const { env } = world;
  const now = active(env);
  const configured = env["CONDA_ROOT_PREFIX"];
  const root = configured ? expand(configured, world) : found;
  const options: Options = {
    root,
    changeps1: condarc.changeps1,
    // conda strips what variables say, not what files say.
    envPrompt: condarc.env_prompt === env["CONDA_ENV_PROMPT"]
      ? condarc.env_prompt?.trim()
      : condarc.env_prompt,
    uppercase: !/^(0|false|no|off|n|f)$/i.test(env["CONDA_ENVVARS_FORCE_UPPERCASE"] ?? ""),
    stack: wanted.stack ?? automatic(condarc.auto_stack, env["CONDA_SHLVL"]),
    ...found !== undefined && { meta: told(wanted, found, world), condabin: `${found}/condabin` },
  };
  const read = (path: string) => readPrefix(path, shell, world);
  if (wanted.verb === "activate") {
    const dirs = envsDirs(condarc.envs_dirs, root, world);
    const prefix = read(locate(wanted.target ?? "", { dirs, root }, world));
    const previous = now.level > 0 ? read(now.prefix) : undefined;
    const changes = activate(env, prefix, previous, options);
    return { changes, warnings: [...prefix.warnings, ...conflicts(env, prefix, options)] };
  }
  if (now.level === 0) return { changes: [], warnings: [] };
  const current = read(now.prefix);
  if (wanted.verb === "reactivate") {
    return { changes: reactivate(env, current, options), warnings: current.warnings };
  }
  const outer = now.below && read(now.below.prefix);
  return {
    changes: deactivate(env, current, outer, options),
    warnings: [...current.warnings, ...outer?.warnings ?? []],
  };
}

/** conda's `auto_stack`: to which level environments are stacked by themselves. */
function automatic(levels: number | undefined, shlvl: string | undefined): boolean {
  return Boolean(levels) && Number(shlvl ?? -1) <= (levels ?? 0);
}

/** The variables of the installation; with `--dev`, those that run conda from its sources. */
function told({ dev }: Wanted, root: string, world: World): Options["meta"] {
  if (!dev) return meta(root);
  const python = `${root}/bin/python`;
  const sources = (world.list(`${root}/lib`) ?? []).filter((name) => /^python3\.\d+$/.test(name))
    .flatMap((name) =>
      ["site-packages", "dist-packages"].map((packages) => `${root}/lib/${name}/${packages}`)
    )
    .find((folder) => world.stat(`${folder}/conda`)?.kind === "dir");
  const path = [sources, world.env["PYTHONPATH"]].filter(Boolean).join(":");
  const own = { CONDA_EXE: python, _CONDA_EXE: python, _CE_M: "-m", _CE_CONDA: "conda" };
  return { ...meta(root), ...own, ...path && { PYTHONPATH: path } };
}
