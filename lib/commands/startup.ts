// How each shell is started so that a line of ours is the last that it reads before its first prompt: behind the
// user's own startup files, which would undo what was done before them.
import type { Shell, Word } from "../code.ts";
import type { Env, World } from "../world.ts";

/** How a shell is started: words behind its name, changes of its environment, files in its folder. */
export interface Startup {
  words: string[];
  env: Env;
  files: { [name: string]: string };
}

/** What a row works with: the shell, the line of ours, a folder of its own that its files have to remove. */
export interface Situation {
  shell: Shell;
  line: string;
  folder: string;
  world: World;
}

/** Whether it is a shell that people sit at. */
export function startable({ names }: Shell): boolean {
  return names[0]! in ROWS;
}

/** The startup of a shell that is startable. */
export function startup(situation: Situation): Startup {
  return ROWS[situation.shell.names[0]!]!(situation);
}

/** The line that evaluates what a command prints, whatever aliases the user's files made. */
export function evaluation(shell: Shell, command: readonly Word[]): string {
  const words = command.join(" ");
  return BOURNE.includes(shell.names[0]!) ? `\\eval "$(${words})"` : shell.form.replace("%", () => words);
}

const BOURNE = ["bash", "zsh", "sh", "ksh", "mksh", "yash"];
const ROWS: { [name: string]: (situation: Situation) => Startup } = {
  bash: (situation) => ({
    words: ["--rcfile", `${situation.folder}/rc`, "-i"],
    env: {},
    files: { rc: lines(removal(situation), sourced("~/.bashrc"), situation.line) },
  }),
  zsh,
  sh: (situation) => posix(situation),
  ksh: (situation) => posix(situation, "~/.kshrc"),
  mksh: (situation) => posix(situation, "~/.mkshrc"),
  yash: (situation) => ({
    words: [`--rcfile=${situation.folder}/rc`, "-i"],
    env: {},
    files: { rc: lines(removal(situation), sourced("~/.yashrc"), situation.line) },
  }),
  fish: ({ line }) => ({ words: ["-i", "-C", lines(line, FISH)], env: {}, files: {} }),
  tcsh,
  xonsh,
  elvish,
};

function lines(...all: readonly string[]): string {
  return all.filter(Boolean).join("\n") + "\n";
}

function removal({ shell, folder }: Situation): string {
  return `\\command rm -rf ${shell.word(folder)}`;
}

/** Sources a file of the user's, a word of the Bourne family; zsh alone has its builtins by another word. */
function sourced(file: string, builtin = "\\command"): string {
  return `if [ -r ${file} ]; then ${builtin} . ${file}; fi`;
}

/** The variable as it was before we used it for ourselves. */
function restored(name: string, { shell, world }: Situation): string {
  const value = world.env[name];
  return value === undefined ? shell.unset(name) : shell.set(name, shell.word(value));
}

/** Shells that read the file that ENV names, whose value they expand; `usual` is what they read without. */
function posix(situation: Situation, usual?: string): Startup {
  const { world, line, folder } = situation;
  const own = world.env["ENV"]
    ? [`\\command eval "__mambaenv_file=$ENV"`, sourced('"$__mambaenv_file"')]
    : [];
  const user = own.length > 0
    ? [...own, "\\command unset -v __mambaenv_file"]
    : usual
    ? [sourced(usual)]
    : [];
  return {
    words: ["-i"],
    env: { ENV: `${folder}/rc` },
    files: { rc: lines(restored("ENV", situation), removal(situation), ...user, line) },
  };
}

/** zsh finds its files in ZDOTDIR alone; the user's .zshenv may set that. */
function zsh(situation: Situation): Startup {
  const { shell, folder, line } = situation;
  const dir = '"${ZDOTDIR:-$HOME}"';
  const env = lines(
    restored("ZDOTDIR", situation),
    sourced(`${dir}/.zshenv`, "\\builtin"),
    "__mambaenv_set=${+ZDOTDIR} __mambaenv_dir=${ZDOTDIR-}",
    `ZDOTDIR=${shell.word(folder)}`,
  );
  const rc = lines(
    "if (( __mambaenv_set )); then ZDOTDIR=$__mambaenv_dir; else unset ZDOTDIR; fi",
    "unset __mambaenv_set __mambaenv_dir",
    // A system's zshrc may have put it into our folder.
    `if [[ \${HISTFILE-} == ${shell.word(folder)}/* ]]; then HISTFILE=\${ZDOTDIR:-$HOME}/\${HISTFILE:t}; fi`,
    removal(situation),
    sourced(`${dir}/.zshrc`, "\\builtin"),
    line,
  );
  return { words: ["-i"], env: { ZDOTDIR: folder }, files: { ".zshenv": env, ".zshrc": rc } };
}

/** fish has no PS1: its prompt is a function, which conda's own functions extend where they are. */
const FISH = `if not functions -q __conda_add_prompt; and not functions -q __mambaenv_prompt
  functions -c fish_prompt __mambaenv_prompt
  function fish_prompt; echo -n $CONDA_PROMPT_MODIFIER; __mambaenv_prompt; end
end`;

/** tcsh finds its file in HOME alone. */
function tcsh({ shell, folder, line, world }: Situation): Startup {
  const home = world.env["HOME"];
  const rc = lines(
    home === undefined ? "unsetenv HOME; unset home" : `setenv HOME ${shell.word(home)}; set home="$HOME:q"`,
    `\\rm -rf ${shell.word(folder)}`,
    "if (-r ~/.tcshrc) source ~/.tcshrc",
    "if (! -r ~/.tcshrc && -r ~/.cshrc) source ~/.cshrc",
    line,
  );
  return { words: ["-i"], env: { HOME: folder }, files: { ".tcshrc": rc } };
}

/** xonsh reads the files that it is told instead of its own, so it is told those, too. */
function xonsh({ shell, folder, line, world }: Situation): Startup {
  const { HOME: home, XDG_CONFIG_HOME: config } = world.env;
  const own = [
    "/etc/xonsh/xonshrc",
    config ? `${config}/xonsh/rc.xsh` : home && `${home}/.config/xonsh/rc.xsh`,
    home && `${home}/.xonshrc`,
  ].filter((file): file is string => Boolean(file) && world.stat(file!)?.kind === "file");
  const rc = lines(
    "import shutil",
    `shutil.rmtree(${shell.word(folder)}, ignore_errors=True)`,
    "del shutil",
    line,
  );
  return { words: ["-i", "--rc", ...own, `${folder}/rc.xsh`], env: {}, files: { "rc.xsh": rc } };
}

/** elvish has no way to read a second file as if it were its own: the user's text goes into ours. */
function elvish({ shell, folder, line, world }: Situation): Startup {
  const { HOME: home, XDG_CONFIG_HOME: config } = world.env;
  const places = [config && `${config}/elvish/rc.elv`, home && `${home}/.config/elvish/rc.elv`];
  const old = home && `${home}/.elvish/rc.elv`;
  const own = [...places, old].find((file) => file && world.stat(file)?.kind === "file");
  const prompt = "var mambaenv-prompt = $edit:prompt\n" +
    "set edit:prompt = { if (has-env CONDA_PROMPT_MODIFIER) { put $E:CONDA_PROMPT_MODIFIER }; $mambaenv-prompt }";
  const rc = lines(`e:rm -rf ${shell.word(folder)}`, own ? world.read(own) ?? "" : "", line, prompt);
  return { words: ["-rc", `${folder}/rc`], env: {}, files: { rc } };
}
