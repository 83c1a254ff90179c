// Runs our code in the real shells, and tells what became of the environment.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode, encode } from "../../lib/bytes.ts";
import { type Change, render, type Shell } from "../../lib/code.ts";
import { shellNamed } from "../../lib/shells.ts";

/** A shell as it is started here, and what users may have done to it. */
export interface Runner {
  name: string;
  /** Program and words, a script behind them. */
  argv: readonly string[];
  /** Words that make it interactive, where it can be without a terminal. */
  interactive?: string;
  /** Words that check a script's syntax. */
  check?: readonly string[];
  strict: string;
  hostile: string;
  /** Our code where `hostile` has taken the usual words. */
  source: (file: string) => string;
}

const ALIASES =
  "alias export='echo A' unset='echo A' cd='echo A' source='echo A' set='echo A' eval='echo A' " +
  "exit='echo A' printf='echo A' print='echo A' echo='echo A' command='echo A' builtin='echo A' test='echo A'";
const IFS = "IFS=' /:abcdefst=_1'";
const FUNCTIONS = ["cd", "source", "printf", "print", "test", "cat", "awk"].map((name) =>
  `${name}() { echo F; }`
);
const SPECIAL = ["export", "unset", "set", "eval", "exit", "."].map((name) => `${name}() { echo F; }`);
const BRACKET = "function [ { echo F; }";

export const RUNNERS: readonly Runner[] = [
  {
    name: "bash",
    argv: ["bash", "--norc", "--noprofile"],
    interactive: "-i",
    check: ["bash", "-n"],
    strict: "set -euo pipefail -CE; set -o posix; shopt -s nocasematch",
    hostile: ["shopt -s expand_aliases", IFS, ...FUNCTIONS, ...SPECIAL, BRACKET, ALIASES].join("\n"),
    source: (file) => `\\builtin . ${file}`,
  },
  {
    name: "zsh",
    argv: ["zsh", "-f"],
    interactive: "-i",
    check: ["zsh", "-n"],
    strict:
      "setopt err_exit no_unset pipe_fail no_clobber ksh_arrays sh_word_split glob_subst rc_quotes extended_glob",
    hostile: [IFS, ...FUNCTIONS, ...SPECIAL, "'['() { echo F; }", ALIASES].join("\n"),
    source: (file) => `\\builtin . ${file}`,
  },
  {
    name: "dash",
    argv: ["dash"],
    interactive: "-i",
    check: ["dash", "-n"],
    strict: "set -euC",
    hostile: [IFS, ...FUNCTIONS, ALIASES].join("\n"),
    source: (file) => `\\command . ${file}`,
  },
  {
    name: "ash",
    argv: ["busybox", "sh"],
    interactive: "-i",
    check: ["busybox", "sh", "-n"],
    strict: "set -euC -o pipefail",
    hostile: [IFS, ...FUNCTIONS.filter((line) => !line.startsWith("source")), ALIASES].join("\n"),
    source: (file) => `\\command . ${file}`,
  },
  {
    name: "ksh93",
    argv: ["ksh93"],
    interactive: "-i",
    check: ["ksh93", "-n"],
    strict: "set -euC -o pipefail",
    hostile: [IFS, ...FUNCTIONS.filter((line) => !line.startsWith("source")), ALIASES].join("\n"),
    source: (file) => `\\command . ${file}`,
  },
  {
    name: "mksh",
    argv: ["mksh"],
    interactive: "-i",
    check: ["mksh", "-n"],
    strict: "set -euC -o pipefail",
    hostile: [IFS, ...FUNCTIONS, ALIASES].join("\n"),
    source: (file) => `\\command . ${file}`,
  },
  {
    name: "yash",
    argv: ["yash", "--norcfile", "--noprofile"],
    check: ["yash", "-n"],
    strict: "set -euC",
    hostile: [IFS, ...FUNCTIONS.filter((line) => !line.startsWith("cat")), ALIASES].join("\n"),
    source: (file) => `\\command . ${file}`,
  },
  {
    name: "fish",
    argv: ["fish", "--no-config"],
    interactive: "-i",
    check: ["fish", "-n"],
    strict: "",
    hostile: ["cd", "source", "printf", "functions", "true", "echo"].map((name) =>
      `function ${name}; builtin echo F; end`
    )
      .join("\n"),
    source: (file) => `builtin source ${file}`,
  },
  {
    name: "tcsh",
    argv: ["tcsh", "-f"],
    check: ["tcsh", "-nf"],
    strict: "set noclobber; set noglob; set backslash_quote",
    hostile: ["setenv", "set", "source", "unsetenv", "unset", "cd", "rm", "exit"]
      .map((name) => `''alias ${name} 'echo A'`).join("\n"),
    source: (file) => `''eval "\`/bin/cat ${file}\`"`,
  },
];

/** What a run left behind; `env` is undefined where the shell did not live to tell. */
export interface Left {
  env: { [name: string]: string } | undefined;
  status: string | undefined;
  stdout: string;
  stderr: string;
}

export interface Play {
  env?: { [name: string]: string };
  /** Before our code. */
  before?: string;
  /** After it. */
  after?: string;
  form?: (file: string, shell: Shell) => string;
  words?: readonly string[];
}

/** Variables that shells set for themselves. */
const OWN =
  /^(_|SHLVL|PWD|OLDPWD|COLUMNS|LINES|A__z|HOST|HOSTTYPE|OSTYPE|MACHTYPE|VENDOR|GROUP|LOGNAME|NLSPATH|USER)$/;

/** Renders changes and runs them in the shell, in the form that users are told. */
export function run(runner: Runner, changes: readonly Change[], play: Play = {}): Left {
  const dir = mkdtempSync(join(tmpdir(), "shells-"));
  try {
    const shell = shellNamed(runner.name)!;
    const code = join(dir, "code");
    writeFileSync(code, encode(render(changes, shell)));
    const form = play.form ?? ((file) => shell.form.replace("%", `/bin/cat ${file}`));
    const status = runner.name === "fish" || runner.name === "tcsh" ? "$status" : "$?";
    const script = [
      play.before ?? "",
      form(code, shell),
      `/bin/sh -c '/bin/echo "$1" >"$0"' ${dir}/status ${status}`,
      play.after ?? "",
      `/bin/sh -c 'exec /usr/bin/env -0 >"$0"' ${dir}/env`,
      "",
    ].join("\n");
    writeFileSync(join(dir, "script"), script);
    const pairs = Object.entries({ PATH: "/usr/bin:/bin", LANG: "C.UTF-8", HOME: "/", ...play.env })
      .map(([name, value]) => `${name}=${value}`);
    const [program = "", ...words] = runner.argv;
    const ended = spawnSync(
      "/usr/bin/env",
      ["-i", ...pairs, program, ...words, ...play.words ?? [], join(dir, "script")],
      { cwd: dir, encoding: "utf8", input: "", timeout: 20_000 },
    );
    const file = (name: string) =>
      existsSync(join(dir, name)) ? decode(readFileSync(join(dir, name))) : undefined;
    return {
      env: parse(file("env")),
      status: file("status")?.trim(),
      stdout: ended.stdout,
      stderr: ended.stderr,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function parse(dump: string | undefined): { [name: string]: string } | undefined {
  if (dump === undefined) return undefined;
  const pairs = dump.split("\0").filter(Boolean).map((entry) => {
    const cut = entry.indexOf("=");
    return [entry.slice(0, cut), entry.slice(cut + 1)] as const;
  });
  return Object.fromEntries(pairs.filter(([name]) => !OWN.test(name)).sort());
}

/** Whether a shell is installed; where CI says that it should be, its lack is a failure. */
export function installed(program: string): boolean {
  const { status } = spawnSync("/bin/sh", ["-c", 'command -v "$1" >/dev/null', "sh", program]);
  return status === 0;
}
