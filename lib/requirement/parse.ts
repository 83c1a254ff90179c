// One requirement as PEP 508 and pip have it: `name[extra]>=1; marker`, a URL, or a path.
import { type Marker, parseMarker } from "./marker.ts";
import { Unreadable } from "./unreadable.ts";
import { type Clause, readClause } from "./specifier.ts";

/** What one requirement says, apart from where it stands. */
export interface Parsed {
  /** As written; undefined for a path or URL that does not tell. */
  name?: string;
  extras: string[];
  clauses: Clause[];
  /** A URL or a path; what it names comes from there and from nowhere else. */
  url?: string;
  marker?: Marker;
}

const NAME = /^[ \t]*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*/;
const SCHEMES =
  /^(?:https?|file|ftp|ssh|sftp|(?:git|hg|bzr|svn)(?:\+(?:https?|ssh|git|file|static-http|sftp|ftp|lp|svn))?):/i;
const ARCHIVE = /\.(?:whl|zip|tar\.bz2|tbz|tar\.gz|tgz|tar|tar\.xz|txz|tlz|tar\.lz|tar\.lzma)$/i;

/** Reads what stands on a line of a requirements file before its options. Throws Unreadable. */
export function parseRequirement(text: string): Parsed {
  const url = SCHEMES.test(text);
  const cut = text.indexOf(url ? "; " : ";");
  const main = (cut < 0 ? text : text.slice(0, cut)).trim();
  const after = cut < 0 ? "" : text.slice(cut + 1).trim();
  const parsed = url ? fromUrl(main) : isPath(main) ? fromPath(main) : parseNamed(main);
  return after === "" ? parsed : { ...parsed, marker: parseMarker(after) };
}

/** Reads what follows `-e`. Throws Unreadable. */
export function parseEditable(text: string): Parsed {
  const direct = /^\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s/.test(text);
  if (direct) return parseRequirement(text);
  const cut = text.search(/\s;|;\s/);
  const main = (cut < 0 ? text : text.slice(0, cut)).trim();
  const parsed = SCHEMES.test(main) ? fromUrl(main) : fromPath(main);
  if (/^(?:https?|ftp):/i.test(main)) {
    throw new Unreadable(
      `${quote(main)} is neither a folder nor a repository`,
      "write -e git+https://… or a path",
    );
  }
  return cut < 0 ? parsed : { ...parsed, marker: parseMarker(text.slice(cut).replace(/^\s*;/, "")) };
}

/** pip takes for a path what has a slash or a leading dot, or ends like an archive, and is no `name @ URL`. */
function isPath(text: string): boolean {
  if (/^[^/@]*@/.test(text) && !text.startsWith(".")) return false;
  const plain = text.replace(/\[[^\[\]]*\]$/, "");
  return text.startsWith(".") || ARCHIVE.test(plain) || /^[^\s=<>!~;]*\//.test(plain);
}

function fromPath(text: string): Parsed {
  const [, path = text, list] = /^(.+?)(?:\[([^\[\]]*)\])?$/.exec(text) ?? [];
  if (list === "") throw new Unreadable("the brackets behind the path have no extras in them");
  return { ...named(path), extras: list === undefined ? [] : extrasOf(list), clauses: [], url: path };
}

function fromUrl(text: string): Parsed {
  const egg = /[#&]egg=([^&\[]+)(?:\[([^\]]*)\])?/.exec(text);
  const extras = egg?.[2] ? extrasOf(egg[2]) : [];
  return { ...(egg ? { name: egg[1] } : named(text)), extras, clauses: [], url: text };
}

/** A wheel's file name tells its project. */
function named(path: string): { name?: string } {
  const wheel =
    /(?:^|[/\\])([A-Za-z0-9._]+)-[^/\\-]+(?:-\d[^/\\-]*)?-[^/\\-]+-[^/\\-]+-[^/\\-]+\.whl(?:[#?].*)?$/.exec(
      path,
    );
  return wheel ? { name: wheel[1]! } : {};
}

/** Reads `name[extras] specifier` or `name @ URL`, without a marker. */
function parseNamed(text: string): Parsed {
  const match = NAME.exec(text);
  if (!match) {
    throw new Unreadable(text === "" ? "there is no name" : `${quote(text)} does not start with a name`);
  }
  const name = match[1]!;
  let rest = text.slice(match[0].length);
  let extras: string[] = [];
  if (rest.startsWith("[")) {
    const end = rest.indexOf("]");
    if (end < 0) throw new Unreadable("the extras have an open bracket");
    extras = extrasOf(rest.slice(1, end));
    rest = rest.slice(end + 1).trim();
  }
  if (!rest.startsWith("@")) return { name, extras, clauses: clausesOf(rest, text) };
  const url = rest.slice(1).trim();
  if (url === "" || /\s/.test(url)) throw new Unreadable(`${quote(url)} is no URL`);
  return { name, extras, clauses: [], url };
}

function extrasOf(list: string): string[] {
  if (list.trim() === "") return [];
  return list.split(",").map((each) => {
    const extra = each.trim();
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(extra)) {
      throw new Unreadable(`${quote(extra)} is no extra`);
    }
    return extra;
  });
}

function clausesOf(text: string, whole: string): Clause[] {
  const inner = /^\((.*)\)[ \t]*$/.exec(text);
  let rest = (inner ? inner[1]! : text).trim();
  const clauses: Clause[] = [];
  while (rest !== "") {
    const read = readClause(rest);
    if (!read) throw new Unreadable(`${quote(rest)} is no version specifier`, advice(rest, whole));
    clauses.push(read.clause);
    rest = rest.slice(read.length).trim();
    if (rest !== "" && !rest.startsWith(",")) {
      throw new Unreadable(`unexpected ${quote(rest)} after the version`, advice(rest, whole));
    }
    rest = rest.slice(1).trim();
  }
  return clauses;
}

function advice(rest: string, whole: string): string {
  const single = /^=\s*([^=].*)$/.exec(rest);
  const name = NAME.exec(whole)?.[1] ?? "";
  if (single) {
    return `write ${name}==${single[1]!.split("=")[0]}, or "# conda: ${whole}" on a line of its own`;
  }
  if (/^\.\*/.test(rest)) return "write .* after == or != only";
  if (/^[0-9]/.test(rest)) return `write ${name}==${rest}`;
  return "write NAME, NAME==1.2 or NAME>=1.2,<2";
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** The one spelling of a project's name, PEP 503. */
export function normalize(name: string): string {
  return name.replace(/[-_.]+/g, "-").toLowerCase();
}
