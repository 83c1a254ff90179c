// Parsing of words and variables by the tables of commands and flags.
import { type Command, COMMANDS, EVERY } from "./commands.ts";
import { type Flag, FLAGS, type Flags, LISTS, variable } from "./flags.ts";
import { EXIT, Problem, Unknown } from "./problem.ts";
import type { Env } from "./world.ts";

export { type Command, COMMANDS, EVERY } from "./commands.ts";
export { type Flag, FLAGS, type Flags, variable } from "./flags.ts";

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
    const known = COMMANDS.map(({ name }) => name);
    throw new Unknown(`Unknown command ${JSON.stringify(first)}`, "mambaenv help", { word: first!, known });
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
  const flag = flagThat(({ name, short }) => long ? name === long[1] : short === word[1]);
  const known = [...EVERY, ...request.command.flags];
  if (flag === undefined || !known.includes(flag.name)) {
    const { name } = request.command;
    const choice = { word: word.replace(/=[^]*/, ""), known: known.map((name) => `--${name}`) };
    throw new Unknown(`Unknown flag ${JSON.stringify(word)} for "${name}"`, `mambaenv help ${name}`, choice);
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
  // A channel may be a URL with a comma in it.
  const values = LISTS.has(flag.name) && flag.name !== "channel" ? parts(value) : [value];
  const held = request.flags[flag.name];
  const repeated = request.origins[flag.name] === `--${flag.name}` && Array.isArray(held);
  set(request, flag, repeated ? [...held, ...values] : values, `--${flag.name}`);
}

/** Takes what the `MAMBAENV_` variables say; an empty one says nothing. */
function variables(env: Env, request: Request): void {
  for (const name in env) {
    const text = env[name];
    const flag = text && name.startsWith("MAMBAENV_") && flagThat((flag) => variable(flag) === name);
    if (!flag || flag.name === "help" || flag.name === "version") continue;
    if (flag.value === undefined) set(request, flag, truth(text, name), name);
    else set(request, flag, LISTS.has(flag.name) ? parts(text) : [text], name);
  }
}

function flagThat(fits: (flag: Flag) => boolean): Flag | undefined {
  for (const flag of FLAGS) if (fits(flag)) return flag;
  return undefined;
}

function parts(text: string): string[] {
  const all: string[] = [];
  for (const part of text.split(",")) if (part.trim()) all.push(part.trim());
  return all;
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
    const choice = { word: value[0]!, known: flag.among };
    throw new Unknown(`Unknown ${from} ${JSON.stringify(value[0])}; known: ${known}`, "", choice);
  }
  const held = Array.isArray(value) && !LISTS.has(flag.name) ? value[0] : value;
  Object.assign(request.flags, { [flag.name]: held });
  request.origins[flag.name] = from;
}
