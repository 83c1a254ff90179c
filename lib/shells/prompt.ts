// PS1 in the shells of the Bourne family.
import type { Word } from "../code.ts";
import type { Dialect } from "./posix.ts";

/** Prefix of the names of the variables that our code uses while it runs. */
export const OWN = "__mambaenv";

/** A quoted text for PS1: an environment's name is not to be expanded, let alone run, at each prompt. */
function shown({ escape, dollar }: Pick<Dialect, "escape" | "dollar">, text: Word): Word {
  if (!text.includes("$") && !text.includes("`")) return text;
  return text.replace(
    /(\\*)(\$(?=[\w({])|`)/g,
    (found, slashes: string, mark: string) =>
      mark === "$" && dollar
        ? found.replace("$", () => dollar)
        : slashes.replaceAll("\\", escape + escape) + escape + mark,
  ) as Word;
}

/** PS1 may be a plain shell variable, so the shell itself has to look into it; only the last step changes it. */
export function prompt(dialect: Dialect, remove: Word, add: Word): string {
  const { before, value, after } = ps1(dialect, remove, add);
  return `${before}\nPS1=${value}\n${after}`;
}

/** PS1's new value, as `Shell.ps1` has it; a prompt by powerline is for powerline to change. */
export function ps1({ builtin, global, ...dialect }: Dialect, removed: Word, added: Word) {
  const [remove, add] = [shown(dialect, removed), shown(dialect, added)];
  const own = [`${OWN}_old`, `${OWN}_rest`, `${OWN}_new`];
  const head = `\${${OWN}_rest%%"$${OWN}_old"*}`;
  const before = [
    `${global?.(own) ?? ""}${OWN}_old=${remove} ${OWN}_rest=\${PS1-} ${OWN}_new=`,
    `case $${OWN}_rest in *POWERLINE_COMMAND*) ;; *)`,
    `${OWN}_new=${add}`,
    ...remove === "''" ? [] : [
      `while ${builtin} [ "${head}" != "$${OWN}_rest" ]; do`,
      `${OWN}_new=$${OWN}_new${head} ${OWN}_rest=\${${OWN}_rest#*"$${OWN}_old"}`,
      `done`,
    ],
    ";;\nesac",
  ].join("\n");
  const value = `"$${OWN}_new$${OWN}_rest"` as Word;
  return { before, value, after: `${builtin} unset -v ${own.join(" ")}` };
}
