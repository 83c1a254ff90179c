"""What only the loopback index has: small wheels and a source archive of our own, and a few of PyPI's."""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from package import WHEN
from wheels import download

PYPROJECT = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
PROJECT = '\n[project]\nname = "fromsource"\nversion = "1.0"\n\n[tool.setuptools]\npy-modules = ["fromsource"]\n'


def publish(folder: Path, pins: Path) -> None:
    """Fills a folder with wheels and a source archive."""
    download(folder, pins)
    wheel(folder, "onlypypi", "1.0")
    wheel(folder, "onlypypi", "1.1", needs=("six>=1.16",))
    wheel(folder, "hello", "2.0")
    # The channel has mdurl 0.1, and a rich that needs it.
    wheel(folder, "mdurl", "9.0")
    wheel(folder, "rich", "15.0", needs=("mdurl>=9",))
    source(folder / "fromsource-1.0.tar.gz")


def wheel(folder: Path, name: str, version: str, needs: tuple[str, ...] = ()) -> Path:
    code = f'__version__ = "{version}"\n\n\ndef main():\n    print("{name}", __version__)\n'
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": head + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: mambaenv\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    files[f"{info}/RECORD"] = "".join(map(row, files.items())) + f"{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(zipfile.ZipInfo(member, (2023, 11, 14, 22, 13, 20)), text)
    return path


def row(item: tuple[str, str]) -> str:
    data = item[1].encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{item[0]},sha256={digest},{len(data)}\n"


def source(path: Path) -> None:
    """An archive that pip has to build: it needs `setuptools` of the same index."""
    head = "Metadata-Version: 2.1\nName: fromsource\nVersion: 1.0\n"
    files = {"pyproject.toml": PYPROJECT + PROJECT, "fromsource.py": "value = 1\n", "PKG-INFO": head}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"fromsource-1.0/{name}")
            member.size, member.mtime = len(text), WHEN
            archive.addfile(member, io.BytesIO(text.encode()))
