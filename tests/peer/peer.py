"""A program with the command line of conda, mamba and micromamba that does its work through py-rattler.

peer.py NAME ROOT WORD…: NAME is the program to be like, ROOT its installation. `peer.ts` lays them out.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import hooks
import rattler
from rattler import package_streaming
from rattler.exceptions import GatewayError, InstallerError, InvalidMatchSpecError, SolverError

VERSIONS = {"conda": "24.11.3", "mamba": "2.0.5", "micromamba": "2.0.5"}


class Failure(Exception):
    """What the user is told, in the words of the program that this one is like."""


def parser(name: str) -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog=name)
    version = f"conda {VERSIONS[name]}" if name == "conda" else VERSIONS[name]
    top.add_argument("--version", "-V", action="version", version=version)
    commands = top.add_subparsers(dest="command", required=True)
    place = argparse.ArgumentParser(add_help=False)
    where = place.add_mutually_exclusive_group()
    where.add_argument("--prefix", "-p", type=Path)
    where.add_argument("--name", "-n")
    place.add_argument("--root-prefix", "-r", type=Path)
    place.add_argument("--json", action="store_true")
    place.add_argument("--quiet", "-q", action="store_true")
    for command in ("create", "install"):
        row = commands.add_parser(command, parents=[place])
        row.add_argument("--yes", "-y", action="store_true")
        row.add_argument("--override-channels", action="store_true")
        row.add_argument("--channel", "-c", action="append", default=[])
        row.add_argument("--offline", action="store_true")
        row.add_argument("--dry-run", "-d", action="store_true")
        row.add_argument("--file", "-f", action="append", default=[], type=Path)
        row.add_argument("specs", nargs="*")
    for command in ("info", "list"):
        commands.add_parser(command, parents=[place])
    shell = commands.add_parser("shell", parents=[place])
    shell.add_argument("verb", choices=["hook", "activate", "deactivate"])
    shell.add_argument("target", nargs="?")
    shell.add_argument("--shell", "-s", default="posix")
    return top


def prefix(args: argparse.Namespace, root: Path) -> Path:
    if args.name:
        return root if args.name == "base" else root / "envs" / args.name
    return (args.prefix or Path(os.environ.get("CONDA_PREFIX") or root)).absolute()


def channels(args: argparse.Namespace) -> list[rattler.Channel]:
    names = args.channel + ([] if args.override_channels else ["conda-forge"])
    if not names:
        raise Failure("ArgumentError: --override-channels needs at least one -c / --channel.")
    return [rattler.Channel(name) for name in names]


def cache(root: Path) -> Path:
    return Path(os.environ.get("CONDA_PKGS_DIRS", "").split(",")[0] or root / "pkgs")


def installed(folder: Path) -> list[rattler.PrefixRecord]:
    return [rattler.PrefixRecord.from_path(path) for path in sorted((folder / "conda-meta").glob("*.json"))]


async def solve(args: argparse.Namespace, root: Path, have: list, specs: list[str]) -> list[rattler.RepoDataRecord]:
    action = "force-cache-only" if args.offline else "cache-or-fetch"
    config = rattler.SourceConfig(cache_action=action)
    gateway = rattler.Gateway(cache_dir=cache(root) / "cache", default_config=config)
    try:
        return await rattler.solve(
            channels(args),
            [*specs, *(str(record.name.normalized) for record in have)],
            gateway=gateway,
            platforms=[os.environ.get("CONDA_SUBDIR") or str(rattler.Subdir.current()), "noarch"],
            locked_packages=have,
            virtual_packages=rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env()),
        )
    except SolverError as error:
        raise Failure(f"{hooks.UNSOLVABLE[args.program]}\n{error}") from error
    except GatewayError as error:
        raise Failure(f"CondaHTTPError: HTTP 000 CONNECTION FAILED for url\n{error}") from error


async def fill(args: argparse.Namespace, root: Path) -> None:
    """`create` and `install`."""
    target = prefix(args, root)
    lines = [line.split("#")[0].strip() for path in args.file for line in path.read_text().splitlines()]
    specs = args.specs + [line for line in lines if line]
    listed = [line.strip() for path in args.file for line in path.read_text().splitlines() if "://" in line]
    if args.command == "create" and target.exists():
        if not (target / "conda-meta").is_dir() and any(target.iterdir()):
            raise Failure(f"DirectoryNotACondaEnvironmentError: there is something else in {target}")
        if (target / "conda-meta" / "history").exists() and not args.yes:
            raise Failure(f"CondaSystemExit: {target} exists already")
    if args.command == "install" and not (target / "conda-meta").is_dir():
        raise Failure(f"EnvironmentLocationNotFound: Not a conda environment: {target}")
    have = installed(target) if args.command == "install" else []
    say(args, "Collecting package metadata (repodata.json): ...working...")
    if "@EXPLICIT" in lines:
        records = [explicit(args, line, root) for line in listed]
    else:
        records = await solve(args, root, have, specs)
    say(args, f"## Package Plan ##\n\n  environment location: {target}\n")
    for record in sorted(records, key=lambda record: record.name.normalized):
        say(args, f"  + {record.name.normalized}  {record.version}  {record.build}")
    if args.dry_run:
        return
    if args.offline:
        offline(records, cache(root))
    if not args.yes:
        # As with conda's question when stdin is closed.
        raise Failure("CondaSystemExit: nobody said yes")
    try:
        await rattler.install(
            records,
            target,
            cache_dir=cache(root),
            installed_packages=have,
            execute_link_scripts=True,
            show_progress=False,
        )
    except InstallerError as error:
        raise Failure(f"CondaError: {error}") from error
    say(args, f"done\n#\n# To activate this environment, use\n#\n#     $ conda activate {target}\n#")


def explicit(args: argparse.Namespace, line: str, root: Path) -> rattler.RepoDataRecord:
    """The package of a line `URL#MD5` or `URL#sha256:SUM` of an explicit list, got and checked."""
    url, _, expected = line.partition("#")
    channel, subdir, name = url.rsplit("/", 2)
    archive = cache(root) / urllib.parse.unquote(name)
    if not archive.is_file():
        if args.offline and not url.startswith("file:"):
            raise Failure(f"OfflineError: {name} is not in {cache(root)}")
        cache(root).mkdir(parents=True, exist_ok=True)
        try:
            with urllib.request.urlopen(asking(url)) as answer:
                archive.write_bytes(answer.read())
        except urllib.error.URLError as error:
            raise Failure(f"CondaHTTPError: HTTP 000 CONNECTION FAILED for url <{url}>\n{error}") from error
    data = archive.read_bytes()
    kind = "sha256" if expected.startswith("sha256:") else "md5"
    if hashlib.new(kind, data).hexdigest() != expected.removeprefix("sha256:"):
        archive.unlink()
        raise Failure(f"ChecksumMismatchError: Conda detected a mismatch between the expected content of {url}")
    with tempfile.TemporaryDirectory() as folder:
        package_streaming.extract(archive, folder)
        sums = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest()}
        record = rattler.PackageRecord.from_index_json(Path(folder, "info/index.json"), size=len(data), **sums)
    return rattler.RepoDataRecord(record, archive.name, url, f"{channel}/")


def asking(url: str) -> urllib.request.Request:
    """A request with the URL's user and password where HTTP has them."""
    parts = urllib.parse.urlsplit(url)
    words, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl())
    if words:
        request.add_header("Authorization", f"Basic {base64.b64encode(words.encode()).decode()}")
    return request


def offline(records: list[rattler.RepoDataRecord], folder: Path) -> None:
    """Nothing may come from the network: a package is in the cache or a file."""
    for record in records:
        stem = record.file_name.removesuffix(".conda").removesuffix(".tar.bz2")
        if not record.url.startswith("file:") and not (folder / stem).is_dir():
            raise Failure(f"OfflineError: {record.file_name} is not in {folder}")


def say(args: argparse.Namespace, words: str) -> None:
    """Progress: on stdout, where these programs print it."""
    if not args.quiet and not args.json:
        print(words, flush=True)


def info(args: argparse.Namespace, root: Path) -> None:
    folders = [path for path in sorted((root / "envs").glob("*")) if (path / "conda-meta").is_dir()]
    facts = {
        "active_prefix": os.environ.get("CONDA_PREFIX"),
        "conda_version": VERSIONS["conda"],
        "default_prefix": str(root),
        "envs": [str(path) for path in [root, *folders]],
        "envs_dirs": [str(root / "envs")],
        "pkgs_dirs": [str(cache(root))],
        "platform": str(rattler.Subdir.current()),
        "root_prefix": str(root),
    }
    lines = [f"{key} : {value}" for key, value in facts.items()]
    print(json.dumps(facts, indent=2) if args.json else "\n".join(lines))


def listing(args: argparse.Namespace, root: Path) -> None:
    target = prefix(args, root)
    if not (target / "conda-meta").is_dir():
        raise Failure(f"EnvironmentLocationNotFound: Not a conda environment: {target}")
    names = ("name", "version", "build_string", "channel")
    rows = [
        dict(zip(names, (one.name.normalized, str(one.version), str(one.build), one.channel), strict=True))
        for one in installed(target)
    ]
    lines = [f"# packages in environment at {target}:", *("  ".join(map(str, row.values())) for row in rows)]
    print(json.dumps(rows, indent=2) if args.json else "\n".join(lines))


def main(name: str, root: Path, words: list[str]) -> int:
    if words and words[0].startswith("shell."):
        words = ["shell", "-s", words[0].removeprefix("shell."), *words[1:]]
    args = parser(name).parse_args(words)
    args.program, program, root = name, root / "bin" / name, args.root_prefix or root
    try:
        if args.command in ("create", "install"):
            asyncio.run(fill(args, root))
        elif args.command == "shell":
            print(hooks.code(program, root, args.shell, args.verb, args.target), end="")
        else:
            {"info": info, "list": listing}[args.command](args, root)
        return 0
    except (Failure, InvalidMatchSpecError, NotADirectoryError) as error:
        print(json.dumps({"error": str(error)}) if args.json else f"\n{error}\n", file=sys.stderr)
        return 1


if __name__ == "__main__":
    status = main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`: threads of py-rattler that are still at work abort an interpreter that shuts down.
    os._exit(status)
