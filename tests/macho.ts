// What a program of macOS asks of the machine, and whether its signature fits its bytes: read from its Mach-O file.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const [LIBRARY, WEAK, REEXPORT, LOADER, SIGNATURE, BUILD] = [
  0xc,
  0x80000018,
  0x8000001f,
  0xe,
  0x1d,
  0x32,
];
const [SUPER, DIRECTORY] = [0xfade0cc0, 0xfade0c02];
/** Processors by Mach-O's `cputype`. */
const MACHINES: { [code: number]: string } = { 0x01000007: "x64", 0x0100000c: "arm64" };

export interface Mac {
  machine: string | undefined;
  loader: string | undefined;
  libraries: string[];
  /** The first macOS that it is for, such as `13_0`. */
  system: string;
  signature: { adhoc: boolean; pages: number };
}

/** Reads a 64-bit Mach-O program; throws where its signature is not that of its bytes, since macOS kills such. */
export function macho(file: Buffer): Mac {
  assert.equal(file.readUInt32LE(0), 0xfeedfacf, "a 64-bit Mach-O file");
  assert.equal(file.readUInt32LE(12), 2, "a program");
  const libraries: string[] = [];
  let system = "", loader: string | undefined, signature: Mac["signature"] | undefined;
  for (let i = 0, at = 32; i < file.readUInt32LE(16); i++, at += file.readUInt32LE(at + 4)) {
    const start = at + file.readUInt32LE(at + 8);
    const text = () => file.toString("utf8", start, file.indexOf(0, start));
    const command = file.readUInt32LE(at);
    if ([LIBRARY, WEAK, REEXPORT].includes(command)) libraries.push(text());
    if (command === LOADER) loader = text();
    if (command === BUILD) system = `${file.readUInt16LE(at + 14)}_${file[at + 13]}`;
    if (command === SIGNATURE) {
      signature = signed(file, file.readUInt32LE(at + 8), file.readUInt32LE(at + 12));
    }
  }
  assert.ok(signature, "it is signed");
  return { machine: MACHINES[file.readUInt32LE(4)], loader, libraries, system, signature };
}

/** Compares every page with its hash in the signature, which is all big-endian. */
function signed(file: Buffer, start: number, size: number): Mac["signature"] {
  const blob = file.subarray(start, start + size);
  assert.deepEqual([blob.length, blob.readUInt32BE(0)], [size, SUPER]);
  const slots = Array.from({ length: blob.readUInt32BE(8) }, (_, i) => blob.readUInt32BE(16 + 8 * i));
  const at = slots.find((slot) => blob.readUInt32BE(slot) === DIRECTORY);
  assert.ok(at !== undefined, "its signature has a directory of pages");
  const directory = blob.subarray(at, at + blob.readUInt32BE(at + 4));
  const [flags, hashes] = [directory.readUInt32BE(12), directory.readUInt32BE(16)];
  const [pages, limit] = [directory.readUInt32BE(28), directory.readUInt32BE(32)];
  const [width, kind] = [directory[36]!, directory[37]], page = 2 ** directory[39]!;
  assert.deepEqual([kind, width], [2, 32], "its hashes are sha256");
  assert.deepEqual([limit, pages], [start, Math.ceil(start / page)], "they are of all that is before it");
  for (let i = 0; i < pages; i++) {
    const found = createHash("sha256").update(file.subarray(i * page, Math.min((i + 1) * page, limit)))
      .digest();
    const kept = directory.subarray(hashes + i * width, hashes + (i + 1) * width);
    assert.ok(found.equals(kept), `page ${i} is not the one that was signed`);
  }
  return { adhoc: (flags & 2) !== 0, pages };
}
