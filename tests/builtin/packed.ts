// Makes unpacked packages, as they lie in a package cache, and links them with the real world.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { link, type Linking, type Unpacked } from "../../lib/builtin/link.ts";
import type { Record } from "../../lib/builtin/record.ts";
import type { Progress } from "../../lib/engines/engine.ts";
import { createWorld } from "../../lib/system.ts";
import type { World } from "../../lib/world.ts";

/** The placeholder in the files of these packages. */
export const PLACEHOLDER = "/opt/placehold" + "_placehold".repeat(10);

/** One path of a package: text, or more about it; `null` is an empty folder. */
export type File = string | Uint8Array | null | {
  body?: string | Uint8Array;
  link?: string;
  mode?: number;
  replace?: "text" | "binary";
  /** Fields of its entry in paths.json. */
  entry?: { [key: string]: unknown };
};

/** What a package is made of. */
export interface Parts extends Partial<Record> {
  name: string;
  files?: { [path: string]: File };
  /** Files below `info/`, instead of those that would be made. */
  info?: { [name: string]: string | undefined };
}

/** Makes `CACHE/NAME-VERSION-BUILD`. */
export function pack(cache: string, { files = {}, info = {}, ...parts }: Parts): Unpacked {
  const record: Record = {
    version: "1.0",
    build: "0",
    build_number: 0,
    subdir: parts.noarch ? "noarch" : "linux-64",
    depends: [],
    fn: `${parts.name}-1.0-0.conda`,
    url: `https://example.invalid/c/linux-64/${parts.name}-1.0-0.conda`,
    channel: "https://example.invalid/c",
    ...parts,
  };
  const dir = join(cache, `${record.name}-${record.version}-${record.build}`);
  const paths = Object.entries(files).map(([path, file]) => write(dir, path, file));
  const own = {
    "index.json": JSON.stringify(record),
    "paths.json": JSON.stringify({ paths, paths_version: 1 }),
  };
  fs.mkdirSync(join(dir, "info"), { recursive: true });
  for (const [name, text] of Object.entries({ ...own, ...info })) {
    if (text !== undefined) fs.writeFileSync(join(dir, "info", name), text);
  }
  return { record, dir };
}

function write(dir: string, path: string, file: File): { [key: string]: unknown } {
  const target = join(dir, path);
  fs.mkdirSync(dirname(target), { recursive: true });
  if (file === null) {
    fs.mkdirSync(target, { recursive: true });
    return { _path: path, path_type: "directory" };
  }
  const { body = "", link, mode = 0o644, replace, entry = {} } =
    typeof file === "string" || file instanceof Uint8Array ? { body: file } : file;
  if (link !== undefined) {
    fs.symlinkSync(link, target);
    return { _path: path, path_type: "softlink", ...entry };
  }
  fs.writeFileSync(target, body, { mode });
  fs.utimesSync(target, 1_500_000_000, 1_500_000_000);
  const sha256 = createHash("sha256").update(body).digest("hex");
  const replaced = replace && { prefix_placeholder: PLACEHOLDER, file_mode: replace };
  return {
    _path: path,
    path_type: "hardlink",
    sha256,
    size_in_bytes: Buffer.byteLength(body),
    ...replaced,
    ...entry,
  };
}

/** A temporary folder that is gone afterwards. */
export async function temporary(act: (dir: string) => Promise<void> | void): Promise<void> {
  const dir = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), "mambaenv-link-"));
  try {
    await act(dir);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** What linking said and did. */
export interface Told {
  err: string;
  progress: Progress[];
  /** Programs that were started. */
  started: string[];
}

/** Links in the real world and notes what is said there. */
export async function linked(linking: Omit<Linking, "platform"> & { platform?: string }): Promise<Told> {
  const told: Told = { err: "", progress: [], started: [] };
  const real = createWorld([]);
  const world: World = {
    ...real,
    err: (text) => void (told.err += text),
    run: (argv, options) => {
      told.started.push(argv[0]!);
      return real.run(argv, options);
    },
  };
  const platform = `linux-${process.arch === "arm64" ? "aarch64" : "64"}`;
  await link({ platform, ...linking }, (progress) => told.progress.push(progress), world);
  return told;
}
