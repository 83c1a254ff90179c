// Starts the environment's own Python: to ask it what it is, and to compile.
import * as fs from "node:fs";
import { Problem } from "../problem.ts";
import { native } from "../system.ts";
import type { Compiling } from "./compile.ts";

/** Names compiled files: `cpython-311`, and the number that marks them. */
export interface Tag {
  name: string;
  magic: string;
}

/** Source, compiled file, and the name that the latter has inside (Python puts the true one in when it imports it). */
export type Task = [source: string, out: string, name: string];

type Environment = Pick<Compiling, "python" | "writer" | "world">;

/**
 * How Python names and marks compiled files: read from one that the package python
 * brings, else asked of it. A pre-release of the same version has another number.
 */
export async function tagOf({ plans, python, writer, world }: Compiling): Promise<Tag> {
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
    const program = JSON.stringify(writer.path(python.program));
    throw new Problem(
      `The environment's Python ${program} does not say what it is: ${JSON.stringify(answer)}`,
    );
  }
  return { name, magic };
}

/** Compiles; what is no Python of this version has no compiled file then. Throws Problem where Python itself fails. */
export async function run(tasks: readonly Task[], environment: Environment): Promise<void> {
  await start(SCRIPT, JSON.stringify(tasks), environment);
}

async function start(words: string, input: string, { python, writer, world }: Environment): Promise<string> {
  const program = writer.path(python.program);
  // None of the user's settings, no site (it would run what packages bring), no compiled file of the library's.
  const argv = [program, "-I", "-S", "-B", "-W", "ignore", "-c", words];
  const { status, stdout, stderr } = await world.run(argv, { input, stdout: "capture", stderr: "capture" });
  if (status === 0) return stdout;
  const last = stderr.trim().split("\n").slice(-3).join("\n");
  throw new Problem(
    `The environment's Python ${JSON.stringify(program)} ended with ${status} while compiling:\n${last}`,
  );
}

// Times, as Python does by itself: a source that is edited later counts. Half of the work in a child where it is long.
const SCRIPT = `
import json, os, py_compile, sys
tasks = json.load(sys.stdin)
mode = getattr(py_compile, "PycInvalidationMode", None)
more = {"invalidation_mode": mode.TIMESTAMP} if mode else {}
def work(tasks):
    for source, out, name in tasks:
        folder = os.path.dirname(out)
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
