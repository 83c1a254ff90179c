// A channel of packages so small that making an environment of them takes a fifth of a second: no Python runs.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { pathToFileURL } from "node:url";
import { conda } from "../builtin/archive.ts";
import { type Entries, write } from "../builtin/made.ts";

/** Packages: their files by path. What stands for Python is asked for in each environment. */
const PACKAGES: { [name: string]: { [path: string]: string } } = {
  python: { "bin/python": "#!/bin/sh\n" },
  tool: { "bin/tool": "#!/bin/sh\necho tool\n", "share/tool/a": "a", "share/tool/b": "b" },
  // Its list is wrong, as some packages' are.
  liar: { "share/liar": "liar" },
  more: { "bin/more": "#!/bin/sh\necho more\n", "share/more/a": "a", "share/more/named": "in /PLACEHOLD\n" },
};

/** Writes the channel; returns its URL. */
export function small(dir: string): string {
  const entries: Entries = {};
  fs.mkdirSync(`${dir}/noarch`, { recursive: true });
  for (const [name, files] of Object.entries(PACKAGES)) {
    const version = name === "python" ? "3.12.0" : "1.0";
    const fn = `${name}-${version}-0.conda`;
    const index = {
      name,
      version,
      build: "0",
      build_number: 0,
      subdir: "noarch",
      noarch: "generic",
      depends: [],
    };
    const bytes = conda([
      { path: "info/index.json", body: JSON.stringify(index) },
      { path: "info/paths.json", body: JSON.stringify({ paths: paths(files), paths_version: 1 }) },
      ...Object.entries(files).map(([path, body]) => ({
        path,
        body,
        mode: path.startsWith("bin/") ? 0o755 : 0o644,
      })),
    ]);
    fs.writeFileSync(`${dir}/noarch/${fn}`, bytes);
    entries[fn] = { ...index, size: bytes.length, sha256: hash(bytes) };
  }
  write(`${dir}/noarch`, entries, { shards: true });
  return pathToFileURL(dir).href;
}

function paths(files: { [path: string]: string }) {
  return Object.entries(files).map(([path, body]) => ({
    _path: path,
    path_type: "hardlink",
    sha256: hash(body),
    size_in_bytes: Buffer.byteLength(body) + (path.endsWith("/liar") ? 1 : 0),
    ...(body.includes("/PLACEHOLD") && { prefix_placeholder: "/PLACEHOLD", file_mode: "text" }),
  }));
}

function hash(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
