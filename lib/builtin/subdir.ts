// One folder of a channel (`linux-64`, `noarch`): finds its best repodata, keeps it on disk, reads names from it.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { EXIT, Problem, reason } from "../problem.ts";
import { effect } from "../system.ts";
import { baseOf, type Channel } from "./channel.ts";
import type { Http } from "./http.ts";
import { cut, openPack } from "./pack.ts";
import { readShard, readShards } from "./shards.ts";
import {
  attempt,
  folderOf,
  forget,
  type Format,
  FORMATS,
  isFresh,
  readState,
  type State,
  writeState,
} from "./stock.ts";
import { shown } from "../secret.ts";

/** An opened folder of a channel. */
export interface Subdir {
  subdir: string;
  /** URL of the folder of its archives, secrets included, with a final slash. */
  base: string;
  names: ReadonlyMap<string, unknown>;
  /** File names and entries of a package, as the channel wrote them. */
  entries(name: string): Promise<[fn: string, entry: unknown][]>;
  close(): void;
}

/** What opening a folder takes. */
export interface Opening {
  http: Http;
  /** Folder of all repodata. */
  cache: string;
  offline: boolean;
}

/** Time after which a channel is asked again for a better format. */
const WEEK = 7 * 24 * 3600_000;
/** Bytes that an index, and that a shard may have as they come. */
const INDEX = 1 << 27, SHARD = 1 << 26;

/** Opens a folder of a channel, from the first of its URLs that works; undefined where none has such a folder. */
export async function openSubdir(
  channel: Channel,
  subdir: string,
  opening: Opening,
): Promise<Subdir | undefined> {
  const failed: unknown[] = [];
  for (const base of channel.bases) {
    try {
      const found = await openAt(`${base}/${subdir}/`, subdir, opening);
      if (found !== undefined) return found;
    } catch (error) {
      failed.push(error);
    }
  }
  if (failed.length > 0) throw failed[0];
  return undefined;
}

async function openAt(url: string, subdir: string, opening: Opening): Promise<Subdir | undefined> {
  const site: Site = {
    url,
    subdir,
    folder: join(opening.cache, folderOf(url)),
    local: url.startsWith("file:"),
    ...opening,
  };
  const state = readState(site.folder);
  const kept = state && attempt(() => load(state, site));
  if (kept !== undefined && !site.local && (site.offline || isFresh(state!))) return kept;
  if (site.offline && !site.local) {
    throw new Problem(`No repodata of ${shown(url)} in the cache, and offline`, ONCE, EXIT.offline);
  }
  const recent = kept !== undefined && !site.local && Date.now() - state!.tried < WEEK;
  for (const format of recent ? [state!.format, ...FORMATS] : FORMATS) {
    const known = kept && state!.format === format ? state : undefined;
    const found = await ask(format, known, site);
    if (found === undefined) continue;
    const opened = found.subdir ?? kept;
    if (opened !== kept) kept?.close();
    writeState(site.folder, { ...found.state, tried: recent ? state!.tried : Date.now() }, state);
    return opened;
  }
  kept?.close();
  return undefined;
}

interface Site extends Opening {
  url: string;
  subdir: string;
  folder: string;
  local: boolean;
}

/** What a channel's answer comes to: nothing new where `subdir` is missing. */
interface Found {
  state: Omit<State, "tried">;
  subdir?: Subdir;
}

/** Asks for one format and stores what comes; undefined where the channel has none of it. */
async function ask(format: Format, known: State | undefined, site: Site): Promise<Found | undefined> {
  const whole = format !== "repodata_shards.msgpack.zst";
  const data = `${whole ? "pack" : "index"}-${randomBytes(6).toString("hex")}`;
  const file = join(site.folder, data), raw = `${file}.partial`;
  try {
    const { status, fresh, etag, modified } = await site.http.save(site.url + format, raw, {
      etag: known?.etag,
      modified: known?.modified,
      most: whole ? 2 ** 31 : INDEX,
      optional: format !== "repodata.json",
    });
    const until = Date.now() + fresh * 1000;
    if (status === 304 && known !== undefined) return { state: { ...known, until } };
    if (status !== 200) return undefined;
    if (whole) await cut(raw, file);
    else fs.renameSync(raw, file);
    const state = { format, data, etag, modified, until };
    return { state, subdir: load(state, site) };
  } catch (error) {
    for (const path of [file, `${file}.json`]) attempt(() => fs.rmSync(path, { force: true }));
    throw unreadable(site.url + format, error);
  } finally {
    // What stays goes with what is old.
    attempt(() => fs.rmSync(raw, { force: true }));
  }
}

/** Opens what the state names. Throws where it is not there or damaged. */
function load({ format, data }: Pick<State, "format" | "data">, site: Site): Subdir {
  const file = join(site.folder, data);
  return format === "repodata_shards.msgpack.zst" ? sharded(file, site) : packed(file, site);
}

function packed(file: string, { url, subdir }: Site): Subdir {
  const { base_url, names, entries, close } = openPack(file);
  const base = baseOf(base_url ?? "", url);
  const read = (name: string) => {
    try {
      return Promise.resolve(entries(name));
    } catch (error) {
      const hint = `remove it, and it is read anew: rm -r ${JSON.stringify(dirname(file))}`;
      throw new Problem(`Cannot read ${JSON.stringify(file)}: ${reason(error)}`, hint);
    }
  };
  return { subdir, base, names, close, entries: read };
}

function sharded(file: string, { url, subdir, folder, local, http, offline }: Site): Subdir {
  const { base_url, shards_base_url, names } = readShards(fs.readFileSync(file));
  const base = baseOf(base_url, url), shards = baseOf(shards_base_url, url);
  async function entries(name: string): Promise<[string, unknown][]> {
    const hash = names.get(name);
    if (hash === undefined) return [];
    const kept = join(folder, "shards", hash);
    const held = local ? undefined : attempt(() => readShard(fs.readFileSync(kept), hash));
    if (held !== undefined) return held;
    if (offline && !local) {
      const what = `${JSON.stringify(name)} of ${shown(url)}`;
      throw new Problem(`No repodata of ${what} in the cache, and offline`, ONCE, EXIT.offline);
    }
    const from = `${shards}${hash}.msgpack.zst`;
    const { status, bytes } = await http.read(from, { most: SHARD });
    if (status !== 200) {
      // The index may be older than what the channel has now: it is asked for at the next start.
      forget(folder);
      throw new Problem(`${shown(from)} is not there, though the index names it`, "once more: mambaenv");
    }
    try {
      const found = readShard(bytes, hash);
      if (!local) store(kept, bytes);
      return found;
    } catch (error) {
      throw unreadable(from, error);
    }
  }
  return { subdir, base, names, entries, close: () => undefined };
}

function store(file: string, bytes: Uint8Array): void {
  const temporary = `${file}.${randomBytes(6).toString("hex")}`;
  effect("write", file, () => {
    fs.mkdirSync(dirname(file), { recursive: true });
    fs.writeFileSync(temporary, bytes);
    fs.renameSync(temporary, file);
  });
}

const ONCE = "once with the network: mambaenv";
const STRANGE = "try again later, or name another channel: mambaenv --channel URL";

/** A Problem for what came from a URL and is damaged; one that names it already stays as it is. */
function unreadable(url: string, error: unknown): Problem {
  const told = error instanceof Problem && (error.hint !== "" || error.message.includes(shown(url)));
  if (told) return error;
  return new Problem(`Cannot read ${shown(url)}: ${reason(error)}`, STRANGE);
}
