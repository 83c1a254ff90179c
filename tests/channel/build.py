"""Makes the test channel: build.py FOLDER SUBDIR PYTHON, run by the oracle's Python. See `channel.ts`."""

import asyncio
import bz2
import shutil
import sys
from pathlib import Path

from package import Package
from python import python
from rattler.index import index_fs
from samples import marked, samples
from wheels import binary, download, pure

HERE = Path(__file__).parent


def main(folder: Path, subdir: str, program: str) -> None:
    runtime = python(program, subdir)
    wheels = folder / "source"
    packages = [runtime, abi(runtime), *samples(subdir)]
    for pins in ("pure", "older"):
        packages += [pure(path, runtime) for path in download(wheels / pins, HERE / f"{pins}.txt", pure=True)]
    packages += [binary(path, runtime) for path in download(wheels / "binary", HERE / "binary.txt")]
    publish(folder / "conda", subdir, packages)
    shutil.rmtree(wheels)


def abi(runtime: Package) -> Package:
    short = ".".join(runtime.version.split(".")[:2])
    package = marked("python_abi", short, f"3_cp{short.replace('.', '')}", constrains=[f"python {short}.*"])
    return package


def publish(channel: Path, subdir: str, packages: list[Package]) -> None:
    """Writes the archives and every form of repodata that there is."""
    names = {package.name for package in packages}
    for package in packages:
        for need in package.depends:
            name = need.split()[0]
            if name not in names and not name.startswith("__"):
                raise SystemExit(f"{package.name} {package.version} needs {name}, which the channel has not")
        package.write(channel)
    asyncio.run(index_fs(channel, write_zst=True, write_shards=True))
    for folder in ("noarch", subdir):
        plain = channel / folder / "repodata.json"
        plain.with_suffix(".json.bz2").write_bytes(bz2.compress(plain.read_bytes()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
