// `mambaenv modulefile`: a module that enters an environment, for Lmod or Environment Modules, to be kept in a file.
import { apply } from "../activation.ts";
import type { Request } from "../args.ts";
import { type Answer, type Change, nameable } from "../code.ts";
import { encode } from "../bytes.ts";
import { EXIT, Problem } from "../problem.ts";
import { basename, parent } from "../project.ts";
import { shellNamed } from "../shells.ts";
import { targetOf } from "../store.ts";
import type { World } from "../world.ts";
import { conda, wanted } from "./activate.ts";
import { entering, provide } from "./enter.ts";
import { lua } from "./modulefile/lua.ts";
import { tcl } from "./modulefile/tcl.ts";
import { named } from "./run.ts";

/** A value in parts: text, and the prefix, which is looked up when the module is loaded. */
export type Text = readonly (string | { prefix: true })[];

/** What a module does; each of it is undone when it is unloaded. */
export type Deed =
  /** In front of a list of folders. */
  | { kind: "prepend"; name: string; value: Text }
  | { kind: "set"; name: string; value: Text }
  | { kind: "unset"; name: string }
  /** A script whose effects are kept, so that they can be taken back. */
  | { kind: "source"; file: Text };

export interface Module {
  /** What the environment is called. */
  name: string;
  prefix: string;
  /** The link to the generation, which may lead to another when the module is loaded. */
  link: string | undefined;
  deeds: readonly Deed[];
  /** Modules that it cannot be loaded with. */
  conflicts: readonly string[];
}

/** Modules that bring a Python of their own, as sites call them. */
const OTHERS =
  `python Python python3 conda mamba micromamba mambaforge virtualenv anaconda anaconda3 Anaconda3
  miniconda miniconda3 Miniconda3 miniforge Miniforge3`.split(/\s+/);

/** In front of it in PATH is what entering adds. */
const MARK = "/-";
/** What the module undoes where it is loaded. */
const BARE = { VIRTUAL_ENV: MARK, VIRTUAL_ENV_PROMPT: MARK, PYTHONHOME: MARK };
/** What says which environment is meant; all else of this shell is none of the module's business. */
const ASKED =
  /^(HOME|USER|LOGNAME|XDG_\w+|MAMBA\w+|_?CONDA\w*|_CE_\w+|MINICONDA3_PATH|ENV_NAME|PYTHON_VERSION)$/;
const ENTERED = /^(CONDA_(PREFIX|SHLVL|DEFAULT_ENV|PROMPT_MODIFIER|STACKED)|MAMBAENV_(ACTIVE|UNDO|DID))/;

/** Prints it. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { lmod, tcl: plain } = request.flags;
  if (lmod && plain) throw new Problem("--lmod and --tcl exclude each other", "", EXIT.usage);
  const changes = await entered(request, world);
  const module = described(changes, world);
  return { out: lmod ? lua(module) : tcl(module), exit: EXIT.ok };
}

/** What enters the environment from a shell that has nothing. */
async function entered(request: Request, world: World): Promise<readonly Change[]> {
  const shell = shellNamed("bash")!;
  const kept = Object.entries(world.env).filter(([name]) => ASKED.test(name) && !ENTERED.test(name));
  const env = { ...Object.fromEntries(kept), ...BARE, PATH: `${MARK}:${world.env["PATH"] ?? ""}` };
  const bare = { ...world, env };
  const target = named(request, world);
  if (target !== undefined) {
    return (await conda(wanted(target), { shell, flags: request.flags }, bare)).changes;
  }
  return await entering(await provide(request, world), { shell, hook: false }, bare);
}

function described(changes: readonly Change[], world: World): Module {
  const after = apply({}, changes);
  const prefix = after["CONDA_PREFIX"] ?? "", root = after["MAMBAENV_ACTIVE_PROJECT"];
  const link = linkOf(prefix, world);
  const text = (whole: string, what: string) => parts(checked(whole, what), link && prefix);
  const deeds = changes.flatMap((change): Deed[] => {
    switch (change.kind) {
      case "path": {
        const own = change.dirs.slice(0, change.dirs.indexOf(MARK)).toReversed();
        return own.map((dir) => ({ kind: "prepend", name: "PATH", value: text(dir, "PATH") }));
      }
      case "set": {
        const { name } = change;
        if (name === "MAMBAENV_UNDO" || !nameable(name)) return [];
        const kind = name === "PYTHONPATH" && change.value === root ? "prepend" : "set";
        return [{ kind, name, value: text(change.value, name) }];
      }
      case "unset":
        return [{ kind: "unset", name: change.name }];
      case "source":
        return [{ kind: "source", file: text(sourceable(change.file), "a script's path") }];
      default:
        // The prompt is the shell's own, which no module sees.
        return [];
    }
  });
  return {
    name: checked(after["CONDA_DEFAULT_ENV"] ?? "", "its name"),
    prefix,
    link,
    deeds,
    conflicts: OTHERS,
  };
}

/** The link to a generation, beside the folder of generations. */
function linkOf(prefix: string, world: World): string | undefined {
  const folder = parent(prefix), envs = parent(folder);
  if (basename(folder) !== ".mambaenv") return undefined;
  const name = (world.list(envs) ?? []).find((name) =>
    world.readlink(`${envs}/${name}`) === targetOf(prefix)
  );
  return name === undefined ? undefined : checked(`${envs}/${name}`, "the environment's path");
}

/** Cuts at the prefix, where it is one. */
function parts(text: string, prefix: string | undefined): Text {
  if (!prefix) return [text];
  const found: (string | { prefix: true })[] = [];
  let last = 0;
  for (let at = text.indexOf(prefix); at >= 0; at = text.indexOf(prefix, at + 1)) {
    const end = at + prefix.length;
    if (end < text.length && !"/:".includes(text[end]!)) continue;
    found.push(text.slice(last, at), { prefix: true });
    last = end;
  }
  return [...found, text.slice(last)].filter((part) => part !== "" || text === "");
}

/** Text that both programs hand on whole: Lmod writes a newline into the shell's code as it is. */
function checked(text: string, what: string): string {
  for (const byte of encode(text)) {
    if (byte >= 0x20 && byte !== 0x7f) continue;
    const words = `No module can set ${what}: ${
      JSON.stringify(text)
    } has a newline or another control character`;
    throw new Problem(words, "source <(mambaenv), which can");
  }
  if (text.isWellFormed()) return text;
  throw new Problem(
    `No module can set ${what}: ${JSON.stringify(text)} is no UTF-8`,
    "source <(mambaenv), which can",
  );
}

/** Both programs put a script's path into a shell's line. */
function sourceable(file: string): string {
  if (/^[\w./+@%=,:-]+$/.test(file)) return file;
  const words = `No module can run the environment's script ${
    JSON.stringify(file)
  }: there is more in its path than plain letters`;
  throw new Problem(words, "make the environment elsewhere: mambaenv --root /plain/path sync");
}
