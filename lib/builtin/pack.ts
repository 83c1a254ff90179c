// A monolithic repodata on disk in pieces: for each name a few compressed blocks of its entries, in one file.
import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { Problem, reason } from "../problem.ts";
import { effect } from "../system.ts";
import { nameOf } from "./entry.ts";
import { createScanner } from "./scan.ts";

/** What the pieces are found by; `names` holds offset and length of each block. */
interface Contents {
  base_url?: string;
  names: [name: string, blocks: number[]][];
}
/** An opened pack. */
export interface Pack {
  base_url?: string;
  names: ReadonlyMap<string, readonly number[]>;
  /** File name and entry, as repodata has them. */
  entries(name: string): [fn: string, entry: unknown][];
  close(): void;
}

/** Bytes of entries that are gathered before they are written. */
const WINDOW = 32 << 20;
const FAST = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };
/** Bytes that the entries of one name may take. */
const MOST = 1 << 28;

/** Cuts the repodata in `raw` into `file` and `file`.json. Throws where it is no repodata. */
export async function cut(raw: string, file: string): Promise<void> {
  const out = fs.openSync(file, "w");
  const blocks = new Map<string, number[]>();
  const contents: Contents = { names: [] };
  let gathered = new Map<string, string[]>(), bytes = 0, offset = 0;

  function flush(): void {
    for (const [name, texts] of gathered) {
      const block = zlib.zstdCompressSync(`{${texts.join(",")}}`, FAST);
      effect("write", file, () => {
        for (let at = 0; at < block.length;) at += fs.writeSync(out, block, at);
      });
      const known = blocks.get(name);
      if (known === undefined) blocks.set(name, [offset, block.length]);
      else known.push(offset, block.length);
      offset += block.length;
    }
    [gathered, bytes] = [new Map(), 0];
  }
  try {
    const scanner = createScanner({
      entry(fn, text) {
        const name = nameOf(fn);
        if (name === undefined) return;
        const item = `"${fn}":${text}`;
        const known = gathered.get(name);
        if (known === undefined) gathered.set(name, [item]);
        else known.push(item);
        if ((bytes += item.length) > WINDOW) flush();
      },
      info: (text) => contents.base_url = baseOf(text),
    });
    await expand(raw, scanner.feed);
    scanner.end();
    flush();
  } finally {
    fs.closeSync(out);
  }
  contents.names = [...blocks];
  effect("write", file, () => fs.writeFileSync(`${file}.json`, JSON.stringify(contents)));
}

function baseOf(info: string): string | undefined {
  const parsed: unknown = JSON.parse(info);
  const base = typeof parsed === "object" && parsed !== null && "base_url" in parsed
    ? parsed.base_url
    : undefined;
  return typeof base === "string" ? base : undefined;
}

/** Opens what `cut` wrote. Throws where it is not there or not whole. */
export function openPack(file: string): Pack {
  const contents = JSON.parse(fs.readFileSync(`${file}.json`, "utf8")) as Contents;
  const names = new Map(contents.names);
  const input = fs.openSync(file, "r");
  const end = contents.names.reduce((most, [, blocks]) => Math.max(most, blocks.at(-2)! + blocks.at(-1)!), 0);
  if (fs.fstatSync(input).size !== end) {
    fs.closeSync(input);
    throw new Problem("it is cut off before its end");
  }
  return {
    base_url: contents.base_url,
    names,
    entries(name) {
      const found: [string, unknown][] = [];
      const places = names.get(name) ?? [];
      for (let i = 0; i < places.length; i += 2) {
        const block = Buffer.alloc(places[i + 1]!);
        fs.readSync(input, block, 0, block.length, places[i]!);
        const text = zlib.zstdDecompressSync(block, { maxOutputLength: MOST }).toString();
        found.push(...Object.entries(parse(text, name)));
      }
      return found;
    },
    close: () => fs.closeSync(input),
  };
}

function parse(text: string, name: string): { [fn: string]: unknown } {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem(`the entries of ${JSON.stringify(name)} are no JSON: ${reason(error)}`);
  }
}

/** Gives the bytes of a file uncompressed to `take`; goes by its first bytes, since servers lie about names. */
async function expand(file: string, take: (bytes: Uint8Array) => void): Promise<void> {
  const input = fs.createReadStream(file, { highWaterMark: 1 << 20 });
  const way = decoder(file);
  if (way === "bzip2") return await (await import("./bzip2.ts")).bunzip2(input, take);
  input.on("error", (error) => way?.emit("error", error));
  for await (const chunk of way === undefined ? input : input.pipe(way)) take(chunk as Buffer);
}

function decoder(file: string): NodeJS.ReadWriteStream | "bzip2" | undefined {
  const magic = Buffer.alloc(4);
  const handle = fs.openSync(file, "r");
  fs.readSync(handle, magic);
  fs.closeSync(handle);
  if (magic.readUInt32LE() === 0xfd2fb528) return zlib.createZstdDecompress();
  if (magic[0] === 0x1f && magic[1] === 0x8b) return zlib.createGunzip();
  return magic.toString("latin1", 0, 3) === "BZh" ? "bzip2" : undefined;
}
