// Unpacks an environment's archive at another place, with every file that names its prefix rewritten.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { Problem, reason } from "../problem.ts";
import { bytes as shown } from "../progress.ts";
import { native } from "../system.ts";
import { MANIFEST, type Manifest } from "./archive.ts";
import { Folder } from "./extract.ts";
import { type Change, changed } from "./prefixed.ts";
import { freeIn } from "./room.ts";
import { type Member, type Sink, Tar } from "./tar.ts";

/** What is unpacked, where to, and the path that its files are to name. */
export interface Relocation {
  archive: string;
  sha256: string;
  /** A folder that is not there yet. */
  dir: string;
  prefix: string;
}

/** Unpacks, and compares the archive's checksum; what is in `dir` when it throws is the caller's to remove. */
export async function relocate({ archive, sha256, dir, prefix }: Relocation): Promise<void> {
  const hash = createHash("sha256");
  const sink = new Relocated(dir, prefix);
  const tar = new Tar(sink);
  try {
    fs.mkdirSync(native(dir), { mode: 0o700 });
    await pipeline(
      fs.createReadStream(archive, { highWaterMark: 1 << 20 }),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      zlib.createZstdDecompress({ chunkSize: 1 << 18 }),
      async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) tar.feed(chunk);
      },
    );
    tar.end();
    if (hash.digest("hex") !== sha256) throw new Error("its checksum is another");
    sink.finish();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`Cannot unpack ${JSON.stringify(archive)}: ${reason(error)}`, "mambaenv stage");
  } finally {
    sink.abandon();
  }
}

class Relocated implements Sink {
  #folder: Folder;
  #manifest: Manifest | undefined;
  /** A member that is held until it is whole, since it is to be rewritten. */
  #held: { member: Member; change: Change | undefined; parts: Uint8Array[] } | undefined;

  constructor(dir: string, readonly prefix: string) {
    this.#folder = new Folder(dir);
  }

  open(member: Member): void {
    const change = this.#manifest && Object.hasOwn(this.#manifest.changes, member.path)
      ? this.#manifest.changes[member.path]
      : undefined;
    if (this.#manifest === undefined || (change && member.kind === "file")) {
      this.#held = { member, change, parts: [] };
    } else this.#folder.open(member);
  }

  data(bytes: Uint8Array): void {
    if (this.#held) this.#held.parts.push(Uint8Array.from(bytes));
    else this.#folder.data(bytes);
  }

  close(): void {
    const held = this.#held;
    if (held === undefined) return this.#folder.close();
    this.#held = undefined;
    const before = Buffer.concat(held.parts);
    if (held.change === undefined) return this.#begin(held.member, before);
    const { path } = held.member;
    const after = changed(before, held.change, {
      prefix: this.prefix,
      platform: this.#manifest!.platform,
      path,
    });
    if (after === undefined) return;
    this.#folder.open({ ...held.member, size: after.length });
    this.#folder.data(after);
    this.#folder.close();
  }

  finish(): void {
    this.#folder.finish();
  }

  abandon(): void {
    this.#folder.abandon();
  }

  #begin({ path }: Member, body: Buffer): void {
    const manifest = path === MANIFEST ? JSON.parse(body.toString()) as Manifest : undefined;
    if (manifest?.version !== 1) throw new Error("it is no archive of an environment");
    this.#manifest = manifest;
    // The source's size is in a compiled module: where it changes, that would not fit any more.
    const sources = Object.keys(manifest.changes).filter((path) => path.endsWith(".py"));
    const stems = new Set(sources.map((path) => path.replace(/([^/]*)\.py$/, "__pycache__/$1")));
    for (const path of Object.keys(manifest.changes)) {
      const stem = path.replace(/\.[^/.]+(\.opt-\d)?\.pyc$/, "");
      if (path.endsWith(".pyc") && stems.has(stem)) manifest.changes[path]!.mode = "drop";
    }
    const free = freeIn(this.#folder.root);
    if (free !== undefined && free.bytes < manifest.bytes) {
      throw new Problem(
        `The disk is too full: ${shown(manifest.bytes)} are needed in ${
          JSON.stringify(this.#folder.root)
        }, ` +
          `and ${shown(free.bytes)} are free`,
        "mambaenv stage --to DIR",
      );
    }
  }
}
