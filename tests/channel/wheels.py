"""Wheels of PyPI as conda packages."""

import configparser
import email
import email.message
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from bytecode import bytecode
from package import PLACEHOLDER, Package
from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

PURE = ["--platform", "any", "--implementation", "py", "--abi", "none"]


def download(folder: Path, pins: Path, pure: bool = False) -> list[Path]:
    """The wheels that the file of pins names, without what they depend on."""
    folder.mkdir(parents=True)
    words = ["--quiet", "--no-deps", "--only-binary", ":all:", *(PURE if pure else []), "-d", str(folder)]
    subprocess.check_call([sys.executable, "-m", "pip", "download", *words, "-r", str(pins)])
    return sorted(folder.glob("*.whl"))


def pure(path: Path, python: Package) -> Package:
    """A wheel without compiled code, for every Python: the installer puts it into place and compiles it."""
    package = described(path, python)
    package.noarch = "python"
    unpack(package, path, "site-packages", "python-scripts")
    package.build = "pyhd8ed1ab_0"
    return package


def binary(path: Path, python: Package, program: str) -> Package:
    """A wheel for this Python and machine, its files where they will be."""
    short = ".".join(python.version.split(".")[:2])
    package = described(path, python)
    package.subdir, package.noarch = python.subdir, ""
    package.build = f"py{short.replace('.', '')}h0a1b2c3_0"
    package.depends = [dep for dep in package.depends if not dep.startswith("python ")]
    package.depends += [f"python {short}.*", f"python_abi {short}.* *_cp{short.replace('.', '')}"]
    unpack(package, path, f"lib/python{short}/site-packages", "bin")
    for entry in package.scripts:
        name, module, function = re.split(r"\s*[=:]\s*", entry)
        package.add(f"bin/{name}", script(module, function), 0o755)
    bytecode(package, program)
    return package


def script(module: str, function: str) -> str:
    head = f"#!{PLACEHOLDER}/bin/python\nimport sys\n\nfrom {module} import {function.split('.')[0]}\n\n"
    return f"{head}if __name__ == '__main__':\n    sys.exit({function}())\n"


def described(path: Path, python: Package) -> Package:
    """Name, version, dependencies and entry points of a wheel, in conda's words."""
    with zipfile.ZipFile(path) as wheel:
        (folder,) = {name.split("/")[0] for name in wheel.namelist() if re.match(r"[^/]+\.dist-info/", name)}
        metadata = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
        entries = f"{folder}/entry_points.txt"
        points = wheel.read(entries).decode() if entries in wheel.namelist() else ""
    name, version, _, _ = parse_wheel_filename(path.name)
    package = Package(str(name), str(version), license=metadata.get("License-Expression", "MIT"))
    package.depends = sorted(depends(metadata, python))
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str
    parser.read_string(points)
    if parser.has_section("console_scripts"):
        package.scripts = [f"{key} = {value}" for key, value in parser.items("console_scripts")]
    return package


def depends(metadata: email.message.Message, python: Package):
    yield " ".join(["python", conda(SpecifierSet(metadata.get("Requires-Python", "")))]).strip()
    environment = {"python_version": ".".join(python.version.split(".")[:2]), "extra": ""}
    for line in metadata.get_all("Requires-Dist", []):
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate(environment):
            yield f"{canonicalize_name(need.name)} {conda(need.specifier)}".strip()


def conda(specifiers: SpecifierSet) -> str:
    """A version as a MatchSpec has it: `~=1.4` is `>=1.4,1.*`."""
    return ",".join(sorted(clause(one) for one in specifiers))


def clause(one: Specifier) -> str:
    if one.operator == "~=":
        return f">={one.version},{one.version.rsplit('.', 1)[0]}.*"
    if one.operator == "==" and one.version.endswith(".*"):
        return one.version
    return one.operator + one.version


def unpack(package: Package, path: Path, site: str, scripts: str) -> None:
    """The wheel's files as pip would lay them out; `RECORD` and `INSTALLER` say what pip may do with them."""
    with zipfile.ZipFile(path) as wheel:
        for item in wheel.infolist():
            if item.is_dir():
                continue
            data, mode = wheel.read(item), 0o755 if item.external_attr >> 16 & 0o100 else 0o644
            found = re.match(r"[^/]+\.data/(\w+)/(.+)", item.filename)
            kind, rest = found.groups() if found else ("purelib", item.filename)
            if kind == "scripts":
                data = re.sub(rb"\A#!python\w*", f"#!{PLACEHOLDER}/bin/python".encode(), data)
                package.add(f"{scripts}/{rest}", data, 0o755)
            else:
                top = {"purelib": f"{site}/", "platlib": f"{site}/", "data": "", "headers": "include/"}[kind]
                package.add(top + rest, data, mode)
            if item.filename.endswith(".dist-info/RECORD"):
                package.add(site + "/" + item.filename.replace("RECORD", "INSTALLER"), "conda\n")
