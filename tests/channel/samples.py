"""Small packages, one for each thing that an installer can get wrong."""

import subprocess
import tempfile
from pathlib import Path

from package import PLACEHOLDER, Entry, Package

HERE = Path(__file__).parent


def samples(subdir: str):
    """All of them, those with compiled code for `subdir`."""
    yield from versions()
    yield hooks()
    yield hello("1.0")
    yield hello("1.1", ".tar.bz2")


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


def hello(version: str, ending: str = ".conda") -> Package:
    """`noarch: python` with an entry point and a script; its version is known to Python, too."""
    package = Package("hello", version, "py_0", noarch="python", depends=["python >=3.8"], ending=ending)
    site = "site-packages"
    package.add(f"{site}/hello/__init__.py", f'__version__ = "{version}"\n\n\ndef main():\n    print("hello", __version__)\n')
    package.add(f"{site}/hello-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: hello\nVersion: {version}\n")
    package.add(f"{site}/hello-{version}.dist-info/INSTALLER", "conda\n")
    package.add("python-scripts/hello-script", f"#!{PLACEHOLDER}/bin/python\nimport hello\n\nhello.main()\n", 0o755)
    package.scripts = ["hello = hello:main"]
    return package
