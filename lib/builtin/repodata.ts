// The index of all channels: which packages there are. Read lazily, a name at a time, and kept on disk.
import { join } from "node:path";
import type { Condarc } from "../condarc.ts";
import type { Report } from "../engines/engine.ts";
import { EXIT, Problem } from "../problem.ts";
import { shown } from "../secret.ts";
import { cacheHome } from "../vars.ts";
import type { World } from "../world.ts";
import { type Channel, channelsOf } from "./channel.ts";
import { nameable, recordOf } from "./entry.ts";
import { createHttp, type Http } from "./http.ts";
import type { Record } from "./record.ts";
import { openSubdir, type Subdir } from "./subdir.ts";
import { SUBDIR } from "./virtual.ts";

/** How channels are opened. */
export interface IndexOptions {
  world: World;
  offline?: boolean;
  condarc?: Partial<Condarc>;
  report?: Report;
  /** Folder of the repodata; `XDG_CACHE_HOME/mambaenv/repodata` by default. */
  cache?: string;
  /** Milliseconds before a failed reading is tried again. */
  pause?: number;
  /** Milliseconds since 1970: what is from then or later, or has no date, is not there; but for pip. */
  before?: number;
}

/** The channels of one solve. */
export interface Index {
  readonly channels: readonly Channel[];
  readonly platform: string;
  /** Folder of all that is kept of channels. */
  readonly cache: string;
  /** Number of the channel that a word means, -1 where it is not open. */
  number(word: string): number;
  /** What reads the channels; downloads take the same way. */
  readonly http: Http;
  /** Names of the packages of a channel's folder; undefined where the channel has no such folder. */
  names(channel: number, subdir: string): Iterable<string> | undefined;
  /** Records of a name in one channel's folder. Throws Problem. */
  folder(channel: number, subdir: string, name: string): Promise<Record[]>;
  /** Numbers of the channels that have records of a name. Throws Problem. */
  providers(name: string): Promise<number[]>;
  /** Records of a name in the first channel that has any, as the solver will see them. Throws Problem. */
  records(name: string): Promise<Record[]>;
  /** URLs of a record's archive, in the order to try, with the secrets of its channel. */
  locate(record: Record): string[];
  /** What was refused of what the channels wrote, a line each. */
  readonly refused: readonly string[];
  close(): void;
}

/** Opens channels, given as names, paths or URLs, for a platform. Throws Problem. */
export async function openChannels(
  words: readonly string[],
  platform: string,
  options: IndexOptions,
): Promise<Index> {
  const { world, condarc, offline = false, pause, report } = options;
  if (!SUBDIR.test(platform)) {
    throw new Problem(`Unknown platform ${JSON.stringify(platform)}`, "", EXIT.usage);
  }
  const channels = channelsOf(words, condarc, world.cwd);
  const http = createHttp({ env: world.env, condarc, offline, pause });
  const opening = { http, cache: options.cache ?? cacheOf(world), offline };
  const subdirs = platform === "noarch" ? ["noarch"] : [platform, "noarch"];
  const opened = await Promise.all(channels.map(async (channel) => {
    report?.({ stage: "repodata", what: channel.url });
    const found = await Promise.all(subdirs.map((subdir) => openSubdir(channel, subdir, opening)));
    if (found.every((subdir) => subdir === undefined)) throw missing(channel, subdirs, offline);
    return found.filter((subdir) => subdir !== undefined);
  }));
  const number = (word: string) => {
    const [wanted] = channelsOf([word], condarc, world.cwd);
    return channels.findIndex(({ url }) => url === wanted?.url);
  };
  const { before = Infinity } = options;
  return createIndex({ channels, platform, http, cache: opening.cache, opened, number, before });
}

function missing({ url }: Channel, subdirs: string[], offline: boolean): Problem {
  return new Problem(
    `No channel at ${url}: neither ${subdirs.join(" nor ")} has repodata there`,
    "check its name or URL: mambaenv --channel conda-forge",
    offline && !url.startsWith("file:") ? EXIT.offline : EXIT.failed,
  );
}

/** The folder of all repodata. Throws Problem where nothing says where that is. */
export function cacheOf({ env }: World): string {
  const cache = cacheHome(env);
  if (!cache) {
    throw new Problem("No folder for the cache: HOME is not set", "XDG_CACHE_HOME=/tmp/cache mambaenv");
  }
  return join(cache, "mambaenv", "repodata");
}

/** conda reads what is no moment before the year 9999 in seconds as milliseconds, and so does this. */
const SECONDS = 253402300799;

/** Whether a record counts; pip is only the tool, and has to be new enough to know of dates itself. */
function isOlder({ name, timestamp = Infinity }: Record, before: number): boolean {
  return name === "pip" || (timestamp > SECONDS ? timestamp : timestamp * 1000) < before;
}

interface Parts extends Pick<Index, "channels" | "platform" | "http" | "cache" | "number"> {
  /** For each channel the folders that it has. */
  opened: Subdir[][];
  before: number;
}

function createIndex({ opened, before, ...told }: Parts): Index {
  const { channels } = told;
  const read = new Map<string, Promise<Record[]>>();
  const refused = new Set<string>();
  const find = (channel: number, subdir: string) => opened[channel]?.find((one) => one.subdir === subdir);

  async function load(channel: number, source: Subdir, name: string): Promise<Record[]> {
    const { subdir } = source;
    const place = { name, subdir, base: `${shown(source.base)}/`, channel: channels[channel]!.url };
    const records: Record[] = [];
    for (const [fn, entry] of await source.entries(name)) {
      const record = recordOf(fn, entry, place);
      if (record === undefined) refused.add(`${place.channel}/${subdir}: ${JSON.stringify(fn.slice(0, 80))}`);
      else if (before === Infinity || isOlder(record, before)) records.push(record);
    }
    return records;
  }
  function folder(channel: number, subdir: string, name: string): Promise<Record[]> {
    const source = find(channel, subdir);
    if (source === undefined || !nameable(name) || !source.names.has(name)) return Promise.resolve([]);
    const key = `${channel}/${subdir}/${name}`;
    const known = read.get(key) ?? load(channel, source, name);
    read.set(key, known);
    return known;
  }
  /** A name's records by channel, where there are any. */
  async function all(name: string): Promise<Map<number, Record[]>> {
    const found = await Promise.all(opened.map(async (sources, channel) => {
      const parts = await Promise.all(sources.map(({ subdir }) => folder(channel, subdir, name)));
      return [channel, parts.flat()] as const;
    }));
    return new Map(found.filter(([, records]) => records.length > 0));
  }
  return {
    ...told,
    folder,
    get refused() {
      return [...refused].sort();
    },
    names: (channel, subdir) => find(channel, subdir)?.names.keys(),
    providers: async (name) => [...(await all(name)).keys()],
    records: async (name) => [...(await all(name)).values()][0] ?? [],
    locate(record) {
      const channel = channels.findIndex(({ url }) => url === record.channel);
      const source = find(channel, record.subdir);
      if (source === undefined) throw new Problem(`No channel ${record.channel} is open for ${record.fn}`);
      const file = record.url.slice(record.url.lastIndexOf("/") + 1);
      const mirrors = channels[channel]!.bases.map((base) => `${base}/${record.subdir}/`);
      // A mirror has the archives only where they are beside the repodata.
      return [...new Set([source.base, ...mirrors.includes(source.base) ? mirrors : []])].map((base) =>
        base + file
      );
    },
    close: () => opened.flat().forEach((source) => source.close()),
  };
}
