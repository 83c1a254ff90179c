// The programs that tests compare with: a Python that has py-rattler, and the machine's own shells and tools.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { delimiter, join } from "node:path";
import { HOME, once } from "./once.ts";

const OLDEST = 10; // py-rattler's
let python: Promise<string> | undefined;

/**
 * A Python with the packages of `oracle.txt`, in a venv of `.cache`. Without Python or its registry it is `""`, so
 * that a test says `ignore: !(await oracle())`; where CI is set that is an error instead.
 */
export function oracle(): Promise<string> {
  python ??= venv("venv", "oracle.txt").catch((error) =>
    missing(`the oracle (${error instanceof Error ? error.message : error})`)
  );
  return python;
}

let judge: Promise<string> | undefined;
/** A Python with the packages of `publish.txt`, or `""`, in the same way. */
export function publisher(): Promise<string> {
  judge ??= venv("publish", "publish.txt").catch((error) =>
    missing(`what judges wheels (${error instanceof Error ? error.message : error})`)
  );
  return judge;
}

/** The path of a program of this machine, `""` where it is none: `ignore: !tool("fish")`; an error where CI is set. */
export function tool(name: string): string {
  return which(name) ?? missing(name);
}

/** The program of that name on PATH. */
export function which(name: string): string | undefined {
  return (process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, name)).find((path) => {
    const stats = fs.statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() && (stats.mode & 0o111) !== 0;
  });
}

/** Runs a program, with its words on our stderr, and throws unless it ends well; returns what it printed. */
export function call(argv: readonly string[], env: Record<string, string> = {}): string {
  const [program = "", ...words] = argv;
  const ended = spawnSync(program, words, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (ended.error) throw ended.error;
  if (ended.status !== 0) throw new Error(`${argv.join(" ")} ended with ${ended.status ?? ended.signal}`);
  return ended.stdout;
}

/** A Python of this machine: the program itself, not a shim or a link to it, and its version as `3.11.2`. */
export interface Interpreter {
  path: string;
  version: string;
}

/** The Python that `program` starts, by default the first `python3` of PATH. */
export function interpreter(program = which("python3")): Interpreter {
  if (program === undefined) throw new Error("there is no python3 on PATH");
  const code = "import os,sys;print(os.path.realpath(sys._base_executable),'%d.%d.%d'%sys.version_info[:3])";
  const [path = "", version = ""] = call([program, "-c", code]).trim().split(" ");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 3 || (major === 3 && minor < OLDEST)) {
    throw new Error(`${path} is Python ${version}, older than 3.${OLDEST}`);
  }
  return { path, version };
}

/** The Python of a venv with what a file of `tests/` pins, made once. */
export async function venv(name: string, file: string): Promise<string> {
  const { path, version } = interpreter();
  const pins = join(HOME, "tests", file);
  const dir = await once(name, `${path} ${version}\n${fs.readFileSync(pins, "utf8")}`, (dir) => {
    const python = join(dir, "bin", "python");
    // Debian's Python comes without ensurepip, and python3-venv without pip: either of them will do.
    const own = spawnSync(path, ["-c", "import ensurepip"]).status === 0;
    const pip = own ? [python, "-m", "pip"] : [path, "-m", "pip", "--python", python];
    try {
      call([path, "-m", "venv", ...(own ? [] : ["--without-pip"]), dir]);
      call([...pip, "install", "--quiet", "--only-binary", ":all:", "-r", pins]);
    } catch (cause) {
      throw new Error(`${path} cannot make a venv with pip: apt-get install -y python3-venv`, { cause });
    }
  });
  return join(dir, "bin", "python");
}

let jupyter: Promise<string> | undefined;
/** A Python with the packages of `cluster.txt`, Jupyter's and Dask's, or `""`, in the same way. */
export function cluster(): Promise<string> {
  jupyter ??= venv("cluster", "cluster.txt").catch((error) =>
    missing(`Jupyter and Dask (${error instanceof Error ? error.message : error})`)
  );
  return jupyter;
}

const told = new Set<string>();
/** Says what a test needs and this machine has not; an error where CI is set. */
export function missing(what: string): "" {
  if (process.env["CI"]) throw new Error(`missing on this machine: ${what}`);
  if (!told.has(what)) console.error(`skipped where it is needed: ${what}`);
  told.add(what);
  return "";
}
