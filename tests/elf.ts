// What a program of Linux asks of the machine: the shared libraries and symbol versions that its ELF file names.
import assert from "node:assert/strict";

const [LOAD, DYNAMIC] = [1, 2];
const [NEEDED, STRINGS, VERSIONS, VERSION_COUNT] = [1n, 5n, 0x6ffffffen, 0x6fffffffn];
/** Processors by ELF's `e_machine`. */
const MACHINES: { [code: number]: string } = { 62: "x64", 183: "arm64" };

export interface Needs {
  machine: string | undefined;
  /** The program that loads it, such as `/lib64/ld-linux-x86-64.so.2`. */
  loader: string | undefined;
  libraries: string[];
  /** Such as `GLIBC_2.17`, sorted, each once. */
  versions: string[];
}

/** Reads a 64-bit little-endian ELF file. */
export function needs(file: Buffer): Needs {
  assert.equal(file.toString("latin1", 0, 6), "\x7fELF\x02\x01", "a 64-bit little-endian ELF file");
  const start = Number(file.readBigUInt64LE(32));
  const parts = Array.from({ length: file.readUInt16LE(56) }, (_, i) => {
    const at = start + i * file.readUInt16LE(54);
    const word = (offset: number) => Number(file.readBigUInt64LE(at + offset));
    return { type: file.readUInt32LE(at), offset: word(8), address: word(16), size: word(32) };
  });
  const place = (address: number): number => {
    const part = parts.find((p) => p.type === LOAD && address >= p.address && address < p.address + p.size);
    assert.ok(part, `no part of the file is at ${address}`);
    return address - part.address + part.offset;
  };
  const text = (at: number) => file.toString("latin1", at, file.indexOf(0, at));
  const loader = parts.find(({ type }) => type === 3);
  const entries = dynamic(file, parts.find(({ type }) => type === DYNAMIC));
  const value = (tag: bigint) => entries.find(([found]) => found === tag)?.[1];
  const strings = place(value(STRINGS) ?? 0);
  const first = value(VERSIONS);
  const offsets = first === undefined ? [] : versions(file, place(first), value(VERSION_COUNT) ?? 0);
  return {
    machine: MACHINES[file.readUInt16LE(18)],
    loader: loader && text(loader.offset),
    libraries: entries.filter(([tag]) => tag === NEEDED).map(([, offset]) => text(strings + offset)),
    versions: [...new Set(offsets.map((offset) => text(strings + offset)))].sort(),
  };
}

function dynamic(file: Buffer, part: { offset: number; size: number } | undefined): [bigint, number][] {
  assert.ok(part, "it has a dynamic part");
  const entries: [bigint, number][] = [];
  for (let at = part.offset; at < part.offset + part.size; at += 16) {
    const tag = file.readBigUInt64LE(at);
    if (tag === 0n) break;
    entries.push([tag, Number(file.readBigUInt64LE(at + 8))]);
  }
  return entries;
}

/** Where the names of the needed versions are among the strings: `Verneed` and its chains of `Vernaux`. */
function versions(file: Buffer, first: number, count: number): number[] {
  const names: number[] = [];
  for (let i = 0, at = first; i < count; i++, at += file.readUInt32LE(at + 12)) {
    let name = at + file.readUInt32LE(at + 8);
    for (let j = 0; j < file.readUInt16LE(at + 2); j++, name += file.readUInt32LE(name + 12)) {
      names.push(file.readUInt32LE(name + 8));
    }
  }
  return names;
}

/** Whether a version such as `GLIBC_2.17` is of glibc, and later than that of `most`, such as `2.17`. */
export function later(version: string, most: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^GLIBC_/, "").split(".").map(Number);
  const [limit = 0, sublimit = 0] = most.split(".").map(Number);
  return version.startsWith("GLIBC_") && (major > limit || (major === limit && minor > sublimit));
}
