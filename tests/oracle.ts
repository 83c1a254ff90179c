// The programs that tests compare with: a Python that has py-rattler, and the machine's own shells and tools.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { delimiter, join } from "node:path";
import { HOME, once } from "./once.ts";

const OLDEST = [3, 10]; // py-rattler's
let python: Promise<string> | undefined;

/**
 * A Python with the packages of `oracle.txt`, in a venv of `.cache`. Without Python or its registry it is `""`, so
 * that a test says `ignore: !(await oracle())`; where CI is set that is an error instead.
 */
export function oracle(): Promise<string> {
  python ??= venv().catch((error) =>
    missing(`the oracle (${error instanceof Error ? error.message : error})`)
  );
  return python;
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

/** The machine's own interpreter, not a shim of it, and its version as `3.11.2`. */
export function interpreter(): { path: string; version: string } {
  const program = which("python3");
  if (program === undefined) throw new Error("there is no python3 on PATH");
  const code = "import os,sys;print(os.path.realpath(sys._base_executable),'%d.%d.%d'%sys.version_info[:3])";
  const [path = "", version = ""] = call([program, "-c", code]).trim().split(" ");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!)) {
    throw new Error(`${path} is Python ${version}, older than ${OLDEST.join(".")}`);
  }
  return { path, version };
}

async function venv(): Promise<string> {
  const { path, version } = interpreter();
  const pins = join(HOME, "tests", "oracle.txt");
  const key = createHash("sha256").update(`${path} ${version}\n`).update(fs.readFileSync(pins)).digest("hex");
  const dir = await once("venv", key, (dir) => {
    call([path, "-m", "venv", dir]);
    call([
      join(dir, "bin", "python"),
      "-m",
      "pip",
      "install",
      "--quiet",
      "--only-binary",
      ":all:",
      "-r",
      pins,
    ]);
  });
  return join(dir, "bin", "python");
}

const told = new Set<string>();
function missing(what: string): "" {
  if (process.env["CI"]) throw new Error(`missing on this machine: ${what}`);
  if (!told.has(what)) console.error(`skipped where it is needed: ${what}`);
  told.add(what);
  return "";
}
