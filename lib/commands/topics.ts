// What `mambaenv help TOPIC` and the manual page tell beside the tables of commands and flags.
import { FLAGS, variable } from "../args.ts";
import { shells } from "../shells.ts";
import { OURS, STANDING } from "../vars.ts";

/** A topic: what it is about, and its rows. */
export interface Topic {
  text: string;
  rows: readonly (readonly [string, string])[];
}

const [USER, MACHINE] = ["~/.config/mambaenv/config.toml", "/etc/mambaenv/config.toml"];

/** The topics by name. */
export const TOPICS: { [name: string]: Topic } = {
  shells: {
    text: 'The line that activates, by shell; the same with "mambaenv activate NAME" and all the others',
    rows: shells.map(({ names, form }) => [names.join(", "), form.replace("%", "mambaenv")]),
  },
  config: {
    text: "Where a value comes from: the first of these that says it",
    rows: [
      ["--python 3.12", "the flag"],
      ["MAMBAENV_PYTHON", "its variable"],
      ["pyproject.toml", 'python = "3.12" and so on under [tool.mambaenv]'],
      [".python-version", "and other files of the project: environment.yml (its name), requires-python"],
      [USER, 'python = "3.12" and so on; under $XDG_CONFIG_HOME if that is set'],
      [MACHINE, "the same for all users; root's, and nobody else's to write"],
      ["PYTHON_VERSION", "the old script's variables, ENV_NAME and MINICONDA3_PATH too"],
      [
        "",
        'the keys are the flags\' names, and channels = ["conda-forge"]; "mambaenv status" shows who said what',
      ],
      ["", 'in config.toml also to = ["$LOCAL_DISK", "/tmp"], root = "/scratch/$USER/mambaenv"'],
      ["", 'and mirrors = {conda-forge = "https://mirror.site/conda-forge"}, or a list in the order to try'],
    ],
  },
  variables: {
    text: "Variables that are read, flags' own and those of others, and that are set",
    rows: [
      ...FLAGS.filter(({ name }) => name !== "help" && name !== "version")
        .map((flag) => [variable(flag), `as --${flag.name}`] as const),
      ...[...STANDING, ...OURS].map(({ name, text }) => [name, text] as const),
    ],
  },
  files: {
    text: "Files of a project and of the program",
    rows: [
      ["requirements.txt", "packages; from conda's channel, and what is missing there from PyPI"],
      ["environment.yml", "conda's own form; its name, channels, dependencies, and the part for pip"],
      ["pyproject.toml", "[project] dependencies, requires-python, [tool.mambaenv]"],
      [".python-version", "version of Python"],
      ["conda-lock.yml", 'exactly what is installed; written by "mambaenv lock" alone'],
      [USER, `settings; ${MACHINE} for all users`],
      ["~/.condarc", "conda's own settings: channels, mirrors, proxies, certificates, folders"],
      [
        "ROOT/envs/NAME",
        'an environment; ROOT is conda\'s folder, or ~/.local/share/mambaenv: "mambaenv status"',
      ],
      ["ROOT/pkgs", "the package cache, shared with conda and mamba"],
      ["~/.cache/mambaenv", "lists of packages, archives of PyPI"],
    ],
  },
  exit: {
    text: "Exit codes; the printed code ends with the same status, and never ends your shell",
    rows: [
      ["0", "done, or the last good environment was entered with a warning"],
      ["1", "failed"],
      ["2", "usage: words, variables or files that cannot be read"],
      ["3", "no engine, or no such environment"],
      ["4", "the lock file does not fit the requirements, under --locked"],
      ["5", "needs the network and may not use it"],
      ["126, 127", "run: the command cannot be run, there is none"],
      ["128 + N", "ended by signal N"],
      ["", '"run" and "shell" end as the command does'],
    ],
  },
};
