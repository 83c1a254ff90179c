"""A conda package: its files in memory, and how they become an archive of either format."""

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

#: Where the packages were "built": 255 characters, the length that conda-build uses.
PLACEHOLDER = ("/opt/mambaenv" + "_placeholder" * 21)[:255]
#: Seconds since 1970 of every file; compiled Python names it, so it has to survive unpacking.
WHEN = 1_700_000_000
ARCH = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}


@dataclass
class Entry:
    """A file or a soft link (`target`) of a package."""

    data: bytes = b""
    target: str = ""
    mode: int = 0o644

    @property
    def kind(self) -> str:
        return "softlink" if self.target else "hardlink"

    @property
    def prefixed(self) -> str:
        """How a prefix in it is to be replaced: `text`, `binary`, or not at all."""
        if PLACEHOLDER.encode() not in self.data:
            return ""
        return "binary" if b"\0" in self.data else "text"


@dataclass
class Package:
    """What a channel offers under one name, version and build."""

    name: str
    version: str
    build: str = "0"
    number: int = 0
    subdir: str = "noarch"
    noarch: str = "generic"
    depends: list[str] = field(default_factory=list)
    constrains: list[str] = field(default_factory=list)
    features: str = ""
    license: str = "MIT"
    scripts: list[str] = field(default_factory=list)
    ending: str = ".conda"
    #: As conda-build 1 wrote it: `info/has_prefix` instead of `info/paths.json`.
    antique: bool = False
    files: dict[str, Entry] = field(default_factory=dict)

    def add(self, path: str, data: str | bytes = b"", mode: int = 0o644, target: str = "") -> None:
        raw = data.encode() if isinstance(data, str) else data
        self.files[path] = Entry(raw, target, mode)

    def write(self, channel: Path) -> Path:
        """Makes the archive in its folder of the channel."""
        stem = f"{self.name}-{self.version}-{self.build}"
        path = channel / self.subdir / (stem + self.ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        info, payload = self.info(), dict(sorted(self.files.items()))
        if self.ending == ".tar.bz2":
            path.write_bytes(bz2.compress(tar(info | payload), 5))
            return path
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in (
                ("metadata.json", text({"conda_pkg_format_version": 2}).encode()),
                (f"pkg-{stem}.tar.zst", zstd(tar(payload))),
                (f"info-{stem}.tar.zst", zstd(tar(info))),
            ):
                archive.writestr(zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20)), data)
        return path

    def info(self) -> dict[str, Entry]:
        index = {
            "arch": ARCH.get(self.subdir),
            "build": self.build,
            "build_number": self.number,
            "constrains": self.constrains,
            "depends": self.depends,
            "license": self.license,
            "name": self.name,
            "platform": None if self.subdir == "noarch" else "linux",
            "subdir": self.subdir,
            "timestamp": WHEN * 1000,
            "version": self.version,
        }
        if self.subdir == "noarch":
            index["noarch"] = self.noarch
        if self.features:
            index["track_features"] = self.features
        info = {
            "info/index.json": Entry(text(index).encode()),
            "info/about.json": Entry(text({"summary": f"{self.name}, of a test channel"}).encode()),
            "info/files": Entry("".join(f"{path}\n" for path in sorted(self.files)).encode()),
        }
        if self.antique:
            info["info/has_prefix"] = Entry(self.has_prefix().encode())
        else:
            info["info/paths.json"] = Entry(text(self.paths()).encode())
        if self.noarch == "python":
            noarch = {"type": "python", "entry_points": self.scripts}
            link = {"noarch": noarch, "package_metadata_version": 1}
            info["info/link.json"] = Entry(text(link).encode())
        return info

    def paths(self) -> dict:
        return {"paths": [self.path(*item) for item in sorted(self.files.items())], "paths_version": 1}

    def path(self, name: str, entry: Entry) -> dict:
        data = self.followed(name, entry).data
        digest = hashlib.sha256(data).hexdigest()
        row = {"_path": name, "path_type": entry.kind, "sha256": digest, "size_in_bytes": len(data)}
        if entry.prefixed:
            row |= {"prefix_placeholder": PLACEHOLDER, "file_mode": entry.prefixed}
        return row

    def followed(self, name: str, entry: Entry) -> Entry:
        """What a soft link of the package leads to; nothing where it leads out of it."""
        for _ in range(8):
            if not entry.target:
                break
            parts: list[str] = []
            for part in [*name.split("/")[:-1], *entry.target.split("/")]:
                if part == ".." and parts:
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            name = "/".join(parts)
            entry = self.files.get(name, Entry())
        return entry

    def has_prefix(self) -> str:
        rows = [(name, entry.prefixed) for name, entry in sorted(self.files.items()) if entry.prefixed]
        return "".join(f'{PLACEHOLDER} {mode} "{name}"\n' for name, mode in rows)


def text(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


def tar(files: dict[str, Entry]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, entry in files.items():
            member = tarfile.TarInfo(name)
            member.mtime, member.mode = WHEN, entry.mode
            member.uname = member.gname = "root"
            if entry.target:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.target, 0o777
            member.size = len(entry.data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(entry.data))
    return out.getvalue()
