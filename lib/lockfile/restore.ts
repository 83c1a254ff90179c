// Fills a prefix with what a lock says: conda's packages by an engine, then pip's, by URL and checksum, no solve.
import { channelsOf } from "../builtin/channel.ts";
import { absent } from "../builtin/fetch.ts";
import { createHttp } from "../builtin/http.ts";
import type { Record } from "../builtin/record.ts";
import type { Condarc } from "../condarc.ts";
import type { Engine, Order, Report, Supply } from "../engines/engine.ts";
import type { Wanted } from "../inputs.ts";
import type { Lock, Locked } from "../lockfile.ts";
import { type Installed, invoke, type PipOrder, prepare, review, type Surroundings, survey } from "../pip.ts";
import { EXIT, Problem } from "../problem.ts";
import { called, type Decision } from "../requirement/decide.ts";
import type { Requirement } from "../requirements.ts";
import { shown } from "../secret.ts";
import type { World } from "../world.ts";
import { local } from "./content.ts";
import { differs, lacks } from "./machine.ts";
import { archives, drop, plain, there } from "./wheels.ts";
import { decisions } from "./why.ts";

/** What is to be restored, and by what means. */
export interface Restoring {
  packages: readonly Locked[];
  /** What the lock assumes of the machine. */
  assumed: Lock["assumed"];
  /** Why the lock has them from where. */
  why?: readonly Decision[];
  wanted: Wanted;
  engine: Engine;
  order: Order;
  condarc: Condarc;
  /** The project's folder. */
  root: string;
  quiet: boolean;
  report: Report;
}

/** Fills the prefix of the order; returns who provided what. Throws Problem. */
export async function restore(
  task: Restoring,
  world: World,
): Promise<{ why: Decision[]; added: Installed[] }> {
  const { packages, engine, order, wanted } = task;
  const records = packages.filter(({ manager }) => manager === "conda").map(recordOf);
  const unlike = await differs(task.assumed, order.platform, world);
  const words = [...unlike, ...await lacks(packages, order.platform, world)];
  for (const line of words) world.err(`mambaenv: warning: ${line}\n`);
  const missing = order.offline ? await lacking(records, task, world) : undefined;
  const why = await decisions({ packages, wanted, platform: order.platform, known: task.why });
  const specs = records.filter(({ name }) => name === "python" || why.some(({ conda }) => conda === name))
    .map(({ name, version }) => `${name} ==${version}`);
  // Each program has a layout of its own for its cache; what is in ours needs none of them.
  const by = missing?.length === 0 ? (await import("../engines/builtin.ts")).builtin : engine;
  try {
    await by.restore(records, { ...order, specs }, supply(task, world));
  } catch (error) {
    throw missing?.length && error instanceof Problem ? absence(missing) : error;
  }
  return { why, added: await pip(task, world) };
}

/** conda's packages that no cache of ours has; other engines know more caches. Throws Problem where that is the end. */
async function lacking(
  records: readonly Record[],
  { packages, order, engine }: Restoring,
  world: World,
): Promise<string[]> {
  const conda = (await absent(records, order.caches)).map(({ fn }) => fn);
  const pip = packages.filter((each) => each.manager === "pip" && !there(each, world))
    .map(({ name, version }) => `${name} ${version} (PyPI)`);
  const all = [...conda.sort(), ...pip.sort()];
  if (all.length > 0 && (pip.length > 0 || engine.name === "builtin")) throw absence(all);
  return all;
}

function absence(missing: readonly string[]): Problem {
  const list = missing.map((each) => `\n    ${each}`).join("");
  return new Problem(`Offline, and no cache has:${list}`, "with a network: mambaenv fetch", EXIT.offline);
}

/** As repodata would have it, but for what only the package itself knows. */
export function recordOf({ name, version, url, dependencies, md5, sha256 }: Locked): Record {
  const [, base = "", subdir = "", file = ""] = /^(.*)\/([^/]+)\/([^/]+)$/.exec(url) ?? [];
  const fn = decodeURIComponent(file);
  const build = fn.slice(name.length + version.length + 2).replace(/\.(conda|tar\.bz2)$/, "");
  const depends = Object.entries(dependencies).map(([need, text]) => `${need} ${text}`.trim()).sort();
  return { name, version, build, build_number: 0, subdir, depends, md5, sha256, fn, url, channel: base };
}

/** How to get the archives: from the configured places of their channel first, with their secrets. */
function supply({ order, condarc, report }: Restoring, world: World): Supply {
  const channels = channelsOf(order.channels, condarc, world.cwd);
  const http = createHttp({ env: world.env, condarc, offline: order.offline });
  const locate = ({ url }: Record) => {
    const found = channels.flatMap(({ url: base, bases }) =>
      [base, ...bases.map(shown)].some((known) => url.startsWith(`${known}/`))
        ? bases.filter((each) => url.startsWith(`${shown(each)}/`)).map((each) =>
          each + url.slice(shown(each).length)
        )
        : []
    );
    return [...new Set([...found, url])];
  };
  return { world, report, index: { http, locate } };
}

/** The first moment that a zip file can name, 1980. */
const EPOCH = "315532800";

/** pip's part: archives by their checksum, then repositories and what is on this machine. */
async function pip(task: Restoring, world: World): Promise<Installed[]> {
  const { packages, wanted, order: { prefix, offline }, root, quiet, report } = task;
  const locked = packages.filter(({ manager }) => manager === "pip");
  const own = wanted.requirements.filter(local);
  if (locked.length + own.length === 0) return [];
  report({ stage: "pip", what: [...locked.map(({ name }) => name), ...own.map(called)].join(", ") });
  const order: PipOrder = {
    prefix,
    root,
    requirements: [],
    constraints: [],
    options: wanted.options,
    offline,
    wheels: [],
    quiet,
  };
  const near = await survey(order, world);
  let far: Surroundings | undefined;
  const run = async (requirements: readonly Requirement[], more: Partial<PipOrder>) => {
    if (requirements.length === 0) return;
    // pip is slow to tell its settings, and for what is at hand they say nothing.
    const found = more.offline ? near : far ??= await prepare(order, world);
    // Without it, the time of installation would stand in every .pyc and in what is built from source.
    const own = { SOURCE_DATE_EPOCH: EPOCH, ...found.own };
    await invoke({ ...order, ...more, requirements }, { ...found, own }, world);
  };
  const hashed = async () => {
    const { wheels, folders, sources } = await archives(locked, run, world);
    const exact = ["--no-deps", "--require-hashes"];
    // The index is not asked for what is at hand; a source archive's own build may need it.
    await run(wheels, { offline: true, wheels: folders, words: ["install", ...exact] });
    await run(sources, { wheels: folders, words: ["install", ...exact] });
  };
  // pip compares each with its checksum, so nobody else does unless it fails.
  await hashed().catch(async (error) => {
    if (!drop(locked, world)) throw error;
    await hashed();
  });
  const unhashed = locked.filter(({ sha256 }) => sha256 === undefined).map(plain);
  await run([...unhashed, ...own], { words: ["install", "--no-deps"] });
  return await review(order, near, world);
}
