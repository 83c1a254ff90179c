// What conda's variables say is active, and the records that activation works on.

export type Env = Readonly<Record<string, string | undefined>>;

/** A variable's value; an object's own `constructor` and the like are none. */
export function valueOf(env: Env, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

/** The value in `conda-meta/state` of a variable that the user took out again. */
export const UNSET = "***unset***";

/** An environment as read from disk: its scripts in the order in which they run, its variables in order. */
export interface Prefix {
  path: string;
  activate: readonly string[];
  deactivate: readonly string[];
  /** null unsets; `UNSET` is left alone on the way in, gone on the way out. */
  vars: ReadonlyMap<string, string | null>;
  /** Whether it is there, though not for this user: it cannot be entered. */
  refused?: boolean;
  /** What was broken, a sentence each, naming the file. */
  warnings: readonly string[];
}

/** How to activate; every field may be left out. */
export interface Options {
  /** Keep the active environment's `bin` and scripts beneath. */
  stack?: boolean;
  /** Change PS1 and set CONDA_PROMPT_MODIFIER. Default true. */
  changeps1?: boolean;
  /** conda's `env_prompt`. Default `({default_env}) `. */
  envPrompt?: string;
  /** conda's root prefix, whose environment is called base. */
  root?: string;
  /** Folder put in PATH at the first level where no entry ends in `condabin`. */
  condabin?: string;
  /** Variables of the conda installation; undefined unsets. See `meta`. */
  meta?: Env;
  /** What CONDA_DEFAULT_ENV and the prompt say of the new environment, instead of what its path says. */
  name?: string;
  /** conda's `envvars_force_uppercase`. Default true. */
  uppercase?: boolean;
}

/** The active environment: level 0 where there is none; `below` is what `deactivate` goes back to. */
export interface Active {
  level: number;
  prefix: string;
  below?: { level: number; prefix: string };
}

/** Reads CONDA_SHLVL, CONDA_PREFIX and CONDA_PREFIX_n; what makes no sense counts as nothing active. */
export function active(env: Env): Active {
  const prefix = env["CONDA_PREFIX"] ?? "";
  const text = (env["CONDA_SHLVL"] ?? "").trim();
  // A level is a shell's nesting: more digits are garbage, and would be counted through.
  const level = prefix && /^\+?\d{1,3}$/.test(text) ? Number(text) : 0;
  if (level === 0) return { level, prefix: "" };
  for (let i = level - 1; i > 0; i--) {
    const outer = env[`CONDA_PREFIX_${i}`];
    if (outer) return { level, prefix, below: { level: i, prefix: outer } };
  }
  return { level, prefix };
}

/** Whether this level was activated with `--stack`. */
export function stacked(env: Env, level: number): boolean {
  return (env[`CONDA_STACKED_${level}`] ?? "").trim() !== "";
}

/** The variables by which conda's own shell functions find the installation at `root`. */
export function meta(root: string): Env {
  const exe = `${root}/bin/conda`;
  return {
    CONDA_EXE: exe,
    _CONDA_EXE: exe,
    _CE_M: undefined,
    _CE_CONDA: undefined,
    CONDA_PYTHON_EXE: `${root}/bin/python`,
    _CONDA_ROOT: root,
  };
}
