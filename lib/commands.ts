// The table of commands, and which flags each of them takes.
import type { Flags } from "./flags.ts";

export interface Command {
  name: string;
  /** Its words, as help shows them. */
  words: string;
  text: string;
  /** Whether stdout is code for a shell. */
  code: boolean;
  flags: Names;
  /** Words it takes at most. */
  most: number;
  /**
   * Whose words they are: conda's, to whom only `--stack`, `--no-stack` and our long flags are no names; or a
   * command's, whose first word ends our flags.
   */
  style?: "conda" | "command";
}

type Names = readonly (keyof Flags)[];
/** Flags of every command. */
export const EVERY: Names = ["quiet", "verbose", "help", "version"];
/** Which environment is meant. */
export const PLACE: Names = ["project", "name", "prefix", "root"];
const ELSEWHERE: Names = ["cuda", "glibc"];
const ASKED: Names = ["python", "channel", "exclude-newer", "extra", "group"];
const MAKE: Names = [...ASKED, "engine", "offline", "locked", "frozen", ...ELSEWHERE];
const BUILD: Names = [...PLACE, ...MAKE];
const WAY: Names = ["pythonpath", "user-site"];
const GO: Names = [
  ...WAY,
  "create",
  "no-create",
  "staged",
  "to",
  "no-sync",
  "background",
  "no-fallback",
  "lock-timeout",
];
const ENTER: Names = ["shell", "hook", ...GO];
const ALL: Names = [...BUILD, ...ENTER];
const LOOK: Names = [...PLACE, "channel", "offline", "json"];
const LOCK: Names = [...PLACE, ...ASKED, "offline", "platform", "upgrade", "check", ...ELSEWHERE];
const FETCH: Names = [...PLACE, ...ASKED, "locked", "frozen", "offline"];
const EXPORT: Names = [...PLACE, ...ASKED, "locked", "frozen", "platform", "format"];

/** A command, which prints no code and takes no words unless `more` says so. */
function row(name: string, words: string, text: string, flags: Names, more: Partial<Command> = {}): Command {
  return { name, words, text, flags, code: false, most: 0, ...more };
}

/** The commands; the first is what the program does when none is named. */
export const COMMANDS: readonly Command[] = [
  row("enter", "", "activate this folder's environment, creating it if need be (default)", ALL, {
    code: true,
  }),
  row(
    "activate",
    "[NAME|PATH]",
    "activate any conda environment, as `conda activate`; without a name, this folder's",
    ["stack", "no-stack", "project", "root", ...MAKE, ...ENTER],
    { code: true, most: Infinity, style: "conda" },
  ),
  row(
    "deactivate",
    "",
    "leave the active environment, as `conda deactivate`; this folder's with all that it brought",
    ["shell"],
    { code: true, most: Infinity, style: "conda" },
  ),
  row("reactivate", "", "run the active environment's scripts again, as `conda reactivate`", ["shell"], {
    code: true,
    most: Infinity,
    style: "conda",
  }),
  row(
    "run",
    "[--] COMMAND…",
    "run a command in this folder's environment, or in any with -n or -p, and become it",
    [...BUILD, ...GO],
    { most: Infinity, style: "command" },
  ),
  row("shell", "", "start your interactive shell in this folder's environment, or in any with -n or -p", ALL),
  row("status", "", "what was found, where, and why it is taken", [...BUILD, ...ENTER, "json"]),
  row("lock", "[NAME…]", "write conda-lock.yml: what the environment consists of, with checksums", LOCK, {
    most: Infinity,
  }),
  row("doctor", "", "look at machine, shell, conda, disks and channels, and say what is in the way", LOOK),
  row("explain", "PACKAGE", "why a package comes from where it comes from", [...BUILD], { most: 1 }),
  row("fetch", "", "fill the caches with all that the lock names, so that --offline can create", FETCH),
  row("export", "", "the lock as an explicit list, environment.yml, or requirements.txt with hashes", EXPORT),
  row(
    "init",
    "",
    "write an .envrc for this folder, with --python a .python-version; never over what is there",
    ["project", "python", "print"],
  ),
  row("sync", "", "make this folder's environment fit, without entering it", [
    ...BUILD,
    "force",
    "lock-timeout",
  ]),
  row(
    "stage",
    "[SHA256]",
    "copy this folder's environment to the own disk of each node of the job",
    [...PLACE, "to", "nodes", "format", "lock-timeout"],
    { most: 1 },
  ),
  row("modulefile", "", "a module for Lmod or Environment Modules that enters the environment", [
    ...BUILD,
    ...WAY,
    "create",
    "no-create",
    "no-sync",
    "lmod",
    "tcl",
  ]),
  row(
    "kernel",
    "[NAME|PATH]",
    "a kernel for Jupyter in this folder's environment or another; --name and --prefix are the kernel's own",
    [...BUILD, "create", "no-create", "no-sync", "display-name", "user", "print"],
    { most: 1 },
  ),
  row("list", "", "the environments that mambaenv made, their projects, sizes and ages", ["root", "json"]),
  row("rollback", "", "go back to the generation before", PLACE),
  row("remove", "NAME", "remove an environment that mambaenv made", ["root"], { most: 1 }),
  row("clean", "", "remove what no project and no process of this machine needs", ["root", "dry-run"]),
  row("completions", "bash|zsh|fish", "code for your shell's completion, to be read like the rest", [], {
    most: 1,
  }),
  row("man", "", "the manual page, for `man -l`", []),
  row("help", "[COMMAND|TOPIC]", "this text, or a command's, or a topic's", [], { most: 1 }),
];
