// Compiles dist/mambaenv: one program for this machine, with the solver's thread as second entry point.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { COMPILER, PACKAGE, ROOT } from "./compiler.ts";

const FLAGS = [
  "--minify",
  "--bytecode",
  "--format=esm",
  "--splitting",
  // The solver is called beside whoever starts it, in whatever chunk that is.
  "--entry-naming=[name].[ext]",
  // Without these the program runs code and reads settings of the folder that it is called in.
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-dotenv",
];

if (!existsSync(COMPILER)) {
  console.error(`No compiler for this machine at ${COMPILER}: deno add npm:${PACKAGE}`);
  process.exit(1);
}
mkdirSync(join(ROOT, "dist"), { recursive: true });
const words = [
  "build",
  "--compile",
  ...FLAGS,
  "main.ts",
  "lib/builtin/solver.ts",
  "--outfile",
  "dist/mambaenv",
];
const { status, stdout, stderr } = spawnSync(COMPILER, words, { cwd: ROOT, encoding: "utf8" });
if (status !== 0) console.error(stdout + stderr);
process.exit(status ?? 1);
