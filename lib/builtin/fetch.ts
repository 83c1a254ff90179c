// Gets packages into a package cache: what any cache has is used, the rest comes down, checked before use.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { Report } from "../engines/engine.ts";
import { Problem } from "../problem.ts";
import type { World } from "../world.ts";
import { shown } from "./channel.ts";
import { claimPartial, returnPartial } from "./partial.ts";
import type { Index } from "./repodata.ts";
import { type Record, stem } from "./record.ts";

/** A package on disk: unpacked in a cache, or its archive, checked. */
export type Held = { kind: "folder"; path: string } | { kind: "archive"; path: string };

export interface FetchOptions {
  world: World;
  /** Package caches; the first that is writable gets what is missing. */
  caches: readonly string[];
  report?: Report;
  /** Downloads at a time. */
  parallel?: number;
}

/** Gets the records' packages; `each` is called for every one as soon as it is there. Throws Problem. */
export async function fetchPackages(
  records: readonly Record[],
  index: Pick<Index, "locate" | "http">,
  options: FetchOptions,
  each: (record: Record, held: Held) => Promise<void>,
): Promise<void> {
  const { caches, parallel = 6, report } = options;
  const found = await Promise.all(
    records.map(async (record) => ({ record, held: await hold(record, caches) })),
  );
  const total = found.reduce((sum, { record, held }) => sum + (held ? 0 : record.size ?? 0), 0);
  const done = new Map<string, number>();
  const tell = (record: Record) => (bytes: number) => {
    done.set(record.fn, bytes);
    report?.({ stage: "download", what: record.fn, done: sum(done.values()), total });
  };
  // The largest first: a long download that starts last would keep the others waiting.
  const queue = found.sort((a, b) => (b.record.size ?? 0) - (a.record.size ?? 0));
  let failed = false;
  async function work(): Promise<void> {
    for (let next = queue.shift(); next !== undefined && !failed; next = queue.shift()) {
      const { record, held } = next;
      try {
        await each(record, held ?? await download(record, index, options, tell(record)));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: parallel }, work));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((a, b) => a + b, 0);
}

/** Where a cache has the package, unpacked if possible; undefined where none has it. */
async function hold(record: Record, caches: readonly string[]): Promise<Held | undefined> {
  for (const cache of caches) {
    for (const path of foldersOf(record, cache)) {
      if (isUnpacked(path, record)) return { kind: "folder", path };
    }
  }
  for (const cache of caches) {
    const path = join(cache, record.fn);
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    const likely = stat?.isFile() && (record.size === undefined || stat.size === record.size);
    if (likely && (await flaw(path, record)) === undefined) return { kind: "archive", path };
  }
  return undefined;
}

/** Where a cache may have the package: conda's name, else one of its own beside a namesake of another channel. */
function foldersOf(record: Record, cache: string): [own: string, beside: string] {
  const path = join(cache, stem(record.fn));
  return [path, `${path}-${(record.sha256 ?? record.md5 ?? "").slice(0, 8)}`];
}

/** The folder that an archive in a cache is to be unpacked into. */
export function folderFor(record: Record, archive: string): string {
  const [own, beside] = foldersOf(record, dirname(archive));
  return fs.existsSync(join(own, "info", "repodata_record.json")) ? beside : own;
}

/** Whether a folder holds exactly this package: its record, written last, names the same checksum. */
function isUnpacked(folder: string, record: Record): boolean {
  let text: string;
  try {
    text = fs.readFileSync(join(folder, "info", "repodata_record.json"), "utf8");
    const noted: Partial<Record> | null = JSON.parse(text);
    const sum = record.sha256 !== undefined && noted?.sha256 !== undefined ? "sha256" : "md5";
    return record[sum] !== undefined && noted?.[sum]?.toLowerCase() === record[sum] &&
      fs.existsSync(join(folder, "info", "index.json"));
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof Error && "code" in error)) return false;
    throw error;
  }
}

/** What is wrong with an archive: its size or its checksum. */
async function flaw(path: string, record: Record): Promise<string | undefined> {
  const { size } = fs.statSync(path);
  if (record.size !== undefined && size !== record.size) {
    return `it has ${size} bytes, expected ${record.size}`;
  }
  const kind = record.sha256 !== undefined ? "sha256" : "md5";
  const expected = record[kind];
  if (expected === undefined) return "its channel gives no checksum for it";
  const hash = createHash(kind);
  for await (const part of fs.createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(part);
  const found = hash.digest("hex");
  return found === expected ? undefined : `its ${kind} is ${found}, expected ${expected}`;
}

async function download(
  record: Record,
  { locate, http }: Pick<Index, "locate" | "http">,
  { caches, world }: FetchOptions,
  tell: (done: number) => void,
): Promise<Held> {
  const path = join(writable(caches, world), record.fn);
  let problem: unknown;
  for (const url of locate(record)) {
    // Bytes of an earlier try may be those of another file: then once more from the start.
    for (const resume of [true, false]) {
      const { file, begun } = claimPartial(path, resume, world);
      let wrong: string | undefined;
      try {
        const { status } = await http.save(url, file, { resume: begun, most: record.size, tell });
        wrong = status === 404 ? "it is not there, though the channel lists it" : await flaw(file, record);
      } catch (error) {
        returnPartial(file, path);
        problem ??= error;
        break;
      }
      if (wrong === undefined) {
        fs.renameSync(file, path);
        return { kind: "archive", path };
      }
      fs.rmSync(file, { force: true });
      if (begun) continue;
      problem ??= new Problem(
        `Cannot use ${shown(url)}: ${wrong}`,
        "try again later, or tell the channel's owner",
      );
      break;
    }
  }
  throw problem;
}

/** The first cache that can be written to; made where it is missing. */
function writable(caches: readonly string[], world: World): string {
  for (const cache of caches) {
    try {
      world.mkdir(cache);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      continue;
    }
    if (world.writable(cache)) return cache;
  }
  throw new Problem(
    `No package cache can be written to: ${caches.join(", ")}`,
    "CONDA_PKGS_DIRS=/path/with/space mambaenv",
  );
}
