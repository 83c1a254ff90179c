// What an unpacked package says of its own files: info/paths.json, or the files it had before, and info/link.json.
import * as fs from "node:fs";
import { decode, encode } from "../bytes.ts";
import { Problem, reason } from "../problem.ts";
import { effect, native } from "../system.ts";
import { Damaged } from "./damaged.ts";
import { lines, older } from "./older.ts";
import type { Rewriting } from "./rewrite.ts";
import { flaws } from "./whole.ts";

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
const held = new Map<string, { mark: string; manifest: Manifest; harm: string[] }>();

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
        const mark = markOf(dir), manifest = parseManifest(dir);
        held.set(dir, { mark, manifest, harm: compared(dir, manifest) });
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
  return ahead(dir)?.manifest ?? parseManifest(dir);
}

/** What is wrong of a package's files, by size and, where they changed since it was unpacked or `all`, by content. */
export function harm(dir: string, manifest: Pick<Manifest, "paths">, all = false): string[] {
  return (all ? undefined : ahead(dir)?.harm) ?? compared(dir, manifest, all ? -Infinity : ripe(dir));
}

function ahead(dir: string) {
  const found = held.get(dir);
  return found?.mark && found.mark === markOf(dir) ? found : undefined;
}

/** Notes what a package's list says wrong of it, so that it is not unpacked again each time. */
export function pardon(dir: string): void {
  const found = flaws(dir, readManifest(dir).paths, -Infinity);
  if (found.length === 0) return;
  effect("write", `${dir}/${PARDONED}`, () => {
    fs.writeFileSync(native(`${dir}/${PARDONED}`), encode(found.join("\n")));
  });
}

const PARDONED = "info/mambaenv-flaws";

function compared(dir: string, { paths }: Pick<Manifest, "paths">, since = ripe(dir)): string[] {
  const found = flaws(dir, paths, since);
  if (found.length === 0) return found;
  const known = lines(text(dir, PARDONED.replace("info/", "")));
  return found.filter((words) => !known.includes(words));
}

/** When the package was unpacked: its files have the times of its archive, unless somebody changed them later. */
function ripe(dir: string): number {
  const stat = fs.statSync(native(`${dir}/info/repodata_record.json`), { throwIfNoEntry: false });
  return stat?.mtimeMs ?? Infinity;
}

function parseManifest(dir: string): Manifest {
  const modern = text(dir, "paths.json");
  const paths = modern === undefined
    ? older(dir, (name) => text(dir, name))
    : listed(dir, object(dir, "paths.json", modern));
  for (const { path } of paths) {
    if (!plain(path)) throw new Damaged(dir, `${JSON.stringify(path)} would leave its folder`);
  }
  const link = text(dir, "link.json");
  return { paths, entries: link === undefined ? [] : entries(object(dir, "link.json", link)) };
}

/** Whether the path stays in its folder, and is written in the one way that can be compared. */
function plain(path: string): boolean {
  return !/(^|\/)\.{0,2}(\/|$)|\0/.test(path);
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
    throw new Damaged(dir, `info/${name}: ${reason(error)}`);
  }
}

function object(dir: string, name: string, text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (isJson(value)) return value;
  } catch (error) {
    throw new Damaged(dir, `info/${name}: ${reason(error)}`);
  }
  throw new Damaged(dir, `info/${name} is no object`);
}

function listed(dir: string, { paths }: Json): Path[] {
  if (!Array.isArray(paths)) throw new Damaged(dir, "info/paths.json has no paths");
  return paths.map((entry: unknown) => {
    const path = isJson(entry) ? entry["_path"] : undefined;
    if (!isJson(entry) || typeof path !== "string") {
      throw new Damaged(dir, "info/paths.json has a path without a name");
    }
    const kind = entry["path_type"] ?? "hardlink";
    if (kind !== "hardlink" && kind !== "softlink" && kind !== "directory") {
      throw new Damaged(dir, `info/paths.json has ${JSON.stringify(path)} of an unknown type`);
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

function entries({ noarch }: Json): string[] {
  const points = isJson(noarch) ? noarch["entry_points"] : undefined;
  return Array.isArray(points) ? points.filter((point) => typeof point === "string") : [];
}
