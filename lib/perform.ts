// Runs the steps: one builder at a time, a new generation beside the old one, one rename that switches.
import type { Request } from "./args.ts";
import { choose } from "./engines/choose.ts";
import type { Progress } from "./engines/engine.ts";
import { building } from "./building.ts";
import { type Facts, gather } from "./facts.ts";
import { lastGood } from "./fallback.ts";
import { type Lock, lock, Lost } from "./lock.ts";
import { patience } from "./lock/patience.ts";
import { plan, type Step } from "./plan.ts";
import { denied } from "./prefix.ts";
import { Problem, refusal, unreadable } from "./problem.ts";
import { createReport, describe, plain } from "./progress.ts";
import { resolve } from "./project.ts";
import { readWanted } from "./inputs.ts";
import { listed, provision } from "./provision.ts";
import { remember } from "./remember.ts";
import { asked, readInputs, settled, writeStamp } from "./stamp.ts";
import {
  awaitedOf,
  begin,
  clock,
  commit,
  discard,
  generations,
  link,
  lockOf,
  type Place,
  sweep,
  taken,
} from "./store.ts";
import { trust } from "./trust.ts";
import type { World } from "./world.ts";

/** Does what the plan says; returns the facts as they are then. Throws Problem, and leaves what was there. */
export async function perform(
  steps: readonly Step[],
  facts: Facts,
  request: Request,
  world: World,
): Promise<Facts> {
  for (const step of steps) {
    switch (step.kind) {
      case "build":
        try {
          await build(step, facts, request, world);
        } catch (error) {
          const problem = error instanceof Problem ? error : refusal(error);
          const good = problem && lastGood(problem, facts, world);
          if (good === undefined) throw problem ?? error;
          return good;
        }
        break;
      case "defer":
        return await (await import("./background.ts")).defer(step.reason, facts, request, world);
      default:
        step satisfies never;
    }
  }
  return await gather(request, world);
}

type Build = Step & { kind: "build" };

/** How often a build starts anew that lost its lock: it was frozen, or a network's disk was. */
const TRIES = 3;

async function build(
  step: Build,
  facts: Facts,
  request: Request,
  world: World,
  tries = TRIES,
): Promise<void> {
  try {
    await locked(step, facts, request, world);
  } catch (error) {
    if (!(error instanceof Lost) || tries <= 1) throw error;
    world.err(`mambaenv: ${error.message}: once more\n`);
    await build(step, facts, request, world, tries - 1);
  }
}

async function locked(step: Build, facts: Facts, request: Request, world: World): Promise<void> {
  const { place, root } = building(facts, world);
  trust([root, place.envs, generations(place)], world);
  const held = await lock(lockOf(place), world, patience(request));
  const untrap = world.trap(() => held.release());
  try {
    // Whoever held the lock before may have built it.
    const now = await gather(request, world);
    if (plan(now).length === 0 && !step.force) return;
    sweep(place, world);
    if (!request.flags.quiet) {
      world.err(
        `mambaenv: making the environment ${JSON.stringify(place.label)}: ${step.reason}${await changes(
          now,
          world,
        )}\n`,
      );
    }
    await generation(now, { place, root, held }, request, world);
    world.remove(awaitedOf(place));
    remember(place, world);
  } catch (error) {
    // What failed as another took over and swept it is no failure of its own.
    held.check();
    throw error;
  } finally {
    untrap();
    held.release();
  }
}

/** What changed in the requirements, as far as they can be read: `: + rich, - six`. */
async function changes({ environment, project, settings, stale }: Facts, world: World): Promise<string> {
  if (environment.kind !== "generation" || !stale?.endsWith("changed")) return "";
  try {
    const now = listed(await readWanted(project, world, settings));
    const before = environment.stamp.requirements;
    const signed = [
      ...now.filter((text) => !before.includes(text)).map((text) => `+ ${text}`),
      ...before.filter((text) => !now.includes(text)).map((text) => `- ${text}`),
    ];
    const more = signed.length > 5 ? [`${signed.length - 5} more`] : [];
    return signed.length === 0 ? "" : plain(`: ${[...signed.slice(0, 5), ...more].join(", ")}`);
  } catch (error) {
    // The build says what is wrong with them.
    if (error instanceof Problem) return "";
    throw error;
  }
}

/** Builds and switches to one generation; whatever happens, no half of one stays. */
async function generation(
  facts: Facts,
  { place, root, held }: { place: Place; root: string; held: Lock },
  request: Request,
  world: World,
): Promise<void> {
  const { project, settings } = facts;
  const found = facts.installation();
  const engine = await choose(settings, found);
  const wishes = await asked(settings);
  if (!project?.files.has("conda-lock.yml")) {
    engine.prepare?.(JSON.stringify([project?.root, [...project?.files ?? []], wishes]), world);
  }
  if (taken(link(place), world)) throw occupied(place, world);
  const draft = begin(place, world);
  const made = clock(draft, world);
  const { report: show, clear, world: aside } = createReport(world, request.flags);
  const report = (progress: Progress) => {
    held.doing(describe(progress));
    show(progress);
  };
  const untrap = world.trap(() => {
    clear();
    discard(draft, world);
    world.err("mambaenv: interrupted, nothing was changed\n");
  });
  try {
    const { quiet = false, verbose = false } = request.flags;
    const task = { prefix: draft.prefix, root, engine, facts, quiet, verbose, report };
    const { inputs, requirements, lock, solved } = await provision(task, aside);
    const after = inputs.map(({ path }) => resolve(project?.root ?? "/", path));
    writeStamp(draft.prefix, {
      version: 1,
      name: place.name,
      project: project?.root,
      engine: engine.name,
      asked: wishes,
      ...settled(inputs, project ? readInputs(project, after, world) : [], {
        made,
        now: clock(draft, world),
      }),
      installation: found ?? null,
      requirements,
      lock,
      ...solved.length > 0 && { solved },
    }, world);
    // What is on disk is whole before anything says so; then one rename is as good as the other, kept or lost.
    report({ stage: "flush" });
    await world.flush(generations(place));
    held.check();
    commit(draft, place, world);
  } catch (error) {
    discard(draft, world);
    throw error;
  } finally {
    clear();
    untrap();
  }
}

function occupied(place: Place, world: World): Problem {
  if (denied(link(place), world)) return unreadable(link(place));
  const path = JSON.stringify(link(place));
  return new Problem(`${path} is no environment of mambaenv's`, "choose another name: mambaenv --name NAME");
}
