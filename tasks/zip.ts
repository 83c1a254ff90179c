// A zip archive with the same bytes each time: no times, members in the order given.
import { gzipSync } from "node:zlib";

/** A file of the archive; `packed` is what gzip makes of its bytes, where that was done before. */
export interface Member {
  name: string;
  bytes: Uint8Array;
  mode: number;
  packed?: Buffer;
}

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50];
const DEFLATE = 8;
/** The first day that a zip can say, 1980-01-01. */
const DAY = 0x21;
const UTF8 = 0x800;
/** Of gzip's own: ten bytes before what is deflated, and behind it a checksum and a length. */
const [BEFORE, BEHIND] = [10, 8];

/** Packs the members. */
export function zip(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [], directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, mode, packed = gzipSync(bytes, { level: 9 }) } of members) {
    if (packed.readUInt32LE(packed.length - 4) !== bytes.length) {
      throw new Error(`${name}: not what was packed`);
    }
    const deflated = packed.subarray(BEFORE, -BEHIND);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(UTF8, 2);
    common.writeUInt16LE(DEFLATE, 4);
    common.writeUInt16LE(DAY, 8);
    packed.copy(common, 10, packed.length - BEHIND, packed.length - 4);
    common.writeUInt32LE(deflated.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    parts.push(word(LOCAL), common, Buffer.from(name), deflated);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((0o100000 | mode) << 16) >>> 0, 6);
    rest.writeUInt32LE(at, 10);
    directory.push(word(CENTRAL), Buffer.from([20, 3]), common, rest, Buffer.from(name));
    at += 30 + Buffer.byteLength(name) + deflated.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, ...directory, word(END), end]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
