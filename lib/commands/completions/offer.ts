// What can stand where, for all shells: flags of a command, kinds of values and of words.
import { type Command, COMMANDS, EVERY, type Flag, FLAGS } from "../../args.ts";
import { shells } from "../../shells.ts";
import { TOPICS } from "../topics.ts";

/** What completes a value or a word: fixed words, or what the shell finds. */
export type Offer =
  | { kind: "words"; words: readonly string[] }
  | { kind: "names" | "folders" | "command" | "nothing" };

/** What a flag's value can be. */
export function valueOf({ name, among, value }: Flag): Offer {
  if (among) return { kind: "words", words: among };
  if (name === "shell") return { kind: "words", words: shells.flatMap(({ names }) => names) };
  if (name === "name") return { kind: "names" };
  return { kind: value === "DIR" || value === "PATH" ? "folders" : "nothing" };
}

/** What a command's words can be. */
export function wordsOf({ name, style }: Command): Offer {
  if (style === "command") return { kind: "command" };
  if (name === "activate") return { kind: "names" };
  if (name === "help") {
    return { kind: "words", words: [...COMMANDS.map(({ name }) => name), ...Object.keys(TOPICS)] };
  }
  return name === "completions" ? { kind: "words", words: ["bash", "zsh", "fish"] } : { kind: "nothing" };
}

/** The flags that can stand behind a command. */
export function flagsOf(command: Command): Flag[] {
  const conda = command.style === "conda" ? ["quiet", "verbose", "help"] : EVERY;
  return FLAGS.filter(({ name }) => command.flags.includes(name) || conda.includes(name));
}

/** A flag as it is typed: `-n`, `--name`. */
export function forms({ name, short }: Flag): string[] {
  return [...short ? [`-${short}`] : [], `--${name}`];
}
