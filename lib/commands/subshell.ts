// `mambaenv shell`: becomes the user's interactive shell, which enters the environment behind its startup files.
import type { Request } from "../args.ts";
import type { Answer, Shell } from "../code.ts";
import { EXIT, Problem } from "../problem.ts";
import { ask, detect, shellNamed } from "../shells.ts";
import type { World } from "../world.ts";
import { conda, wanted } from "./activate.ts";
import { provide } from "./enter.ts";
import { find, named } from "./run.ts";
import { reader } from "./shell.ts";
import { evaluation, startable, type Startup, startup } from "./startup.ts";

/** Becomes the shell; returns only where the runtime has to wait for it. */
export async function run(request: Request, world: World): Promise<Answer> {
  const shell = await choose(request, world);
  const file = program(shell, request.flags.shell, world);
  const words = await line(request, shell, world);
  const folder = await temporary(world);
  try {
    const how = startup({
      shell,
      line: evaluation(shell, words.map((word) => shell.word(word))),
      folder,
      world,
    });
    return { out: "", exit: await become(file, how, folder, world) };
  } catch (error) {
    world.remove(folder);
    throw error;
  }
}

const HINT = "mambaenv shell --shell bash";

/** The shell that was asked for, else the one that we are called from, else the user's. */
async function choose({ flags }: Request, world: World): Promise<Shell> {
  const found = flags.shell === undefined
    ? (detect(world) ?? await ask(world))?.shell
    : await reader(flags, world);
  if (found && startable(found)) return found;
  const what = found
    ? `Cannot start ${found.names[0]}: nobody sits at that`
    : "Cannot tell which shell to start";
  throw new Problem(what, HINT, EXIT.usage);
}

/** The shell's program: the path that was given, the user's own, else the first on PATH. */
function program(shell: Shell, asked: string | undefined, world: World): string {
  const own = [asked, world.env["SHELL"]].find((path) => path?.includes("/") && shellNamed(path) === shell);
  if (own) return find(own, world.env, world);
  // busybox wants an applet's name.
  const names = [asked ?? "", ...shell.names].filter((name) => name && !/busybox|\//.test(name));
  for (const name of names) {
    try {
      return find(name, world.env, world);
    } catch (error) {
      if (!(error instanceof Problem) || name === names.at(-1)) throw error;
    }
  }
  throw new Problem(`No program of the shell ${shell.names[0]}`, HINT, EXIT.absent);
}

/** The words that enter the environment from within; it is built, or found, before the shell starts. */
async function line(request: Request, shell: Shell, world: World): Promise<string[]> {
  const { flags } = request;
  const self = world.readlink("/proc/self/exe") ?? "mambaenv";
  const name = ["--shell", shell.names[0]!];
  const target = named(request, world);
  if (target !== undefined) {
    await conda(wanted(target), { shell, flags }, world);
    return [self, "activate", target, ...name, ...flags.root ? ["--root", flags.root] : []];
  }
  const { project } = await provide(request, world);
  const root = project ? ["--project", project.root] : [];
  return [self, "enter", ...world.argv.slice(1), ...root, ...name, "--no-create", "--no-sync"];
}

async function temporary(world: World): Promise<string> {
  const { status, stdout, stderr } = await world.run(["mktemp", "-d"], {
    stdout: "capture",
    stderr: "capture",
  });
  if (status === 0) return stdout.trimEnd();
  throw new Problem(
    `Cannot make a temporary folder: ${stderr.trim()}`,
    "TMPDIR=/path/with/space mambaenv shell",
  );
}

async function become(file: string, how: Startup, folder: string, world: World): Promise<number> {
  const files = Object.entries(how.files);
  for (const [name, text] of files) world.write(`${folder}/${name}`, text);
  if (files.length === 0) world.remove(folder);
  const argv = [file.replace(/^.*\//, ""), ...how.words];
  return await world.exec({ file, argv, env: { ...world.env, ...how.env }, keep: [] });
}
