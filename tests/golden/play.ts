// Plays one recorded case: its files in a folder of its own, our code in the real shell, and what came of it.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decode, encode } from "../../lib/bytes.ts";
import { conda } from "../../lib/commands/activate.ts";
import { understand, type Verb } from "../../lib/activation/words.ts";
import { render, type Shell } from "../../lib/code.ts";
import { Problem } from "../../lib/problem.ts";
import { shellNamed } from "../../lib/shells.ts";
import { createWorld } from "../../lib/system.ts";

export interface Saw {
  script: string;
  CONDA_PREFIX: string;
  CONDA_SHLVL: string;
  PATH: string;
}

export interface Case {
  name: string;
  description: string;
  recorded_with: string;
  files: { [path: string]: { content?: string; mode?: string; symlink?: string; dir?: boolean } };
  files_changed_by_setup?: boolean;
  setup: string[];
  pre: string;
  shell_options: string;
  cwd: string;
  command: string;
  env_at_action: { [name: string]: string };
  argv: [Verb, ...string[]];
  outcome: {
    env_after_diff: { set: { [name: string]: string }; unset: string[] } | null;
    scripts_saw?: Saw[];
    ps1_before?: string | null;
    ps1_after?: string | null;
    exit_code: number | null;
  };
}

/** What is compared: the environment's difference, what the scripts saw, the prompt, the status. */
export interface Outcome {
  set: { [name: string]: string };
  unset: string[];
  scripts: Saw[];
  ps1: string | undefined;
  status: number | "dead";
}

const BARE = ["_", "SHLVL", "PWD", "OLDPWD"];

/** Whose code the shell reads: the functions', or that of a compiled program, called as users call it. */
export type Maker = { kind: "functions" } | { kind: "program"; path: string };

/** Runs the case; paths of its folder come back as `{{ROOT}}`. */
export async function play(one: Case, maker: Maker = { kind: "functions" }): Promise<Outcome> {
  const root = mkdtempSync(join(tmpdir(), "golden-"));
  try {
    const fill = (text: string) => text.replaceAll("{{ROOT}}", root);
    populate(one, root, fill);
    const env = Object.fromEntries(
      Object.entries(one.env_at_action).map(([name, value]) => [name, fill(value)]),
    );
    // Some cases name conda by its path in the command, and by nothing else.
    if (one.command.includes("/conda/bin/")) env["MINICONDA3_PATH"] = `${root}/conda`;
    if (one.files_changed_by_setup) setUp(one, fill);
    const shell = shellNamed(one.recorded_with)!;
    let words = ["/bin/cat", `${root}/code`];
    if (maker.kind === "program") words = [maker.path, ...one.argv.map(fill)];
    else writeFileSync(join(root, "code"), encode(await answer(one, shell, env, fill)));
    const form = shell.form.replace("%", () => words.map((word) => shell.word(word)).join(" "));
    writeFileSync(join(root, "script"), script(one, shell, root, fill, form));
    // Deno adds its own environment to `env`.
    const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const called = ["-i", ...pairs, ...PROGRAMS[one.recorded_with]!, join(root, "script")];
    spawnSync("/usr/bin/env", called, { cwd: fill(one.cwd), stdio: "ignore" });
    return gather(root, env);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const PROGRAMS: { [shell: string]: string[] } = {
  bash: ["/bin/bash", "--norc", "--noprofile"],
  zsh: ["/usr/bin/zsh", "-f"],
  dash: ["/bin/dash"],
  fish: ["/usr/bin/fish", "--no-config"],
  tcsh: ["/usr/bin/tcsh", "-f"],
};

function populate(one: Case, root: string, fill: (text: string) => string): void {
  for (const dir of ["home", "work", "other", "data", "conda/envs", "conda/bin", "conda/condabin"]) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  // conda's own files, which the recording leaves out.
  mkdirSync(join(root, "conda/lib/python3.11/dist-packages/conda"), { recursive: true });
  for (const name of ["bin/conda", "condabin/conda", "bin/python"]) {
    writeFileSync(join(root, "conda", name), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  }
  for (const [path, file] of Object.entries(one.files)) {
    const full = join(root, fill(path));
    mkdirSync(dirname(full), { recursive: true });
    if (file.dir) mkdirSync(full, { recursive: true });
    else if (file.symlink !== undefined) symlinkSync(fill(file.symlink), full);
    else {
      writeFileSync(full, fill(file.content ?? ""));
      chmodSync(full, parseInt(file.mode ?? "0644", 8));
    }
  }
}

/** What the setup did to the files; its effect on the environment is recorded. */
function setUp(one: Case, fill: (text: string) => string): void {
  const lines = one.setup.filter((line) => !line.startsWith("conda ")).map(fill);
  const { status } = spawnSync("/bin/sh", ["-ec", lines.join("\n")], { cwd: fill(one.cwd) });
  if (status !== 0) throw new Error(`${one.name}: setup failed`);
}

/** Our code for the case; a Problem becomes its status, as main does it. */
async function answer(
  one: Case,
  shell: Shell,
  env: { [name: string]: string },
  fill: (text: string) => string,
): Promise<string> {
  const world = { ...createWorld([]), env, cwd: fill(one.cwd) };
  const [verb, ...words] = one.argv.map(fill) as Case["argv"];
  try {
    const wanted = understand(verb, words);
    // Help is no code. Without a name it is the project's environment: there is none in the case's folder.
    if (wanted.help) return "";
    if (verb === "activate" && !wanted.target) return render([{ kind: "status", code: 2 }], shell);
    return render((await conda(wanted, { shell }, world)).changes, shell);
  } catch (error) {
    if (error instanceof Problem) return render([{ kind: "status", code: error.exit }], shell);
    throw error;
  }
}

/** The shell's script: the prompt and options of the case, our code in the form for users, what came of it. */
function script(
  one: Case,
  shell: Shell,
  root: string,
  fill: (text: string) => string,
  form: string,
): string {
  const prompt = one.outcome.ps1_before ?? undefined;
  const gone = one.setup.some((line) => line.includes("rmdir")) ? `${root}/work/gone` : undefined;
  const move = gone ? `mkdir ${gone}; cd ${gone}; rmdir ${gone}` : "";
  if (one.recorded_with === "fish") {
    return `${form}\nset s $status\necho $s > ${root}/status\nenv -0 > ${root}/env\n`;
  }
  if (one.recorded_with === "tcsh") {
    return [
      `set prompt=${shell.word(prompt ?? "")}`,
      `${form}`,
      `echo $status > ${root}/status`,
      `env -0 > ${root}/env`,
      `printf %s "$prompt:q" > ${root}/ps1`,
      "",
    ].join("\n");
  }
  const own = prompt === undefined || prompt === "<unset>" ? "unset PS1" : `PS1=${shell.word(fill(prompt))}`;
  const after = one.command.split("; ").slice(1).join("; ");
  return [
    move,
    one.pre.startsWith("PS1") ? "" : one.pre,
    own,
    "PS1" in one.env_at_action ? "export PS1" : "",
    one.shell_options,
    form,
    `__status=$?`,
    after,
    "set +eu",
    `echo $__status > ${root}/status`,
    "unset __status",
    `/usr/bin/env -0 > ${root}/env`,
    `printf %s "\${PS1-<unset>}" > ${root}/ps1`,
    "",
  ].join("\n");
}

function gather(root: string, before: { [name: string]: string }): Outcome {
  const back = (text: string) => text.replaceAll(root, "{{ROOT}}");
  const file = (name: string) =>
    existsSync(join(root, name)) ? back(decode(readFileSync(join(root, name)))) : undefined;
  const scripts = (file("scripts.log") ?? "").split("\n").filter(Boolean).map((line): Saw => {
    const [script = "", CONDA_PREFIX = "", CONDA_SHLVL = "", PATH = ""] = line.split("|");
    return { script, CONDA_PREFIX, CONDA_SHLVL, PATH };
  });
  const status = file("status");
  const dump = file("env");
  if (status === undefined || dump === undefined) {
    return { set: {}, unset: [], scripts, ps1: undefined, status: "dead" };
  }
  const after = new Map(
    dump.split("\0").filter(Boolean).map((entry) => {
      const cut = entry.indexOf("=");
      return [entry.slice(0, cut), entry.slice(cut + 1)] as const;
    }),
  );
  const outcome: Outcome = { set: {}, unset: [], scripts, ps1: file("ps1"), status: Number(status) };
  for (const [name, value] of [...after].sort()) {
    if (!BARE.includes(name) && (before[name] === undefined || back(before[name]) !== value)) {
      outcome.set[name] = value;
    }
  }
  outcome.unset = Object.keys(before).filter((name) => !after.has(name) && !BARE.includes(name)).sort();
  return outcome;
}
