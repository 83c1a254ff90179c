# What conda-lock makes of a lock file: its packages as JSON, or the file as conda-lock itself writes it.
import json
import pathlib
import sys

from conda_lock.lockfile import parse_conda_lock_file, write_conda_lock_file

verb, path = sys.argv[1], pathlib.Path(sys.argv[2])
lock = parse_conda_lock_file(path)
if verb == "write":
    lock.metadata.content_hash = {platform: "0" * 64 for platform in lock.metadata.platforms}
    write_conda_lock_file(lock, path, metadata_choices=[])
else:
    rows = [
        [p.manager, p.name, p.version, p.platform, p.url, p.hash.md5, p.hash.sha256, dict(p.dependencies)]
        for p in lock.package
    ]
    print(json.dumps(sorted(rows)))
