// `mambaenv kernel`: a kernel for Jupyter that starts in an environment, with all that entering it sets.
import { apply } from "../activation.ts";
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { EXIT, Problem } from "../problem.ts";
import { basename, parent, resolve } from "../project.ts";
import { shellNamed } from "../shells.ts";
import type { World } from "../world.ts";
import { conda, wanted } from "./activate.ts";
import { provide } from "./enter.ts";

/** The environment that the kernel is to start in. */
interface Target {
  prefix: string;
  name: string;
  /** Words of `mambaenv run` that mean it. */
  words: readonly string[];
  /** Variables that it needs for that. */
  env?: { [name: string]: string };
}

/** Writes `kernel.json`, or prints it; as in ipykernel, `--name` and `--prefix` are the kernel's. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { flags, origins } = request;
  const prefix = origins["prefix"] === "--prefix" ? flags.prefix : undefined;
  if (prefix !== undefined && flags.user) {
    throw new Problem("--user and --prefix exclude each other", "", EXIT.usage);
  }
  const target = await sought(request, world);
  able(target, world);
  const name = called(origins["name"] === "--name" ? flags.name! : target.name.replace(/[^\w.-]/g, "_"));
  const spec = {
    argv: [...world.self(), "run", ...target.words, "--", "python", "-m", "ipykernel_launcher", "-f", FILE],
    display_name: flags["display-name"] ?? `Python (${target.name})`,
    language: "python",
    env: target.env ?? {},
    metadata: { debugger: true, mambaenv: target.prefix },
  };
  const text = JSON.stringify(spec, null, 1) + "\n";
  if (flags.print) return { out: text, exit: EXIT.ok };
  const jupyter = prefix === undefined ? data(world) : `${resolve(world.cwd, prefix)}/share/jupyter`;
  const file = `${jupyter}/kernels/${name}/kernel.json`;
  const before = world.read(file);
  if (before !== undefined && !before.includes('"mambaenv"')) {
    const words = `There is another program's kernel of the name ${JSON.stringify(name)}: ${
      JSON.stringify(file)
    }`;
    throw new Problem(words, "mambaenv kernel --name OTHER");
  }
  world.mkdir(parent(file));
  world.write(file, text);
  if (!flags.quiet) world.err(`mambaenv: Jupyter's kernel ${JSON.stringify(name)}: ${file}\n`);
  return { out: "", exit: EXIT.ok };
}

/** Jupyter puts the path of its own file there. */
const FILE = "{connection_file}";

/** The environment of the word, else the project's. */
async function sought(request: Request, world: World): Promise<Target> {
  const { words: [word] } = request;
  const [flags, origins] = [{ ...request.flags }, { ...request.origins }];
  for (const key of ["name", "prefix"] as const) {
    if (origins[key] !== `--${key}`) continue;
    // The environment's are left to the variables.
    origins[key] = `MAMBAENV_${key.toUpperCase()}`;
    flags[key] = world.env[origins[key]] || undefined;
  }
  const root = flags.root === undefined ? [] : ["--root", resolve(world.cwd, flags.root)];
  const where = [...root, "--quiet"];
  if (word !== undefined) {
    const { changes } = await conda(wanted(word), { shell: shellNamed("bash")!, flags }, bare(world));
    const prefix = apply({}, changes)["CONDA_PREFIX"] ?? "";
    // A name stays a name: the link of that name may lead to another generation by then.
    const named = word.includes("/") ? ["--prefix", resolve(world.cwd, word)] : ["--name", word];
    return whole({ prefix, name: basename(word), words: [...named, ...where] });
  }
  const { project, environment, settings } = await provide({ ...request, flags, origins }, world);
  if (environment.kind === "missing") throw new Error("a kernel without an environment");
  const name = basename(settings.prefix?.value ?? settings.name!.value);
  if (project === undefined) {
    const meant = settings.prefix ? ["--prefix", settings.prefix.value] : ["--name", name];
    return whole({ prefix: environment.prefix, name, words: [...meant, ...where] });
  }
  // Jupyter waits for no build.
  const words = ["--project", project.root, ...where, "--no-create", "--no-sync"];
  return whole({ prefix: environment.prefix, name, words, env: chosen({ flags, origins }, world) });
}

/** The variables that decide which environment it is: Jupyter may have been started with others. */
function chosen(
  { flags, origins }: Pick<Request, "flags" | "origins">,
  world: World,
): { [name: string]: string } {
  const found: { [name: string]: string } = {};
  for (const key of ["name", "prefix"] as const) {
    const from = origins[key], value = flags[key];
    if (from?.startsWith("MAMBAENV_") && value) {
      found[from] = key === "name" ? value : resolve(world.cwd, value);
    }
  }
  return found;
}

/** As no shell has it that is in an environment. */
function bare(world: World): World {
  const env = Object.entries(world.env).filter(([name]) =>
    !/^(CONDA_(PREFIX|SHLVL)|DIRENV_IN_ENVRC$)/.test(name)
  );
  return { ...world, env: Object.fromEntries(env) };
}

/** Jupyter fills in what is in braces. */
function whole(target: Target): Target {
  const odd = target.words.find((word) => /\{[A-Za-z0-9_]+\}/.test(word));
  if (odd === undefined) return target;
  throw new Problem(
    `Jupyter would change ${JSON.stringify(odd)}: it has braces in it`,
    "choose another folder or name",
  );
}

/** Throws Problem where the environment has no kernel to start. */
function able({ prefix, name }: Target, world: World): void {
  const lib = `${prefix}/lib`;
  const pythons = (world.list(lib) ?? []).filter((dir) => /^python\d/.test(dir));
  if (pythons.some((dir) => world.stat(`${lib}/${dir}/site-packages/ipykernel_launcher.py`))) return;
  const words = `The environment ${JSON.stringify(name)} has no ipykernel, which is what Jupyter starts`;
  throw new Problem(words, "add the line ipykernel to requirements.txt, then mambaenv sync");
}

/** A name that Jupyter takes. */
function called(name: string): string {
  if (/^[\w.-]+$/.test(name)) return name.toLowerCase();
  const words = `Cannot call a kernel ${JSON.stringify(name)}: letters, digits, ".", "-" and "_" only`;
  throw new Problem(words, "mambaenv kernel --name NAME --display-name TEXT", EXIT.usage);
}

/** Where Jupyter looks for what is this user's. */
function data({ env, platform }: World): string {
  if (env["JUPYTER_DATA_DIR"]) return env["JUPYTER_DATA_DIR"];
  const home = env["HOME"];
  if (platform === "darwin" && home) return `${home}/Library/Jupyter`;
  const base = env["XDG_DATA_HOME"] || (home && `${home}/.local/share`);
  if (base) return `${base}/jupyter`;
  throw new Problem("No folder for kernels: HOME is not set", "mambaenv kernel --prefix DIR");
}
