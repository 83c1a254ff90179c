// Puts a prefix where a package's files have the placeholder they were built with.
import { encode } from "../bytes.ts";
import { Problem } from "../problem.ts";

/** What to replace in a file. */
export interface Rewriting {
  placeholder: string;
  /** `binary`: a NUL-terminated string keeps its length. */
  mode: "text" | "binary";
}

/** The bytes of a file of `platform` with `prefix` in the place of the placeholder; `file` is named in a Problem. */
export function rewrite(
  bytes: Buffer,
  rewriting: Rewriting,
  prefix: string,
  platform: string,
  file: string,
): Buffer {
  const from = encode(rewriting.placeholder);
  const to = encode(prefix);
  if (from.length === 0) return bytes;
  return rewriting.mode === "text" ? script(bytes, from, to, platform) : binary(bytes, from, to, file);
}

function script(bytes: Buffer, from: Buffer, to: Buffer, platform: string): Buffer {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return replace(bytes, from, to);
  const newline = bytes.indexOf(10);
  const end = newline < 0 ? bytes.length : newline;
  const first = shebang(
    bytes.toString("latin1", 0, end),
    from.toString("latin1"),
    to.toString("latin1"),
    longest(platform),
  );
  return Buffer.concat([Buffer.from(first, "latin1"), replace(bytes.subarray(end), from, to)]);
}

/** Characters of a first line that the kernel reads; Linux before 5.1 has 127 (its BINPRM_BUF_SIZE). */
function longest(platform: string): number {
  return platform.startsWith("linux") ? 127 : 512;
}

/** A first line with the prefix in it, in a form that the kernel can run: no white space, not too long. */
function shebang(line: string, from: string, to: string, longest: number): string {
  if (/\s/.test(to)) return line.includes(from) ? indirect(line, from, to) : line;
  const direct = line.replaceAll(from, () => to);
  return direct.length <= longest ? direct : indirect(line, from, to);
}

function indirect(line: string, from: string, to: string): string {
  const [, path = "", rest = ""] = /^#! *(\/(?:\\ |[^ \n\r\t])*)(.*)$/s.exec(line) ?? [];
  if (path === "") return line.replaceAll(from, () => to);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const filled = (text: string) => text.replaceAll(from, () => to);
  const python = /^python(\d+(\.\d+)?)?$/.test(name) && quotable(filled(path));
  return python ? exec(filled(path), filled(rest)) : `#!/usr/bin/env ${name}${filled(rest)}`;
}

/** Whether sh takes the text in double quotes for itself, and Python between `'''`. */
function quotable(text: string): boolean {
  return !/["\\$`]|'''/.test(text);
}

/** Two lines that sh runs as `exec`, and that Python reads as a string: no limit on the program's path. */
function exec(program: string, rest = ""): string {
  return `#!/bin/sh\n'''exec' "${program}"${rest} "$0" "$@" #'''`;
}

/** The first line of a script for that interpreter. */
export function interpreterLine(program: string): string {
  if (encode(program).length <= 125 && !/\s/.test(program)) return `#!${program}`;
  return quotable(program) ? exec(program) : `#!/usr/bin/env ${program.slice(program.lastIndexOf("/") + 1)}`;
}

function replace(bytes: Buffer, from: Buffer, to: Buffer): Buffer {
  const parts: Buffer[] = [];
  let last = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, last)) {
    parts.push(bytes.subarray(last, at), to);
    last = at + from.length;
  }
  return last === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(last)]);
}

/** Each string that has the placeholder keeps its length: what the prefix is shorter is filled with NUL at its end. */
function binary(bytes: Buffer, from: Buffer, to: Buffer, file: string): Buffer {
  const first = bytes.indexOf(from);
  if (first < 0) return bytes;
  if (to.length > from.length) {
    throw new Problem(
      `The prefix ${JSON.stringify(to.toString())} is too long for ${JSON.stringify(file)}: ` +
        `${to.length} bytes, where the package has room for ${from.length}`,
      "choose a shorter folder: mambaenv --root /short/path",
    );
  }
  const out = Buffer.from(bytes);
  for (let at = first; at >= 0;) {
    const nul = bytes.indexOf(0, at + from.length);
    const end = nul < 0 ? bytes.length : nul;
    const text = replace(bytes.subarray(at, end), from, to);
    text.copy(out, at);
    out.fill(0, at + text.length, end);
    at = bytes.indexOf(from, end);
  }
  return out;
}
