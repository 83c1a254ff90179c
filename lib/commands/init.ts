// `mambaenv init`: an .envrc for this folder, and what goes with it; shown, then written, never over anything.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { resolve } from "../project.ts";
import { EXIT, Problem } from "../problem.ts";
import { plain } from "../progress.ts";
import type { World } from "../world.ts";

/** What a file is to hold: all of it, or more lines behind what is there. */
interface Piece {
  name: string;
  text: string;
  before?: string;
}

/** direnv reads it in bash, on a Mac maybe in 3.2, to which <(…) is empty. Where the program is missing, that is said and the folder can still be entered. */
const ENVRC = `# This folder's conda environment. direnv reads this file: "direnv allow" once.
if command -v mambaenv >/dev/null 2>&1; then
  eval "$(mambaenv)"
else
  echo ".envrc: mambaenv is not on PATH, so there is no environment here" >&2
fi
`;

/** Shows what there is to write, and with `--print` no more than that. */
export function run({ flags }: Request, world: World): Promise<Answer> {
  const root = resolve(world.cwd, flags.project ?? ".");
  if (world.stat(root)?.kind !== "dir") {
    const hint = "name an existing folder: --project DIR";
    throw new Problem(`No folder ${JSON.stringify(root)}`, hint, EXIT.usage);
  }
  const pieces = [
    ...envrc(root, world),
    ...python(root, flags.python, world),
    ...ignored(root, world),
  ];
  const shown = pieces.map(({ name, text, before }) =>
    `${plain(`${root}/${name}`)}${before === undefined ? "" : " (at its end)"}\n${
      text.replace(/^/gm, "  ").trimEnd()
    }\n`
  ).join("");
  if (flags.print) return Promise.resolve({ out: shown, exit: EXIT.ok });
  if (!flags.quiet) world.err(shown || "mambaenv: nothing to write: it is all there\n");
  for (const { name, text, before = "" } of pieces) world.write(`${root}/${name}`, before + text, true);
  if (!flags.quiet && pieces.some(({ name }) => name === ".envrc")) world.err("Now: direnv allow\n");
  return Promise.resolve({ out: "", exit: EXIT.ok });
}

function envrc(root: string, world: World): Piece[] {
  const path = `${root}/.envrc`;
  if (world.lstat(path) === undefined) return [{ name: ".envrc", text: ENVRC }];
  if (/^[^#\n]*\bmambaenv\b/m.test(world.read(path) ?? "")) return [];
  throw new Problem(
    `There is a ${JSON.stringify(path)} already, and it is left alone`,
    'add this line to it: eval "$(mambaenv)"',
  );
}

/** `.python-version`, which pyenv and uv read too, where a version is asked for. */
function python(root: string, version: string | undefined, world: World): Piece[] {
  if (version === undefined) return [];
  if (!/^\d+(\.\d+){0,2}$/.test(version)) {
    const words = `Cannot write --python ${JSON.stringify(version)} to .python-version: it holds one version`;
    throw new Problem(words, "mambaenv init --python 3.12", EXIT.usage);
  }
  const path = `${root}/.python-version`;
  if (world.lstat(path) === undefined) return [{ name: ".python-version", text: `${version}\n` }];
  if (world.read(path)?.trim() === version) return [];
  throw new Problem(
    `There is a ${JSON.stringify(path)} already, and it is left alone`,
    `edit it: ${version}`,
  );
}

/** direnv's own folder, where git would see it. */
function ignored(root: string, world: World): Piece[] {
  if (world.lstat(`${root}/.git`) === undefined) return [];
  const path = `${root}/.gitignore`;
  const there = world.lstat(path);
  const before = there === undefined ? "" : world.read(path);
  // A link or what cannot be read is somebody's own affair.
  if (before === undefined || (there !== undefined && there.kind !== "file")) return [];
  if (/^\/?\.direnv\/?\s*$/m.test(before)) return [];
  const text = ".direnv/\n";
  if (before === "") return [{ name: ".gitignore", text }];
  return [{ name: ".gitignore", text, before: before.endsWith("\n") ? before : `${before}\n` }];
}
