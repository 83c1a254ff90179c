// `mambaenv completions SHELL`: code for the shell's own completion, made from the tables of commands and flags.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { loadCondarc } from "../condarc.ts";
import { ownRoot } from "../facts.ts";
import { installation } from "../installation.ts";
import { envsDirs } from "../prefix.ts";
import { EXIT, Problem, Unknown } from "../problem.ts";
import type { World } from "../world.ts";
import { bash } from "./completions/bash.ts";
import { fish } from "./completions/fish.ts";
import { zsh } from "./completions/zsh.ts";

const SHELLS: { [shell: string]: () => string } = { bash, zsh, fish };

/** Prints the code, or for `names` the environments that it offers. */
export async function run({ words: [word] }: Request, world: World): Promise<Answer> {
  if (word === "names") return { out: await names(world), exit: EXIT.ok };
  const known = Object.keys(SHELLS);
  const hint = `source <(mambaenv completions bash)`;
  if (word === undefined) throw new Problem(`For which shell? ${known.join(", ")}`, hint, EXIT.usage);
  const made = Object.hasOwn(SHELLS, word) ? SHELLS[word] : undefined;
  if (made === undefined) {
    const words = `No completions for ${JSON.stringify(word)}; known: ${known.join(", ")}`;
    throw new Unknown(words, hint, { word, known });
  }
  return { out: made(), exit: EXIT.ok };
}

/**
 * Names of environments, a line each. Shells expand what completions offer, so a name with anything but letters,
 * digits and a few signs is left out: it can be typed.
 */
async function names(world: World): Promise<string> {
  const root = installation(world)?.root;
  const { envs_dirs } = await loadCondarc(world, root);
  const own = ownRoot(world);
  const dirs = [...envsDirs(envs_dirs, root, world), ...own ? [`${own}/envs`] : []];
  const found = dirs.flatMap((dir) =>
    (world.list(dir) ?? []).filter((name) =>
      /^[A-Za-z0-9_][\w.+@-]*$/.test(name) && world.stat(`${dir}/${name}/conda-meta`)?.kind === "dir"
    )
  );
  const all = [...new Set([...found, ...root === undefined ? [] : ["base"]])].sort();
  return all.map((name) => `${name}\n`).join("");
}
