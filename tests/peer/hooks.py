"""What conda and mamba print for shells: their functions, an activation, a deactivation; and words of failure."""

import os
import shlex
from pathlib import Path

from rattler.shell import ActivationVariables, PathModificationBehavior, Shell, activate

UNSOLVABLE = {
    "conda": "LibMambaUnsatisfiableError: Encountered problems while solving:",
    "mamba": "error    libmamba Could not solve for environment specs",
    "micromamba": "error    libmamba Could not solve for environment specs",
}
POSIX = """\
export {variable}={program}
{name}() {{
  case "${{1-}}" in
    activate | deactivate) \\eval "$("${variable}" {shell} "$@")" ;;
    *) "${variable}" "$@" ;;
  esac
}}
"""
FIRST = """\
if [ -z "${{CONDA_SHLVL+x}}" ]; then
  export CONDA_SHLVL=0
  export PATH={condabin}"${{PATH:+:$PATH}}"
fi
"""
FISH = """\
set -gx {variable} {program}
function {name}
  switch "$argv[1]"
    case activate deactivate
      eval (${variable} {shell} $argv | string collect)
    case '*'
      ${variable} $argv
  end
end
"""


def code(program: Path, root: Path, shell: str, verb: str, target: str | None) -> str:
    """The answer of `conda shell.X VERB` and `mamba shell VERB -s X`."""
    if verb == "hook":
        return functions(program, root, "fish" if shell == "fish" else "posix")
    if verb == "deactivate":
        return deactivation(shell)
    wanted = Path(target) if target and "/" in target else root / "envs" / target if target else root
    if not (wanted / "conda-meta").is_dir():
        raise NotADirectoryError(f"EnvironmentNameNotFound: Could not find conda environment: {target}")
    kind = {"fish": Shell.fish, "zsh": Shell.zsh, "xonsh": Shell.xonsh}.get(shell, Shell.bash)
    now = ActivationVariables(
        current_prefix=os.environ.get("CONDA_PREFIX"),
        path_modification_behavior=PathModificationBehavior.Replace,
    )
    return activate(wanted, now, kind).script


def functions(program: Path, root: Path, shell: str) -> str:
    """A function of the program's name, its variables, and at first conda's entry of PATH."""
    name = program.name
    words = {
        "name": name,
        "program": shlex.quote(str(program)),
        "variable": "CONDA_EXE" if name == "conda" else "MAMBA_EXE",
        "shell": f"shell.{shell}" if name == "conda" else f"shell -s {shell}",
    }
    if shell == "fish":
        return FISH.format(**words)
    tail = FIRST.format(condabin=shlex.quote(str(root / "condabin"))) if name == "conda" else ""
    return POSIX.format(**words) + tail


def deactivation(shell: str) -> str:
    prefix = os.environ.get("CONDA_PREFIX", "")
    rest = [part for part in os.environ.get("PATH", "").split(":") if part != f"{prefix}/bin"]
    if shell == "fish":
        return f"set -gx PATH {' '.join(map(shlex.quote, rest))}\nset -e CONDA_PREFIX\nset -gx CONDA_SHLVL 0\n"
    return f"export PATH={shlex.quote(':'.join(rest))}\nunset CONDA_PREFIX\nexport CONDA_SHLVL=0\n"
