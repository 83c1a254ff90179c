// Completion for zsh: `_arguments` for each command; sourced, or as the file `_mambaenv` in a folder of fpath.
import { type Command, COMMANDS, type Flag } from "../../args.ts";
import { shellNamed } from "../../shells.ts";
import { flagsOf, forms, type Offer, valueOf, wordsOf } from "./offer.ts";

/** Code for zsh. */
export function zsh(): string {
  const word = (text: string) => shellNamed("zsh")!.word(text);
  const commands = COMMANDS.map(({ name, text }) => word(`${name}:${text.replaceAll(":", "\\:")}`));
  const cases = COMMANDS.map((command) =>
    `    ${command.name}) _arguments -s -S ${specs(command).map(word).join(" ")} ;;`
  );
  return `#compdef mambaenv
# Completion of mambaenv for zsh: source <(mambaenv completions zsh), behind compinit
_mambaenv_names() { compadd -- \${(f)"$(\${(Q)_mambaenv_program} completions names 2>/dev/null)"}; }
_mambaenv() {
  local command=enter _mambaenv_program=$words[1]
  local -a commands
  commands=(
    ${commands.join("\n    ")}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then _describe command commands; return; fi
  if [[ $words[2] != -* ]]; then command=$words[2]; shift words; (( CURRENT-- )); fi
  case $command in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _mambaenv ]]; then _mambaenv "$@"; else compdef _mambaenv mambaenv; fi
`;
}

function specs(command: Command): string[] {
  const offer = wordsOf(command);
  const words = offer.kind === "command" ? ["*::command:_normal"] : [`:word:${action(offer)}`];
  return [...flagsOf(command).flatMap(spec), ...offer.kind === "nothing" ? [] : words];
}

/** `(-n --name)-n+[text]:NAME:action`, a line for each form of a flag. */
function spec(flag: Flag): string[] {
  const text = `[${flag.text.replace(/[[\]:\\]/g, "\\$&")}]`;
  const once = flag.name === "channel" || flag.name === "platform" ? "*" : `(${forms(flag).join(" ")})`;
  const value = flag.value === undefined ? "" : `:${flag.value}:${action(valueOf(flag))}`;
  return forms(flag).map((form) => {
    const attached = value === "" ? "" : form.startsWith("--") ? "=" : "+";
    return `${once}${form}${attached}${text}${value}`;
  });
}

function action(offer: Offer): string {
  switch (offer.kind) {
    case "words":
      return `(${offer.words.join(" ")})`;
    case "names":
      return "_mambaenv_names";
    case "folders":
      return "_files -/";
    case "command":
      return "_normal";
    case "nothing":
      return " ";
  }
}
