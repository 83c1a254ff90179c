// `mambaenv man`: the manual page, made from the tables of commands, flags, variables and topics.
import { COMMANDS, EVERY, type Flag, FLAGS } from "../args.ts";
import type { Answer } from "../code.ts";
import { EXIT } from "../problem.ts";
import { VERSION } from "../version.ts";
import { TOPICS } from "./topics.ts";

/** Prints the page as roff. */
export function run(): Promise<Answer> {
  return Promise.resolve({ out: page(), exit: EXIT.ok });
}

/** The page: `mambaenv.1`. */
export function page(): string {
  const { config, ...topics } = TOPICS;
  return [
    `.TH MAMBAENV 1 "" "mambaenv ${VERSION}" "User Commands"`,
    ".SH NAME",
    "mambaenv \\- a project's conda environment, activated in milliseconds",
    ".SH SYNOPSIS",
    ...lines("source <(mambaenv)", 'eval "$(mambaenv)"', "mambaenv COMMAND [FLAGS] [WORDS]"),
    ".SH DESCRIPTION",
    "Finds the conda environment of the project in this folder, makes it if need be, and prints code that activates",
    "it in the shell that reads it. It uses the conda, mamba or micromamba that is there, or its own engine.",
    ".SH COMMANDS",
    ...COMMANDS.flatMap(({ name, words, text, flags }) => [
      ...row(`${name} ${words}`.trim(), text),
      ...flags.length === 0 ? [] : [".br", roff(`Flags: ${flags.map((flag) => `--${flag}`).join(", ")}`)],
    ]),
    ".SH OPTIONS",
    roff(
      `Every command takes ${
        EVERY.map((flag) => `--${flag}`).join(", ")
      }; each other flag has a variable, too.`,
    ),
    ...FLAGS.flatMap((flag) => row(form(flag), flag.text)),
    ".SH CONFIGURATION",
    ...table(config!),
    ...Object.entries(topics).flatMap((
      [name, topic],
    ) => [`.SH ${HEADS[name] ?? name.toUpperCase()}`, ...table(topic)]),
    ".SH SEE ALSO",
    roff("mambaenv help, mambaenv help COMMAND, mambaenv doctor; conda(1), direnv(1)"),
  ].join("\n") + "\n";
}

/** Sections that manual pages have a name of their own for. */
const HEADS: { [topic: string]: string } = { variables: "ENVIRONMENT", exit: '"EXIT STATUS"' };

function form({ name, short, value }: Flag): string {
  return `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
}

function table({ text, rows }: { text: string; rows: readonly (readonly [string, string])[] }): string[] {
  return [
    roff(`${text}.`),
    ...rows.flatMap(([head, text]) => head === "" ? [".PP", roff(text)] : row(head, text)),
  ];
}

function row(head: string, text: string): string[] {
  return [".TP", `.B ${quoted(head)}`, roff(text)];
}

function lines(...all: string[]): string[] {
  return [".nf", ...all.map(roff), ".fi"];
}

/** Text that roff takes as it is: its escapes, and the letters that it would replace by typographic ones. */
function roff(text: string): string {
  const signs: { [sign: string]: string } = {
    "\\": "\\e",
    "-": "\\-",
    "`": "\\(ga",
    "'": "\\(aq",
    "^": "\\(ha",
    "~": "\\(ti",
    "…": "...",
  };
  const safe = text.replace(/[\\\-`'^~…]/g, (sign) => signs[sign]!);
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}

/** The same as one argument of a request. */
function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', "\\(dq")}"`;
}
