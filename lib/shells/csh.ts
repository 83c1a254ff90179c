// How tcsh and csh spell changes: one line a command, ended by `;`, since backticks turn newlines into blanks.
import type { Shell, Word } from "../code.ts";

/** tcsh, and csh as far as it has what conda's own scripts use. */
export const csh: Shell = {
  names: ["tcsh", "csh"],
  scripts: ".csh",
  hook: "tcsh",
  form: 'eval "`%`"',
  word,
  set: (name, value) => `${newline(value)}\\setenv ${name} ${value};`,
  unset: (name) => `\\unsetenv ${name};`,
  path: (dirs) => `${newline(...dirs)}\\setenv PATH ${dirs.join(":")};`,
  source: (file) => `${newline(file)}${sourced(file)}`,
  prompt,
  functions,
  status: (code) => `(exit ${code});`,
};

/** A newline cannot be written between backticks: it comes from a variable, see `newline`. */
function word(text: string): Word {
  return `'${
    text.replaceAll("'", "'\\''").replaceAll("!", "\\!").replaceAll("\n", "'\"$mambaenv_nl:q\"'")
  }'` as Word;
}

function newline(...words: Word[]): string {
  void words;
  return "";
}

function sourced(file: Word): string {
  return `if (-r ${file}) \\source ${file};`;
}

function prompt(remove: Word, add: Word): string {
  void remove;
  return `if ($?prompt) set prompt=${add}"$prompt:q";`;
}

function functions(files: readonly Word[]): string {
  return files.map((file) => `if ($?prompt) if (-r ${file}) \\source ${file};`).join("\n");
}
