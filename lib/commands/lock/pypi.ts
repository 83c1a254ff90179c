// What pip would install, asked of pip itself in an environment that is made for that and goes away again.
import { virtualPackages } from "../../builtin/virtual.ts";
import type { Condarc } from "../../condarc.ts";
import { assemble } from "../../engines/builtin.ts";
import type { Report } from "../../engines/engine.ts";
import { building } from "../../building.ts";
import type { Wanted } from "../../inputs.ts";
import { lock } from "../../lock.ts";
import type { Locked } from "../../lockfile.ts";
import { constraint, held, keeping } from "../../lockfile/held.ts";
import { invoke, type PipOrder, prepare, type Surroundings } from "../../pip.ts";
import { caches, open } from "../../channels.ts";
import { begin, discard, type Draft, lockOf, sweep } from "../../store.ts";
import type { Requirement } from "../../requirements.ts";
import type { World } from "../../world.ts";
import type { Making, Solved } from "./making.ts";
import { lockedOf, type Machine, readReport } from "./report.ts";
import { follow, tags, unmarked } from "./elsewhere.ts";

/** What pip is asked for. */
export interface Asking extends Making {
  condarc: Condarc;
  wanted: Wanted;
  solved: readonly Solved[];
  /** The packages of an environment with pip that runs here. */
  tool(): Promise<Solved>;
  report: Report;
}

/** A pip that runs, in a prefix that goes away again. */
interface Tool {
  order: PipOrder;
  surroundings: Surroundings;
  platform: string;
}

/** The archives of PyPI for every platform. Throws Problem with pip's own words. */
export async function pypi(asking: Asking, world: World): Promise<Locked[]> {
  if (asking.solved.every(({ made }) => made.pip.length === 0)) return [];
  const { place, root } = building(asking.facts, world);
  const held = await lock(lockOf(place), world);
  sweep(place, world);
  const draft = begin(place, world);
  const end = () => {
    discard(draft, world);
    held.release();
  };
  const untrap = world.trap(end);
  try {
    const tool = await make(asking, draft, root, world);
    const own = asking.solved.find(({ platform }) => platform === tool.platform);
    const near = own ? await archives(asking, own, { ...tool, near: [] }, world) : [];
    const found = [...near];
    for (const solved of asking.solved) {
      if (solved !== own) found.push(...await archives(asking, solved, { ...tool, near }, world));
    }
    return found;
  } finally {
    untrap();
    end();
  }
}

async function make(asking: Asking, { prefix }: Draft, root: string, world: World): Promise<Tool> {
  const { facts: { settings }, condarc, project, wanted, report, quiet } = asking;
  const { records, platform } = await asking.tool();
  const index = await open(asking, platform, report, world);
  const order = { prefix, specs: [], channels: [], platform, caches: caches({ root, condarc }) };
  try {
    await assemble(records, { ...order, offline: settings.offline }, { world, report, index });
  } finally {
    index.close();
  }
  const pip: PipOrder = {
    prefix,
    root: project.root,
    requirements: [],
    constraints: [],
    options: wanted.options,
    offline: settings.offline,
    wheels: [],
    newer: settings.newer?.value,
    quiet: quiet || !world.tty(2),
  };
  return { order: pip, surroundings: await prepare(pip, world), platform };
}

/** What one platform needs; `near` are the packages of this machine's, which the others follow. */
async function archives(
  asking: Asking,
  solved: Solved,
  tool: Tool & { near: readonly Locked[] },
  world: World,
): Promise<Locked[]> {
  const { made, platform, records } = solved;
  if (made.pip.length === 0) return [];
  asking.report({ stage: "pip", what: platform });
  const here = platform === tool.platform;
  const machine = { platform, python: records.find(({ name }) => name === "python")?.version ?? "" };
  const file = `${tool.order.prefix}/conda-meta/mambaenv-report.json`;
  const far = here ? [] : await distant(machine, tool.order.prefix, world);
  // Elsewhere nothing is installed yet.
  const surroundings = here ? tool.surroundings : { ...tool.surroundings, before: [] };
  const run = (kept: readonly Locked[]) => async (requirements: readonly Requirement[]) => {
    const constraints = [
      ...here ? made.constraints : made.constraints.map(unmarked),
      ...kept.map(constraint),
    ];
    const words = ["install", "--dry-run", "--report", file, ...far] as const;
    await invoke({ ...tool.order, words, requirements, constraints }, surroundings, world);
    return readReport(world.read(file) ?? "");
  };
  const stay = held(asking, platform).filter(({ manager }) => manager === "pip");
  const kept = [...stay, ...tool.near.filter(({ name }) => !stay.some((each) => each.name === name))];
  if (here) return lockedOf(await keeping(kept, (kept) => run(kept)(made.pip)), machine);
  const first = made.pip.map(unmarked);
  const { entries, doubts } = await keeping(kept, (kept) => follow(first, solved, machine, run(kept)));
  const unsure = [`whether PyPI's packages work there: they were chosen on ${tool.platform}`, ...doubts];
  for (const doubt of unsure) world.err(`mambaenv: warning: ${platform}: it is not known ${doubt}\n`);
  return lockedOf(entries, machine);
}

/** Words that make pip look for another machine, and not at what is installed here. */
async function distant(machine: Machine, prefix: string, world: World): Promise<string[]> {
  const virtual = await virtualPackages(world, machine.platform);
  const system = virtual.find(({ name }) => name === "__glibc" || name === "__osx")?.version ?? "";
  return [...tags(machine, system), "--no-deps", "--target", `${prefix}/elsewhere`];
}
