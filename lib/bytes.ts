// Bytes and text: what the system gives is not always UTF-8, and must come out as it came in.

/** Bytes of the system as text; invalid UTF-8 becomes lone surrogates, as Python's `surrogateescape`. */
export function decode(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let out = "";
  for (let i = 0; i < bytes.length;) {
    const length = sequence(bytes, i);
    if (length === 0) out += String.fromCharCode(0xdc00 + bytes[i++]!);
    else {
      out += Buffer.from(bytes.subarray(i, i + length)).toString("utf8");
      i += length;
    }
  }
  return out;
}

/** Length of the valid UTF-8 sequence at `i`, 0 if there is none. */
function sequence(bytes: Uint8Array, i: number): number {
  const first = bytes[i]!;
  const length = first < 0x80
    ? 1
    : first < 0xc2
    ? 0
    : first < 0xe0
    ? 2
    : first < 0xf0
    ? 3
    : first < 0xf5
    ? 4
    : 0;
  if (length < 2) return length;
  for (let k = 1; k < length; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[i + 1]!;
  const overlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const beyond = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

/** The bytes that `decode` read. */
export function encode(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = text.split(/(?<![\ud800-\udbff])([\udc80-\udcff])/);
  return Buffer.concat(
    parts.map((part, i) => i % 2 ? Buffer.from([part.charCodeAt(0) - 0xdc00]) : Buffer.from(part)),
  );
}
