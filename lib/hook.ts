// conda's and mamba's own functions: the chain of the old script, without Python (`fast`) or exactly (`full`):
// conda's hook, else conda.sh, else ROOT/bin in PATH; then mamba.sh.
import { apply } from "./activation.ts";
import { type Change, render, type Shell } from "./code.ts";
import type { Found } from "./installation.ts";
import type { Env, World } from "./world.ts";

/** The chain's changes, to be made before an activation, and the environment as it is after them. */
export interface Hooked {
  changes: Change[];
  env: Env;
}

/** What conda and mamba install for a family of shells, by the ending of its scripts. */
const FILES: { readonly [scripts: string]: readonly [conda: string, mamba: string] } = {
  ".sh": ["etc/profile.d/conda.sh", "etc/profile.d/mamba.sh"],
  ".fish": ["etc/fish/conf.d/conda.fish", "etc/fish/conf.d/mamba.fish"],
  ".csh": ["etc/profile.d/conda.csh", "etc/profile.d/mamba.csh"],
};

function filesOf({ root }: Found, shell: Shell): string[] {
  return (FILES[shell.scripts] ?? []).map((file) => `${root}/${file}`);
}

/** The words that print a hook for this shell; undefined where there is neither conda nor a lone micromamba. */
function hookOf({ root, programs }: Found, shell: Shell): string[] | undefined {
  if (programs.conda !== undefined) return [programs.conda, `shell.${shell.hook}`, "hook"];
  if (programs.mamba !== undefined || programs.micromamba === undefined) return undefined;
  return [programs.micromamba, "shell", "hook", "-s", shell.hook, "-r", root];
}

/** Prints a hook and then mamba's file; base, which conda's hook would activate, is not wanted on top. */
const BOTH =
  'file=$1; shift; CONDA_AUTO_ACTIVATE_BASE=false "$@" && if [ -r "$file" ]; then cat -- "$file"; fi';

/** The functions where the shell is interactive and lacks them, at the cost of one file operation here. */
export function fast(found: Found, shell: Shell, world: World): Hooked {
  const [conda, mamba] = filesOf(found, shell);
  const { env } = world;
  if (conda === undefined || mamba === undefined) return { changes: [], env };
  if (world.stat(conda)?.kind === "file") {
    return { changes: [{ kind: "functions", files: [conda, mamba], hook: [] }], env };
  }
  const hook = hookOf(found, shell);
  if (hook === undefined) return { changes: [{ kind: "functions", files: [mamba], hook: [] }], env };
  const words = ["/bin/sh", "-c", BOTH, "sh", mamba, ...hook];
  return { changes: [{ kind: "functions", files: [], hook: words }], env };
}

/**
 * The chain, in this order, in every shell. Each way is tried in a child of the same shell first: one that does
 * not come through in `limit` milliseconds, or ends the shell, costs a warning, and the next way is taken.
 */
export async function full(found: Found, shell: Shell, world: World, limit = 5000): Promise<Hooked> {
  const [conda, mamba] = filesOf(found, shell);
  const last = mamba !== undefined && world.stat(mamba)?.kind === "file" ? sourced(mamba) : [];
  const ways = async function* () {
    const code = await printed(found, shell, world, limit);
    if (code !== undefined) yield { what: "the hook", way: [{ kind: "verbatim", code }] as Change[] };
    if (conda !== undefined && world.stat(conda)?.kind === "file") yield { what: conda, way: sourced(conda) };
    yield { what: mamba ?? "PATH", way: prepended(found, world) };
  };
  let deadline: number | undefined;
  for await (const { what, way } of ways()) {
    deadline ??= world.now() + limit;
    const changes = [...way, ...last];
    if (changes.length === 0) return { changes, env: world.env };
    const env = await tried(changes, shell, world, Math.max(deadline - world.now(), limit / 5));
    if (env !== undefined) return { changes, env };
    world.err(`mambaenv: warning: ${what} does not work in ${shell.names[0]}, and is left out\n`);
  }
  const changes = prepended(found, world);
  return { changes, env: apply(world.env, changes) };
}

function sourced(file: string): Change[] {
  return [{ kind: "source", file }];
}

/** ROOT/bin in front of PATH, as the old script has it; not once more each time that we are called. */
function prepended({ root }: Found, { env }: World): Change[] {
  const dirs = env["PATH"]?.split(":") ?? [];
  const bin = `${root}/bin`;
  const again = env["MAMBAENV_ACTIVE"] && dirs.includes(bin);
  return again ? [] : [{ kind: "path", dirs: [bin, ...dirs] }];
}

/** What the hook prints; undefined, with a warning, where it fails, prints nothing or takes too long. */
async function printed(
  found: Found,
  shell: Shell,
  world: World,
  timeout: number,
): Promise<string | undefined> {
  const words = hookOf(found, shell);
  if (words === undefined) return undefined;
  const { status, stdout, stderr } = await world.run(words, {
    env: world.env,
    stdout: "capture",
    stderr: "capture",
    timeout,
  });
  if (status === 0 && stdout.trim() !== "") return stdout;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  const why = status === 124
    ? `took more than ${timeout / 1000} s`
    : status === 0
    ? "printed nothing"
    : `failed with status ${status}${said && `: ${said}`}`;
  world.err(`mambaenv: warning: ${JSON.stringify(words.slice(0, 3).join(" "))} ${why}\n`);
  return undefined;
}

/** How a shell starts without reading anything of the user's. */
const BARE: { readonly [hook: string]: readonly string[] } = {
  bash: ["--norc", "--noprofile"],
  zsh: ["-f"],
  fish: ["--no-config"],
  tcsh: ["-f"],
};
/** What each shell sets for itself. */
const OWN = ["_", "SHLVL", "PWD", "OLDPWD"];
/** The first NUL parts what the scripts printed from the environment. */
const DUMP = "printf '\\000'; exec env -0";

/** The environment after changes, made in a child of the same shell; undefined where that did not come through. */
async function tried(
  changes: readonly Change[],
  shell: Shell,
  world: World,
  timeout: number,
): Promise<Env | undefined> {
  const { BASH_ENV: _bash, ENV: _sh, ...before } = world.env;
  const code = `${render(changes, shell)}/bin/sh -c ${shell.word(DUMP)}`;
  const words = [shell.names[0]!, ...BARE[shell.hook] ?? [], "-c", code];
  const { stdout } = await world.run(words, { env: before, stdout: "capture", stderr: "capture", timeout });
  const [, ...entries] = stdout.split("\0");
  // Every entry is ended by a NUL: what follows the last is empty, unless it was cut.
  if (entries.pop() !== "" || entries.length === 0) return undefined;
  const after = new Map(entries.map((entry) => {
    const cut = entry.indexOf("=");
    return [entry.slice(0, cut), entry.slice(cut + 1)];
  }));
  return differing(world.env, before, after);
}

/** `env` with what differs between `before` and `after`. */
function differing(env: Env, before: Env, after: ReadonlyMap<string, string>): Env {
  const result: Record<string, string | undefined> = { ...env };
  for (const name of new Set([...Object.keys(before), ...after.keys()])) {
    if (OWN.includes(name)) continue;
    const value = after.get(name);
    if (value === undefined) {
      delete result[name];
      continue;
    }
    // The child got and gave text: bytes that are none are put back where the value went on from them.
    const text = before[name]?.replace(/(?<![\ud800-\udbff])[\udc80-\udcff]/g, "\ufffd");
    if (value !== text) result[name] = text ? value.replace(text, () => before[name]!) : value;
  }
  return result;
}
