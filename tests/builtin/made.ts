// Small channels made of records: any format of repodata, right or wrong as the test wants it.
import { encode } from "@msgpack/msgpack";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { zstdCompressSync } from "node:zlib";

/** An entry of repodata, with whatever a channel may write. */
export type Entry = { [key: string]: unknown };
/** Entries by file name. */
export type Entries = { [fn: string]: Entry };

/** A record as an indexer writes it; its archive is `contents(fn)`. */
export function entry(fn: string, more: Entry = {}): Entries {
  const [, name, version, build] = /^(.+)-([^-]+)-([^-]+)\.(?:conda|tar\.bz2)$/.exec(fn)!;
  const body = contents(fn);
  const own = {
    name,
    version,
    build,
    build_number: 0,
    subdir: "noarch",
    depends: [],
    size: body.length,
    sha256: createHash("sha256").update(body).digest("hex"),
    md5: createHash("md5").update(body).digest("hex"),
  };
  return { [fn]: { ...own, ...more } };
}

/** The bytes of an archive: enough to be cut. */
export function contents(fn: string): Buffer {
  return Buffer.from(`archive of ${fn}\n`.repeat(4000));
}

/** How the repodata of a folder is written. */
export interface Form {
  shards?: boolean;
  zst?: boolean;
  json?: boolean;
  info?: Entry;
}

/** A new temporary folder. */
export function folder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), "mambaenv-made-")));
}

/** Writes a channel with these entries in `noarch`, and their archives; returns its folder and URL. */
export function made(entries: Entries, form: Form = { json: true }): { dir: string; url: string } {
  const dir = folder();
  write(join(dir, "noarch"), entries, form);
  for (const fn of Object.keys(entries)) {
    if (/^[\w.-]+$/.test(fn)) writeFileSync(join(dir, "noarch", fn), contents(fn));
  }
  return { dir, url: pathToFileURL(dir).href };
}

/** Writes the repodata of one folder. */
export function write(dir: string, entries: Entries, { shards, zst, json, info = {} }: Form): void {
  mkdirSync(dir, { recursive: true });
  const conda = pick(entries, ".conda"), older = pick(entries, ".tar.bz2");
  const whole = {
    info: { subdir: "noarch", ...info },
    packages: older,
    "packages.conda": conda,
    removed: [],
  };
  const text = JSON.stringify(whole);
  if (json) writeFileSync(join(dir, "repodata.json"), text);
  if (zst) writeFileSync(join(dir, "repodata.json.zst"), zstdCompressSync(text));
  if (!shards) return;
  const index: { [name: string]: Uint8Array } = {};
  for (const name of new Set(Object.values(entries).map((one) => String(one["name"])))) {
    const own = (all: Entries) =>
      Object.fromEntries(Object.entries(all).filter(([, one]) => one["name"] === name));
    const shard = zstdCompressSync(
      encode({ packages: own(older), "packages.conda": own(conda), removed: [] }),
    );
    const hash = createHash("sha256").update(shard).digest();
    index[name] = hash;
    const path = join(dir, "shards", `${hash.toString("hex")}.msgpack.zst`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, shard);
  }
  const table = {
    info: { subdir: "noarch", base_url: "./", shards_base_url: "./shards/", ...info },
    shards: index,
  };
  writeFileSync(join(dir, "repodata_shards.msgpack.zst"), zstdCompressSync(encode(table)));
}

function pick(entries: Entries, ending: string): Entries {
  return Object.fromEntries(Object.entries(entries).filter(([fn]) => fn.endsWith(ending)));
}
