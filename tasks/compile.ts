// Compiles dist/mambaenv: one program for this machine, with the solver's thread as second entry point.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMPILER, PACKAGE, ROOT, VERSION } from "./compiler.ts";
import { order } from "./order.ts";
import { forIntel, sign } from "./sign.ts";

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
  // Entering ends before machine code for it would pay; `World.longer` has the way back.
  "--compile-jit-policy=100",
];

/** The commit that is checked out, with a `+` where files of it were changed; `""` where git does not know. */
export function commit(): string {
  const git = (...words: string[]) => spawnSync("git", words, { cwd: ROOT, encoding: "utf8" });
  // A source archive may have been unpacked within somebody's repository.
  if (git("rev-parse", "--show-prefix").stdout !== "\n") return "";
  const head = git("rev-parse", "--short=12", "HEAD").stdout.trim();
  return head + (git("status", "--porcelain", "--untracked-files=no").stdout === "" ? "" : "+");
}

/** What `--version` tells, as a word of the compiler. */
function built(): string {
  const { imports } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  const rattler = imports["@conda-org/rattler"].split("@").at(-1);
  return `--define=MAMBAENV_BUILD=${JSON.stringify({ commit: commit(), rattler, bun: VERSION })}`;
}

/** The program's own entry points. */
const ENTRIES = ["main.ts", "lib/builtin/solver.ts"];

/**
 * Compiles the program into a file; returns its path. `more` are further words of the compiler, such as another machine's.
 * What a draft for this machine runs decides how all of them are laid out. Ends the task if it cannot.
 */
export function program(outfile: string, more: readonly string[] = []): string {
  const dir = mkdtempSync(join(tmpdir(), "mambaenv-draft-"));
  try {
    const file = order(build(ENTRIES, join(dir, "mambaenv")), dir);
    return build(ENTRIES, outfile, [`--bytecode-order=${file}`, ...more]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Compiles entry points, the program's own first, into one file; returns its path. Ends the task if it cannot. */
export function build(entries: readonly string[], outfile: string, more: readonly string[] = []): string {
  if (!existsSync(COMPILER)) {
    console.error(`No compiler for this machine at ${COMPILER}: deno add npm:${PACKAGE}`);
    process.exit(1);
  }
  const words = ["build", "--compile", ...FLAGS, built(), ...more, ...entries, "--outfile", outfile];
  const { status, stdout, stderr } = spawnSync(COMPILER, words, { cwd: ROOT, encoding: "utf8" });
  if (status === 0) {
    const program = readFileSync(outfile);
    if (forIntel(program)) writeFileSync(outfile, sign(program));
    return outfile;
  }
  console.error(stdout + stderr);
  process.exit(status ?? 1);
}

if (import.meta.main) {
  const dist = join(ROOT, "dist");
  mkdirSync(dist, { recursive: true });
  const sum = createHash("sha256").update(readFileSync(program(join(dist, "mambaenv")))).digest("hex");
  writeFileSync(join(dist, "SHA256SUMS"), `${sum}  mambaenv\n`);
}
