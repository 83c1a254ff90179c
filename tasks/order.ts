// What entering an environment runs of the program, so that it can lie side by side in it: fewer pages to map.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { INPUTS } from "../lib/project.ts";
import { STAMP, type Stamp } from "../lib/stamp.ts";
import { COMPILER } from "./compiler.ts";

/** Has a draft of the program enter an environment in `dir`, an empty folder; returns the file that it writes. */
export function order(draft: string, dir: string): string {
  const [project, envs, file] = [join(dir, "work"), join(dir, "root", "envs"), join(dir, "order")];
  const prefix = join(envs, ".mambaenv", "work-0");
  for (const each of [project, join(prefix, "conda-meta")]) fs.mkdirSync(each, { recursive: true });
  fs.writeFileSync(join(project, "requirements.txt"), "");
  fs.writeFileSync(join(prefix, "conda-meta", "history"), "");
  fs.symlinkSync(".mambaenv/work-0", join(envs, "work"));
  const { mtime, ctime } = times(join(project, "requirements.txt"));
  const stamp: Stamp = {
    version: 1,
    name: "work",
    project,
    engine: "builtin",
    // Later than the inputs by more than what times are worth.
    made: ctime + 10_000,
    asked: {},
    inputs: INPUTS.map((path) =>
      path === "requirements.txt" ? { path, state: { mtime, ctime, size: 0, digest: "" } } : { path }
    ),
    installation: null,
    requirements: [],
  };
  fs.writeFileSync(join(prefix, STAMP), JSON.stringify(stamp));
  const env = [`HOME=${dir}`, "PATH=/usr/bin:/bin", `MAMBAENV_ROOT=${join(dir, "root")}`];
  const words = ["-i", ...env, `BUN_BYTECODE_ORDER_OUT=${file}`, draft, "--shell", "bash"];
  const { stdout, stderr } = spawnSync("/usr/bin/env", words, { cwd: project, encoding: "utf8" });
  // Words on stderr are of an environment that it does not take for fresh.
  if (!stdout.includes("MAMBAENV_ACTIVE") || stderr !== "" || !fs.existsSync(file)) {
    throw new Error(`the draft of the program does not enter a fresh environment:\n${stdout}${stderr}`);
  }
  return file;
}

/** When a file changed, as the program reads it: Deno cuts times, to milliseconds and to seconds. */
function times(file: string): { mtime: number; ctime: number } {
  const code = `const { mtimeMs: mtime, ctimeMs: ctime } = require("node:fs").statSync(${
    JSON.stringify(file)
  });
console.log(JSON.stringify({ mtime, ctime }));`;
  return JSON.parse(spawnSync(COMPILER, ["-e", code], { encoding: "utf8" }).stdout);
}
