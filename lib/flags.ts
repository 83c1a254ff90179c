// The tables of commands and flags: parsing, help, README and completions all come from them.

export interface Flag {
  name: keyof Flags;
  short?: string;
  /** What its value is called; none for a switch. */
  value?: string;
  text: string;
  /** The values it takes, where they are few. */
  among?: readonly string[];
}

/** The flags, in the order in which help shows them. Each has the variable `MAMBAENV_NAME` too. */
const ROWS = [
  { name: "project", value: "DIR", text: "root of the project; found by its files otherwise" },
  { name: "name", short: "n", value: "NAME", text: "name of the environment; the folder's by default" },
  { name: "prefix", short: "p", value: "PATH", text: "path of the environment, instead of a name" },
  { name: "python", value: "VERSION", text: "version of Python, such as 3.11 or '>=3.10,<3.13'" },
  { name: "channel", short: "c", value: "URL|NAME", text: "channel, repeatable; conda-forge by default" },
  { name: "cuda", value: "VERSION", text: "solve for a machine with this CUDA, such as 12.4" },
  { name: "glibc", value: "VERSION", text: "solve for a machine with this glibc, such as 2.17" },
  { name: "exclude-newer", value: "DATE", text: "only what was published until then, such as 2025-06-30" },
  { name: "extra", value: "NAME", text: "an extra of pyproject.toml, repeatable" },
  { name: "group", value: "NAME", text: "a dependency group of pyproject.toml, repeatable" },
  {
    name: "engine",
    value: "NAME",
    text: "who creates environments",
    among: ["auto", "mamba", "micromamba", "conda", "builtin"],
  },
  { name: "root", value: "DIR", text: "where environments and packages live" },
  { name: "shell", value: "NAME", text: "the shell that reads the code; found out otherwise" },
  {
    name: "hook",
    value: "HOW",
    text: "conda's and mamba's own functions: fast (default), full (as `conda shell.X hook`), off",
    among: ["fast", "full", "off"],
  },
  {
    name: "pythonpath",
    value: "HOW",
    text: "the project's root in PYTHONPATH: prepend (default), replace, off",
    among: ["prepend", "replace", "off"],
  },
  { name: "user-site", text: "let Python import packages of ~/.local, too" },
  { name: "create", text: "make an environment in a batch job, too; elsewhere that is so by itself" },
  { name: "no-create", text: "never create an environment; exit 3 if there is none" },
  { name: "staged", text: "enter the copy on this node's own disk, where `mambaenv stage` made one" },
  { name: "to", value: "DIR", text: "stage: this node's own disk; $SLURM_TMPDIR, $PBS_JOBFS, $TMPDIR, /tmp" },
  { name: "nodes", value: "LIST", text: "stage: these nodes of the job only, as Slurm writes them" },
  { name: "no-sync", text: "take the environment as it is, even if the requirements changed" },
  { name: "background", text: "make a change behind: the last good environment is entered meanwhile" },
  { name: "no-fallback", text: "fail where a change fails, instead of keeping the last good environment" },
  { name: "locked", text: "fail (exit 4) if the lock file does not fit the requirements" },
  { name: "frozen", text: "use the lock file as it is" },
  { name: "platform", value: "SUBDIR", text: "lock, export: for platforms such as linux-64,osx-arm64" },
  { name: "upgrade", text: "lock: take the newest versions, of all packages or of those named" },
  { name: "check", text: "lock: write nothing; exit 4 if the lock file does not fit the requirements" },
  { name: "format", value: "FORM", text: "export: how", among: ["explicit", "environment", "requirements"] },
  { name: "offline", text: "no network: caches only" },
  {
    name: "lock-timeout",
    value: "SECONDS",
    text: "wait that long for another process that builds; for ever by default",
  },
  { name: "stack", text: "activate: keep the active environment's folders in PATH" },
  { name: "no-stack", text: "activate: do not, even where auto_stack says so" },
  { name: "lmod", text: "modulefile: for Lmod, in Lua" },
  { name: "tcl", text: "modulefile: for Environment Modules, in Tcl; so by default" },
  { name: "print", text: "init: show what would be written, and write nothing" },
  { name: "force", text: "sync: make the environment anew even if nothing changed" },
  { name: "dry-run", text: "clean: remove nothing, only count" },
  { name: "json", text: "answer in JSON" },
  { name: "quiet", short: "q", text: "only warnings and errors on stderr" },
  { name: "verbose", short: "v", text: "say more on stderr" },
  { name: "help", short: "h", text: "help for a command" },
  { name: "version", short: "V", text: "the program's version" },
] as const satisfies readonly (Omit<Flag, "name"> & { name: string })[];
type Row = typeof ROWS[number];

/** What the flags said, or their variables; undefined where neither did. */
export type Flags = { [R in Row as R["name"]]?: R extends { value: string } ? Value<R["name"]> : boolean };
type Value<Name> = Name extends List ? string[] : string;
type List = "channel" | "platform" | "extra" | "group";

export const FLAGS: readonly Flag[] = ROWS;

/** Name of a flag's variable. */
export function variable({ name }: Flag): string {
  return "MAMBAENV_" + name.toUpperCase().replace("-", "_");
}

/** The flags that take several values. */
export const LISTS: ReadonlySet<keyof Flags> = new Set<List>(["channel", "platform", "extra", "group"]);

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
    [...PLACE, "to", "nodes", "lock-timeout"],
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
