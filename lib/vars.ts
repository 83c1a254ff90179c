// Every variable that the program reads or sets, a line each; help and README print this table.
import type { Env } from "./world.ts";

export interface Var {
  name: string;
  text: string;
}

/** Variables of others that keep their meaning. Flags have `MAMBAENV_` variables of their own: see args.ts. */
export const STANDING: readonly Var[] = [
  { name: "MINICONDA3_PATH", text: "root of the conda installation to use (the old script's variable)" },
  { name: "ENV_NAME", text: "name of the environment (the old script's variable)" },
  { name: "PYTHON_VERSION", text: "version of Python (the old script's variable)" },
  { name: "MAMBA_EXE", text: "path of mamba or micromamba; its installation is used" },
  { name: "CONDA_EXE", text: "path of conda; its installation is used" },
  { name: "MAMBA_ROOT_PREFIX", text: "root of the installation that micromamba manages" },
  { name: "CONDA_ENVS_PATH", text: "folders in which environments are looked for by name" },
  { name: "CONDA_PKGS_DIRS", text: "package caches" },
  { name: "CONDA_SUBDIR", text: "platform to solve for, such as linux-64" },
  { name: "CONDA_OFFLINE", text: "1: as --offline" },
  { name: "CONDA_CHANGEPS1", text: "false: leave the prompt alone" },
  { name: "CONDA_ENV_PROMPT", text: "form of the prompt, `({default_env}) `" },
  {
    name: "CONDA_OVERRIDE_GLIBC",
    text: "version of a virtual package; so too CUDA, LINUX, OSX, ARCHSPEC; empty: absent",
  },
  { name: "CONDARC", text: "one more configuration file of conda" },
  { name: "PYTHONDONTWRITEBYTECODE", text: "the built-in engine compiles no `.pyc` files" },
  { name: "PIP_INDEX_URL", text: "index that pip asks; PIP_EXTRA_INDEX_URL and pip's own files count too" },
  { name: "HTTPS_PROXY", text: "proxy; so too HTTP_PROXY, ALL_PROXY, NO_PROXY" },
  { name: "SSL_CERT_FILE", text: "certificates to trust; so too REQUESTS_CA_BUNDLE" },
  { name: "XDG_CONFIG_HOME", text: "folder of mambaenv/config.toml, ~/.config by default" },
  { name: "XDG_DATA_HOME", text: "folder of the program's own root, ~/.local/share by default" },
  { name: "XDG_CACHE_HOME", text: "folder of repodata and the answers of solves, ~/.cache by default" },
  {
    name: "JUPYTER_DATA_DIR",
    text: "Jupyter's folder of this user, for `kernel`; ~/.local/share/jupyter by default",
  },
  { name: "SLURM_JOB_ID", text: "a batch job, in which none is made; so too PBS_JOBID, LSB_JOBID" },
  { name: "SLURM_TMPDIR", text: "a node's own disk, for `stage`; so too PBS_JOBFS, TMPDIR" },
  {
    name: "DIRENV_IN_ENVRC",
    text: "set by direnv while it reads an .envrc: bash reads us, its folder is the project",
  },
];

/** Variables that an activation leaves in the shell, besides conda's own. */
export const OURS: readonly Var[] = [
  { name: "MAMBAENV_ACTIVE", text: "prefix of the active environment; set last, so that it proves success" },
  { name: "MAMBAENV_ACTIVE_PROJECT", text: "root of the active project" },
  {
    name: "MAMBAENV_DID_FALLBACK",
    text: "1 where a change failed and the last good environment was entered instead",
  },
  {
    name: "MAMBAENV_UNDO",
    text: "what `mambaenv deactivate` puts back; set first, so that what is interrupted can be undone",
  },
  {
    name: "MAMBAENV_MODULE",
    text: "prefix that a module of `mambaenv modulefile` entered; so too MAMBAENV_KEPT_…",
  },
];

/** The folder that all of a user's caches are in; undefined without a home. */
export function cacheHome(env: Env): string | undefined {
  return env["XDG_CACHE_HOME"] || (env["HOME"] && `${env["HOME"]}/.cache`) || undefined;
}
