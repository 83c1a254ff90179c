// The table of commands, and parsing by it and the table of flags; help and completions come from both, too.
import { type Flag, FLAGS, type Flags, LISTS, variable } from "./flags.ts";
import { EXIT, Problem } from "./problem.ts";
import type { Env } from "./world.ts";

export { type Flag, FLAGS, type Flags, variable } from "./flags.ts";

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
  /**
   * Whose words they are: conda's, to whom only `--stack`, `--no-stack` and our long flags are no names; or a
   * command's, whose first word ends our flags.
   */
  style?: "conda" | "command";
}

const EVERY: readonly (keyof Flags)[] = ["quiet", "verbose", "help", "version"];
const PLACE: readonly (keyof Flags)[] = ["project", "name", "prefix", "root"];
const MAKE: readonly (keyof Flags)[] = ["python", "channel", "engine", "offline", "locked", "frozen"];
const BUILD: readonly (keyof Flags)[] = [...PLACE, ...MAKE];
const ENTER: readonly (keyof Flags)[] = ["shell", "hook", "pythonpath", "user-site", "no-create", "no-sync"];

/** The commands; the first is what the program does when none is named. */
export const COMMANDS: readonly Command[] = [
  {
    name: "enter",
    words: "",
    text: "activate this folder's environment, creating it if need be (default)",
    code: true,
    flags: [...BUILD, ...ENTER],
    most: 0,
  },
  {
    name: "activate",
    words: "[NAME|PATH]",
    text: "activate any conda environment, as `conda activate`; without a name, this folder's",
    code: true,
    flags: ["stack", "no-stack", "project", "root", ...MAKE, ...ENTER],
    most: Infinity,
    style: "conda",
  },
  {
    name: "deactivate",
    words: "",
    text: "leave the active environment, as `conda deactivate`; this folder's with all that it brought",
    code: true,
    flags: ["shell"],
    most: Infinity,
    style: "conda",
  },
  {
    name: "reactivate",
    words: "",
    text: "run the active environment's scripts again, as `conda reactivate`",
    code: true,
    flags: ["shell"],
    most: Infinity,
    style: "conda",
  },
  {
    name: "run",
    words: "[--] COMMAND…",
    text: "run a command in this folder's environment, or in any with -n or -p, and become it",
    code: false,
    flags: [...BUILD, "pythonpath", "user-site", "no-create", "no-sync"],
    most: Infinity,
    style: "command",
  },
  {
    name: "shell",
    words: "",
    text: "start your interactive shell in this folder's environment, or in any with -n or -p",
    code: false,
    flags: [...BUILD, ...ENTER],
    most: 0,
  },
  {
    name: "status",
    words: "",
    text: "what was found, where, and why it is taken",
    code: false,
    flags: [...BUILD, ...ENTER, "json"],
    most: 0,
  },
  {
    name: "lock",
    words: "[NAME…]",
    text: "write conda-lock.yml: what the environment consists of, with checksums",
    code: false,
    flags: [...PLACE, "python", "channel", "offline", "platform", "upgrade", "check"],
    most: Infinity,
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

/** Whether a word is conda's business: anything but `-h` and our long flags. */
function foreign(word: string, { flags }: Command): boolean {
  const name = /^--([^=]+)/.exec(word)?.[1];
  if (name === "stack" || name === "no-stack") return true;
  const ours: readonly string[] = [...flags, "quiet", "verbose", "help"];
  return word !== "-h" && (name === undefined || !ours.includes(name));
}

function take(word: string, queue: string[], request: Request): void {
  const { style } = request.command;
  if (style === "conda" && foreign(word, request.command)) return void request.words.push(word);
  if (style === "command" && !word.startsWith("-")) return void request.words.push(word, ...queue.splice(0));
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
  const values = flag.name === "platform" ? parts(value) : [value];
  const held = request.flags[flag.name];
  const repeated = request.origins[flag.name] === `--${flag.name}` && Array.isArray(held);
  set(request, flag, repeated ? [...held, ...values] : values, `--${flag.name}`);
}

/** Takes what the `MAMBAENV_` variables say; an empty one says nothing. */
function variables(env: Env, request: Request): void {
  for (const flag of FLAGS) {
    const name = variable(flag);
    const text = env[name];
    if (text === undefined || text === "" || flag.name === "help" || flag.name === "version") continue;
    if (flag.value === undefined) set(request, flag, truth(text, name), name);
    else set(request, flag, LISTS.has(flag.name) ? parts(text) : [text], name);
  }
}

function parts(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter(Boolean);
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
  const held = Array.isArray(value) && !LISTS.has(flag.name) ? value[0] : value;
  Object.assign(request.flags, { [flag.name]: held });
  request.origins[flag.name] = from;
}
