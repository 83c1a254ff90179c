// Fills a new prefix: one solve for Python and all that the channels have, then pip for the rest.
import { subdirOf } from "./builtin/virtual.ts";
import { type Condarc, loadCondarc } from "./condarc.ts";
import { Conflict, type Engine, type Order, type Report } from "./engines/engine.ts";
import type { Facts } from "./facts.ts";
import { readWanted, type Wanted } from "./inputs.ts";
import { pip } from "./pip.ts";
import { Problem } from "./problem.ts";
import { secretless } from "./requirements.ts";
import { type Split, split, type Target } from "./split.ts";
import { table } from "./table.ts";
import type { World } from "./world.ts";

/** A prefix to be filled, and everything that decides with what. */
export interface Task {
  /** The generation's path: missing or empty. */
  prefix: string;
  /** Root of environments and packages. */
  root: string;
  engine: Engine;
  facts: Facts;
  quiet: boolean;
  verbose: boolean;
  report: Report;
  /** Takes the progress line away, for words that stay. */
  clear: () => void;
}

/** What the environment was made from, for its stamp. */
export interface Provision {
  /** Absolute paths of the requirements files that were read. */
  files: string[];
  requirements: string[];
}

/** Fills the prefix. Throws Problem; what is in the prefix then is the caller's to remove. */
export async function provision(task: Task, world: World): Promise<Provision> {
  const { facts: { project, settings, installation } } = task;
  const condarc = await loadCondarc(world, installation()?.root);
  for (const warning of condarc.warnings) world.err(`mambaenv: warning: ${warning}\n`);
  const wanted = await readWanted(project, world);
  const platform = subdirOf(world);
  const python = settings.python ?? wanted.python;
  const target = { python: python?.value ?? "", platform };
  const made = await install({ ...task, condarc, wanted, target }, world);
  const added = await pip(
    {
      prefix: task.prefix,
      root: project?.root ?? world.cwd,
      requirements: made.pip,
      constraints: made.constraints,
      options: wanted.options,
      offline: settings.offline,
      wheels: [],
      quiet: task.quiet || !(task.verbose || world.tty(2)),
    },
    world,
    task.report,
  );
  task.clear();
  if (!task.quiet) world.err(table(made.why, task.prefix, added, world));
  return {
    files: wanted.inputs,
    requirements: [
      ...wanted.specs.map(({ spec }) => spec),
      ...wanted.requirements.map(({ text }) => secretless(text)),
    ],
  };
}

interface Wish extends Task {
  condarc: Condarc;
  wanted: Wanted;
  target: Target;
}

/** Splits and installs what conda provides; where that cannot be, all requirements are pip's. */
async function install(wish: Wish, world: World): Promise<Split> {
  const { facts: { settings }, engine, condarc, target, report, prefix } = wish;
  const channels = settings.channels?.value ?? wish.wanted.channels?.value ??
    (condarc.channels.length > 0 ? condarc.channels : ["conda-forge"]);
  const { openChannels } = await import("./builtin/repodata.ts");
  const index = await openChannels(channels, target.platform, {
    world,
    condarc,
    report,
    offline: settings.offline,
  });
  const order = (made: Split): Order => ({
    prefix,
    specs: made.conda,
    channels: index.channels.map(({ bases, url }) => bases[0] ?? url),
    platform: target.platform,
    caches: caches(wish),
    offline: settings.offline,
  });
  try {
    const made = await split(wish.wanted, target, index);
    try {
      await engine.install(order(made), { world, report, index });
      return made;
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (!made.why.some(({ by }) => by === "conda")) throw impossible(error, made);
      wish.clear();
      world.err(`mambaenv: warning: conda finds no way, so all requirements go to pip:\n${indent(error)}\n`);
    }
    world.remove(prefix);
    const rest = await split(wish.wanted, { ...target, away: "conda found no way" }, index);
    await engine.install(order(rest), { world, report, index }).catch((error) => {
      throw error instanceof Conflict ? impossible(error, rest) : error;
    });
    return rest;
  } finally {
    index.close();
  }
}

function indent({ message }: Error): string {
  return message.trim().split("\n").map((line) => `    ${line}`).join("\n");
}

function impossible(error: Conflict, { conda }: Split): Problem {
  return new Problem(
    `Cannot satisfy ${conda.join(", ")}:\n${indent(error)}`,
    "ask for another version: mambaenv --python VERSION, or another channel: --channel NAME",
  );
}

/** Package caches in order: what is configured, the root's own. */
function caches({ root, condarc }: Wish): string[] {
  return [...new Set([...condarc.pkgs_dirs, `${root}/pkgs`])];
}
