// `.condarc` files that need a real YAML parser. Loaded only where there is one.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { EXIT, Problem } from "../problem.ts";
import { flagOf, isNull, type Node } from "./outline.ts";

/** Every top-level key of a file. Throws Problem with file and line where it is no YAML, or no mapping. */
export function parse(file: string, text: string): Map<string, Node> {
  const doc = parseDocument(text, { schema: "failsafe", lineCounter: new LineCounter() });
  const [error] = doc.errors;
  if (error) {
    const words = error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "");
    // What is never closed is noticed behind the last line.
    const last = text.trimEnd().split("\n").length;
    throw broken(file, Math.min(error.linePos?.[0].line ?? 1, last), words);
  }
  const root = doc.contents === null ? new Map<string, Node>() : nodeOf(doc.contents, doc, 0).value;
  if (root instanceof Map) return root;
  if (isScalar(doc.contents) && root === null) return new Map();
  throw broken(file, 1, "it holds no `key: value` pairs");
}

function broken(file: string, line: number, words: string): Problem {
  const shown = JSON.stringify(file);
  return new Problem(`Cannot parse ${shown} line ${line}: ${words}`, `mend it: $EDITOR ${shown}`, EXIT.usage);
}

/** The deepest that conda's own keys go is a map of lists; more would only be an alias that never ends. */
const DEPTH = 4;

function nodeOf(item: unknown, doc: Document, depth: number): Node {
  if (depth > DEPTH) return { value: null };
  if (isAlias(item)) return nodeOf(item.resolve(doc), doc, depth + 1);
  if (isScalar(item)) {
    const text = String(item.value ?? "");
    const value = item.type === "PLAIN" && isNull(text) ? null : text;
    return { value, flag: flagOf(item.comment ?? undefined) };
  }
  if (isSeq(item)) {
    const flag = flagOf(item.comment ?? item.commentBefore ?? undefined);
    return { value: item.items.map((each) => nodeOf(each, doc, depth + 1)), flag };
  }
  if (!isMap(item)) return { value: null };
  const flag = flagOf(item.comment ?? item.commentBefore ?? undefined);
  const pairs = item.items.map((each): [string, Node] => [
    String(isScalar(each.key) ? each.key.value : each.key),
    nodeOf(each.value, doc, depth + 1),
  ]);
  return { value: new Map(pairs), flag };
}
