// Fills a new prefix: one solve for Python and all that the channels have, then pip for the rest.
import { createHttp } from "./builtin/http.ts";
import { type Assumed, assuming, subdirOf } from "./builtin/virtual.ts";
import { caches, channels, open } from "./channels.ts";
import { type Condarc, loadCondarc } from "./condarc.ts";
import type { Engine, Order, Report } from "./engines/engine.ts";
import type { Facts } from "./facts.ts";
import { readWanted, type Wanted } from "./inputs.ts";
import { type Installed, pip } from "./pip.ts";
import { unlocked } from "./plan.ts";
import { EXIT, Problem } from "./problem.ts";
import { type Input, readInputs, type Stamp } from "./stamp.ts";
import { type Lock, type Locked, packagesFor, readLock } from "./lockfile.ts";
import { constraint, held, heldRecords, keeping } from "./lockfile/held.ts";
import { reasoned } from "./requirement/demand.ts";
import { included } from "./requirement/remote.ts";
import type { Settings } from "./settings.ts";
import { type Check, reconcile, settle } from "./settle.ts";
import type { Decision, Split, Target } from "./split.ts";
import { table } from "./table.ts";
import { secretless } from "./secret.ts";
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
}

/** What the environment was made from, for its stamp. */
export interface Provision {
  /** The files that it was made from, as they were when they were read. */
  inputs: Input[];
  requirements: string[];
  lock: Stamp["lock"];
  /** What a solve decided. */
  solved: Decision[];
}

/** Who provided what. */
interface Made {
  why: readonly Decision[];
  added: readonly Installed[];
}

/** Fills the prefix. Throws Problem; what is in the prefix then is the caller's to remove. */
export async function provision(task: Task, here: World): Promise<Provision> {
  const { facts: { project, settings, installation } } = task;
  const world = assuming(elsewhere(settings), here);
  const condarc = await loadCondarc(world, installation()?.root, settings.mirrors?.value);
  for (const warning of condarc.warnings) world.err(`mambaenv: warning: ${warning}\n`);
  const wanted = await readWanted(project, world, settings);
  const inputs = project ? readInputs(project, wanted.inputs, world) : [];
  const platform = subdirOf(world);
  const python = settings.python ?? wanted.python;
  const target = { python: python?.value ?? "", platform };
  const wish = { ...task, condarc, wanted, target };
  const { lock, made, before } = await locked(wish, world);
  const { why, added } = made ?? await solved({ ...wish, before }, world);
  if (wanted.variables) {
    // Where `conda env config vars` keeps them, and conda's own activation looks.
    world.write(`${task.prefix}/conda-meta/state`, JSON.stringify({ env_vars: wanted.variables }) + "\n");
  }
  if (!task.quiet) world.err(table(why, task.prefix, added, world));
  return {
    inputs,
    lock,
    requirements: listed(wanted),
    solved: why.filter(({ solved }) => solved),
  };
}

/** All requirements as they are written down, secrets taken out. */
export function listed({ specs, requirements }: Wanted): string[] {
  return [...specs.map(({ spec }) => spec), ...requirements.map(({ text }) => secretless(text))];
}

/** Installs what the lock file says, where there is one that fits or is to be taken as it is. */
async function locked(
  wish: Wish,
  world: World,
): Promise<{ lock: Stamp["lock"]; made?: Made; before?: Lock }> {
  const { facts: { project, settings }, wanted, target: { platform } } = wish;
  const lock = project && await readLock(project.root, world);
  if (lock === undefined) {
    if (settings.lock) throw unlocked(settings.lock);
    return { lock: undefined };
  }
  const { misfit, unused } = await import("./lockfile/judge.ts");
  const reason = await misfit(lock, { wanted, settings, platform }, world);
  if (reason !== undefined && settings.lock === "locked") {
    throw new Problem(`conda-lock.yml does not fit: ${reason}`, "mambaenv lock", EXIT.stale);
  }
  if (reason !== undefined && settings.lock !== "frozen") {
    world.err(unused(reason));
    return { lock: "unfit", before: lock };
  }
  const { restore } = await import("./lockfile/restore.ts");
  const order: Order = {
    prefix: wish.prefix,
    specs: [],
    channels: channels(wish),
    platform,
    caches: caches(wish),
    offline: settings.offline,
    quiet: wish.quiet,
  };
  const packages = packagesFor(lock, platform);
  const made = await restore(
    {
      ...wish,
      packages,
      assumed: lock.assumed,
      why: lock.why[platform],
      order,
      root: project!.root,
      quiet: hushed(wish, world),
    },
    world,
  );
  return { lock: reason === undefined ? "fits" : "frozen", made };
}

/** Whether pip's own progress is not for the user. */
function hushed({ quiet, verbose }: Task, world: World): boolean {
  return quiet || !(verbose || world.tty(2));
}

/** One solve, then pip for the rest; once more where pip finds no way with it. */
async function solved(wish: Wish, world: World): Promise<Made> {
  const http = createHttp({ env: world.env, condarc: wish.condarc, offline: wish.facts.settings.offline });
  const whole = await included(wish.wanted, http, world);
  return await reconcile({ wanted: whole }, async (wanted, asked) => {
    const { why, added } = await filled({ ...wish, wanted }, world);
    return { why: reasoned(why, asked), added };
  }, world);
}

async function filled(wish: Wish, world: World): Promise<Made> {
  const { facts: { project, settings }, wanted, prefix, report } = wish;
  const made = await install(wish, world);
  const order = (kept: readonly Locked[]) => ({
    prefix,
    root: project?.root ?? world.cwd,
    requirements: made.pip,
    constraints: [...made.constraints, ...kept.map(constraint)],
    options: wanted.options,
    offline: settings.offline,
    wheels: [],
    newer: settings.newer?.value,
    quiet: hushed(wish, world),
  });
  const stay = held(wish, wish.target.platform).filter(({ manager }) => manager === "pip");
  return { why: made.why, added: await keeping(stay, (kept) => pip(order(kept), world, report)) };
}

interface Wish extends Task {
  condarc: Condarc;
  wanted: Wanted;
  target: Target;
  /** A lock that does not fit any more. */
  before?: Lock;
}

/** Splits and installs what conda provides; where that cannot be, all requirements are pip's. */
async function install(wish: Wish, world: World): Promise<Split> {
  const { facts: { settings }, engine, target, report, prefix } = wish;
  const index = await open(wish, target.platform, report, world);
  try {
    const stay = await heldRecords(wish, target.platform, index);
    const order = {
      prefix,
      channels: index.channels.map(({ bases, url }) => bases[0] ?? url),
      platform: target.platform,
      caches: caches(wish),
      offline: settings.offline,
      quiet: wish.quiet,
    };
    const act = async ({ conda: specs }: Split, check: Check) => {
      world.remove(prefix);
      const tools = { world, report, index, check, held: stay };
      if ((settings.newer === undefined && stay.length === 0) || engine.name === "builtin") {
        return await engine.install({ ...order, specs }, tools);
      }
      // Other engines know no dates and no locks: they are told which packages.
      const { resolve } = await import("./engines/builtin.ts");
      const records = await resolve({ ...order, specs }, tools);
      await check(records);
      await engine.restore(records, { ...order, specs }, tools);
    };
    return (await settle({ ...wish, index, stay }, act, world)).made;
  } finally {
    index.close();
  }
}

/** What the settings say of a machine that is not this one. */
export function elsewhere({ cuda, glibc }: Pick<Settings, "cuda" | "glibc">): Assumed {
  return { ...cuda && { cuda: cuda.value }, ...glibc && { glibc: glibc.value } };
}
