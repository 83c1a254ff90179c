// How the shells of the Bourne family spell changes: one way, and a few small differences a shell.
import type { Shell, Word } from "../code.ts";
import { OWN, prompt, ps1 } from "./prompt.ts";

/** Where the shells of the family differ. */
export interface Dialect {
  names: readonly string[];
  hook: string;
  form: string;
  /** Runs a builtin whatever aliases and functions are called like it. */
  builtin: string;
  /** Sources a file so that an error in it does not end the shell. */
  source: (file: Word) => string;
  /** Where `builtin eval` is not what survives broken code. */
  eval?: string;
  /** What makes a sign in PS1 stand for itself, since PS1 is expanded each time that it is shown. */
  escape: string;
  /** What shows as a dollar sign, where that is expanded or not as the user chose. */
  dollar?: string;
  /** Makes variables that are no function's own, where the shell may warn of such. */
  global?: (names: readonly string[]) => string;
  /** Where the usual quoting is not enough. */
  word?: (text: string) => Word;
  /** Prints the words that follow as a line on stderr. */
  say: string;
  /** True where there is a function called conda. */
  known: string;
}

/** A shell of the family. */
function shell(dialect: Dialect): Shell {
  const { names, hook, form, builtin } = dialect;
  const source = (file: Word) => relaxed(dialect, sourced(dialect, file));
  // All of it quoted, it is a word like any other: to some shells and shellcheck the bare name is none.
  const sets = (values: readonly (readonly [name: string, value: Word])[]) => {
    let code = `${builtin} export`;
    for (const [name, value] of values) code += ` "${name}="${value}`;
    return code;
  };
  const unsets = (names: readonly string[]) => `${builtin} unset -v ${names.join(" ")}`;
  return {
    names,
    scripts: ".sh",
    hook,
    form,
    word: dialect.word ?? word,
    source,
    sets,
    unsets,
    set: (name, value) => sets([[name, value]]),
    unset: (name) => unsets([name]),
    // Quoted words side by side are one word, so the separators need no quotes of their own.
    path: (dirs) => sets([["PATH", dirs.join(":") as Word]]),
    prompt: (remove, add) => prompt(dialect, remove, add),
    ps1: (remove, add) => ps1(dialect, remove, add),
    functions: (files, words) => functions(dialect, files, words),
    verbatim: (code) =>
      relaxed(dialect, `${evaluate(dialect)} ${code} || ${warning(dialect, HOOK, word(""))}`),
    watch: (files) =>
      `if ${builtin} command -v watch_file >/dev/null 2>&1; then watch_file ${files.join(" ")}; fi`,
    status: (code) => `(${builtin} exit ${code})`,
  };
}

function word(text: string): Word {
  return `'${text.replaceAll("'", "'\\''")}'` as Word;
}

function warning(dialect: Dialect, text: string, subject: Word): string {
  return `${dialect.say} ${word(`mambaenv: warning: ${text}`)} ${subject} >&2`;
}

function sourced(dialect: Dialect, file: Word): string {
  return `${dialect.source(file)} || ${warning(dialect, "this script failed:", file)}`;
}

const HOOK = "conda's own hook failed";

function evaluate(dialect: Dialect): string {
  return dialect.eval ?? `${dialect.builtin} eval`;
}

/** Code of others, with errexit and nounset as they expect them, and afterwards as they were. */
function relaxed({ builtin, global }: Dialect, code: string): string {
  const flags = `\${${OWN}_flags-}`;
  // Not by `case`, which with bash's nocasematch takes -E for -e.
  const restore = (flag: string) =>
    `if ${builtin} [ "\${${OWN}_flags%%${flag}*}" = "${flags}" ]; then ${builtin} set +${flag}; else ${builtin} set -${flag}; fi`;
  return [
    `${global?.([`${OWN}_flags`]) ?? ""}${OWN}_flags=$-; ${builtin} set +eu`,
    code,
    `${restore("u")}; ${restore("e")}; ${builtin} unset -v ${OWN}_flags`,
  ].join("\n");
}

function functions(dialect: Dialect, files: readonly Word[], hook: readonly Word[]): string {
  const { builtin } = dialect;
  if (files.length === 0 && hook.length === 0) return ":";
  const readable = (file: Word) => `${builtin} [ -r ${file} ]`;
  const sources = files.map((file) => `if ${readable(file)}; then ${sourced(dialect, file)}; fi`);
  const [program = word("")] = hook;
  const evaluated = [
    `if ${OWN}_hook=$(${builtin} command ${hook.join(" ")}); then ${evaluate(dialect)} "$${OWN}_hook"`,
    `else ${warning(dialect, "its hook failed:", program)}; fi`,
    `${builtin} unset -v ${OWN}_hook`,
  ].join("\n");
  const branches = [
    ...files.length ? [`elif ${files.map(readable).join(" || ")}; then\n${sources.join("\n")}`] : [],
    ...hook.length ? [`else\n${evaluated}`] : [],
  ];
  const body = relaxed(dialect, `if ${dialect.known}; then :\n${branches.join("\n")}\nfi`);
  return `case $- in *i*)\n${body};;\nesac`;
}

/** Where there is nothing, `.` ends a bash 3.2 in POSIX mode, which macOS has for `sh`, whatever is in front of it. */
function dot(file: Word): string {
  return `{ \\command [ -r ${file} ] && \\command . ${file}; }`;
}

const EVAL = 'eval "$(%)"';
const KNOWN = "case $(\\command -V conda 2>/dev/null) in *function*) ;; *) (exit 1);; esac";

/** The Korn shells differ only in their names, by which each is told. */
function korn(...names: string[]): Shell {
  return shell({
    names,
    hook: "posix",
    escape: "\\",
    form: EVAL,
    builtin: "\\command",
    source: dot,
    say: "\\command print -r --",
    known: KNOWN,
  });
}

/** The shells of the family. */
export const family: readonly Shell[] = [
  shell({
    names: ["bash", "rbash"],
    hook: "bash",
    escape: "\\\\",
    form: "source <(%)",
    builtin: "\\builtin",
    // `builtin eval` ends a shell that is not interactive where the code is no bash; this does not.
    eval: "\\command eval",
    source: (file) => `{ \\builtin [ -r ${file} ] && \\builtin command . ${file}; }`,
    say: "\\builtin printf '%s %s\\n'",
    known: "\\builtin declare -F conda >/dev/null",
  }),
  shell({
    names: ["zsh"],
    hook: "zsh",
    escape: "\\",
    // What is between these takes no room, and nothing is; PROMPT_SUBST no longer sees a variable.
    dollar: "$%{%}",
    global: (names) => `\\builtin typeset -g ${names.map((name) => `${name}=`).join(" ")}; `,
    form: "source <(%)",
    builtin: "\\builtin",
    source: (file) => `\\builtin . ${file}`,
    say: "\\builtin printf '%s %s\\n'",
    known: "\\builtin functions conda >/dev/null",
  }),
  shell({
    names: ["sh", "dash", "ash", "busybox", "posix"],
    hook: "posix",
    escape: "\\",
    form: EVAL,
    builtin: "\\command",
    source: dot,
    say: "\\command printf '%s %s\\n'",
    known: KNOWN,
  }),
  korn("ksh", "ksh93", "ksh88", "rksh", "rksh93", "pdksh", "oksh", "loksh"),
  korn("mksh", "lksh"),
  shell({
    names: ["yash"],
    hook: "posix",
    escape: "\\",
    form: EVAL,
    builtin: "\\command",
    // A syntax error ends it whatever one does, so a child reads the script first, as a function's body.
    source: (file) =>
      `(\\command eval "${OWN}() { :
$(\\command cat -- ${file})
}") && \\command . ${file}`,
    // Bytes that are no character end it, too.
    word: (text) => word(text.replace(/(?<![\ud800-\udbff])[\udc80-\udcff]/g, "\ufffd")),
    say: "\\command printf '%s %s\\n'",
    known: KNOWN,
  }),
];
