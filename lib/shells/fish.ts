// How fish spells changes.
import type { Shell, Word } from "../code.ts";

/** fish 3 and later. */
export const fish: Shell = {
  names: ["fish"],
  scripts: ".fish",
  hook: "fish",
  form: "% | source",
  word,
  set: (name, value) => `builtin set -gx ${name} ${value}`,
  // Not the universal one, which is kept for ever and in every session.
  unset: (name) => `builtin set -eg ${name}; or builtin true`,
  path: (dirs) => `builtin set -gx PATH ${dirs.join(" ")}`,
  source: (file) => sourced(file),
  // conda's own fish functions show CONDA_PROMPT_MODIFIER themselves; there is no PS1.
  prompt: () => "",
  functions,
  verbatim: (code) => `builtin eval ${code}; or ${warning("conda's own hook failed", word(""))}`,
  status: (code) =>
    `function __mambaenv_status; builtin functions -e __mambaenv_status; builtin return ${code}; end; __mambaenv_status`,
};

function word(text: string): Word {
  return `'${text.replace(/[\\']/g, "\\$&")}'` as Word;
}

function sourced(file: Word): string {
  return `builtin source ${file}; or ${warning("this script failed:", file)}`;
}

function warning(text: string, subject: Word): string {
  return `builtin printf '%s %s\\n' ${word(`mambaenv: warning: ${text}`)} ${subject} >&2`;
}

function functions(files: readonly Word[], hook: readonly Word[]): string {
  if (files.length === 0 && hook.length === 0) return "";
  const readable = (file: Word) => `builtin test -r ${file}`;
  const sources = files.map((file) => `if ${readable(file)}; ${sourced(file)}; end`);
  const [program = word("")] = hook;
  const evaluated = [
    `if builtin set -l __mambaenv_hook (command ${hook.join(" ")} | builtin string collect)`,
    `builtin eval $__mambaenv_hook`,
    `else; ${warning("its hook failed:", program)}; end`,
  ].join("\n");
  return [
    "if builtin status is-interactive; and not builtin functions -q conda",
    ...files.length ? [`if ${files.map(readable).join("; or ")}`, ...sources] : ["if false"],
    ...hook.length ? ["else", evaluated] : [],
    "end",
    "end",
  ].join("\n");
}
