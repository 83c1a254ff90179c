// `mambaenv fetch`: fills the caches with what the lock names, by making its environment where nobody sees it.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { loadCondarc } from "../condarc.ts";
import { builtin } from "../engines/builtin.ts";
import { building } from "../building.ts";
import { lock } from "../lock.ts";
import { local } from "../lockfile/content.ts";
import { restore } from "../lockfile/restore.ts";
import { EXIT } from "../problem.ts";
import { counted, createReport } from "../progress.ts";
import { caches, channels } from "../channels.ts";
import { begin, discard, lockOf, sweep } from "../store.ts";
import type { World } from "../world.ts";
import { type Held, held } from "./locked.ts";

/** Gets all that the lock names for this machine. Throws Problem: with `--offline` exit 5 names what is missing. */
export async function run(request: Request, world: World): Promise<Answer> {
  const found = await held(request, world);
  const { place, root } = building(found.facts, world);
  const taken = await lock(lockOf(place), world);
  taken.doing("fetching its packages");
  sweep(place, world);
  const draft = begin(place, world);
  const { report, clear, world: aside } = createReport(world, request.flags);
  const end = () => {
    clear();
    discard(draft, world);
    taken.release();
  };
  const untrap = world.trap(end);
  try {
    await fill(found, { prefix: draft.prefix, root, report }, aside);
  } finally {
    untrap();
    end();
  }
  if (!request.flags.quiet) {
    world.err(
      `mambaenv: ${counted(found.packages.length, "package")} at hand: mambaenv --locked --offline\n`,
    );
  }
  return { out: "", exit: EXIT.ok };
}

type Room = Pick<ReturnType<typeof createReport>, "report"> & { prefix: string; root: string };

async function fill(found: Held, { prefix, root, report }: Room, world: World): Promise<void> {
  const { facts, wanted, packages, platform, project, lock: { assumed } } = found;
  const condarc = await loadCondarc(world, facts.installation()?.root, facts.settings.mirrors?.value);
  const order = {
    prefix,
    specs: [],
    channels: channels({ facts, wanted, condarc }),
    platform,
    caches: caches({ root, condarc }),
    offline: facts.settings.offline,
  };
  // What is on this machine is at hand anyway, and building it would write into the project.
  const far = { ...wanted, requirements: wanted.requirements.filter((each) => !local(each)) };
  const how = { engine: builtin, order, condarc, root: project.root, quiet: !world.tty(2), report };
  await restore({ packages, assumed, wanted: far, ...how }, world);
}
