// Gets packages into a package cache: what any cache has is used, the rest comes down, checked before use.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import type { Report } from "../engines/engine.ts";
import { Problem } from "../problem.ts";
import { shown } from "../secret.ts";
import type { World } from "../world.ts";
import { claimPartial, returnPartial } from "./partial.ts";
import type { Index } from "./repodata.ts";
import { quotaIn } from "./quota.ts";
import { checkRoom } from "./room.ts";
import { type Record, stem } from "./record.ts";
import { attempt } from "./stock.ts";
import { discard } from "./unpack.ts";

/** How packages are got. */
export interface FetchOptions {
  world: World;
  /** Package caches; the first that is writable gets what is missing. */
  caches: readonly string[];
  /** Folders that are not to be used. */
  passed?: ReadonlySet<string>;
  /** Unpacks an archive into a folder of a cache. */
  unpack(archive: string, into: string, record: Record): Promise<void>;
  report?: Report;
  /** Downloads at a time. */
  parallel?: number;
}
type Source = Pick<Index, "locate" | "http">;

/** Has every package unpacked in a cache; returns the folders in the order of the records. Throws Problem. */
export async function fetchPackages(
  records: readonly Record[],
  index: Source,
  options: FetchOptions,
): Promise<string[]> {
  const { caches, parallel = 6, report, unpack, passed } = options;
  const folders = new Map(records.map((record) => [record, unpacked(record, caches, passed)]));
  const missing = records.filter((record) => folders.get(record) === undefined);
  const absent = missing.filter((record) => likely(record, caches).length === 0);
  const total = absent.reduce((sum, { size = 0 }) => sum + size, 0);
  const done = new Map<string, number>();
  const tell = ({ fn }: Record) => (bytes: number) => {
    done.set(fn, bytes);
    report?.({ stage: "download", what: fn, done: [...done.values()].reduce((a, b) => a + b), total });
  };
  // The largest first: a long download that starts last would keep the others waiting.
  const queue = missing.sort((a, b) => (b.size ?? 0) - (a.size ?? 0));
  const target = queue.length > 0 ? writable(caches, options.world) : "";
  if (queue.length > 0) {
    checkRoom(absent, target);
    options.world.longer();
  }
  const quota = absent.length > 0 ? await quotaIn(target, options.world) : undefined;
  if (quota) checkRoom(absent, target, quota, "quota");
  let failed = false;
  async function work(): Promise<void> {
    for (let record = queue.shift(); record !== undefined && !failed; record = queue.shift()) {
      try {
        const held = await intact(record, caches);
        const archive = held ??
          await download(record, index, { target, world: options.world, tell: tell(record) });
        // Another process may have been faster.
        const there = unpacked(record, [target], passed);
        const into = there ?? folderFor(record, target);
        if (there === undefined) await unpack(archive, into, record);
        folders.set(record, into);
        report?.({ stage: "unpack", what: record.fn });
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: parallel }, work));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return records.map((record) => folders.get(record)!);
}

/** The packages that no cache has, neither unpacked nor as an archive that is whole. */
export async function absent(records: readonly Record[], caches: readonly string[]): Promise<Record[]> {
  const packed = records.filter((record) => unpacked(record, caches) === undefined);
  const held = await Promise.all(packed.map((record) => intact(record, caches)));
  return packed.filter((_, i) => held[i] === undefined);
}

/** The folder in which a cache has the package unpacked. */
function unpacked(
  record: Record,
  caches: readonly string[],
  passed?: ReadonlySet<string>,
): string | undefined {
  const all = caches.flatMap((cache) => foldersOf(record, cache)).filter((folder) => !passed?.has(folder));
  return all.find((folder) => isUnpacked(folder, record));
}

/** Files in caches that have the archive's name and size. */
function likely({ fn, size }: Record, caches: readonly string[]): string[] {
  return caches.map((cache) => join(cache, fn)).filter((path) => {
    const stat = attempt(() => fs.statSync(path));
    return stat?.isFile() && (size === undefined || stat.size === size);
  });
}

/** The archive in a cache, checked. */
async function intact(record: Record, caches: readonly string[]): Promise<string | undefined> {
  for (const path of likely(record, caches)) {
    if (await flaw(path, record) === undefined) return path;
  }
  return undefined;
}

/** Where a cache may have the package: conda's name, else one of its own beside a namesake of another channel. */
function foldersOf(record: Record, cache: string): [own: string, beside: string] {
  const path = join(cache, stem(record.fn));
  return [path, `${path}-${(record.sha256 ?? record.md5 ?? "").slice(0, 8)}`];
}

/** The folder of a cache that a package is to be unpacked into: a damaged one makes room, another's stays. */
function folderFor(record: Record, cache: string): string {
  const [own, beside] = foldersOf(record, cache);
  const there = fs.existsSync(join(own, "info", "repodata_record.json"));
  return there && !(noted(own) === null && discard(own)) ? beside : own;
}

/** Whether a folder holds exactly this package: its record, written last, names the same checksum. */
function isUnpacked(folder: string, record: Record): boolean {
  const found = noted(folder);
  const sum = record.sha256 !== undefined && found?.sha256 !== undefined ? "sha256" : "md5";
  const same = record[sum] !== undefined && found?.[sum] === record[sum];
  return same && fs.existsSync(join(folder, "info", "index.json"));
}

/** What a folder says that it holds, null where that is cut; undefined where it cannot be read. */
function noted(folder: string): Partial<Record> | null | undefined {
  const text = attempt(() => fs.readFileSync(join(folder, "info", "repodata_record.json"), "utf8"));
  return text === undefined ? undefined : attempt(() => JSON.parse(text)) ?? null;
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

interface Download {
  /** The cache that gets it. */
  target: string;
  world: World;
  tell(done: number): void;
}

async function download(
  record: Record,
  { locate, http }: Source,
  { target, world, tell }: Download,
): Promise<string> {
  const path = join(target, record.fn);
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
        return path;
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
  const reasons: string[] = [];
  for (const cache of caches) {
    try {
      world.mkdir(cache);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      reasons.push(error.message);
      continue;
    }
    if (world.writable(cache)) return cache;
    reasons.push(`${JSON.stringify(cache)}: permission denied`);
  }
  throw new Problem(
    `No package cache can be written to: ${reasons.join(", ")}`,
    "CONDA_PKGS_DIRS=/path/with/space mambaenv",
  );
}
