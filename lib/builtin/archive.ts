// An environment as one archive: what is in it, what of it names its prefix, and the tar of it, compressed by zstd.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { decode, encode } from "../bytes.ts";
import { effect, native } from "../system.ts";
import { type Change, changeOf, type Owned, owned } from "./prefixed.ts";

/** The archive's first member: JSON of a `Manifest`. */
export const MANIFEST = ".mambaenv-stage.json";

/** What who unpacks has to know first. */
export interface Manifest {
  version: 1;
  /** conda's name of the machine. */
  platform: string;
  /** Bytes of all files. */
  bytes: number;
  /** What is to be rewritten, by path. */
  changes: { [path: string]: Change };
}

/** One file, folder or link of an environment. */
interface Item {
  path: string;
  stats: fs.Stats;
  target?: string;
}

/** All that is in a prefix, sorted; a link into the prefix by its whole path becomes a relative one. */
export function walk(prefix: string): Item[] {
  const items: Item[] = [];
  const enter = (folder: string) => {
    const names = fs.readdirSync(native(`${prefix}/${folder}`), "buffer").map(decode).sort();
    for (const name of names) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stats = fs.lstatSync(native(`${prefix}/${path}`));
      if (stats.isSymbolicLink()) items.push({ path, stats, target: link(prefix, path) });
      else if (stats.isDirectory() || stats.isFile()) items.push({ path, stats });
      if (stats.isDirectory()) enter(path);
    }
  };
  effect("read", prefix, () => enter(""));
  return items;
}

function link(prefix: string, path: string): string {
  const target = decode(fs.readlinkSync(native(`${prefix}/${path}`), { encoding: "buffer" }));
  if (!target.startsWith(`${prefix}/`)) return target;
  return "../".repeat(path.split("/").length - 1) + target.slice(prefix.length + 1);
}

/** Tells whether anything of it changed since: no file is read. */
export function fingerprint(prefix: string, items: readonly Item[]): string {
  const hash = createHash("sha256").update(`1 ${prefix}\n`);
  for (const { path, stats, target = "" } of items) {
    hash.update(JSON.stringify([path, stats.mode, stats.size, stats.mtimeMs, stats.ctimeMs, target]));
  }
  return hash.digest("hex");
}

/** Writes the archive of a prefix; its sha256 as hexadecimal digits. Throws Problem. */
export async function pack(
  prefix: string,
  { items, platform, file }: { items: readonly Item[]; platform: string; file: string },
): Promise<string> {
  const records = owned(prefix);
  const changes: Manifest["changes"] = {};
  let bytes = 0;
  for (const { path, stats } of items) {
    if (!stats.isFile()) continue;
    bytes += stats.size;
    const { change } = read(prefix, path, records);
    if (change) changes[path] = change;
  }
  const manifest: Manifest = { version: 1, platform, bytes, changes };
  const hash = createHash("sha256");
  const tap = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const compress = zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_compressionLevel]: 3 } });
  await pipeline(
    Readable.from(tar(prefix, { items, records, manifest })),
    compress,
    tap,
    fs.createWriteStream(file, { flags: "wx", mode: 0o600 }),
  );
  return hash.digest("hex");
}

function read(prefix: string, path: string, records: ReadonlyMap<string, Owned>) {
  const bytes = fs.readFileSync(native(`${prefix}/${path}`));
  return changeOf(bytes, { path, prefix, record: records.get(path) });
}

function* tar(
  prefix: string,
  { items, records, manifest }: {
    items: readonly Item[];
    records: ReadonlyMap<string, Owned>;
    manifest: Manifest;
  },
): Generator<Buffer> {
  yield* member({ path: MANIFEST, mode: 0o600, time: 0, body: Buffer.from(JSON.stringify(manifest)) });
  for (const { path, stats, target } of items) {
    const common = { mode: stats.mode & 0o777, time: Math.max(0, Math.floor(stats.mtimeMs / 1000)) };
    if (target !== undefined) yield* member({ ...common, path, target });
    else if (stats.isDirectory()) yield* member({ ...common, path: `${path}/` });
    else yield* member({ ...common, path, body: read(prefix, path, records).bytes });
  }
  yield Buffer.alloc(1024);
}

interface Written {
  path: string;
  mode: number;
  /** Seconds since 1970. */
  time: number;
  /** Of a file; without it, and without a target, it is a folder. */
  body?: Buffer;
  target?: string;
}

function* member({ path, mode, time, body, target }: Written): Generator<Buffer> {
  const [name, to] = [encode(path), encode(target ?? "")];
  const notes = Buffer.concat([
    ...name.length > 100 ? [attribute("path", name)] : [],
    ...to.length > 100 ? [attribute("linkpath", to)] : [],
  ]);
  if (notes.length > 0) {
    yield header({ name: Buffer.from("notes"), mode: 0o600, time, size: notes.length, flag: "x" });
    yield padded(notes);
  }
  const flag = target !== undefined ? "2" : body ? "0" : "5";
  yield header({ name: name.subarray(0, 100), mode, time, size: body?.length ?? 0, flag, to });
  if (body) yield padded(body);
}

/** `LENGTH KEY=VALUE\n`, whose length counts its own digits. */
function attribute(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(
  { name, mode, time, size, flag, to = Buffer.alloc(0) }: {
    name: Buffer;
    mode: number;
    time: number;
    size: number;
    flag: string;
    to?: Buffer;
  },
): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number) =>
    block.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  name.copy(block, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  block.write(" ".repeat(8), 148, "latin1");
  block.write(flag, 156, "latin1");
  to.copy(block, 157, 0, 100);
  block.write("ustar\0" + "00", 257, "latin1");
  block.write(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ", 148, "latin1");
  return block;
}

function padded(bytes: Buffer): Buffer {
  const rest = -bytes.length & 511;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(rest)]);
}
