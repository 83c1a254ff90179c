// pip's options on a line of a requirements file: split as a shell would, read as pip's own parser does.
import { Unreadable } from "./unreadable.ts";

/** The options that a requirements file may have, by their full names. */
export type Name =
  | "--index-url"
  | "--extra-index-url"
  | "--no-index"
  | "--constraint"
  | "--requirement"
  | "--editable"
  | "--find-links"
  | "--no-binary"
  | "--only-binary"
  | "--prefer-binary"
  | "--require-hashes"
  | "--no-require-hashes"
  | "--pre"
  | "--all-releases"
  | "--only-final"
  | "--trusted-host"
  | "--use-feature"
  | "--hash"
  | "--config-settings"
  | "--global-option";
export interface Flag {
  name: Name;
  /** Empty where the option takes none. */
  value: string;
}

const LONG: Readonly<Record<string, { name: Name; takes: boolean }>> = Object.fromEntries([
  ...([
    "--index-url",
    "--extra-index-url",
    "--constraint",
    "--requirement",
    "--editable",
    "--find-links",
    "--no-binary",
    "--only-binary",
    "--all-releases",
    "--only-final",
    "--trusted-host",
    "--use-feature",
    "--hash",
    "--config-settings",
    "--global-option",
  ] as const).map((name) => [name, { name, takes: true }]),
  ...(["--no-index", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre"] as const)
    .map((name) => [name, { name, takes: false }]),
  ["--pypi-url", { name: "--index-url", takes: true }],
]);
const SHORT: Readonly<Record<string, Name>> = {
  "-i": "--index-url",
  "-c": "--constraint",
  "-r": "--requirement",
  "-e": "--editable",
  "-f": "--find-links",
  "-C": "--config-settings",
};

/** Cuts a line into what stands before its first option, and the options. Throws Unreadable. */
export function splitOptions(text: string): { args: string; flags: Flag[] } {
  const words = text.split(" ");
  const at = words.findIndex((word) => word.startsWith("-"));
  if (at < 0) return { args: text, flags: [] };
  return {
    args: words.slice(0, at).join(" ").trim(),
    flags: readFlags(shellWords(words.slice(at).join(" "))),
  };
}

function readFlags(words: string[]): Flag[] {
  const flags: Flag[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--") break;
    if (word === "-" || !word.startsWith("-")) continue;
    const { name, takes, value } = word.startsWith("--") ? long(word) : short(word);
    if (!takes && value !== undefined) throw new Unreadable(`${name} takes no value`);
    const given = takes ? value ?? words.shift() : "";
    if (given === undefined) throw new Unreadable(`${name} needs a value`);
    if (name === "--hash" && !/^(?:sha256|sha384|sha512):[0-9a-fA-F]+$/.test(given)) {
      throw new Unreadable(
        `${JSON.stringify(given)} is no hash`,
        "write --hash=sha256:HEX (or sha384, sha512)",
      );
    }
    flags.push({ name, value: given });
  }
  return flags;
}

function long(word: string): { name: Name; takes: boolean; value?: string } {
  const [, option = word, value] = /^([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  const exact = Object.hasOwn(LONG, option)
    ? [option]
    : Object.keys(LONG).filter((each) => each.startsWith(option));
  if (exact.length > 1) throw new Unreadable(`${option} may mean ${exact.sort().join(", ")}`);
  const found = LONG[exact[0] ?? ""];
  if (!found) throw unknown(option);
  return { ...found, value };
}

function short(word: string): { name: Name; takes: boolean; value?: string } {
  const name = SHORT[word.slice(0, 2)];
  if (!name) throw unknown(word.slice(0, 2));
  return { name, takes: true, value: word.length > 2 ? word.slice(2) : undefined };
}

function unknown(option: string): Unreadable {
  return new Unreadable(
    `unknown option ${option}`,
    "a requirements file takes only the options that pip documents for it",
  );
}

/** Splits as Python's shlex does: quotes and backslashes as in a POSIX shell. */
function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (/[ \t\r\n]/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "'" || letter === '"') {
      const end = closing(text, i);
      const inner = text.slice(i + 1, end);
      word = (word ?? "") + (letter === '"' ? inner.replace(/\\(["\\])/g, "$1") : inner);
      i = end;
    } else if (letter === "\\") {
      if (++i >= text.length) throw new Unreadable("the options end in a backslash");
      word = (word ?? "") + text[i];
    } else word = (word ?? "") + letter;
  }
  return word === undefined ? words : [...words, word];
}

function closing(text: string, start: number): number {
  const quote = text[start]!;
  for (let i = start + 1; i < text.length; i++) {
    if (quote === '"' && text[i] === "\\") i++;
    else if (text[i] === quote) return i;
  }
  throw new Unreadable("the options have an open quote");
}

/** Options as a line of a requirements file that pip reads the same. */
export function formatFlags(flags: readonly Flag[]): string {
  const word = (text: string) => `'${text.replaceAll("'", `'"'"'`)}'`;
  return flags.map(({ name, value }) => value === "" ? name : `${name}=${word(value)}`).join(" ");
}
