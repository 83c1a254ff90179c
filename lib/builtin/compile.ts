// Compiled Python of `noarch: python` packages: made once beside the unpacked package, then linked like any file.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import type { Report } from "../engines/engine.ts";
import { effect, native } from "../system.ts";
import type { World } from "../world.ts";
import { type Claims, owns } from "./claim.ts";
import { run, type Tag, tagOf, type Task } from "./interpreter.ts";
import type { Plan } from "./link.ts";
import { last, parent } from "./path.ts";
import { taking } from "./place.ts";
import type { Python } from "./python.ts";
import type { Placed, Writer } from "./write.ts";

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
}

/** One package's modules and the folder that keeps them compiled; `fresh` where they are yet to be. */
interface Job {
  plan: Plan;
  modules: Module[];
  kept: string;
  fresh?: string;
}

/** Compiles what was not compiled before for the same Python, and links it; returns what is new in the prefix. */
export async function compile(compiling: Compiling): Promise<Map<Plan, Placed[]>> {
  const { plans, python, claims, report, world } = compiling;
  const modules = new Map(plans.map((plan) => [plan, sources(plan, claims)]));
  const total = [...modules.values()].reduce((sum, paths) => sum + paths.length, 0);
  const ours = compiling.writer.place.platform === platform(world);
  if (total === 0 || !ours || python.version.startsWith("2.")) return new Map();
  report({ stage: "compile", done: 0, total });
  const tag = await tagOf(compiling);
  const jobs = plans.filter((plan) => modules.get(plan)!.length > 0).map((plan) =>
    job(plan, modules.get(plan)!, tag)
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

function sources(plan: Plan, claims: Claims): Plan["paths"] {
  if (plan.record.noarch !== "python") return [];
  return plan.paths.filter((path) => /^site-packages\/.*\.py$/.test(path.path) && owns(claims, path));
}

function job(plan: Plan, paths: Plan["paths"], tag: Tag): Job {
  const compiled = (path: string) => `${parent(path)}/__pycache__/${last(path).slice(0, -3)}.${tag.name}.pyc`;
  const modules = paths.map((path) => ({ path, cached: compiled(path.path), to: compiled(path.to) }));
  return { plan, modules, kept: `${plan.dir}/.pyc/${tag.name}-${tag.magic}` };
}

/** What is to be compiled for a package: nothing if it was, and what has the prefix in it each time. */
function prepare(job: Job, { writer, claims }: Compiling): Task[] {
  const known = fs.existsSync(native(job.kept));
  if (!known) job.fresh = room(job.kept);
  const tasks: Task[] = [];
  for (const { path, cached, to } of job.modules) {
    if (claims.files.has(to)) continue;
    if (path.rewriting || (!known && job.fresh === undefined)) {
      tasks.push([writer.path(path.to), writer.path(to), path.path]);
    } else if (!known) tasks.push([`${job.plan.dir}/${path.path}`, `${job.fresh}/${cached}`, path.path]);
  }
  return tasks;
}

/** A new folder beside the one that it is to become; none where the cache is not ours to write. */
function room(kept: string): string | undefined {
  const fresh = `${kept}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    fs.mkdirSync(native(fresh), { recursive: true });
    return fresh;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!["ENOSPC", "EDQUOT"].includes(code)) return undefined;
    return effect("make", fresh, () => {
      throw error;
    });
  }
}

/** The folder gets its name once it is whole; where another process was faster, its own is as good. */
function keep({ fresh, kept }: Job): void {
  if (fresh === undefined) return;
  try {
    fs.renameSync(native(fresh), native(kept));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

/** Links what was compiled; a module that Python cannot compile has no such file. */
function place({ plan, modules, kept }: Job, { writer, claims }: Compiling): Placed[] {
  const placed: Placed[] = [];
  const made = new Set<string>();
  for (const { path, cached, to } of modules) {
    if (claims.files.has(to)) continue;
    const target = writer.path(to);
    if (!path.rewriting && fs.existsSync(native(`${kept}/${cached}`))) {
      const folder = parent(target);
      if (!made.has(folder)) effect("make", folder, () => fs.mkdirSync(native(folder), { recursive: true }));
      made.add(folder);
      const source = `${kept}/${cached}`;
      taking(plan.dir, source, target, () => writer.place.placer.place(parent(plan.dir), source, target));
    } else if (!fs.existsSync(native(target))) continue;
    placed.push({ path: to, kind: "pyc_file", copied: false });
  }
  return placed;
}
