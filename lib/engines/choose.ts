// Who creates the environment: the engine that was asked for, else the user's own program, else ours.
import type { Found } from "../installation.ts";
import { EXIT, Problem } from "../problem.ts";
import type { Settings } from "../settings.ts";
import type { Engine } from "./engine.ts";
import { EXTERNAL, external } from "./external.ts";

/** Chooses by `--engine`; `auto` takes mamba, micromamba, conda in this order, else the built-in engine. */
export async function choose({ engine }: Settings, found: Found | undefined): Promise<Engine> {
  for (const name of EXTERNAL) {
    if (engine.value !== name && engine.value !== "auto") continue;
    const program = found?.programs[name];
    if (program) return external(name, program);
    if (engine.value === name) {
      const where = found ? `in ${found.root}` : "on this machine";
      throw new Problem(`No ${name} ${where} (${engine.from})`, "mambaenv --engine builtin", EXIT.missing);
    }
  }
  return (await import("./builtin.ts")).builtin;
}
