"""Compiled Python beside its source, as packages for one version of Python have it."""

import os
import subprocess
import tempfile
from pathlib import Path

from package import WHEN, Package


def bytecode(package: Package, program: str) -> None:
    """Adds `.pyc` for every module but those that linking will change; what is no Python has none."""
    sources = {name: entry for name, entry in package.files.items() if name.endswith(".py") and not entry.prefixed}
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        for name, entry in sources.items():
            path = stage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.data)
            os.utime(path, (WHEN, WHEN))
        words = ["-I", "-m", "compileall", "-q", "-q", "-j0", "-s", folder, folder]
        subprocess.run([program, *words], check=False)
        for path in sorted(stage.rglob("*.pyc")):
            package.add(str(path.relative_to(stage)), path.read_bytes())
        if sources and not any(name.endswith(".pyc") for name in package.files):
            raise SystemExit(f"{program} compiled nothing of {package.name}")
