// Sharded repodata (https://github.com/conda/ceps/blob/main/cep-0016.md): an index of names, a small file a name.
import { decode } from "@msgpack/msgpack";
import { createHash } from "node:crypto";
import * as zlib from "node:zlib";
import { Problem } from "../problem.ts";

/** The index: which shard belongs to a name. */
export interface Shards {
  base_url: string;
  shards_base_url: string;
  /** Hexadecimal SHA-256 of each name's shard. */
  names: ReadonlyMap<string, string>;
}

/** Bytes that an index or a shard may have when uncompressed. */
const MOST = 1 << 28;

type Table = { [key: string]: unknown };

/** Reads `repodata_shards.msgpack.zst`. Throws where it is none. */
export function readShards(bytes: Uint8Array): Shards {
  const index = unpacked(bytes);
  const info = table(index["info"]);
  const names = new Map<string, string>();
  for (const [name, hash] of Object.entries(table(index["shards"]))) {
    if (!(hash instanceof Uint8Array) || hash.length !== 32) {
      throw new Problem(`the shard of ${JSON.stringify(name)} has no SHA-256 for a name`);
    }
    names.set(name, Buffer.from(hash).toString("hex"));
  }
  const { base_url = "", shards_base_url = "" } = info;
  if (typeof base_url !== "string" || typeof shards_base_url !== "string") {
    throw new Problem("its base_url is no text");
  }
  return { base_url, shards_base_url, names };
}

/** The entries of one shard whose SHA-256 is `hash`. Throws where it is not. */
export function readShard(bytes: Uint8Array, hash: string): [fn: string, entry: unknown][] {
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== hash) throw new Problem(`its SHA-256 is ${found}, expected ${hash}`);
  const shard = unpacked(bytes);
  const removed = new Set(Array.isArray(shard["removed"]) ? shard["removed"] : []);
  return ["packages", "packages.conda"]
    .flatMap((section) => Object.entries(table(shard[section] ?? {})))
    .filter(([fn]) => !removed.has(fn));
}

function unpacked(bytes: Uint8Array): Table {
  return table(decode(zlib.zstdDecompressSync(bytes, { maxOutputLength: MOST })));
}

function table(value: unknown): Table {
  if (typeof value !== "object" || value === null) {
    throw new Problem("it has not the form of sharded repodata");
  }
  return value as Table;
}
