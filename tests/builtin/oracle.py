"""What py-rattler makes of packages and of prefixes: `install RECORDS CACHE PREFIX`, `list PREFIX`."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import rattler


def record(fields, folder):
    """A record of repodata as py-rattler's; it reads such only from conda-meta."""
    path = Path(folder) / "record.json"
    path.write_text(json.dumps({**fields, "files": [], "paths_data": {"paths_version": 1, "paths": []}}))
    return rattler.PrefixRecord.from_path(path)


async def install(records, cache, prefix):
    with tempfile.TemporaryDirectory() as folder:
        found = [record(fields, folder) for fields in json.loads(Path(records).read_text())]
    await rattler.install(
        found, prefix, cache_dir=cache, show_progress=False, execute_link_scripts=True
    )


def listed(prefix):
    """What conda-meta says, as py-rattler understands it."""
    for path in sorted(Path(prefix).glob("conda-meta/*.json")):
        record = rattler.PrefixRecord.from_path(path)
        paths = [
            {
                "path": str(entry.relative_path),
                "kind": next(k for k in KINDS if getattr(entry.path_type, k)),
                "sha256": entry.sha256.hex() if entry.sha256 else None,
                "sum": entry.sha256_in_prefix.hex() if entry.sha256_in_prefix else None,
                "size": entry.size_in_bytes,
            }
            for entry in record.paths_data.paths
        ]
        yield {
            "name": record.name.normalized,
            "version": str(record.version),
            "build": str(record.build),
            "subdir": record.subdir,
            "url": str(record.url),
            "requested": record.requested_specs,
            "files": [str(path) for path in record.files],
            "paths": paths,
        }


KINDS = ("hardlink", "softlink", "directory", "pyc_file", "unix_python_entry_point")

if sys.argv[1] == "install":
    asyncio.run(install(*sys.argv[2:]))
else:
    json.dump(list(listed(sys.argv[2])), sys.stdout)
sys.stdout.flush()
# rattler's threads can crash Python while it ends.
os._exit(0)
