// What of an environment names its prefix, and how that is made to name another: for conda's files by the
// placeholder that they were built with, which is put back and proved by the package's own checksum.
import * as fs from "node:fs";
import { encode } from "../bytes.ts";
import { native } from "../system.ts";
import { rewrite } from "./rewrite.ts";
import { hash } from "./whole.ts";

/** How a file is rewritten; `drop`: a compiled module whose source is, so that Python compiles it anew. */
export interface Change {
  placeholder: string;
  mode: "text" | "binary" | "pyc" | "drop";
}

/** What conda-meta says of a file that had a placeholder. */
export interface Owned {
  placeholder: string;
  mode: "text" | "binary";
  /** Of the file in its package. */
  sha256?: string;
}

/** The files of conda's packages that had placeholders, by path. */
export function owned(prefix: string): Map<string, Owned> {
  const found = new Map<string, Owned>();
  const folder = `${prefix}/conda-meta`;
  const names = fs.existsSync(native(folder)) ? fs.readdirSync(native(folder)) : [];
  for (const name of names.filter((name) => name.endsWith(".json"))) {
    for (const entry of entries(`${folder}/${name}`)) {
      const { _path: path, prefix_placeholder: placeholder, file_mode: mode, sha256 } = entry;
      if (typeof path !== "string" || typeof placeholder !== "string") continue;
      if (mode !== "text" && mode !== "binary") continue;
      found.set(path, { placeholder, mode, ...typeof sha256 === "string" && { sha256 } });
    }
  }
  return found;
}

function entries(file: string): { [key: string]: unknown }[] {
  try {
    const record = JSON.parse(fs.readFileSync(native(file), "utf8"));
    const paths = record?.paths_data?.paths;
    return Array.isArray(paths) ? paths.filter((entry) => typeof entry === "object" && entry !== null) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** The bytes as they go into the archive, and what is to be done to them when they come out of it. */
export function changeOf(
  bytes: Buffer,
  { path, prefix, record }: { path: string; prefix: string; record: Owned | undefined },
): { bytes: Buffer; change?: Change } {
  if (!bytes.includes(encode(prefix))) return { bytes };
  if (record) {
    const { placeholder, mode, sha256 } = record;
    const before = restore(bytes, encode(prefix), encode(placeholder), mode);
    if (before && sha256 === hash(before)) return { bytes: before, change: { placeholder, mode } };
  }
  const mode = path.endsWith(".pyc") ? "pyc" : record?.mode ?? (bytes.includes(0) ? "binary" : "text");
  return { bytes, change: { placeholder: prefix, mode } };
}

/** Undoes `rewrite`; undefined where a string has not the zeros at its end that a longer prefix leaves. */
function restore(
  bytes: Buffer,
  prefix: Buffer,
  placeholder: Buffer,
  mode: Owned["mode"],
): Buffer | undefined {
  const parts: Buffer[] = [];
  let last = 0, owed = 0;
  for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, last)) {
    parts.push(bytes.subarray(last, at), placeholder);
    last = at + prefix.length;
    owed += placeholder.length - prefix.length;
    if (mode === "text") continue;
    const nul = bytes.indexOf(0, last);
    const next = bytes.indexOf(prefix, last);
    if (nul < 0 || (next >= 0 && next < nul)) continue;
    parts.push(bytes.subarray(last, nul));
    last = nul + owed;
    if (owed < 0 || bytes.subarray(nul, last).some((byte) => byte !== 0)) return undefined;
    owed = 0;
  }
  return Buffer.concat([...parts, bytes.subarray(last)]);
}

/** A file's bytes for its new place; undefined where it is better left out. Throws Problem. */
export function changed(
  bytes: Buffer,
  { placeholder, mode }: Change,
  { prefix, platform, path }: { prefix: string; platform: string; path: string },
): Buffer | undefined {
  switch (mode) {
    case "text":
    case "binary":
      return rewrite(bytes, { placeholder, mode }, prefix, platform, path);
    case "pyc":
      return compiled(bytes, encode(placeholder), encode(prefix));
    case "drop":
      return undefined;
    default:
      return mode satisfies never;
  }
}

/** Bytes before the code of a compiled module. */
const HEAD = 16;

/**
 * A compiled module's strings that begin with the prefix: each has its type and its length before it, as Python's
 * `marshal` writes it, and nothing counts the bytes around it. Undefined where the prefix is anywhere else.
 */
function compiled(bytes: Buffer, from: Buffer, to: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let last = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
    const found = at > HEAD + 5 ? string(bytes, at, from.length) : undefined;
    if (found === undefined || found.start < last) return undefined;
    const text = Buffer.concat([to, bytes.subarray(at + from.length, found.end)]);
    if (text.includes(from)) return undefined;
    const head = Buffer.alloc(5);
    // The long form of the same type: a short one counts to 255 only.
    const long = ({ z: "a", Z: "A" })[found.type] ?? found.type;
    head[0] = long.charCodeAt(0) | found.flag;
    head.writeUInt32LE(text.length, 1);
    parts.push(bytes.subarray(last, found.start), head, text);
    last = found.end;
  }
  return Buffer.concat([...parts, bytes.subarray(last)]);
}

/** The string of marshal's that begins at `at`. */
function string(bytes: Buffer, at: number, least: number) {
  const form = (start: number, length: number) => {
    const [type, flag] = [String.fromCharCode(bytes[start]! & 0x7f), bytes[start]! & 0x80];
    const end = at + length;
    const whole = length >= least && end <= bytes.length && !bytes.subarray(at, end).includes(0);
    return whole ? { start, end, type, flag } : undefined;
  };
  const short = form(at - 2, bytes[at - 1]!);
  if (short && "zZ".includes(short.type)) return short;
  const long = form(at - 5, bytes.readUInt32LE(at - 4));
  return long && "aAut".includes(long.type) ? long : undefined;
}
