// Where the members of a .conda archive are: a zip whose members are stored as they are.
import * as fs from "node:fs";

/** A stored member: its bytes are those of the archive from `start` on. */
export interface Stored {
  name: string;
  start: number;
  size: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** The end record and the longest comment. */
const TAIL = 22 + 0xffff;
/** Bytes of the directory; a package's has three members. */
const LARGEST = 1 << 20;

/** The members of an open zip archive. Throws an Error that says what is wrong with it. */
export function members(fd: number): Stored[] {
  const size = fs.fstatSync(fd).size;
  const { offset, length } = directory(fd, size);
  if (length > LARGEST) throw new Error("its directory is too long");
  const bytes = part(fd, offset, length);
  const found: Stored[] = [];
  for (let at = 0; at < bytes.length && bytes.readUInt32LE(at) === CENTRAL;) {
    const names = bytes.readUInt16LE(at + 28);
    const extra = bytes.readUInt16LE(at + 30);
    const name = bytes.toString("utf8", at + 46, at + 46 + names);
    if (bytes.readUInt16LE(at + 10) !== 0 || bytes.readUInt16LE(at + 8) & 1) {
      throw new Error(`its member ${JSON.stringify(name)} is compressed or encrypted, not stored`);
    }
    const [length, header] = wide(bytes, at, names, extra);
    const local = part(fd, header, 30);
    if (local.readUInt32LE(0) !== LOCAL) throw new Error("it is damaged");
    const start = header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + length > size) throw new Error("it is cut off");
    found.push({ name, start, size: length });
    at += 46 + names + extra + bytes.readUInt16LE(at + 32);
  }
  return found;
}

function directory(fd: number, size: number): { offset: number; length: number } {
  const from = Math.max(0, size - TAIL);
  const tail = part(fd, from, size - from);
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(END);
  const at = tail.lastIndexOf(mark);
  if (at < 0 || at + 22 > tail.length) throw new Error("it is no zip archive, or cut off");
  const length = tail.readUInt32LE(at + 12);
  const offset = tail.readUInt32LE(at + 16);
  if (offset !== 0xffffffff && length !== 0xffffffff) return { offset, length };
  if (at < 20 || tail.readUInt32LE(at - 20) !== LOCATOR64) throw new Error("it is damaged");
  const end = part(fd, integer(tail, at - 12), 56);
  if (end.readUInt32LE(0) !== END64) throw new Error("it is damaged");
  return { length: integer(end, 40), offset: integer(end, 48) };
}

/** Size of a member and place of its header, from the zip64 field where they do not fit. */
function wide(bytes: Buffer, at: number, names: number, extra: number): [number, number] {
  const values = [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)];
  if (values.includes(0xffffffff)) {
    const fields = bytes.subarray(at + 46 + names, at + 46 + names + extra);
    for (let i = 0; i + 4 <= fields.length; i += 4 + fields.readUInt16LE(i + 2)) {
      if (fields.readUInt16LE(i) !== 1) continue;
      let next = i + 4;
      for (let k = 0; k < 3; k++) {
        if (values[k] !== 0xffffffff) continue;
        values[k] = integer(fields, next);
        next += 8;
      }
    }
  }
  return [values[1]!, values[2]!];
}

function integer(bytes: Buffer, at: number): number {
  const value = Number(bytes.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw new Error("it is damaged");
  return value;
}

function part(fd: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const count = fs.readSync(fd, bytes, at, length - at, start + at);
    if (count === 0) throw new Error("it is cut off");
    at += count;
  }
  return bytes;
}
