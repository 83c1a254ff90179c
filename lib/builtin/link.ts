// Links unpacked packages into a new prefix: decides what goes where, then does it, then writes down what it did.
import * as fs from "node:fs";
import type { Report } from "../engines/engine.ts";
import { Problem } from "../problem.ts";
import { effect, native } from "../system.ts";
import type { World } from "../world.ts";
import { claim, type Claims } from "./claim.ts";
import { Damaged } from "./damaged.ts";
import { harm, type Path, readManifest } from "./manifest.ts";
import { writeHistory, writeMeta } from "./meta.ts";
import { topological } from "./order.ts";
import { parent } from "./path.ts";
import { Placer } from "./place.ts";
import { destination, type Entry, type Python, pythonOf, readEntry } from "./python.ts";
import type { Record } from "./record.ts";
import { type Placed, Writer } from "./write.ts";

/** A package and the folder it is unpacked in. */
export interface Unpacked {
  record: Record;
  dir: string;
}

/** What is to be linked. */
export interface Linking {
  packages: readonly Unpacked[];
  /** Where the files go: a new folder. */
  prefix: string;
  /** conda subdir of the environment. */
  platform: string;
  /** The path that files are to name, if it is not `prefix`. */
  target?: string;
  /** What the user asked for, as MatchSpecs. */
  specs?: readonly string[];
  /** Folders of packages that were unpacked just now: what their lists say wrong of them is no damage. */
  fresh?: ReadonlySet<string>;
}

/** A package with what goes where. */
export interface Plan extends Unpacked {
  paths: (Path & { to: string })[];
  entries: (Entry & { to: string })[];
}

/** What tells packages and environments: no package's to bring. */
const RECORDS = /^conda-meta\/([^/]*\.json|history)$/;

/** Fills a prefix. Throws Problem; what is in the prefix then is the caller's to sweep. */
export async function link(linking: Linking, report: Report, world: World): Promise<void> {
  const { prefix, platform, target = prefix, specs = [], fresh } = linking;
  const packages = topological(linking.packages);
  const python = pythonOf(packages.map(({ record }) => record));
  const plans = packages.map((item) => plan(item, python));
  const claims = claim(plans);
  for (const warning of claims.warnings) world.err(`warning: ${warning}\n`);
  await folders(prefix, plans, claims);

  const writer = new Writer({ prefix, target, platform, placer: new Placer() });
  const total = plans.reduce((sum, { paths }) => sum + paths.length, 0);
  const placed = new Map<Plan, Placed[]>();
  const note = (item: Plan) => writeMeta(item, placed.get(item)!, writer.way(item), { prefix, specs });
  let done = 0;
  await each(plans, async (item) => {
    const writing = [writer.write(item, python, claims)];
    // Looked at while the system makes links of it; what was made of a damaged package goes with the prefix.
    const [wrong] = fresh?.has(item.dir) ? [] : harm(item.dir, item);
    const [end] = await Promise.allSettled(writing);
    if (wrong !== undefined) throw new Damaged(item.dir, wrong);
    if (end!.status === "rejected") throw end!.reason;
    placed.set(item, end!.value);
    if (item.record.noarch !== "python") note(item);
    done += item.paths.length;
    report({ stage: "link", what: item.record.name, done, total });
  });

  const [copied] = plans.filter((item) => writer.way(item) === "copy");
  if (copied) world.err(`mambaenv: note: ${copies(parent(copied.dir), prefix, world)}\n`);
  const { compile } = await import("./compile.ts");
  const compiled = python && !world.env["PYTHONDONTWRITEBYTECODE"]
    ? await compile({ plans, python, writer, claims, report, world })
    : new Map<Plan, Placed[]>();
  for (const item of plans.filter(({ record }) => record.noarch === "python")) {
    placed.get(item)!.push(...compiled.get(item) ?? []);
    note(item);
  }
  const { runScripts } = await import("./scripts.ts");
  await runScripts(plans, { prefix, target }, world);
  writeHistory(packages.map(({ record }) => record), prefix, specs);
}

/** Why packages take their room twice. */
function copies(cache: string, prefix: string, world: World): string {
  const why = world.stat(cache)?.dev === world.stat(prefix)?.dev
    ? "no hard links can be made of them there"
    : "they are on another file system than environments; MAMBAENV_ROOT, or CONDA_PKGS_DIRS, puts both on one";
  return `the packages in ${JSON.stringify(cache)} are copied, not linked: ${why}`;
}

/** Acts on a few at a time. When it throws, nothing is under way any more. */
async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  let failed = false;
  const work = async () => {
    for (let item = queue.shift(); item !== undefined && !failed; item = queue.shift()) {
      await act(item).catch((error) => {
        failed = true;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled([1, 2, 3, 4].map(work));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

function plan({ record, dir }: Unpacked, python: Python | undefined): Plan {
  const manifest = readManifest(dir);
  const modules = record.noarch === "python";
  if (modules && python === undefined) {
    throw new Problem(
      `${JSON.stringify(record.fn)} needs Python, and the environment has none`,
      "ask for python as well: mambaenv --python 3.12",
    );
  }
  const to = (path: string) => modules ? destination(path, python!) : path;
  const all = manifest.paths.map((path) => ({ ...path, to: to(path.path) }));
  const paths = all.filter((path) => !RECORDS.test(path.to));
  const entries = modules ? manifest.entries.map((text) => readEntry(text, record.fn)) : [];
  return { record, dir, paths, entries: entries.map((entry) => ({ ...entry, to: `bin/${entry.command}` })) };
}

/** Makes every folder that something goes to, those of the same depth at once: each takes its time. */
async function folders(prefix: string, plans: readonly Plan[], claims: Claims): Promise<void> {
  effect("make", prefix, () => fs.mkdirSync(native(`${prefix}/conda-meta`), { recursive: true }));
  const plain = new Set<string>();
  for (const { dir, paths } of plans) sources(dir, paths, plain);
  const levels: string[][] = [];
  for (const folder of claims.folders) (levels[folder.split("/").length] ??= []).push(`${prefix}/${folder}`);
  for (const level of levels) {
    const ended = await Promise.allSettled((level ?? []).map((path) => fs.promises.mkdir(native(path))));
    ended.forEach((end, i) => {
      if (end.status === "rejected") existing(level![i]!, end.reason);
    });
  }
}

function existing(path: string, refusal: unknown): void {
  if (fs.lstatSync(native(path), { throwIfNoEntry: false })?.isDirectory()) return;
  effect("make", path, () => {
    throw refusal;
  });
}

/** A package cannot reach outside of its own folder through a link in it. */
function sources(dir: string, paths: readonly Path[], plain: Set<string>): void {
  for (const { path } of paths) {
    if (plain.has(`${dir}/${parent(path)}`)) continue;
    for (let cut = path.indexOf("/"); cut > 0; cut = path.indexOf("/", cut + 1)) {
      const folder = `${dir}/${path.slice(0, cut)}`;
      if (plain.has(folder)) continue;
      plain.add(folder);
      if (fs.lstatSync(native(folder), { throwIfNoEntry: false })?.isSymbolicLink()) {
        throw new Damaged(dir, `${JSON.stringify(path)} is behind a link`);
      }
    }
  }
}
