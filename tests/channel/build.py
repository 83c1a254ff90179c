"""Makes a test channel: build.py SET FOLDER SUBDIR PYTHON, run by the oracle's Python. See `channel.ts`.

SET is `full` (and the wheels of a loopback index beside it), `big` (what a benchmark adds) or `python` alone.
"""

import asyncio
import bz2
import os
import shutil
import sys
from pathlib import Path

import pypi
from package import Package
from python import python
from rattler.index import index_fs
from samples import marked, samples
from wheels import binary, download, pure

HERE = Path(__file__).parent


def main(which: str, folder: Path, subdir: str, program: str) -> None:
    runtime = python(program, subdir)
    channel, source = folder / "conda", folder / "source"
    if which == "python":
        publish(channel, subdir, [runtime, abi(runtime)])
    elif which == "big":
        packages = [wheel(path, runtime, program) for path in download(source, HERE / "big.txt")]
        publish(channel, subdir, packages)
    else:
        packages = [runtime, abi(runtime), *samples(runtime)]
        for pins in ("pure", "older"):
            wheels = download(source / pins, HERE / f"{pins}.txt", pure=True)
            packages += [pure(path, runtime) for path in wheels]
        packages += [binary(path, runtime, program) for path in download(source / "binary", HERE / "binary.txt")]
        complete(packages)
        publish(channel, subdir, packages)
        pypi.publish(folder / "wheels", HERE / "pypi.txt")
    shutil.rmtree(source, ignore_errors=True)


def wheel(path: Path, runtime: Package, program: str) -> Package:
    return pure(path, runtime) if path.name.endswith("-none-any.whl") else binary(path, runtime, program)


def abi(runtime: Package) -> Package:
    short = ".".join(runtime.version.split(".")[:2])
    return marked("python_abi", short, f"3_cp{short.replace('.', '')}", constrains=[f"python {short}.*"])


def complete(packages: list[Package]) -> None:
    """Refuses a channel that lacks what its packages need."""
    names = {package.name for package in packages}
    for package in packages:
        for name in (need.split()[0] for need in package.depends):
            if name not in names and not name.startswith("__"):
                raise SystemExit(f"{package.name} {package.version} needs {name}, which the channel has not")


def publish(channel: Path, subdir: str, packages: list[Package]) -> None:
    """Writes the archives and every form of repodata that there is."""
    (channel / "noarch").mkdir(parents=True)
    for package in packages:
        package.write(channel)
    asyncio.run(index_fs(channel, write_zst=True, write_shards=True))
    for folder in ("noarch", subdir):
        plain = channel / folder / "repodata.json"
        plain.with_suffix(".json.bz2").write_bytes(bz2.compress(plain.read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    sys.stdout.flush()
    # Not the usual end: threads of py-rattler that are still at work crash an interpreter that shuts down.
    os._exit(0)
