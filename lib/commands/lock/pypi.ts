// What pip would install, asked of pip itself in an environment that is made for that and goes away again.
import { openChannels } from "../../builtin/repodata.ts";
import { virtualPackages } from "../../builtin/virtual.ts";
import type { Condarc } from "../../condarc.ts";
import { assemble } from "../../engines/builtin.ts";
import type { Report } from "../../engines/engine.ts";
import { building } from "../../facts.ts";
import type { Wanted } from "../../inputs.ts";
import { lock } from "../../lock.ts";
import type { Locked } from "../../lockfile.ts";
import { invoke, type PipOrder, prepare, type Surroundings } from "../../pip.ts";
import { caches, channels } from "../../provision.ts";
import { begin, discard, type Draft, generations, sweep } from "../../store.ts";
import { Problem } from "../../problem.ts";
import type { Requirement } from "../../requirements.ts";
import type { World } from "../../world.ts";
import { held, type Making, type Solved } from "./making.ts";
import { lockedOf, pinned, readReport } from "./report.ts";
import { follow, tags } from "./elsewhere.ts";

/** What pip is asked for. */
export interface Asking extends Making {
  condarc: Condarc;
  wanted: Wanted;
  solved: readonly Solved[];
  /** The packages of an environment with pip that runs here. */
  tool(): Promise<Solved>;
  report: Report;
  clear: () => void;
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
  world.mkdir(generations(place));
  const release = await lock(`${generations(place)}/${place.name}.lock`, "locking its packages", world);
  sweep(place, world);
  const draft = begin(place, world);
  const end = () => {
    discard(draft, world);
    release();
  };
  const untrap = world.trap(end);
  try {
    const tool = await make(asking, draft, root, world);
    const found: Locked[] = [];
    for (const solved of asking.solved) found.push(...await archives(asking, solved, tool, world));
    return found;
  } finally {
    untrap();
    end();
  }
}

async function make(asking: Asking, { prefix }: Draft, root: string, world: World): Promise<Tool> {
  const { facts: { settings }, condarc, project, wanted, report, quiet } = asking;
  const { records, platform } = await asking.tool();
  const options = { world, condarc, report, offline: settings.offline };
  const index = await openChannels(channels(asking), platform, options);
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
    quiet: quiet || !world.tty(2),
  };
  return { order: pip, surroundings: await prepare(pip, world), platform };
}

async function archives(asking: Asking, solved: Solved, tool: Tool, world: World): Promise<Locked[]> {
  const { made, platform, records } = solved;
  if (made.pip.length === 0) return [];
  asking.report({ stage: "pip", what: platform });
  const machine = { platform, python: records.find(({ name }) => name === "python")?.version ?? "" };
  const file = `${tool.order.prefix}/conda-meta/mambaenv-report.json`;
  const run =
    (more: readonly string[], kept: readonly Locked[]) => async (requirements: readonly Requirement[]) => {
      const constraints = [...made.constraints, ...kept.map(pinned)];
      const words = ["install", "--dry-run", "--report", file, ...more] as const;
      await invoke({ ...tool.order, words, requirements, constraints }, tool.surroundings, world);
      return readReport(world.read(file) ?? "");
    };
  if (platform === tool.platform) {
    return lockedOf(await keeping(asking, platform, (kept) => run([], kept)(made.pip)), machine);
  }
  const virtual = await virtualPackages(world, platform);
  const system = virtual.find(({ name }) => name === "__glibc" || name === "__osx")?.version ?? "";
  const far = [...tags(machine, system), "--no-deps", "--target", `${tool.order.prefix}/elsewhere`];
  const { entries, doubts } = await keeping(
    asking,
    platform,
    (kept) => follow(made.pip, solved, machine, run(far, kept)),
  );
  asking.clear();
  const unsure = [`whether PyPI's packages work there: they were chosen on ${tool.platform}`, ...doubts];
  for (const doubt of unsure) world.err(`mambaenv: warning: ${platform}: it is not known ${doubt}\n`);
  return lockedOf(entries, machine);
}

/** Keeps the versions of the last lock, unless they are in the way. */
async function keeping<T>(making: Making, platform: string, act: (kept: Locked[]) => Promise<T>): Promise<T> {
  const kept = held(making, platform).filter(({ manager }) => manager === "pip");
  try {
    return await act(kept);
  } catch (error) {
    if (!(error instanceof Problem) || kept.length === 0) throw error;
    return await act([]);
  }
}
