// What is to change in the reader's shell, and how a shell spells it. Quoting happens in `render` alone.

declare const quoted: unique symbol;
/** Text as one literal word of a shell: only `Shell.word` makes it, so raw text does not type-check. */
export type Word = string & { readonly [quoted]: true };

/** One change of the reader's shell; a list of them is the whole answer of an activation. */
export type Change =
  /** PATH becomes these folders. */
  | { kind: "path"; dirs: readonly string[] }
  /** An exported variable. */
  | { kind: "set"; name: string; value: string }
  /** A variable that is gone afterwards. */
  | { kind: "unset"; name: string }
  /** A third party's script, run in the shell; its failure is a warning. */
  | { kind: "source"; file: string }
  /** PS1: every `remove` taken out (none where empty), `add` put in front; `exported` where programs get it. */
  | { kind: "prompt"; remove: string; add: string; exported?: boolean }
  /** conda's and mamba's own functions, where the shell is interactive and lacks them. */
  | { kind: "functions"; files: readonly string[]; hook: readonly string[] }
  /** Code that a conda installation printed for this very shell (`conda shell.X hook`). */
  | { kind: "verbatim"; code: string }
  /** Files, there or not, whose change makes direnv read us again. */
  | { kind: "watch"; files: readonly string[] }
  /** The exit status that the shell sees. */
  | { kind: "status"; code: number };

/** How one family of shells spells changes. Every method returns complete commands without a final newline. */
export interface Shell {
  /** Names of its programs, the first is the one shown. */
  readonly names: readonly string[];
  /** Ending of the activation scripts that conda sources in it: `.sh`, `.fish`, `.csh`. */
  readonly scripts: string;
  /** What `conda shell.X hook` calls it. */
  readonly hook: string;
  /** The line to use in it, `%` standing for the command. */
  readonly form: string;
  word(text: string): Word;
  set(name: string, value: Word): string;
  unset(name: string): string;
  path(dirs: readonly Word[]): string;
  /** Several variables by one statement, where there is such: an interruption then finds all of it done, or nothing. */
  sets?(values: readonly (readonly [name: string, value: Word])[]): string;
  unsets?(names: readonly string[]): string;
  /** PS1 as one of those: its value between the commands `before` and `after`. */
  ps1?(remove: Word, add: Word): { before: string; value: Word; after: string };
  source(file: Word): string;
  prompt(remove: Word, add: Word): string;
  /** Only if interactive and there is no `conda` function: sources `files`, or evaluates what `hook` prints. */
  functions(files: readonly Word[], hook: readonly Word[]): string;
  /** Evaluates code that others wrote for this shell; its failure is a warning. */
  verbatim(code: Word): string;
  status(code: number): string;
  /** Names files to direnv, in the shell that it reads an .envrc with. */
  watch?(files: readonly Word[]): string;
  /** Spells all changes at once, where one after the other makes no sense. */
  whole?(changes: readonly Change[]): string;
}

/** A name that every shell takes for a variable; anything else is never printed. */
export function nameable(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name[i]!;
    const letter = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || c === "_";
    if (!letter && (i === 0 || c < "0" || c > "9")) return false;
  }
  return name !== "";
}

/** Spells changes in a shell: newline-terminated code. Throws RangeError for an unprintable variable name. */
export function render(changes: readonly Change[], shell: Shell): string {
  for (const change of changes) if ("name" in change) checked(change.name);
  if (shell.whole !== undefined) return shell.whole(changes) + "\n";
  let code = "";
  let group: Change[] = [];
  for (const change of changes) {
    if (group.length > 0 && !together(group, change, shell)) {
      code += neighbours(group, shell);
      group = [];
    }
    group.push(change);
  }
  return group.length > 0 ? code + neighbours(group, shell) : code;
}

/** Whether one statement may do all of this, with the next one; of prompts there is one, behind all else. */
function together(changes: readonly Change[], next: Change, shell: Shell): boolean {
  const sort = sortOf(next, shell);
  if (sort === undefined || sort !== sortOf(changes[0]!, shell)) return false;
  if (next.kind === "prompt") { for (const { kind } of changes) if (kind === "prompt") return false; }
  return true;
}

/** What one statement may do to several variables. */
function sortOf({ kind }: Change, shell: Shell): "set" | "unset" | undefined {
  if (kind === "set" || kind === "path" || kind === "prompt") {
    return shell.sets === undefined ? undefined : "set";
  }
  return kind === "unset" && shell.unsets !== undefined ? "unset" : undefined;
}

/** Spells neighbours of one sort by one statement, and the prompt behind it where that cannot be in it. */
function neighbours(changes: readonly Change[], shell: Shell): string {
  if (changes.length === 1) return spell(changes[0]!, shell) + "\n";
  if (changes[0]!.kind === "unset") {
    return shell.unsets!(changes.flatMap((change) => change.kind === "unset" ? [change.name] : [])) + "\n";
  }
  let before = "", after = "";
  const values: [name: string, value: Word][] = [];
  for (const change of changes) {
    if (change.kind === "path") values.push(["PATH", shell.word(change.dirs.join(":"))]);
    else if (change.kind === "set") values.push([change.name, shell.word(change.value)]);
    else if (change.kind === "prompt" && change.exported && shell.ps1) {
      const ps1 = shell.ps1(shell.word(change.remove), shell.word(change.add));
      values.push(["PS1", ps1.value]);
      [before, after] = [ps1.before + "\n", ps1.after + "\n"];
    } else after = spell(change, shell) + "\n";
  }
  return before + shell.sets!(values) + "\n" + after;
}

function spell(change: Change, shell: Shell): string {
  const word = (text: string) => shell.word(text);
  switch (change.kind) {
    case "path":
      return shell.path(change.dirs.map(word));
    case "set":
      return shell.set(change.name, word(change.value));
    case "unset":
      return shell.unset(change.name);
    case "source":
      return shell.source(word(change.file));
    case "prompt":
      return shell.prompt(word(change.remove), word(change.add));
    case "functions":
      return shell.functions(change.files.map(word), change.hook.map(word));
    case "verbatim":
      return shell.verbatim(word(change.code));
    case "watch":
      return shell.watch?.(change.files.map(word)) ?? "";
    case "status":
      return shell.status(change.code);
    default:
      return change satisfies never;
  }
}

function checked(name: string): void {
  if (!nameable(name)) throw new RangeError(`not a variable name: ${JSON.stringify(name)}`);
}

/** What a command gives back: the one write to stdout, and the exit code, which may be another program's. */
export interface Answer {
  out: string;
  exit: number;
}
