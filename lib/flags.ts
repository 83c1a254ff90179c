// The table of flags: parsing, help, README and completions all come from it, and from that of commands.

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
  {
    name: "format",
    value: "FORM",
    text: "export: how; stage: as tar (default), or mounted as squashfs",
    among: ["explicit", "environment", "requirements", "tar", "squashfs"],
  },
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
  { name: "display-name", value: "TEXT", text: "kernel: what Jupyter shows" },
  { name: "user", text: "kernel: for this user; so unless --prefix says where" },
  { name: "print", text: "init, kernel: show what would be written, and write nothing" },
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
