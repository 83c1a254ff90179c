"""A channel for another processor: debian.py ROOT FOLDER SUBDIR makes it of the Python that was unpacked in ROOT."""

import os
import sys
from pathlib import Path

from build import abi, publish
from package import PLACEHOLDER, Package
from samples import hello, script


def main(root: Path, folder: Path, subdir: str) -> None:
    program = next((root / "usr/bin").glob("python3.*[0-9]"))
    library = root / "usr/lib" / program.name
    package = Package("python", f"{program.name.removeprefix('python')}.0", "h0_cpython", subdir=subdir, noarch="")
    for path in [program, *sorted(library.rglob("*"))]:
        if path.is_file() and not path.is_symlink() and path.name != "sitecustomize.py":
            package.add(str(path.relative_to(root / "usr")), path.read_bytes(), path.stat().st_mode & 0o755)
    package.add("bin/python", target=program.name)
    package.add("bin/where", f"#!{PLACEHOLDER}/bin/python\nimport sys\n\nprint(sys.prefix)\n", 0o755)
    # Debian's `site` looks there and nowhere else.
    package.add(f"lib/{program.name}/site-packages/README.txt", "Packages of this environment.\n")
    package.add(f"lib/{program.name}/dist-packages", target="site-packages")
    ran = script("postlink", subdir, 'mkdir -p "$PREFIX/share/made"\nuname -m >"$PREFIX/share/made/postlink"\n')
    publish(folder, subdir, [package, abi(package), hello("1.0", package), ran])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    sys.stdout.flush()
    # As in build.py: threads of py-rattler crash an interpreter that shuts down.
    os._exit(0)
