// Reads a tar archive as its bytes arrive: ustar, pax and GNU names. Nothing is kept but one header.
import { decode } from "../bytes.ts";

/** One member of an archive. */
export interface Member {
  /** As the archive has it: nothing about it is safe yet. */
  path: string;
  kind: "file" | "dir" | "softlink" | "hardlink";
  /** Permission bits. */
  mode: number;
  /** Seconds since 1970. */
  mtime: number;
  size: number;
  /** Where a link points. */
  target: string;
}

/** Takes what is in an archive, in its order: a member, its bytes if it is a file, then `close`. */
export interface Sink {
  open(member: Member): void;
  data(bytes: Uint8Array): void;
  close(): void;
}

interface Over {
  path?: string;
  target?: string;
  size?: number;
  mtime?: number;
}

const BLOCK = 512;
/** Bytes of names and attributes of one member; real ones have less than 1 % of it. */
const LONGEST = 1 << 20;
const KINDS: { readonly [flag: string]: Member["kind"] } = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "softlink",
  "5": "dir",
};

/** Cuts bytes into members. Throws an Error that says what is wrong with the archive. */
export class Tar {
  #header = Buffer.alloc(BLOCK);
  #filled = 0;
  /** Bytes of the present member that are still to come, and of what fills its last block. */
  #left = 0;
  #padding = 0;
  /** Type and pieces of a member that describes the next one. */
  #notes: { flag: string; parts: Uint8Array[] } | undefined;
  #over: Over = {};
  #common: Over = {};
  #ended = false;

  constructor(readonly sink: Sink) {}

  /** Takes the next bytes of the archive. */
  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#ended) {
      if (this.#left > 0) {
        const part = chunk.subarray(at, at + this.#left);
        this.#left -= part.length;
        at += part.length;
        if (this.#notes) this.#notes.parts.push(part.slice());
        else this.sink.data(part);
        if (this.#left === 0) this.#finish();
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, chunk.length - at);
        this.#padding -= skipped;
        at += skipped;
      } else {
        const part = chunk.subarray(at, at + BLOCK - this.#filled);
        this.#header.set(part, this.#filled);
        this.#filled += part.length;
        at += part.length;
        if (this.#filled === BLOCK) this.#begin();
      }
    }
  }

  /** Says that nothing follows. */
  end(): void {
    if (!this.#ended && (this.#left > 0 || this.#padding > 0 || this.#filled > 0)) {
      throw new Error("it is cut off");
    }
  }

  #begin(): void {
    const header = this.#header;
    this.#filled = 0;
    if (header.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    check(header);
    const flag = String.fromCharCode(header[156]!);
    const size = number(header, 124, 12);
    if (/[xgLK]/.test(flag)) {
      if (size > LONGEST) throw new Error("a name in it is too long");
      this.#notes = { flag, parts: [] };
      this.#expect(size);
      return;
    }
    const member = this.#member(flag, size);
    this.#over = {};
    this.sink.open(member);
    this.#expect(member.size);
  }

  #member(flag: string, size: number): Member {
    const header = this.#header;
    const over = { ...this.#common, ...this.#over };
    const ustar = header.toString("latin1", 257, 263) === "ustar\0";
    const prefix = ustar ? text(header, 345, 155) : "";
    const name = text(header, 0, 100);
    const path = over.path ?? (prefix === "" ? name : `${prefix}/${name}`);
    // Before POSIX a folder was a file whose name ends in a slash.
    const kind = KINDS[flag] === "file" && path.endsWith("/") ? "dir" : KINDS[flag];
    if (kind === undefined) throw new Error(`${JSON.stringify(path)} is neither a file, a folder nor a link`);
    return {
      path,
      kind,
      mode: number(header, 100, 8) & 0o777,
      mtime: over.mtime ?? number(header, 136, 12),
      size: kind === "file" ? over.size ?? size : 0,
      target: over.target ?? text(header, 157, 100),
    };
  }

  #expect(size: number): void {
    this.#left = size;
    this.#padding = -size & (BLOCK - 1);
    if (size === 0) this.#finish();
  }

  #finish(): void {
    const notes = this.#notes;
    if (notes === undefined) return this.sink.close();
    this.#notes = undefined;
    const bytes = Buffer.concat(notes.parts);
    if (notes.flag === "L") this.#over.path = text(bytes, 0, bytes.length);
    else if (notes.flag === "K") this.#over.target = text(bytes, 0, bytes.length);
    else Object.assign(notes.flag === "g" ? this.#common : this.#over, attributes(bytes));
  }
}

function check(header: Buffer): void {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!;
  if (sum !== number(header, 148, 8)) throw new Error("it is no tar archive, or damaged");
}

/** Octal digits, or with the first bit set a binary number, as GNU tar writes large ones. */
function number(bytes: Buffer, from: number, length: number): number {
  const first = bytes[from]!;
  if (first & 0x80) {
    let value = first & 0x40 ? NaN : first & 0x3f;
    for (let i = 1; i < length; i++) value = value * 256 + bytes[from + i]!;
    if (!Number.isSafeInteger(value)) throw new Error("a number in it makes no sense");
    return value;
  }
  const digits = bytes.toString("latin1", from, from + length).replace(/[\0 ]+$/, "").trimStart();
  if (!/^[0-7]*$/.test(digits)) throw new Error("a number in it makes no sense");
  return digits === "" ? 0 : parseInt(digits, 8);
}

function text(bytes: Buffer, from: number, length: number): string {
  const end = bytes.indexOf(0, from);
  return decode(bytes.subarray(from, end < 0 || end > from + length ? from + length : end));
}

/** The records `LENGTH KEY=VALUE\n` of a pax header. */
function attributes(bytes: Buffer): Over {
  const over: Over = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const length = space < 0 ? NaN : Number(bytes.toString("latin1", at, space));
    const equals = bytes.indexOf(61, space);
    if (!(length > 0) || at + length > bytes.length || equals < 0 || equals >= at + length) {
      throw new Error("its attributes make no sense");
    }
    const key = bytes.toString("latin1", space + 1, equals);
    assign(over, key, decode(bytes.subarray(equals + 1, at + length - 1)));
    at += length;
  }
  return over;
}

function assign(over: Over, key: string, value: string): void {
  if (key.startsWith("GNU.sparse.")) throw new Error("it has sparse files, which cannot be read");
  if (key === "path" || key === "linkpath") {
    if (value.includes("\0")) throw new Error("a name in it makes no sense");
    over[key === "path" ? "path" : "target"] = value;
  } else if (key === "size" || key === "mtime") {
    const amount = Number(value);
    if (!(Math.abs(amount) <= Number.MAX_SAFE_INTEGER) || (key === "size" && !/^\d+$/.test(value))) {
      throw new Error("a number in it makes no sense");
    }
    over[key] = amount;
  }
}
