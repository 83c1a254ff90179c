// Completion for fish: a `complete` line for each command and flag.
import { COMMANDS, FLAGS } from "../../args.ts";
import { shellNamed } from "../../shells.ts";
import { flagsOf, type Offer, valueOf, wordsOf } from "./offer.ts";

const NAMES = "(mambaenv completions names 2>/dev/null)";

/** Code for fish. */
export function fish(): string {
  const word = (text: string) => shellNamed("fish")!.word(text);
  const inside = (names: readonly string[]) => `-n ${word(`__mambaenv_in ${names.join(" ")}`)}`;
  const commands = COMMANDS.map(({ name, text }) => `-n __fish_is_first_arg -a ${name} -d ${word(text)}`);
  const flags = FLAGS.map((flag) => {
    const names = COMMANDS.filter((command) => flagsOf(command).includes(flag)).map(({ name }) => name);
    const short = flag.short ? `-s ${flag.short} ` : "";
    const value = flag.value === undefined ? "" : `-x ${given(valueOf(flag), word)} `;
    return `${inside(names)} ${short}-l ${flag.name} ${value}-d ${word(flag.text)}`;
  });
  const words = COMMANDS.flatMap((command) => {
    const offer = given(wordsOf(command), word);
    return offer === "" ? [] : [`${inside([command.name])} ${offer}`];
  });
  return `# Completion of mambaenv for fish: mambaenv completions fish | source
function __mambaenv_in
    set -l typed (commandline -opc)
    set -l command enter
    if set -q typed[2]; and not string match -q -- '-*' $typed[2]
        set command $typed[2]
    end
    contains -- $command $argv
end
complete -c mambaenv -e
complete -c mambaenv -f
${[...commands, ...flags, ...words].map((line) => `complete -c mambaenv ${line}\n`).join("")}`;
}

function given(offer: Offer, word: (text: string) => string): string {
  switch (offer.kind) {
    case "words":
      return `-a ${word(offer.words.join(" "))}`;
    case "names":
      return `-a ${word(NAMES)}`;
    case "folders":
      return `-a ${word("(__fish_complete_directories)")}`;
    case "command":
      return `-a ${word("(__fish_complete_subcommand)")}`;
    case "nothing":
      return "";
  }
}
