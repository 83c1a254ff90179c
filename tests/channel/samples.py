"""Small packages, one for each thing that an installer can get wrong."""

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from package import PLACEHOLDER, Package
from pypi import wheel
from wheels import pure

HERE = Path(__file__).parent


def samples(runtime: Package):
    """All of them, those with compiled code for the subdir of `runtime`, the channel's Python."""
    subdir = runtime.subdir
    yield from versions()
    yield hooks()
    yield hello("1.0", runtime)
    yield hello("1.1", runtime, ".tar.bz2")
    yield links()
    yield odd()
    yield modes()
    yield texts("texts", ".conda")
    yield texts("antique", ".tar.bz2", antique=True)
    yield broken()
    yield marked("twin", "1.0", ending=".conda")
    yield marked("twin", "1.0", ending=".tar.bz2")
    for name in ("clobber-a", "clobber-b"):
        package = marked(name, "1.0")
        package.add("share/clobber.txt", f"{name}\n")
        yield package
    yield script("postlink", subdir, 'mkdir -p "$PREFIX/share/made"\nenv | sort > "$PREFIX/share/made/postlink"\n')
    yield script("badlink", subdir, "echo about to fail >&2\nexit 3\n")
    if shutil.which("cc"):
        yield prefixed(subdir)
    else:
        print("no C compiler here: the channel goes without `prefixed`", file=sys.stderr)


def versions():
    """Names whose versions exclude one another, and what makes a solver prefer one."""
    for version in ("1.0", "1.5", "2.0"):
        yield marked("core", version)
    yield marked("left", "1.0", depends=["core >=1,<2"])
    yield marked("left", "2.0", depends=["core >=2"])
    yield marked("right", "1.0", depends=["core <2"])
    yield marked("guard", "1.0", constrains=["core <2"])
    yield marked("flavour", "1.0", "plain_0")
    yield marked("flavour", "1.0", "special_1", number=1, features="special")
    yield marked("old", "1.0", depends=["__glibc >=2.17", "__linux", "__unix"])
    yield marked("future", "1.0", depends=["__glibc >=99"])
    yield marked("gpu", "1.0", depends=["__cuda >=12"])
    yield marked("accel", "1.0", "cpu_0")
    yield marked("accel", "1.0", "cuda12_1", number=1, depends=["__cuda >=12"])
    yield marked("tomorrow", "1.0", depends=["python >=4"])


def marked(name: str, version: str, build: str = "0", **rest) -> Package:
    package = Package(name, version, build, **rest)
    package.add(f"share/{name}/version", f"{version} {build}\n")
    return package


def hooks() -> Package:
    """Scripts that conda sources in each shell, and variables it sets."""
    package = marked("hooks", "1.0")
    for ending, on, off in (
        ("sh", 'export HOOKS_ON="$CONDA_PREFIX"', "unset HOOKS_ON"),
        ("fish", 'set -gx HOOKS_ON "$CONDA_PREFIX"', "set -e HOOKS_ON"),
        ("csh", 'setenv HOOKS_ON "$CONDA_PREFIX"', "unsetenv HOOKS_ON"),
        ("xsh", '$HOOKS_ON = $CONDA_PREFIX', "del $HOOKS_ON"),
    ):
        package.add(f"etc/conda/activate.d/hooks.{ending}", on + "\n")
        package.add(f"etc/conda/deactivate.d/hooks.{ending}", off + "\n")
    package.add("etc/conda/env_vars.d/hooks.json", '{"HOOKS_VAR": "it\'s $HOME and \\"more\\""}\n')
    return package


def hello(version: str, runtime: Package, ending: str = ".conda") -> Package:
    """`noarch: python` with an entry point and a script; its version is known to Python, too."""
    with tempfile.TemporaryDirectory() as folder:
        package = pure(wheel(Path(folder), "hello", version), runtime)
    package.build, package.ending = "py_0", ending
    package.add("python-scripts/hello-script", f"#!{PLACEHOLDER}/bin/python\nimport hello\n\nhello.main()\n", 0o755)
    return package


def links() -> Package:
    """Soft links: to a file, to a link, to a folder, upwards, to nowhere."""
    package = marked("links", "1.0")
    package.add("lib/liblinks.so.1.2", "not really a library\n")
    package.add("lib/liblinks.so.1", target="liblinks.so.1.2")
    package.add("lib/liblinks.so", target="liblinks.so.1")
    package.add("share/links/folder/file", "in a folder\n")
    package.add("share/links/folder-link", target="folder")
    package.add("share/links/up", target="../../lib/liblinks.so.1.2")
    package.add("share/links/nowhere", target="does-not-exist")
    return package


def odd() -> Package:
    """Names that a careless program takes for something else."""
    package = marked("odd", "1.0")
    quotes = ("it's", '"quoted"', "back\\slash", "$(touch x)", "#hash", "per%20cent")
    for name in ("a b", "ünï", "-rf", *quotes, "x" * 200):
        package.add(f"share/odd/{name}", f"{name}\n")
    return package


def modes() -> Package:
    """Permissions, an empty file and a large one that does not compress."""
    package = marked("modes", "1.0")
    package.add("bin/modes", "#!/bin/sh\necho modes\n", 0o755)
    package.add("share/modes/read-only", "read only\n", 0o444)
    package.add("share/modes/private", "private\n", 0o600)
    package.add("share/modes/group", "group\n", 0o664)
    package.add("share/modes/empty", "")
    package.add("share/modes/large", random.Random(1).randbytes(3_000_000))
    return package


def texts(name: str, ending: str, antique: bool = False) -> Package:
    """The prefix in texts of several kinds, and in shebangs, which a kernel cuts at 127 characters."""
    package = marked(name, "1.0", ending=ending, antique=antique)
    root = PLACEHOLDER.encode()
    package.add(f"etc/{name}/plain.conf", b"a=" + root + b"/a:" + root + b"/b\nlast=" + root)
    package.add(f"etc/{name}/crlf.conf", b"a=" + root + b"\r\nb=" + root + b"/x\r\n")
    package.add(f"etc/{name}/latin1.conf", b"caf\xe9=" + root + b"/\xff\n")
    package.add(f"etc/{name}/binary.dat", b"\0\1" + root + b"/x\0rest\0" + root + b"\0\0end")
    package.add(f"bin/{name}-sh", b"#!/bin/sh\necho " + root + b"\n", 0o755)
    package.add(f"bin/{name}-python", b"#!" + root + b"/bin/python -u\nimport sys\nprint(sys.prefix)\n", 0o755)
    package.add(f"bin/{name}-env", b"#!/usr/bin/env " + root + b"/bin/python\nprint('" + root + b"')\n", 0o755)
    return package


def broken() -> Package:
    """`noarch: python` that no Python compiles as a whole; installing it is no error."""
    package = Package("broken", "1.0", "py_0", noarch="python", depends=["python >=3.8"])
    package.add("site-packages/broken/__init__.py", "value = 1\n")
    package.add("site-packages/broken/python2.py", "print 'two'\n")
    package.add("site-packages/broken/latin1.py", b"# \xe9\nvalue = 1\n")
    package.add("site-packages/broken/data/template.py", "{{ no: python }}\n")
    return package


def script(name: str, subdir: str, code: str) -> Package:
    """A package whose script conda runs after it is linked."""
    package = marked(name, "1.0", subdir=subdir, noarch="", ending=".tar.bz2")
    package.add(f"bin/.{name}-post-link.sh", "#!/bin/bash\n" + code, 0o755)
    package.add(f"bin/.{name}-pre-unlink.sh", f'#!/bin/bash\nrm -f "$PREFIX/share/made/{name}"\n', 0o755)
    return package


def prefixed(subdir: str) -> Package:
    """A program that knows its prefix."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "prefixed"
        # A compiler that folds `strlen` would bake the long prefix's length into the program.
        words = ["-O0", "-fno-builtin", f'-DPREFIX="{PLACEHOLDER}"', "-o", str(out), "prefixed.c"]
        subprocess.check_call(["cc", *words], cwd=HERE)
        package = marked("prefixed", "1.0", subdir=subdir, noarch="")
        package.add("bin/prefixed", out.read_bytes(), 0o755)
    return package
