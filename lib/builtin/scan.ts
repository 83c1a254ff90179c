// Walks through repodata.json as it arrives and cuts its entries out unparsed: 300 MB pass in bounded memory.
import { Problem } from "../problem.ts";

/** What is found on the way. */
export interface Finds {
  /** An entry of `packages` or `packages.conda`: its file name, and its JSON text. */
  entry(fn: string, json: string): void;
  /** The JSON text of the top-level `info`. */
  info(json: string): void;
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COLON = 0x3a, COMMA = 0x2c;
const OPEN = new Set([0x7b, 0x5b]), CLOSE = new Set([0x7d, 0x5d]);
const BYTES = new Uint8Array(256);
for (const byte of OPEN) BYTES[byte] = 1;
for (const byte of CLOSE) BYTES[byte] = 2;
BYTES[QUOTE] = 3;
BYTES[COLON] = 4;
BYTES[COMMA] = 5;

/** Bytes of a single entry after which it is no repodata. */
const MOST = 32 << 20;

/** A scanner: feed it the bytes, then `end` it. Throws Problem where they are no complete repodata. */
export function createScanner(finds: Finds): { feed(chunk: Uint8Array): void; end(): void } {
  let held: Buffer = Buffer.alloc(0);
  let depth = 0, begun = false, found = false, quoted = false, escaped = false;
  /** Start of the string that is read, and of the last whole one, in `held`; -1 for none. */
  let start = -1, last = "", section = "";
  /** The value that is cut out: where it starts, at which depth it ends, its key. */
  let from = -1, floor = 0, key = "";

  /** A colon at `i`: the string before was a key. */
  function name(i: number): void {
    if (depth === 1) section = last;
    const inside = section === "packages" || section === "packages.conda";
    found ||= inside;
    const wanted = depth === 1 ? section === "info" : depth === 2 && inside;
    if (!wanted || from >= 0) return;
    [from, floor, key] = [i + 1, depth, last];
  }
  /** A bracket closed at `i`. */
  function close(i: number): void {
    if (--depth < 0) throw new Problem("a bracket too many");
    if (from < 0 || depth !== floor) return;
    const json = held.toString("utf8", from, i + 1);
    if (depth === 1) finds.info(json);
    else finds.entry(key, json);
    from = -1;
  }
  /** Goes on in a string from `i`; returns the index behind it, or the end. */
  function string(i: number): number {
    for (; i < held.length; i++) {
      if (escaped) escaped = false;
      else if (held[i] === BACKSLASH) escaped = true;
      else if (held[i] === QUOTE) {
        quoted = false;
        if (depth <= 2 && start >= 0) last = held.toString("utf8", start, i);
        return i + 1;
      }
    }
    return i;
  }
  function walk(i: number): void {
    while (i < held.length) {
      if (quoted) {
        i = string(i);
        continue;
      }
      const kind = BYTES[held[i]!];
      if (kind === 3) [quoted, start] = [true, i + 1];
      else if (kind === 1) depth++;
      else if (kind === 2) close(i);
      else if (kind === 4) name(i);
      else if (kind === 5 && depth === floor) from = -1;
      i++;
    }
  }

  return {
    feed(chunk) {
      const opening = begun ? undefined : Buffer.from(chunk).toString("utf8", 0, 64).trimStart();
      if (opening !== undefined && opening !== "") {
        if (!opening.startsWith("{")) {
          throw new Problem(`it begins with ${JSON.stringify(opening.slice(0, 20))}`);
        }
        begun = true;
      }
      // Only what an unfinished value or key needs is carried over.
      const keep = from >= 0 ? from : quoted && start >= 0 ? start : held.length;
      const rest = held.subarray(keep);
      if (rest.length > MOST) throw new Problem(`an entry is larger than ${MOST} bytes`);
      if (start >= 0) start -= keep;
      if (from >= 0) from -= keep;
      held = Buffer.concat([rest, chunk]);
      walk(rest.length);
    },
    end() {
      if (!begun || depth !== 0 || quoted) throw new Problem("it is cut off before its end");
      if (!found) throw new Problem('it has no "packages"');
    },
  };
}
