// Activation scripts are for sh: what shells of another kind run in a child of theirs, to take its environment.

/** Sources `$1` and prints the environment, NUL-terminated; the script's own words go to stderr. */
export const BODY = [
  'command . "$1" >&2 || echo "mambaenv: warning: this script failed: $1" >&2;',
  "exec env -0",
].join(" ");

/** Variables that the child sets for itself. */
export const OWN = ["_", "SHLVL", "PWD", "OLDPWD", "BASH_ENV", "ENV"] as const;
