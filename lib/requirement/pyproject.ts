// pyproject.toml: what a project needs, with those of its extras and dependency groups that are chosen.
// https://packaging.python.org/en/latest/specifications/pyproject-toml/ and …/dependency-groups/
import { EXIT, Problem, Unknown } from "../problem.ts";
import type { Settings } from "../settings.ts";
import type { Setting } from "../sources.ts";
import { toml } from "./toml.ts";
import { normalize } from "./parse.ts";
import { parseSpecifier } from "./specifier.ts";

/** The extras and groups that are wanted. */
export type Choice = Partial<Pick<Settings, "extras" | "groups">>;

/** A requirement and the line of the file that it stands in. */
export interface Listed {
  text: string;
  line: number;
}

/** What the file says. */
export interface Pyproject {
  listed: Listed[];
  /** `requires-python`. */
  python?: string;
}

type Kind = "extra" | "group";
/** A named list as it is written, and its line. */
interface List {
  written: string;
  items: readonly unknown[];
  line: number;
}
interface Reading {
  lines: readonly string[];
  /** The project's own name, by which extras include each other. */
  name: string | undefined;
  lists: { readonly [kind in Kind]: ReadonlyMap<string, List> };
}

/** Reads the file. Throws Problem with its line. */
export function readPyproject(path: string, text: string, choice: Choice): Pyproject {
  const whole = toml(path, text);
  const lines = text.split("\n");
  const project = tableOf(whole["project"] ?? {}, "project", lines);
  const reading: Reading = {
    lines,
    name: typeof project["name"] === "string" ? normalize(project["name"]) : undefined,
    lists: {
      extra: listsOf(project["optional-dependencies"], "optional-dependencies", lines),
      group: listsOf(whole["dependency-groups"], "dependency-groups", lines),
    },
  };
  const line = keyLine("dependencies", lines, lineOf(/^\s*\[\s*project\s*\]/, lines));
  const own = {
    written: "dependencies",
    items: arrayOf(project["dependencies"] ?? [], "dependencies", line),
    line,
  };
  const listed = own.items.map((item) => requirement(item, own, lines));
  for (const [kind, setting] of [["extra", choice.extras], ["group", choice.groups]] as const) {
    for (const word of setting?.value ?? []) {
      const list = named(kind, word, reading, setting!);
      listed.push(...expand(kind, list, reading, [normalize(list.written)]));
    }
  }
  return { listed, ...pythonOf(project["requires-python"], lines) };
}

function pythonOf(value: unknown, lines: readonly string[]): { python?: string } {
  if (value === undefined) return {};
  if (typeof value === "string" && parseSpecifier(value)) return { python: value };
  throw broken(
    keyLine("requires-python", lines),
    `requires-python = ${JSON.stringify(value)} is no specifier`,
  );
}

/** The list that was chosen. */
function named(kind: Kind, word: string, { lists, lines }: Reading, { from }: Setting<unknown>): List {
  const found = lists[kind].get(normalize(word));
  if (found) return found;
  const line = keyLine(`${kind}s`, lines, lineOf(/^\s*\[\s*tool\s*\.\s*["']?mambaenv["']?\s*\]/, lines));
  const at = from.startsWith("pyproject.toml") ? `"pyproject.toml" line ${line}` : from;
  throw unknown(kind, word, lists[kind], at);
}

function unknown(kind: Kind, word: string, lists: ReadonlyMap<string, List>, at: string): Problem {
  const known = [...lists.values()].map(({ written }) => written).sort();
  const words = `Unknown ${kind} ${JSON.stringify(word)} in ${at}; known: ${known.join(", ") || "none"}`;
  return new Unknown(words, "", { word, known });
}

/** The requirements of a list, with those that it includes; `above` are the lists that include it. */
function expand(kind: Kind, list: List, reading: Reading, above: readonly string[]): Listed[] {
  return list.items.flatMap((item) => {
    const others = included(kind, item, list, reading);
    if (others === undefined) return [requirement(item, list, reading.lines)];
    return others.names.flatMap((word) => {
      const name = normalize(word);
      const other = reading.lists[kind].get(name);
      const line = itemLine(word, list, reading.lines);
      if (!other) throw unknown(kind, word, reading.lists[kind], `"pyproject.toml" line ${line}`);
      if (above.includes(name)) {
        throw broken(line, `${kind} includes itself: ${[...above, name].join(" -> ")}`);
      }
      const more = expand(kind, other, reading, [...above, name]);
      return others.marker
        ? more.map((each) => ({ ...each, text: narrowed(each.text, others.marker!) }))
        : more;
    });
  });
}

/** The lists of the same kind that an item stands for: `{include-group = "x"}`, or the project itself with extras. */
function included(
  kind: Kind,
  item: unknown,
  list: List,
  { name }: Reading,
): { names: string[]; marker?: string } | undefined {
  if (kind === "group") {
    if (typeof item !== "object" || item === null) return undefined;
    const { "include-group": word, ...rest } = item as { [key: string]: unknown };
    if (typeof word === "string" && Object.keys(rest).length === 0) return { names: [word] };
    throw broken(list.line, `the group ${JSON.stringify(list.written)} has an item that is no requirement`);
  }
  const [, own = "", extras = "", marker] = typeof item === "string"
    ? /^\s*([\w.-]+)\s*\[([^\]]*)\]\s*(?:;(.*))?$/s.exec(item) ?? []
    : [];
  if (name === undefined || normalize(own) !== name) return undefined;
  const names = extras.split(",").map((each) => each.trim()).filter(Boolean);
  return { names, ...marker && { marker: marker.trim() } };
}

/** A requirement that holds only where a marker does. */
function narrowed(text: string, marker: string): string {
  // In a URL a semicolon is none unless a blank stands before it.
  const at = /^[^;]*@/.test(text) ? text.search(/\s;/) : text.indexOf(";");
  if (at < 0) return `${text} ; ${marker}`;
  return `${text.slice(0, at)} ; (${text.slice(at).replace(/^\s*;/, "").trim()}) and (${marker})`;
}

function requirement(item: unknown, list: List, lines: readonly string[]): Listed {
  const line = typeof item === "string" ? itemLine(item, list, lines) : list.line;
  if (typeof item !== "string") {
    throw broken(line, `${JSON.stringify(list.written)} has an item that is no string`);
  }
  // Where pip's files have options and paths, here there are none.
  if (/^\s*(?:[-.\/]|$)|[\r\n]/.test(item)) throw broken(line, `${JSON.stringify(item)} is no requirement`);
  return { text: item, line };
}

/** The lists of a table by their normal names. */
function listsOf(value: unknown, title: string, lines: readonly string[]): Map<string, List> {
  const top = lineOf(new RegExp(`^\\s*\\[\\s*(?:project\\s*\\.\\s*)?["']?${title}["']?\\s*\\]`), lines);
  const found = new Map<string, List>();
  for (const [written, items] of Object.entries(tableOf(value ?? {}, title, lines))) {
    const line = keyLine(written, lines, top);
    const name = normalize(written);
    const other = found.get(name);
    if (other) {
      throw broken(line, `${JSON.stringify(written)} and ${JSON.stringify(other.written)} are one name`);
    }
    found.set(name, { written, items: arrayOf(items, written, line), line });
  }
  return found;
}

function tableOf(value: unknown, title: string, lines: readonly string[]): { [key: string]: unknown } {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as { [key: string]: unknown };
  }
  throw broken(keyLine(title, lines), `${title} is no table`);
}

function arrayOf(value: unknown, title: string, line: number): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw broken(line, `${title} is no list of strings`);
}

function broken(line: number, words: string): Problem {
  return new Problem(`Cannot parse "pyproject.toml" line ${line}: ${words}`, "", EXIT.failed);
}

/** The first line of that form, from 1; 1 where there is none. */
function lineOf(form: RegExp, lines: readonly string[], from = 1): number {
  const found = lines.findIndex((line, i) => i + 1 >= from && form.test(line));
  return found < 0 ? from : found + 1;
}

/** The line that a key is set in, behind `from`. */
function keyLine(key: string, lines: readonly string[], from = 1): number {
  const plain = key.replace(/[^\w-]/g, "\\$&");
  return lineOf(new RegExp(`^\\s*(?:[\\w"'-]+\\s*\\.\\s*)*["']?${plain}["']?\\s*=`), lines, from);
}

/** The line of an item of a list: the first behind the list's own that has its text. */
function itemLine(text: string, { line }: List, lines: readonly string[]): number {
  const found = lines.findIndex((each, i) => i + 1 >= line && each.includes(text));
  return found < 0 ? line : found + 1;
}
