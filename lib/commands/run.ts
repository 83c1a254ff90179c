// `mambaenv run`: becomes a command in an environment. A shell stands in between only for an environment's own
// activation scripts: it sources them, then becomes the command.
import { apply } from "../activation.ts";
import type { Request } from "../args.ts";
import { type Answer, type Change, render, type Shell } from "../code.ts";
import { resolve } from "../project.ts";
import { EXIT, Problem } from "../problem.ts";
import { shellNamed } from "../shells.ts";
import type { Env, Program, World } from "../world.ts";
import { conda, wanted } from "./activate.ts";
import { entering, provide } from "./enter.ts";

/** Becomes the command; returns only where the runtime has to wait for it. */
export async function run(request: Request, world: World): Promise<Answer> {
  const keep = descriptors(world);
  const words = [...request.words];
  if (words.length === 0) {
    throw new Problem("No command to run", "mambaenv run python --version", EXIT.usage);
  }
  // A prompt is for interactive shells, which make their own.
  const changes = (await entered(request, shellNamed(sourcer(world))!, world)).filter(({ kind }) =>
    kind !== "prompt"
  );
  const first = changes.findIndex(({ kind }) => kind === "source");
  if (first >= 0) {
    return { out: "", exit: await world.exec({ ...sourcing(words, changes, first, world), keep }) };
  }
  const env = apply(world.env, changes);
  return { out: "", exit: await world.exec({ file: find(words[0]!, env, world), argv: words, env, keep }) };
}

/** The environment that the flags name, as `conda run` takes them; undefined where the project's is meant. */
export function named({ flags, origins }: Request, world: World): string | undefined {
  if (origins["prefix"] === "--prefix") return resolve(world.cwd, flags.prefix ?? "");
  return origins["name"] === "--name" ? flags.name : undefined;
}

/** What enters the environment. */
async function entered(request: Request, shell: Shell, world: World): Promise<readonly Change[]> {
  const target = named(request, world);
  if (target === undefined) {
    return await entering(await provide(request, world), { shell, hook: false }, world);
  }
  const { changes, warnings } = await conda(wanted(target), { shell, flags: request.flags }, world);
  for (const warning of warnings) world.err(`mambaenv: warning: ${warning}\n`);
  return changes;
}

/** The shell that sources scripts: bash if there is one, as most are written for it. */
function sourcer(world: World): string {
  return ["/bin/bash", "/usr/bin/bash"].find((path) => world.executable(path)) ?? "/bin/sh";
}

/** A shell that makes the changes from the first script on, then becomes the command. */
function sourcing(
  words: string[],
  changes: readonly Change[],
  first: number,
  world: World,
): Omit<Program, "keep"> {
  const file = sourcer(world);
  const shell = shellNamed(file)!;
  // A word of the shell may not be as long as all that is to be undone, which no script needs to wait for.
  const ours = changes.filter((change) => "name" in change && change.name.startsWith("MAMBAENV_"));
  const later = changes.slice(first).filter((change) => !ours.includes(change));
  const { BASH_ENV: startup, ...env } = apply(world.env, [...changes.slice(0, first), ...ours]);
  // The scripts read nothing of what is the command's, and print nothing into it.
  const lines = [
    `{\n${render(later, shell)}} </dev/null >&2`,
    ...startup === undefined ? [] : [shell.set("BASH_ENV", shell.word(startup))],
    `case $1 in */*) ;; *) command -v -- "$1" >/dev/null || {`,
    `  printf 'mambaenv: Command not found: %s\\n' "$1" >&2; exit ${EXIT.absent}; } ;; esac`,
    `exec -- "$@"`,
  ];
  return { file, argv: [file, "-c", lines.join("\n"), "mambaenv", ...words], env };
}

/** A command's file, as execvp finds it. Throws Problem with 127 or 126. */
export function find(name: string, env: Env, world: World): string {
  const path = env["PATH"] ?? "/usr/bin:/bin";
  const files = name.includes("/") ? [name] : path.split(":").map((dir) => `${dir || "."}/${name}`);
  const file = files.find((file) => world.executable(file));
  if (file !== undefined && name !== "") return file;
  const there = files.find((file) => world.stat(file)?.kind === "file") ??
    (name.includes("/") && world.stat(name) ? name : undefined);
  if (there === undefined || name === "") {
    throw new Problem(`Command not found: ${JSON.stringify(name)}`, "", EXIT.absent);
  }
  throw new Problem(`Cannot run ${JSON.stringify(there)}: it is not executable`, "", EXIT.denied);
}

/** Descriptors that whoever called us opened for the command: a job server's, `<(…)`, MPI's. */
function descriptors(world: World): number[] {
  return (world.list("/proc/self/fd") ?? []).map(Number).filter((descriptor) => {
    const target = descriptor > 2 ? world.readlink(`/proc/self/fd/${descriptor}`) : undefined;
    return target !== undefined && !target.startsWith("anon_inode:");
  });
}
