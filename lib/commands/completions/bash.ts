// Completion for bash, 3.2 too: a function that fills COMPREPLY.
import { COMMANDS, FLAGS } from "../../args.ts";
import { flagsOf, forms, type Offer, valueOf, wordsOf } from "./offer.ts";

/** Code for bash; every word in it is one of the tables', of letters and dashes only. */
export function bash(): string {
  const values = FLAGS.filter(({ value }) => value !== undefined);
  const taking = values.flatMap(forms).join("|");
  const given = values.map((flag) => `    ${forms(flag).join("|")}) ${offered(valueOf(flag))}; return ;;`);
  const flags = COMMANDS.map((command) =>
    `      ${command.name}) _mambaenv_words '${flagsOf(command).flatMap(forms).join(" ")}' ;;`
  );
  const words = COMMANDS.map((command) => `    ${command.name}) ${offered(wordsOf(command))} ;;`);
  return `# Completion of mambaenv for bash: source <(mambaenv completions bash)
_mambaenv_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_mambaenv_names() { _mambaenv_words "$("\${COMP_WORDS[0]}" completions names 2>/dev/null)"; }
_mambaenv() {
  local IFS=$' \\t\\n' cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=enter i
  COMPREPLY=()
  if [[ $cur == = ]]; then cur=
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  if ((COMP_CWORD > 1)) && [[ \${COMP_WORDS[1]} != -* ]]; then command=\${COMP_WORDS[1]}; fi
  if [[ $command == run ]]; then
    for ((i = 2; i < COMP_CWORD; i++)); do
      case \${COMP_WORDS[i]} in
      ${taking}) ((i++)) ;;
      -*) ;;
      *) return ;;
      esac
    done
  fi
  case $prev in
${given.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${flags.join("\n")}
    esac
    return
  fi
  if ((COMP_CWORD == 1)); then _mambaenv_words '${COMMANDS.map(({ name }) => name).join(" ")}'; return; fi
  case $command in
${words.join("\n")}
  esac
}
complete -o default -F _mambaenv mambaenv
`;
}

function offered(offer: Offer): string {
  switch (offer.kind) {
    case "words":
      return `_mambaenv_words '${offer.words.join(" ")}'`;
    case "names":
      return "_mambaenv_names";
    case "folders":
      return "IFS=$'\\n'; COMPREPLY=($(compgen -d -- \"$cur\"))";
    case "command":
      return 'COMPREPLY=($(compgen -c -- "$cur"))';
    case "nothing":
      return ":";
  }
}
