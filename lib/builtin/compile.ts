// Compiled Python of `noarch: python` packages: made once beside the unpacked package, then linked like any file.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import type { Report } from "../engines/engine.ts";
import { Problem } from "../problem.ts";
import { effect, native } from "../system.ts";
import type { World } from "../world.ts";
import { type Claims, owns } from "./claim.ts";
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

/** Source, compiled file, and the name that the latter has inside (Python puts the true one in when it imports it). */
type Task = [source: string, out: string, name: string];

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

/**
 * `cpython-311` and its magic number, as Python names and marks compiled files: read from one that the package python
 * brings, else asked of it. A pre-release of the same version has another number.
 */
async function tagOf({ plans, python, writer, world }: Compiling): Promise<{ name: string; magic: string }> {
  const own = plans.find(({ record }) => record.name === "python")!;
  const shipped = new RegExp(`^lib/python[^/]*/__pycache__/[^./]+\\.([a-z]+-?\\d+t?)\\.pyc$`);
  for (const { to, kind } of own.paths) {
    const name = kind === "hardlink" ? shipped.exec(to)?.[1] : undefined;
    if (name === undefined) continue;
    const fd = fs.openSync(native(writer.path(to)), "r");
    const head = Buffer.alloc(4);
    const length = fs.readSync(fd, head, 0, 4, 0);
    fs.closeSync(fd);
    if (length === 4) return { name, magic: head.toString("hex", 0, 2) };
  }
  const words = "import sys,importlib.util as u;print(sys.implementation.cache_tag,u.MAGIC_NUMBER.hex()[:4])";
  const answer = await start(words, "", { python, writer, world });
  const [name = "", magic = ""] = answer.trim().split(" ");
  if (!/^[a-z]+-?\d+t?$/.test(name)) {
    throw new Problem(`The environment's Python has no name for compiled files: ${name}`);
  }
  return { name, magic };
}

function job(plan: Plan, paths: Plan["paths"], tag: { name: string; magic: string }): Job {
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
    if (["EACCES", "EPERM", "EROFS"].includes(code)) return undefined;
    return effect("make", fresh, () => {
      throw error;
    });
  }
}

async function run(tasks: readonly Task[], { python, writer, world }: Compiling): Promise<void> {
  await start(SCRIPT, JSON.stringify(tasks), { python, writer, world });
}

async function start(
  words: string,
  input: string,
  { python, writer, world }: Pick<Compiling, "python" | "writer" | "world">,
): Promise<string> {
  const program = writer.path(python.program);
  const argv = [program, "-I", "-S", "-B", "-W", "ignore", "-c", words];
  const { status, stdout, stderr } = await world.run(argv, { input, stdout: "capture", stderr: "capture" });
  if (status === 0) return stdout;
  const last = stderr.trim().split("\n").slice(-3).join("\n");
  throw new Problem(
    `The environment's Python ${JSON.stringify(program)} ended with ${status} while compiling:\n${last}`,
  );
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

// Times, as Python does by itself: a source that is edited later counts. Half of the work in a child where it is long.
const SCRIPT = `
import json, os, py_compile, sys
tasks = json.load(sys.stdin)
mode = getattr(py_compile, "PycInvalidationMode", None)
more = {"invalidation_mode": mode.TIMESTAMP} if mode else {}
def work(tasks):
    for source, out, name in tasks:
        folder = os.path.parent(out)
        if not os.path.isdir(folder): os.makedirs(folder, exist_ok=True)
        try: py_compile.compile(source, out, name, True, 0, **more)
        except py_compile.PyCompileError: pass
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
count = min(cores or 1, 8, len(tasks) // 50)
children = []
for i in range(1, count):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work(tasks[i::count])
            status = 0
        except BaseException as error: sys.stderr.write("%s\\n" % error)
        finally:
            sys.stderr.flush()
            os._exit(status)
    children.append(pid)
work(tasks[::count or 1])
sys.exit(max([0] + [1 if os.waitpid(pid, 0)[1] else 0 for pid in children]))
`;
