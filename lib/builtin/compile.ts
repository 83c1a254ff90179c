// Compiled Python of `noarch: python` packages: made once beside the unpacked package, then linked like any file.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import type { Report } from "../engines/engine.ts";
import { effect, native } from "../system.ts";
import type { World } from "../world.ts";
import { type Claims, free, owns } from "./claim.ts";
import { run, type Tag, tagOf, type Task } from "./interpreter.ts";
import { enlist, sound } from "./kept.ts";
import type { Plan } from "./link.ts";
import { last, parent } from "./path.ts";
import { taking } from "./place.ts";
import type { Python } from "./python.ts";
import { discard } from "./unpack.ts";
import type { Placed, Writer } from "./write.ts";

/** Milliseconds after which nobody can still be compiling into a temporary folder. */
const STALE = 6 * 3600_000;

/** What is to be compiled, and with what. */
export interface Compiling {
  plans: readonly Plan[];
  python: Python;
  writer: Writer;
  claims: Claims;
  report: Report;
  world: World;
}

/** A module: its source in the package, and its compiled form there (`cached`) and in the prefix (`to`). */
interface Module {
  path: Plan["paths"][number];
  cached: string;
  to: string;
  /** Whether it is to be in the prefix: it may be another package's, or bring its own compiled form. */
  wanted: boolean;
}

/** One package's modules and the folder that keeps them compiled: `known` if it is there, `fresh` what it will be. */
interface Job {
  plan: Plan;
  modules: Module[];
  kept: string;
  known?: boolean;
  fresh?: string;
}

/** Compiles what was not compiled before for the same Python, and links it; returns what is new in the prefix. */
export async function compile(compiling: Compiling): Promise<Map<Plan, Placed[]>> {
  const { plans, python, claims, report, world } = compiling;
  const sources = new Map(plans.map((plan) => [plan, modulesOf(plan)]));
  const total = [...sources.values()].reduce((sum, paths) => sum + paths.length, 0);
  const ours = compiling.writer.place.platform === platform(world);
  if (total === 0 || !ours || python.version.startsWith("2.")) return new Map();
  report({ stage: "compile", done: 0, total });
  const tag = await tagOf(compiling);
  const jobs = [...sources].filter(([, paths]) => paths.length > 0).map(([plan, paths]) =>
    job(plan, paths, tag, claims)
  );
  const tasks = jobs.flatMap((job) => prepare(job, compiling));
  try {
    if (tasks.length > 0) await run(tasks, compiling);
    jobs.forEach(keep);
  } finally {
    for (const { fresh } of jobs) if (fresh) fs.rmSync(native(fresh), { recursive: true, force: true });
  }
  const placed = new Map(jobs.map((job) => [job.plan, place(job, compiling)]));
  report({ stage: "compile", done: total, total });
  return placed;
}

/** conda's name of the machine we run on: only its programs can be started. */
function platform({ platform, arch }: World): string {
  const archs: { [arch: string]: string } = { x64: "64", arm64: platform === "linux" ? "aarch64" : "arm64" };
  return `${platform === "darwin" ? "osx" : platform}-${archs[arch] ?? arch}`;
}

function modulesOf(plan: Plan): Plan["paths"] {
  if (plan.record.noarch !== "python") return [];
  return plan.paths.filter(({ path, kind }) => kind === "hardlink" && /^site-packages\/.*\.py$/.test(path));
}

function job(plan: Plan, paths: Plan["paths"], tag: Tag, claims: Claims): Job {
  const compiled = (path: string) => `${parent(path)}/__pycache__/${last(path).slice(0, -3)}.${tag.name}.pyc`;
  const modules = paths.map((path): Module => {
    const to = compiled(path.to);
    return { path, cached: compiled(path.path), to, wanted: owns(claims, path) && free(claims, to) };
  });
  return { plan, modules, kept: `${plan.dir}/.pyc/${tag.name}-${tag.magic}` };
}

/** What is to be compiled for a package: nothing if it was, and what has the prefix in it each time. */
function prepare(job: Job, { writer }: Compiling): Task[] {
  const there = folder(parent(job.kept)) && folder(job.kept);
  job.known = there && sound(job.kept);
  if (!job.known && (!there || discard(job.kept))) job.fresh = room(job.kept);
  const tasks: Task[] = [];
  for (const { path, cached, to, wanted } of job.modules) {
    if (path.rewriting || (!job.known && job.fresh === undefined)) {
      if (wanted) tasks.push([writer.path(path.to), writer.path(to), path.path]);
    } else if (!job.known) tasks.push([`${job.plan.dir}/${path.path}`, `${job.fresh}/${cached}`, path.path]);
  }
  return tasks;
}

/** Whether it is a folder, not a link to one, which a package may have brought. */
function folder(path: string): boolean {
  return fs.lstatSync(native(path), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A new folder beside the one that it is to become; none where the cache is not ours to write. */
function room(kept: string): string | undefined {
  const fresh = `${kept}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    if (!folder(parent(kept))) fs.mkdirSync(native(parent(kept)));
    else tidy(parent(kept));
    fs.mkdirSync(native(fresh));
    return fresh;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    // Another process was faster.
    if (code === "EEXIST" && folder(parent(kept))) return room(kept);
    if (!["ENOSPC", "EDQUOT"].includes(code)) return undefined;
    return effect("make", fresh, () => {
      throw error;
    });
  }
}

/** Removes what an interrupted run left. */
function tidy(kept: string): void {
  for (const name of fs.readdirSync(native(kept), "utf8")) {
    const path = `${kept}/${name}`;
    if (name.endsWith(".tmp") && Date.now() - fs.lstatSync(native(path)).mtimeMs > STALE) {
      fs.rmSync(native(path), { recursive: true, force: true });
    }
  }
}

/** The folder gets its name once it is whole; where another process was faster, its own is as good. */
function keep({ fresh, kept, modules }: Job): void {
  if (fresh === undefined) return;
  enlist(fresh, modules.map(({ cached }) => cached));
  try {
    fs.renameSync(native(fresh), native(kept));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

/** Links what was compiled; a module that Python cannot compile has no such file. */
function place({ plan, modules, kept, known, fresh }: Job, { writer }: Compiling): Placed[] {
  const placed: Placed[] = [];
  const made = new Set<string>();
  for (const { path, cached, to, wanted } of modules) {
    if (!wanted) continue;
    const target = writer.path(to);
    if (!path.rewriting && (known || fresh) && fs.existsSync(native(`${kept}/${cached}`))) {
      const into = parent(target);
      if (!made.has(into)) effect("make", into, () => fs.mkdirSync(native(into), { recursive: true }));
      made.add(into);
      const source = `${kept}/${cached}`;
      taking(plan.dir, source, target, () => writer.place.placer.place(parent(plan.dir), source, target));
    } else if (!fs.existsSync(native(target))) continue;
    placed.push({ path: to, kind: "pyc_file", copied: false });
  }
  return placed;
}
