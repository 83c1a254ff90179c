// How tcsh and csh spell changes: each on one line and ended by `;`, since backticks turn newlines into blanks.
// Builtins follow an empty word, which keeps aliases away; behind `if (…)` there are none.
import type { Shell, Word } from "../code.ts";

/** tcsh, and a csh that has its file tests and modifiers. */
export const csh: Shell = {
  names: ["tcsh", "csh"],
  scripts: ".csh",
  hook: "tcsh",
  form: 'eval "`%`"',
  word,
  set: (name, value) => withNewline([value], `''setenv ${name} ${value};`),
  unset: (name) => `''unsetenv ${name};`,
  path: (dirs) => withNewline(dirs, `''setenv PATH ${dirs.join(":")};`),
  source: (file) => withNewline([file], sourced(file)),
  prompt,
  functions,
  verbatim,
  status: (code) => `(''exit ${code});`,
};

/** Stands for a newline, which cannot be written between backticks. */
const NEWLINE = '"$mambaenv_nl:q"';

/** `!` is special within quotes, and where backslash_quote is set, so is a backslash: all of them stand outside. */
function word(text: string): Word {
  return `'${text.replace(/['!\\\n]/g, (c) => `'${c === "\n" ? NEWLINE : `\\${c}`}'`)}'` as Word;
}

/** The code, and around it the variable with a newline where a word needs it; only a file can hold that. */
function withNewline(words: readonly Word[], code: string): string {
  if (!words.some((word) => word.includes(NEWLINE))) return code;
  return [
    `''set mambaenv_file="\`mktemp\`";`,
    `printf '""set mambaenv_nl="\\\\\\n"\\n' >! "$mambaenv_file:q";`,
    `''source "$mambaenv_file:q"; \\rm -f "$mambaenv_file:q";`,
    code,
    "''unset mambaenv_nl mambaenv_file;",
  ].join(" ");
}

/** An unreadable file would end the shell, and one that cannot be parsed the rest of our code. */
function sourced(file: Word): string {
  const fine = `-r ${file} && (! -x /proc/$$/exe || { /proc/$$/exe -nf ${file} })`;
  return [
    "''set mambaenv_fine=0;",
    `if (${fine}) set mambaenv_fine=1;`,
    `if ($mambaenv_fine) source ${file};`,
    `if ($status || ! $mambaenv_fine) ${warning(file)};`,
    "''unset mambaenv_fine;",
  ].join(" ");
}

function warning(file: Word): string {
  return `/bin/sh -c 'echo "$0 $1" >&2' 'mambaenv: warning: this script failed:' ${file}`;
}

/** Takes every $mambaenv_old out of $mambaenv_prompt, which csh cannot; no double quotes, for it stands in some. */
const REMOVE = [
  "awk -v a=mambaenv_prompt -v b=mambaenv_old 'BEGIN { r = ENVIRON[a]; x = ENVIRON[b];",
  "while (i = index(r, x)) { o = o substr(r, 1, i - 1); r = substr(r, i + length(x)) } print o r }'",
].join(" ");

/** `eval` because the variables of a whole line are replaced, prompt or not. */
function prompt(remove: Word, add: Word): string {
  const code = remove === "''" ? `set prompt=${add}"$prompt:q"` : [
    `''setenv mambaenv_prompt "$prompt:q"; ''setenv mambaenv_old ${remove};`,
    `''set prompt=${add}"\`${REMOVE}\`";`,
    "''unsetenv mambaenv_prompt; ''unsetenv mambaenv_old",
  ].join(" ");
  return withNewline([remove, add], `if ($?prompt) eval ${word(code)};`);
}

/** conda's own file resets CONDA_SHLVL, so that is kept. */
function functions(files: readonly Word[], hook: readonly Word[]): string {
  if (files.length === 0 && hook.length === 0) return "";
  const lines = [
    `''set mambaenv_want=0; if ($?prompt) eval ${
      word('if ("`\'\'alias conda`" == "") set mambaenv_want=1')
    };`,
    `''set mambaenv_level; if ($?CONDA_SHLVL) eval ${word('set mambaenv_level="$CONDA_SHLVL:q"')};`,
  ];
  for (const file of files) {
    lines.push(`if ($mambaenv_want && -r ${file}) set mambaenv_want=2;`);
    lines.push(`if ($mambaenv_want && -r ${file}) source ${file};`);
  }
  // A double quote within backticks would end those around them.
  if (hook.length > 0 && !hook.some((word) => word.includes('"'))) {
    lines.push(`if ($mambaenv_want == 1) eval ${word(`eval "\`${hook.join(" ")}\`"`)};`);
  }
  lines.push(`if ("$mambaenv_level:q" != "") setenv CONDA_SHLVL "$mambaenv_level:q";`);
  lines.push("''unset mambaenv_want mambaenv_level;");
  return withNewline([...files, ...hook], lines.join(" "));
}

/** Code of more than one line must be in a file to be read as lines. */
function verbatim(code: Word): string {
  return withNewline(
    [code],
    [
      `''set mambaenv_code="\`mktemp\`";`,
      `printf %s ${code} >! "$mambaenv_code:q";`,
      `''source "$mambaenv_code:q"; \\rm -f "$mambaenv_code:q"; ''unset mambaenv_code;`,
    ].join(" "),
  );
}
