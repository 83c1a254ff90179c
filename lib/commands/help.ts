// `mambaenv help`: everything from the tables in args.ts and vars.ts.
import { type Command, COMMANDS, type Flag, FLAGS, type Request, variable } from "../args.ts";
import type { Answer } from "../code.ts";
import { EXIT, Unknown } from "../problem.ts";
import { OURS, STANDING } from "../vars.ts";
import { about, VERSION } from "../version.ts";
import type { World } from "../world.ts";
import { TOPICS } from "./topics.ts";

/** Help on all commands, on one, or on a topic; the version where `--version` asks for it. */
export function run(request: Request, world: World): Promise<Answer> {
  const text = answer(request);
  // Behind a command that prints code, it is a shell that reads stdout.
  const code = request.named && request.command.code && !world.tty(1);
  if (code) world.err(text);
  return Promise.resolve({ out: code ? "" : text, exit: EXIT.ok });
}

function answer(request: Request): string {
  if (request.flags.version) return `${about()}\n`;
  const name = request.flags.help ? explicit(request) : request.words[0];
  if (name === undefined) return overview();
  const command = COMMANDS.find((command) => command.name === name);
  if (command) return detail(command);
  const topic = Object.hasOwn(TOPICS, name) ? TOPICS[name] : undefined;
  if (topic) return `${topic.text}\n\n${rows(topic.rows)}`;
  const known = [...COMMANDS.map(({ name }) => name), ...Object.keys(TOPICS)];
  throw new Unknown(`No help on ${JSON.stringify(name)}`, "mambaenv help", { word: name, known });
}

/** The command that `--help` stood behind; none for the program itself. */
function explicit({ command, named }: Request): string | undefined {
  return named ? command.name : undefined;
}

function overview(): string {
  return `mambaenv ${VERSION}: a project's conda environment, activated in milliseconds

  source <(mambaenv)         in an .envrc, a terminal, a batch job (bash, zsh)
  eval "$(mambaenv)"         in a POSIX shell
  mambaenv | source          in fish; for the others: mambaenv help shells

Commands
${rows(COMMANDS.map(({ name, words, text }) => [`${name} ${words}`.trim(), text]))}
Flags (each has a variable too)
${flags(FLAGS)}
Variables it reads
${rows(STANDING.map(({ name, text }) => [name, text]))}
Variables it sets
${rows(OURS.map(({ name, text }) => [name, text]))}
Exit codes
${rows(TOPICS["exit"]!.rows)}
More: mambaenv help COMMAND, mambaenv help ${Object.keys(TOPICS).join("|")}
`;
}

function detail(command: Command): string {
  const own = FLAGS.filter(({ name }) => command.flags.includes(name));
  const usage = `mambaenv ${command.name} ${own.length ? "[FLAGS] " : ""}${command.words}`.trimEnd();
  return `${usage}\n\n  ${command.text}\n${own.length ? `\nFlags\n${flags(own)}` : ""}`;
}

function flags(list: readonly Flag[]): string {
  return rows(list.map((flag) => {
    const short = flag.short ? `-${flag.short}, ` : "    ";
    const value = flag.value ? ` ${flag.value}` : "";
    const own = flag.name === "help" || flag.name === "version" ? "" : ` [${variable(flag)}]`;
    return [`${short}--${flag.name}${value}`, flag.text + own];
  }));
}

function rows(pairs: readonly (readonly string[])[]): string {
  const width = Math.max(...pairs.map(([head]) => head!.length)) + 2;
  return pairs.map(([head, text]) => `  ${head!.padEnd(width)}${text}\n`).join("");
}
