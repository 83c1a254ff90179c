// Signs a program of macOS ad hoc, as its linker would and as Bun does for Apple's processors. On programs for Intel's
// Bun 1.4 leaves its own runtime's signature, which does not fit any more: https://github.com/oven-sh/bun/pull/39837
import { createHash } from "node:crypto";

const [SEGMENT, SIGNATURE] = [0x19, 0x1d];
const [PAGE, HASH, HEAD] = [4096, 32, 88]; // bytes; HEAD is a directory of version 2.4 without its name and hashes
const NAME = "a.out\0";

/** Whether this is a Mach-O file for Intel's processors. */
export function forIntel(file: Buffer): boolean {
  return file.readUInt32LE(0) === 0xfeedfacf && file.readUInt32LE(4) === 0x01000007;
}

/** The same program with a signature that fits it. */
export function sign(file: Buffer): Buffer {
  const commands: { kind: number; at: number }[] = [];
  for (let i = 0, at = 32; i < file.readUInt32LE(16); i++, at += file.readUInt32LE(at + 4)) {
    commands.push({ kind: file.readUInt32LE(at), at });
  }
  const segment = (name: string) =>
    commands.find(({ kind, at }) =>
      kind === SEGMENT && file.toString("latin1", at + 8, at + 24).replace(/\0+$/, "") === name
    )?.at;
  const place = commands.find(({ kind }) => kind === SIGNATURE)?.at;
  const [code, last] = [segment("__TEXT"), segment("__LINKEDIT")];
  if (place === undefined || code === undefined || last === undefined) {
    throw new Error("no place for a signature");
  }

  const limit = file.readUInt32LE(place + 8);
  const pages = Math.ceil(limit / PAGE);
  const size = 20 + HEAD + NAME.length + pages * HASH;
  const signed = Buffer.alloc(limit + size);
  file.copy(signed, 0, 0, limit);
  signed.writeUInt32LE(size, place + 12);
  const held = BigInt(limit + size) - file.readBigUInt64LE(last + 40);
  signed.writeBigUInt64LE(held, last + 48);
  signed.writeBigUInt64LE((held + BigInt(PAGE) - 1n) & -BigInt(PAGE), last + 32);

  directory(signed.subarray(limit), limit, file.readBigUInt64LE(code + 48));
  for (let i = 0; i < pages; i++) {
    const page = signed.subarray(i * PAGE, Math.min((i + 1) * PAGE, limit));
    createHash("sha256").update(page).digest().copy(signed, limit + size - (pages - i) * HASH);
  }
  return signed;
}

/** Everything but the hashes: a blob with one part, the directory of pages; big-endian, unlike all else. */
function directory(blob: Buffer, limit: number, code: bigint): void {
  const words = (at: number, ...values: number[]) =>
    values.forEach((value, i) => blob.writeUInt32BE(value, at + 4 * i));
  words(0, 0xfade0cc0, blob.length, 1, 0, 20);
  const hashes = HEAD + NAME.length;
  words(20, 0xfade0c02, blob.length - 20, 0x20400, 0x20002, hashes, HEAD, 0, Math.ceil(limit / PAGE), limit);
  blob.set([HASH, 2, 0, Math.log2(PAGE)], 56);
  blob.writeBigUInt64BE(code, 20 + 72);
  blob.writeBigUInt64BE(1n, 20 + 80);
  blob.write(NAME, 20 + HEAD);
}
