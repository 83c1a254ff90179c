// Compiles dist/mambaenv: one program for this machine, with the solver's thread as second entry point.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "..");
/** npm packages that hold Bun itself, by Node's names of platform and processor. */
const COMPILERS: { [machine: string]: string } = {
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
  "darwin-x64": "@oven/bun-darwin-x64",
  "darwin-arm64": "@oven/bun-darwin-aarch64",
};
/** The last two flags keep the program from running code and reading settings of the folder it is called in. */
const FLAGS = [
  "--minify",
  "--bytecode",
  "--format=esm",
  "--splitting",
  // The solver is called beside whoever starts it, in whatever chunk that is.
  "--entry-naming=[name].[ext]",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-dotenv",
];

const machine = `${process.platform}-${process.arch}`;
const compiler = join(ROOT, "node_modules", COMPILERS[machine] ?? machine, "bin", "bun");
if (!existsSync(compiler)) {
  console.error(`No compiler for ${machine} at ${compiler}: deno add npm:${COMPILERS[machine] ?? "bun"}`);
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
const { status, stdout, stderr } = spawnSync(compiler, words, { cwd: ROOT, encoding: "utf8" });
if (status !== 0) {
  console.error(stdout + stderr);
  process.exit(status ?? 1);
}
// install.sh checks the program against this.
const sum = createHash("sha256").update(readFileSync(join(ROOT, "dist/mambaenv"))).digest("hex");
writeFileSync(join(ROOT, "dist/SHA256SUMS"), `${sum}  mambaenv\n`);
