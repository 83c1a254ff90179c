// `mambaenv activate`, `deactivate`, `reactivate` of any conda environment, with conda's words and meaning.
import { activate, active, conflicts, deactivate, meta, type Options, reactivate } from "../activation.ts";
import { understand, type Verb, type Wanted } from "../activation/words.ts";
import type { Flags, Request } from "../args.ts";
import { type Answer, type Change, render, type Shell } from "../code.ts";
import { type Condarc, loadCondarc, readCondarc } from "../condarc.ts";
import { ownRoot } from "../facts.ts";
import { installation } from "../installation.ts";
import { envsDirs, expand, locate, readPrefix, readTarget } from "../prefix.ts";
import { EXIT } from "../problem.ts";
import { shells } from "../shells.ts";
import type { World } from "../world.ts";
import { person, reader } from "./shell.ts";

/** What the reader's shell has to do, and what the user should know of; a sentence each. */
export interface Plan {
  changes: Change[];
  warnings: readonly string[];
}

/** For whom, and what the flags say: where to look for names, and what `--stack` is by default. */
export interface Way {
  shell: Shell;
  flags?: Flags;
}

/** Prints the code; without a name, that of the project's environment. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { words, flags } = request;
  const verb = request.command.name as Verb;
  const asked = understand(verb, words);
  if (asked.help) return await usage(request, world);
  if (verb === "activate" && asked.target === undefined) {
    const { stack = flags.stack } = asked;
    return await (await import("./enter.ts")).run({ ...request, flags: { ...flags, stack } }, world);
  }
  const terminal = person(flags, world);
  const shell = terminal ? shells[0]! : await reader(flags, world);
  const plan = await conda(asked, { shell, flags }, world);
  if (terminal) return (await import("./status.ts")).instruct(verb, world);
  for (const warning of plan.warnings) world.err(`mambaenv: warning: ${warning}\n`);
  return { out: render(plan.changes, shell), exit: EXIT.ok };
}

/** conda has one more word for help than we. */
async function usage(request: Request, world: World): Promise<Answer> {
  const { run } = await import("./help.ts");
  return await run({ ...request, flags: { ...request.flags, help: true } }, world);
}

/** A name or a path as the target, whatever it looks like. */
export function wanted(target: string): Wanted {
  return { verb: "activate", help: false, dev: false, target };
}

/** What conda does with that. Throws Problem where there is no such environment. */
export async function conda(wanted: Wanted, { shell, flags = {} }: Way, world: World): Promise<Plan> {
  const found = installation(world)?.root;
  const quick = readCondarc(world, found);
  const condarc = quick.unread.length === 0 ? quick : await loadCondarc(world, found);
  const plan = decide(wanted, { found, condarc, flags }, shell, world);
  // direnv takes over exported variables only, and complains of a prompt.
  const direnv = world.env["DIRENV_IN_ENVRC"] !== undefined;
  const changes = direnv ? plan.changes.filter(({ kind }) => kind !== "prompt") : plan.changes;
  return { changes, warnings: [...condarc.warnings, ...plan.warnings] };
}

/** What is known before the words are looked at. */
interface Known {
  /** Root of the installation. */
  found: string | undefined;
  condarc: Condarc;
  flags: Flags;
}

function decide(wanted: Wanted, known: Known, shell: Shell, world: World): Plan {
  const { env } = world;
  const { found, condarc, flags } = known;
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
    stack: wanted.stack ?? flags.stack ?? automatic(condarc.auto_stack, env["CONDA_SHLVL"]),
    ...found !== undefined && { meta: told(wanted, found, world), condabin: `${found}/condabin` },
  };
  const read = (path: string) => readPrefix(path, shell, world);
  if (wanted.verb === "activate") {
    const path = locate(wanted.target ?? "", { dirs: places(known, root, world), root }, world);
    const prefix = readTarget(path, shell, world);
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

/** Where names are looked for: `--root`, conda's folders, and the program's own. */
function places({ condarc, flags }: Known, root: string | undefined, world: World): string[] {
  const asked = flags.root === undefined ? [] : [`${expand(flags.root, world)}/envs`];
  const own = ownRoot(world);
  const all = [...asked, ...envsDirs(condarc.envs_dirs, root, world), ...own ? [`${own}/envs`] : []];
  return [...new Set(all)];
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
