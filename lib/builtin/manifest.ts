// What an unpacked package says of its own files: info/paths.json, or the files it had before, and info/link.json.
import * as fs from "node:fs";
import { decode } from "../bytes.ts";
import { Problem, reason } from "../problem.ts";
import { native } from "../system.ts";
import type { Rewriting } from "./rewrite.ts";

/** One file, link or empty folder of a package. */
export interface Path {
  /** Relative to the package's folder. */
  path: string;
  kind: "hardlink" | "softlink" | "directory";
  /** To be copied rather than linked. */
  copied: boolean;
  rewriting?: Rewriting;
  sha256?: string;
  size?: number;
}

/** What a package says of its own files. */
interface Manifest {
  paths: Path[];
  entries: string[];
}

/** Manifests read ahead by the package's folder, with what tells whether that is still the same one. */
const held = new Map<string, { mark: string; manifest: Manifest }>();

/**
 * Reads the manifests of cached packages with these names, one at a time, for as long as `wanted` says so: those of
 * many files take longer to read than the solver to choose among them.
 */
export async function readAhead(
  caches: readonly string[],
  names: ReadonlySet<string>,
  wanted: () => boolean,
): Promise<void> {
  for (const cache of caches) {
    for (const entry of fs.existsSync(native(cache)) ? fs.readdirSync(native(cache)) : []) {
      const [, name] = /^(.+)-[^-]+-[^-]+$/.exec(entry) ?? [];
      if (name === undefined || !names.has(name) || /\.(conda|bz2)$/.test(entry)) continue;
      const dir = `${cache}/${entry}`;
      try {
        held.set(dir, { mark: markOf(dir), manifest: parseManifest(dir) });
      } catch (error) {
        // Told when it is to be linked, if it ever is.
        if (!(error instanceof Problem)) throw error;
      }
      await new Promise((wake) => setTimeout(wake));
      if (!wanted()) return;
    }
  }
}

/** Changes when the package is unpacked again. */
function markOf(dir: string): string {
  const stat = fs.statSync(native(`${dir}/info/paths.json`), { throwIfNoEntry: false });
  return stat === undefined ? "" : [stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs].join(" ");
}

/** The files of the package unpacked in `dir`, and its entry points. Throws Problem where they make no sense. */
export function readManifest(dir: string): Manifest {
  const ahead = held.get(dir);
  return ahead?.mark && ahead.mark === markOf(dir) ? ahead.manifest : parseManifest(dir);
}

function parseManifest(dir: string): Manifest {
  const modern = text(dir, "paths.json");
  const paths = modern === undefined ? older(dir) : listed(dir, object(dir, "paths.json", modern));
  for (const { path } of paths) {
    if (!plain(path)) throw damaged(dir, `${JSON.stringify(path)} would leave its folder`);
  }
  const link = text(dir, "link.json");
  return { paths, entries: link === undefined ? [] : entries(object(dir, "link.json", link)) };
}

/** Whether the path stays in its folder, and is written in the one way that can be compared. */
function plain(path: string): boolean {
  return !/(^|\/)\.{0,2}(\/|$)|\0/.test(path);
}

/** A Problem with the package in a cache, which a new download mends. */
export function damaged(dir: string, words: string): Problem {
  return new Problem(
    `The package in ${JSON.stringify(dir)} is damaged: ${words}`,
    `remove it, and it is unpacked again: rm -r ${JSON.stringify(dir)}`,
  );
}

interface Json {
  [key: string]: unknown;
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(dir: string, name: string): string | undefined {
  try {
    return decode(fs.readFileSync(native(`${dir}/info/${name}`)));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw damaged(dir, `info/${name}: ${reason(error)}`);
  }
}

function object(dir: string, name: string, text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (isJson(value)) return value;
  } catch (error) {
    throw damaged(dir, `info/${name}: ${reason(error)}`);
  }
  throw damaged(dir, `info/${name} is no object`);
}

function listed(dir: string, { paths }: Json): Path[] {
  if (!Array.isArray(paths)) throw damaged(dir, "info/paths.json has no paths");
  return paths.map((entry: unknown) => {
    const path = isJson(entry) ? entry["_path"] : undefined;
    if (!isJson(entry) || typeof path !== "string") {
      throw damaged(dir, "info/paths.json has a path without a name");
    }
    const kind = entry["path_type"] ?? "hardlink";
    if (kind !== "hardlink" && kind !== "softlink" && kind !== "directory") {
      throw damaged(dir, `info/paths.json has ${JSON.stringify(path)} of an unknown type`);
    }
    const { prefix_placeholder: placeholder, file_mode: mode, sha256, size_in_bytes: size } = entry;
    const rewritten = typeof placeholder === "string" && (mode === "text" || mode === "binary");
    return {
      path,
      kind,
      copied: entry["no_link"] === true,
      ...(rewritten && { rewriting: { placeholder, mode } }),
      ...(typeof sha256 === "string" && { sha256 }),
      ...(typeof size === "number" && { size }),
    };
  });
}

// What packages of before 2017 were built with; in pieces, for a packager would replace it in this program, too.
const PLACEHOLDER = "/opt/" + [1, 2, 3].map((n) => `anaconda${n}`).join("");

function older(dir: string): Path[] {
  const files = lines(text(dir, "files"));
  if (text(dir, "files") === undefined) throw damaged(dir, "it has neither info/paths.json nor info/files");
  const copied = new Set([...lines(text(dir, "no_link")), ...lines(text(dir, "no_softlink"))]);
  const rewritings = new Map(lines(text(dir, "has_prefix")).map((line) => prefixed(line)));
  return files.map((path) => {
    const stats = fs.lstatSync(native(`${dir}/${path}`), { throwIfNoEntry: false });
    const kind = stats?.isSymbolicLink() ? "softlink" : stats?.isDirectory() ? "directory" : "hardlink";
    const rewriting = rewritings.get(path);
    return { path, kind, copied: copied.has(path), ...(rewriting && { rewriting }) };
  });
}

function lines(text = ""): string[] {
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

function entries({ noarch }: Json): string[] {
  const points = isJson(noarch) ? noarch["entry_points"] : undefined;
  return Array.isArray(points) ? points.filter((point) => typeof point === "string") : [];
}
