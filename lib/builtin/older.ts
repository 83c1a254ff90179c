// The lists of packages that have no info/paths.json: info/files, and what is to be copied or rewritten of them.
import * as fs from "node:fs";
import { native } from "../system.ts";
import { Damaged } from "./damaged.ts";
import type { Path } from "./manifest.ts";
import type { Rewriting } from "./rewrite.ts";

// What packages of before 2017 were built with; in pieces, for a packager would replace it in this program, too.
const PLACEHOLDER = "/opt/" + [1, 2, 3].map((n) => `anaconda${n}`).join("");

/** The files of the package in `dir`; `text` reads a file of its `info`. Throws Damaged. */
export function older(dir: string, text: (name: string) => string | undefined): Path[] {
  const files = text("files");
  if (files === undefined) throw new Damaged(dir, "it has neither info/paths.json nor info/files");
  const copied = new Set([...lines(text("no_link")), ...lines(text("no_softlink"))]);
  const rewritings = new Map(lines(text("has_prefix")).map((line) => prefixed(line)));
  return lines(files).map((path) => {
    const stats = fs.lstatSync(native(`${dir}/${path}`), { throwIfNoEntry: false });
    const kind = stats?.isSymbolicLink() ? "softlink" : stats?.isDirectory() ? "directory" : "hardlink";
    const rewriting = rewritings.get(path);
    return { path, kind, copied: copied.has(path), ...(rewriting && { rewriting }) };
  });
}

/** The lines of a text that are not empty. */
export function lines(text = ""): string[] {
  return text.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line !== "");
}

/** A line of has_prefix: `PLACEHOLDER MODE PATH`, the words quoted where they have spaces, or only `PATH`. */
function prefixed(line: string): [string, Rewriting] {
  const words = [...line.matchAll(/"((?:\\.|[^"\\])*)"|\S+/g)].map(([word, quoted]) =>
    quoted === undefined ? word : quoted.replace(/\\(.)/g, "$1")
  );
  const [placeholder = "", mode, path] = words;
  if ((mode === "text" || mode === "binary") && path !== undefined) return [path, { placeholder, mode }];
  return [words.length === 1 ? placeholder : line, { placeholder: PLACEHOLDER, mode: "text" }];
}
