// A conda installation in small: the programs and scripts that its users' shells meet, with an environment `demo`.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** What is there: conda with a hook, one whose hook is this script, and the two files. */
export interface Layout {
  conda?: "works" | string;
  condaSh?: boolean;
  mambaSh?: boolean;
}

/** Fills a folder with an installation of that layout. */
export function install(root: string, { conda, condaSh, mambaSh }: Layout): void {
  put(`${root}/envs/demo/conda-meta/history`, "");
  put(`${root}/envs/demo/bin/tool`, "#!/bin/sh\n", 0o755);
  put(`${root}/bin/other`, "#!/bin/sh\n", 0o755);
  put(`${root}/condabin/conda`, "", 0o644);
  if (conda !== undefined) put(`${root}/bin/conda`, program(root, conda), 0o755);
  if (condaSh) put(`${root}/etc/profile.d/conda.sh`, exports(root) + FUNCTIONS);
  if (mambaSh) put(`${root}/etc/profile.d/mamba.sh`, MAMBA);
}

/** An environment at a path whose Python and packages are a venv's. */
export function lodge(path: string, python: string): void {
  const venv = dirname(dirname(python));
  put(`${path}/conda-meta/history`, "");
  for (const name of ["bin", "lib"]) symlinkSync(`${venv}/${name}`, `${path}/${name}`);
  copyFileSync(`${venv}/pyvenv.cfg`, `${path}/pyvenv.cfg`);
}

export function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

function exports(root: string): string {
  return `export CONDA_EXE='${root}/bin/conda'
export _CONDA_EXE='${root}/bin/conda'
unset _CE_M
unset _CE_CONDA
export CONDA_PYTHON_EXE='${root}/bin/python'
export _CONDA_ROOT='${root}'
`;
}

const FUNCTIONS = `__conda_exe() (
  "$CONDA_EXE" "$@"
)
__conda_activate() {
  \\local code
  code="$(PS1="\${PS1-}" __conda_exe shell.posix "$@")" || \\return
  \\eval "$code"
}
conda() {
  case "\${1-}" in
    activate|deactivate) __conda_activate "$@" ;;
    *) __conda_exe "$@" ;;
  esac
}
if [ -z "\${CONDA_SHLVL+x}" ]; then
  \\export CONDA_SHLVL=0
  PATH="$(\\dirname "$(\\dirname "$CONDA_EXE")")/condabin\${PATH:+":\${PATH}"}"
  \\export PATH
  if [ -z "\${PS1+x}" ]; then PS1=; fi
fi
`;

const MAMBA = `__mamba_exe() (
  "$(\\dirname "$CONDA_EXE")/mamba" "$@"
)
mamba() {
  case "\${1-}" in
    activate|deactivate) __conda_activate "$@" ;;
    *) __mamba_exe "$@" ;;
  esac
}
`;

/** conda's command line as far as shells call it: \`shell.X hook\` and \`shell.posix activate NAME\`. */
function program(root: string, hook: string): string {
  const base = `[ "\${CONDA_AUTO_ACTIVATE_BASE-}" = false ] || echo "conda activate 'base'"`;
  const shown = hook === "works" ? `cat <<'END'\n${exports(root)}${FUNCTIONS}END\n${base}` : hook;
  return `#!/bin/sh
root='${root}'
case "$1 \${2-}" in
shell.*" hook")
${shown}
;;
"shell.posix activate")
level=\${CONDA_SHLVL:-0}
if [ "$3" = base ]; then prefix=$root; else prefix=$root/envs/$3; fi
rest=$PATH again=
if [ "\${CONDA_PREFIX-}" = "$prefix" ]; then again=yes; fi
if [ "$level" -gt 0 ]; then
  rest=\${PATH%%"$CONDA_PREFIX/bin:"*}\${PATH#*"$CONDA_PREFIX/bin:"}
  if [ "$again" ]; then level=$((level - 1)); else echo "export CONDA_PREFIX_$level='$CONDA_PREFIX'"; fi
fi
prompt=\${PS1-}
prompt=\${prompt#"\${CONDA_PROMPT_MODIFIER-}"}
cat <<END
PS1='($3) $prompt'
export PATH='$prefix/bin:$rest'
export CONDA_PREFIX='$prefix'
export CONDA_SHLVL='$((level + 1))'
export CONDA_DEFAULT_ENV='$3'
export CONDA_PROMPT_MODIFIER='($3) '
END
;;
*) exit 2 ;;
esac
`;
}
