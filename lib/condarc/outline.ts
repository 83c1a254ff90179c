// The part of YAML that `.condarc` files are written in, line by line; what goes beyond is for the real parser.

/** How a value ranks among the same key of other files: conda's `#!final`, `#!top`, `#!bottom`. */
export type Flag = "final" | "top" | "bottom";
/** A value as it is written: text, null, a list or a map. */
export interface Node {
  value: string | null | Node[] | Map<string, Node>;
  flag?: Flag;
}

interface Line {
  indent: number;
  text: string;
}

/** The flag in a comment, with or without its `#`. */
export function flagOf(comment: string | undefined): Flag | undefined {
  return /^[#\s]*!(final|top|bottom)\s*$/.exec(comment?.split("\n")[0] ?? "")?.[1] as Flag | undefined;
}

/** A text without quotes that YAML takes for null. */
export function isNull(plain: string): boolean {
  return /^(~|null|Null|NULL)?$/.test(plain);
}

/** Reads the values of `keys`; undefined where their text needs a real parser. Other keys are passed over. */
export function outline(text: string, keys: ReadonlySet<string>): Map<string, Node> | undefined {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => !/^\s*(#|$)/.test(line))
    .map((line): Line => ({ indent: line.search(/[^ ]/), text: line.slice(line.search(/[^ ]/)).trimEnd() }));
  if (lines.some(({ text }) => text.startsWith("\t"))) return undefined;
  if (lines[0]?.indent === 0 && lines[0].text === "---") lines.shift();
  const found = new Map<string, Node>();
  while (lines.length > 0) {
    const key = lines[0]!.indent === 0 ? KEY.exec(lines[0]!.text)?.[1] : undefined;
    if (key === undefined || found.has(key)) return undefined;
    const node = keys.has(key) ? pair(lines, 0)?.[1] : pass(lines);
    if (node === undefined) return undefined;
    if (keys.has(key)) found.set(key, node);
  }
  return found;
}

/** Drops a key that does not concern us, and all that belongs to it. */
function pass(lines: Line[]): Node {
  lines.shift();
  while (lines[0] && (lines[0].indent > 0 || /^-( |$)/.test(lines[0].text))) lines.shift();
  return { value: null };
}

const PLAIN = String.raw`(?:[^\s\-?:,[\]{}#&*!|>'"%@\x60]|[-?:](?=\S))(?:[^\s:]|:(?=\S)|\s+(?=[^\s#]))*`;
const QUOTED = String.raw`'(?:[^']|'')*'|"[^"\\]*"`;
const COMMENT = String.raw`(?:\s+(#.*))?$`;
const KEY = new RegExp(String.raw`^([A-Za-z0-9_][\w./-]*):(?=\s|$)\s*(.*)$`);
const SCALAR = new RegExp(`^(${QUOTED}|${PLAIN})${COMMENT}`);
const FLOW = new RegExp(String.raw`^\[\s*(.*?)\s*\]${COMMENT}`);
const ITEM = new RegExp(
  String.raw`^(${QUOTED}|(?:(?!:\s)[^\s,[\]{}#&*!|>'"%@\x60?:-](?:(?!:\s| #)[^,[\]{}])*?))\s*(?:,\s*|$)`,
);

/** `key: value`, or `key:` with a list or map below it; takes its lines away. */
function pair(lines: Line[], indent: number): [string, Node] | undefined {
  const [, key = "", rest = ""] = KEY.exec(lines.shift()!.text) ?? [];
  if (key === "") return undefined;
  if (rest !== "" && !rest.startsWith("#")) {
    const node = scalar(rest) ?? flow(rest);
    // A deeper line would go on with the same text.
    return node === undefined || (lines[0]?.indent ?? 0) > indent ? undefined : [key, node];
  }
  const node = block(lines, indent);
  return node && [key, { ...node, flag: flagOf(rest) }];
}

function block(lines: Line[], indent: number): Node | undefined {
  const inner = lines[0]?.indent ?? -1;
  const list = lines[0] !== undefined && /^-( |$)/.test(lines[0].text);
  if (inner < indent || (inner === indent && !list)) return { value: null };
  const items: Node[] = [];
  const map = new Map<string, Node>();
  while (lines[0]?.indent === inner && /^-( |$)/.test(lines[0].text) === list) {
    if (list) {
      const item = scalar(lines.shift()!.text.slice(1).trim());
      if (item === undefined) return undefined;
      items.push(item);
    } else {
      const entry = pair(lines, inner);
      if (entry === undefined || map.has(entry[0])) return undefined;
      map.set(...entry);
    }
  }
  if ((lines[0]?.indent ?? 0) > indent) return undefined;
  return { value: list ? items : map };
}

function scalar(text: string): Node | undefined {
  const [, word, comment] = SCALAR.exec(text) ?? [];
  // `a: b` inside a plain text would be a map.
  if (word === undefined) return undefined;
  return { value: bare(word), flag: flagOf(comment) };
}

function bare(word: string): string | null {
  if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
  if (word.startsWith('"')) return word.slice(1, -1);
  return isNull(word) ? null : word;
}

function flow(text: string): Node | undefined {
  const [all, inside, comment] = FLOW.exec(text) ?? [];
  if (all === undefined) return undefined;
  const items: Node[] = [];
  for (let rest = inside ?? ""; rest !== "";) {
    const [taken, word] = ITEM.exec(rest) ?? [];
    if (taken === undefined || word === undefined) return undefined;
    items.push({ value: bare(word), flag: undefined });
    rest = rest.slice(taken.length);
  }
  return { value: items, flag: flagOf(comment) };
}
