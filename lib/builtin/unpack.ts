// Unpacks a package's archive into a package cache: into a temporary folder beside its own, then one rename.
import * as fs from "node:fs";
import { encode } from "../bytes.ts";
import { Problem, reason, refusal } from "../problem.ts";
import { effect, native } from "../system.ts";
import { Folder } from "./extract.ts";
import { orphaned, owner } from "./owner.ts";
import { last, parent } from "./path.ts";
import type { Record } from "./record.ts";
import { Tar } from "./tar.ts";

const TEMPORARY = /^\.[^/]+\.unpack$/;
/** Milliseconds after which nobody of another machine can still be unpacking into a temporary folder. */
const STALE = 6 * 3600_000;
const CHUNK = 1 << 18;

/**
 * Unpacks a `.conda` or `.tar.bz2` into the folder `into` of a package cache, with `record` beside its metadata.
 * A folder that is complete there stays: another process was faster. Throws Problem, and leaves nothing then.
 */
export async function unpack(archive: string, into: string, record?: Record): Promise<void> {
  const temporary = beside(into);
  effect("make", temporary, () => {
    fs.mkdirSync(native(parent(into)), { recursive: true });
    fs.mkdirSync(native(temporary));
  });
  try {
    await extract(archive, temporary);
    if (record) remember(temporary, record);
    place(temporary, into, record !== undefined);
  } finally {
    clear(temporary);
  }
}

/** Removes a folder; what cannot be removed stays for the next sweep. */
function clear(path: string): void {
  try {
    fs.rmSync(native(path), { recursive: true, force: true });
  } catch (error) {
    if (refusal(error) === undefined) throw error;
  }
}

/** Writes `info/repodata_record.json` of an unpacked package: where it came from, as conda keeps it. */
export function remember(dir: string, record: Record): void {
  const path = `${dir}/info/repodata_record.json`;
  const temporary = beside(path);
  effect("write", path, () => {
    fs.writeFileSync(native(temporary), encode(JSON.stringify(record, null, 2) + "\n"));
    fs.renameSync(native(temporary), native(path));
  });
}

/** Removes what interrupted unpacking left in a package cache; what cannot be removed stays. */
export function sweep(cache: string): void {
  if (!fs.existsSync(native(cache))) return;
  for (const name of fs.readdirSync(native(cache))) {
    const path = `${cache}/${name}`;
    const stats = TEMPORARY.test(name) ? fs.lstatSync(native(path), { throwIfNoEntry: false }) : undefined;
    if (!stats || !orphaned(name, Date.now() - stats.mtimeMs, STALE)) continue;
    clear(path);
  }
}

function beside(path: string): string {
  return `${parent(path)}/.${last(path)}.${owner()}.unpack`;
}

async function extract(archive: string, into: string): Promise<void> {
  const folder = new Folder(into);
  try {
    if (archive.endsWith(".conda")) await conda(archive, folder);
    else if (archive.endsWith(".tar.bz2")) await tarball(archive, folder);
    else throw new Error("it is neither a .conda nor a .tar.bz2");
    if (!folder.has("info/index.json")) throw new Error("it has no info/index.json");
    folder.finish();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const words = error instanceof RangeError ? "it is damaged" : reason(error);
    throw new Problem(
      `Cannot unpack ${JSON.stringify(archive)}: ${words}`,
      `remove it, and it is downloaded again: rm ${JSON.stringify(archive)}`,
    );
  } finally {
    folder.abandon();
  }
}

async function conda(archive: string, folder: Folder): Promise<void> {
  const { members } = await import("./zip.ts");
  const zlib = await import("node:zlib");
  const { pipeline } = await import("node:stream/promises");
  const fd = fs.openSync(native(archive), "r");
  try {
    const parts = members(fd).filter(({ name }) => /^(info|pkg)-[^/]*\.tar\.zst$/.test(name));
    for (const kind of ["info-", "pkg-"]) {
      if (parts.filter(({ name }) => name.startsWith(kind)).length !== 1) {
        throw new Error(`it has no ${kind}*.tar.zst`);
      }
    }
    for (const { start, size } of parts) {
      if (size === 0) throw new Error("it is empty");
      const source = pieces(fd, start, start + size);
      const plain = zlib.createZstdDecompress({ chunkSize: CHUNK });
      const tar = new Tar(folder);
      await pipeline(source, plain, async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) tar.feed(chunk);
      });
      tar.end();
    }
  } finally {
    fs.closeSync(fd);
  }
}

async function tarball(archive: string, folder: Folder): Promise<void> {
  const { bunzip2 } = await import("./bzip2.ts");
  const tar = new Tar(folder);
  const fd = fs.openSync(native(archive), "r");
  try {
    await bunzip2(pieces(fd, 0, Infinity), (bytes) => tar.feed(bytes));
  } finally {
    fs.closeSync(fd);
  }
  tar.end();
}

/** A file's bytes. No stream: Bun's closes the descriptor of others when it is destroyed. */
async function* pieces(fd: number, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end;) {
    const bytes = new Uint8Array(Math.min(CHUNK, end - at));
    const read = fs.readSync(fd, bytes, 0, bytes.length, at);
    if (read === 0) return;
    at += read;
    yield bytes.subarray(0, read);
  }
}

/** Renames the new folder to its place, unless a complete one is there. */
function place(temporary: string, into: string, recorded: boolean): void {
  const has = (name: string) => fs.existsSync(native(`${into}/info/${name}`));
  effect("make", into, () => {
    for (let attempt = 0;; attempt++) {
      try {
        return fs.renameSync(native(temporary), native(into));
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : "";
        if (attempt > 2 || !["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(String(code))) throw error;
      }
      if (has("index.json") && (!recorded || has("repodata_record.json"))) return;
      if (!discard(into)) attempt = 3;
    }
  });
}

/** Removes a folder of a cache, which no other process can then see half removed; false where that is refused. */
export function discard(path: string): boolean {
  const away = beside(path);
  try {
    fs.renameSync(native(path), native(away));
  } catch (error) {
    if (refusal(error) === undefined) throw error;
    return false;
  }
  clear(away);
  return true;
}
