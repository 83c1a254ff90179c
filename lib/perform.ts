// Runs the steps: one builder at a time, a new generation beside the old one, one rename that switches.
import type { Request } from "./args.ts";
import { choose } from "./engines/choose.ts";
import { building, type Facts, gather, ownRoot } from "./facts.ts";
import { lock } from "./lock.ts";
import { plan, type Step } from "./plan.ts";
import { Problem } from "./problem.ts";
import { createReport } from "./progress.ts";
import { basename, resolve } from "./project.ts";
import { provision } from "./provision.ts";
import { asked, readInputs, settled, writeStamp } from "./stamp.ts";
import { begin, commit, discard, generations, link, look, type Place, sweep } from "./store.ts";
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
        await build(step, facts, request, world);
        break;
      default:
        step.kind satisfies never;
    }
  }
  return await gather(request, world);
}

async function build(step: Step, facts: Facts, request: Request, world: World): Promise<void> {
  const { place, root } = building(facts, world);
  world.mkdir(generations(place));
  const what = `building ${JSON.stringify(place.name)}`;
  const release = await lock(`${generations(place)}/${place.name}.lock`, what, world);
  const untrap = world.trap(release);
  try {
    // Whoever held the lock before may have built it.
    const now = await gather(request, world);
    if (plan(now).length === 0) return;
    sweep(place, world);
    if (!request.flags.quiet) {
      world.err(`mambaenv: making the environment ${JSON.stringify(place.label)}: ${step.reason}\n`);
    }
    await generation(now, { place, root }, request, world);
    remember(place, world);
  } finally {
    untrap();
    release();
  }
}

/** Builds and switches to one generation; whatever happens, no half of one stays. */
async function generation(
  facts: Facts,
  { place, root }: { place: Place; root: string },
  request: Request,
  world: World,
): Promise<void> {
  const { project, settings } = facts;
  const made = world.now();
  const found = facts.installation();
  const engine = await choose(settings, found);
  if (!project?.files.has("conda-lock.yml")) engine.prepare?.();
  if (look(place, world).kind === "plain") throw occupied(place);
  const draft = begin(place, world);
  const { report, clear } = createReport(world, request.flags.quiet === true);
  const untrap = world.trap(() => {
    clear();
    discard(draft, world);
    world.err("mambaenv: interrupted, nothing was changed\n");
  });
  try {
    const { quiet = false, verbose = false } = request.flags;
    const task = { prefix: draft.prefix, root, engine, facts, quiet, verbose, report, clear };
    const { inputs, requirements, lock } = await provision(task, world);
    const after = inputs.map(({ path }) => resolve(project?.root ?? "/", path));
    writeStamp(draft.prefix, {
      version: 1,
      name: place.name,
      project: project?.root,
      engine: engine.name,
      asked: asked(settings),
      ...settled(inputs, project ? readInputs(project, after, world) : [], { made, now: world.now() }),
      installation: found ?? null,
      requirements,
      lock,
    }, world);
    commit(draft, place, world);
  } catch (error) {
    discard(draft, world);
    throw error;
  } finally {
    clear();
    untrap();
  }
}

function occupied(place: Place): Problem {
  const path = JSON.stringify(link(place));
  return new Problem(`${path} is a folder of somebody else's`, "choose another name: mambaenv --name NAME");
}

/** Leaves a link in our own root to what was built elsewhere, so that the warm path need not search for it. */
function remember(place: Place, world: World): void {
  const own = ownRoot(world);
  if (own === undefined || place.envs === `${own}/envs` || place.label !== place.name) return;
  try {
    world.mkdir(`${own}/envs`);
    world.symlink(link(place), `${own}/envs/${basename(link(place))}`);
  } catch (error) {
    // A home that cannot be written costs the short way only.
    if (!(error instanceof Problem)) throw error;
  }
}
