"""Python as a conda package, made of an interpreter of this machine: pyenv's, Debian's, or any other."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bytecode import bytecode
from package import PLACEHOLDER, Package

ASK = """
import json, os, sys, sysconfig
var = sysconfig.get_config_var
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3], "short": "%d.%d" % sys.version_info[:2],
    "base": sys.base_prefix, "program": os.path.realpath(sys._base_executable),
    "stdlib": os.path.dirname(os.__file__), "include": sysconfig.get_path("include", "posix_prefix"),
    "libdir": var("LIBDIR"), "library": var("INSTSONAME"), "link": var("LDLIBRARY"),
}))
"""
#: Not needed to run programs and most of the size, or the machine's own business.
SKIP = {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo", "lib2to3"}
SKIP |= {"EXTERNALLY-MANAGED", "sitecustomize.py"}
PYDOC = "#!{prefix}/bin/python{short}\nimport pydoc\n\nif __name__ == '__main__':\n    pydoc.cli()\n"


def python(program: str, subdir: str) -> Package:
    """The package `python` of this very version; it runs from any prefix."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    fact = json.loads(subprocess.check_output([program, "-c", ASK], env=env))
    short, lib = fact["short"], f"lib/python{fact['short']}"
    build = "h" + hashlib.sha256(fact["program"].encode()).hexdigest()[:7] + "_0_cpython"
    package = Package("python", fact["version"], build, subdir=subdir, noarch="", license="PSF-2.0")
    package.constrains = [f"python_abi {short}.* *_cp{short.replace('.', '')}"]
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        shutil.copytree(fact["stdlib"], stage / lib, ignore=unwanted)
        if os.path.isdir(fact["include"]):
            shutil.copytree(fact["include"], stage / "include" / f"python{short}")
        (stage / "bin").mkdir()
        shutil.copy(fact["program"], stage / "bin" / f"python{short}")
        own_library(stage, fact)
        for path in (stage / lib / "lib-dynload").glob("*.so"):
            patch(path, "--remove-rpath")
        relocate(stage / lib, fact["base"])
        conventional(stage / lib / "sysconfig.py")
        for path in sorted(stage.rglob("*")):
            if path.is_file():
                mode = 0o755 if path.stat().st_mode & 0o100 and path.suffix != ".py" else 0o644
                package.add(str(path.relative_to(stage)), path.read_bytes(), mode)
    bytecode(package, fact["program"])
    package.add("bin/python", target=f"python{short}")
    package.add("bin/python3", target=f"python{short}")
    package.add("bin/pydoc3", PYDOC.format(prefix=PLACEHOLDER, short=short), 0o755)
    if fact["library"] in map(os.path.basename, package.files):
        package.add(f"lib/{fact['link']}", target=fact["library"])
    if b"dist-packages" in package.files[f"{lib}/site.py"].data:
        # Debian's `site` looks there and nowhere else.
        package.add(f"{lib}/site-packages/README.txt", "Packages of this environment.\n")
        package.add(f"{lib}/dist-packages", target="site-packages")
    return package


def unwanted(folder: str, names: list[str]) -> set[str]:
    """What is left out: sizable parts, libraries to link with, links out of the folder, PEP 668's refusal."""
    bad = {name for name in names if name in SKIP or name.endswith((".a", ".o"))}
    if os.path.basename(folder).startswith("config-"):
        bad |= {name for name in names if ".so" in name}
    return bad | {name for name in names if not os.path.exists(f"{folder}/{name}")}


def own_library(stage: Path, fact: dict) -> None:
    """A program that needs libpython gets it beside it, and looks for it there."""
    program = stage / "bin" / f"python{fact['short']}"
    needed = subprocess.check_output(["patchelf", "--print-needed", program], text=True).split()
    if fact["library"] in needed:
        shutil.copy(Path(fact["libdir"]) / fact["library"], stage / "lib" / fact["library"])
        patch(program, "--set-rpath", "$ORIGIN/../lib")


def patch(path: Path, *words: str) -> None:
    path.chmod(0o755)
    subprocess.check_call(["patchelf", *words, str(path)])


def relocate(lib: Path, base: str) -> None:
    """Puts the placeholder where the build's own files name the interpreter's prefix."""
    own = rf"(?=/lib/python|/include/python|/bin'|/lib'|/include'|/share'|'|$)"
    find = re.compile(re.escape(base) + (own if base in ("/usr", "/usr/local") else ""), re.MULTILINE)
    for path in [*lib.glob("_sysconfigdata*.py"), *lib.glob("config-*/Makefile"), *lib.glob("config-*/*.py")]:
        path.write_text(find.sub(PLACEHOLDER, path.read_text()))


def conventional(sysconfig: Path) -> None:
    """Debian's `sysconfig` installs under `local/`, for which a prefix of its own has no use."""
    words = sysconfig.read_text()
    sysconfig.write_text(words.replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'"))
