// The table of commands and flags: parsing, help, README and completions all come from it.
import { EXIT, Problem } from "./problem.ts";
import type { Env } from "./world.ts";

export interface Flag {
  name: keyof Flags;
  short?: string;
  /** What its value is called; none for a switch. */
  value?: string;
  text: string;
  /** The values it takes, where they are few. */
  among?: readonly string[];
}

/** What the flags said, or their variables; undefined where neither did. */
export interface Flags {
  project?: string;
  name?: string;
  prefix?: string;
  python?: string;
  channel?: string[];
  engine?: string;
  root?: string;
  shell?: string;
  hook?: string;
  "no-create"?: boolean;
  "no-sync"?: boolean;
  locked?: boolean;
  frozen?: boolean;
  offline?: boolean;
  stack?: boolean;
  "no-stack"?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  help?: boolean;
  version?: boolean;
}

/** The flags, in the order in which help shows them. Each has the variable `MAMBAENV_NAME` too. */
export const FLAGS: readonly Flag[] = [
  { name: "project", value: "DIR", text: "root of the project; found by its files otherwise" },
  { name: "name", short: "n", value: "NAME", text: "name of the environment; the folder's by default" },
  { name: "prefix", short: "p", value: "PATH", text: "path of the environment, instead of a name" },
  { name: "python", value: "VERSION", text: "version of Python, such as 3.11 or '>=3.10,<3.13'" },
  { name: "channel", short: "c", value: "URL|NAME", text: "channel, repeatable; conda-forge by default" },
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
  { name: "no-create", text: "never create an environment; exit 3 if there is none" },
  { name: "no-sync", text: "take the environment as it is, even if the requirements changed" },
  { name: "locked", text: "fail (exit 4) if the lock file does not fit the requirements" },
  { name: "frozen", text: "use the lock file as it is" },
  { name: "offline", text: "no network: caches only" },
  { name: "stack", text: "activate: keep the active environment's folders in PATH" },
  { name: "no-stack", text: "activate: do not, even where auto_stack says so" },
  { name: "json", text: "answer in JSON" },
  { name: "quiet", short: "q", text: "only warnings and errors on stderr" },
  { name: "verbose", short: "v", text: "say more on stderr" },
  { name: "help", short: "h", text: "help for a command" },
  { name: "version", short: "V", text: "the program's version" },
];

export interface Command {
  name: string;
  /** Its words, as help shows them. */
  words: string;
  text: string;
  /** Whether stdout is code for a shell. */
  code: boolean;
  flags: readonly (keyof Flags)[];
  /** Words it takes at most. */
  most: number;
}

const EVERY: readonly (keyof Flags)[] = ["quiet", "verbose", "help", "version"];
const PLACE: readonly (keyof Flags)[] = ["project", "name", "prefix", "root"];
const BUILD: readonly (keyof Flags)[] = [
  ...PLACE,
  "python",
  "channel",
  "engine",
  "offline",
  "locked",
  "frozen",
];

/** The commands; the first is what the program does when none is named. */
export const COMMANDS: readonly Command[] = [
  {
    name: "enter",
    words: "",
    text: "activate this folder's environment, creating it if need be (default)",
    code: true,
    flags: [...BUILD, "shell", "hook", "no-create", "no-sync"],
    most: 0,
  },
  {
    name: "deactivate",
    words: "",
    text: "leave the active environment",
    code: true,
    flags: ["shell"],
    most: 0,
  },
  {
    name: "status",
    words: "",
    text: "what was found, where, and why it is taken",
    code: false,
    flags: [...BUILD, "shell", "hook", "no-create", "no-sync", "json"],
    most: 0,
  },
  { name: "help", words: "[COMMAND]", text: "this text, or a command's", code: false, flags: [], most: 1 },
];

/** What was asked for: a command, its words, its flags. */
export interface Request {
  command: Command;
  /** Whether the command was named; the default one need not be. */
  named: boolean;
  words: string[];
  flags: Flags;
  /** Where a flag's value came from: the flag, or its variable. */
  origins: { [flag: string]: string };
}

/** Reads the words behind the program's name. Throws Problem with exit 2. */
export function parse(argv: readonly string[], env: Env): Request {
  const queue = [...argv];
  const first = queue[0];
  const named = first !== undefined && !first.startsWith("-");
  if (named) queue.shift();
  const command = named ? COMMANDS.find(({ name }) => name === first) : COMMANDS[0];
  if (command === undefined) {
    throw new Problem(`Unknown command ${JSON.stringify(first)}`, "mambaenv help", EXIT.usage);
  }
  const request: Request = { command, named, words: [], flags: {}, origins: {} };
  variables(env, request);
  while (queue.length > 0) take(queue.shift()!, queue, request);
  if (request.words.length > command.most) {
    const extra = JSON.stringify(request.words[command.most]);
    throw new Problem(
      `Unexpected ${extra} after "${command.name}"`,
      `mambaenv help ${command.name}`,
      EXIT.usage,
    );
  }
  return request;
}

function take(word: string, queue: string[], request: Request): void {
  if (word === "--") return void request.words.push(...queue.splice(0));
  if (!word.startsWith("-") || word === "-") return void request.words.push(word);
  const long = /^--([^=]+)(?:=([^]*))?$/.exec(word);
  const flag = FLAGS.find(({ name, short }) => long ? name === long[1] : short === word[1]);
  if (flag === undefined || ![...EVERY, ...request.command.flags].includes(flag.name)) {
    const hint = `mambaenv help ${request.command.name}`;
    throw new Problem(`Unknown flag ${JSON.stringify(word)} for "${request.command.name}"`, hint, EXIT.usage);
  }
  const attached = long ? long[2] : word.slice(2) || undefined;
  if (flag.value === undefined) {
    if (long && attached !== undefined) {
      throw new Problem(
        `Flag --${flag.name} takes no value, found ${JSON.stringify(attached)}`,
        "",
        EXIT.usage,
      );
    }
    set(request, flag, true, `--${flag.name}`);
    if (!long && attached) queue.unshift(`-${attached}`);
    return;
  }
  const value = attached ?? queue.shift();
  if (value === undefined || value === "") {
    throw new Problem(`Flag --${flag.name} needs a value: --${flag.name} ${flag.value}`, "", EXIT.usage);
  }
  const repeated = flag.name === "channel" && request.origins["channel"] === "--channel";
  set(request, flag, repeated ? [...request.flags.channel ?? [], value] : [value], `--${flag.name}`);
}

/** Name of a flag's variable. */
export function variable({ name }: Flag): string {
  return "MAMBAENV_" + name.toUpperCase().replace("-", "_");
}

/** Takes what the `MAMBAENV_` variables say; an empty one says nothing. */
function variables(env: Env, request: Request): void {
  for (const flag of FLAGS) {
    const name = variable(flag);
    const text = env[name];
    if (text === undefined || text === "" || flag.name === "help" || flag.name === "version") continue;
    if (flag.value === undefined) set(request, flag, truth(text, name), name);
    else if (flag.name !== "channel") set(request, flag, [text], name);
    else set(request, flag, text.split(",").map((part) => part.trim()).filter(Boolean), name);
  }
}

function truth(text: string, name: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new Problem(
    `Cannot read ${name}=${JSON.stringify(text)}: expected 1 or 0`,
    `unset ${name}`,
    EXIT.usage,
  );
}

function set(request: Request, flag: Flag, value: boolean | string[], from: string): void {
  if (flag.among && Array.isArray(value) && !flag.among.includes(value[0]!)) {
    const known = flag.among.join(", ");
    throw new Problem(`Unknown ${from} ${JSON.stringify(value[0])}; known: ${known}`, "", EXIT.usage);
  }
  const held = Array.isArray(value) && flag.name !== "channel" ? value[0] : value;
  Object.assign(request.flags, { [flag.name]: held });
  request.origins[flag.name] = from;
}
