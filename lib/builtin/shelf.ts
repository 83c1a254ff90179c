// The channels as the solver reads them: one sharded channel each, made of the checked records of the index.
import { encode } from "@msgpack/msgpack";
import { createHash } from "node:crypto";
import * as zlib from "node:zlib";
import { Problem } from "../problem.ts";
import { nameOf } from "./entry.ts";
import { specName } from "./order.ts";
import type { Index } from "./repodata.ts";
import type { Record } from "./record.ts";
import { shown } from "../secret.ts";

/** What the solver's readings are answered with. */
export interface Shelf {
  /** URLs of the channels, as the solver knows them: no secrets, no files, no way out. */
  readonly channels: string[];
  /** A spec without its channel, which the shelf minds instead. Throws Problem where that channel is not open. */
  spec(text: string): string;
  /** The body of what the solver asks for. */
  read(url: string): Promise<Uint8Array>;
  /** Sends what the solver will ask for, while it is still starting; the names of that. Never throws. */
  ahead(
    specs: readonly string[],
    send: (url: string, bytes: Uint8Array) => void,
  ): Promise<ReadonlySet<string>>;
  /** The record that the solver's URL means. */
  record(url: string): Promise<Record>;
  /** A line for each name that is asked for and that several channels have. */
  others(specs: readonly string[]): Promise<string>;
  /** The solver's words with the channels' own names. */
  plain(words: string): string;
}

const FAST = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };

/** Puts an index onto a shelf. */
export function createShelf(index: Index): Shelf {
  /** Names of packages by what stands for their shard. */
  const shards = new Map<string, string>();
  /** Names that come from one channel alone. */
  const pins = new Map<string, number>();
  /** Answers by URL; none that failed. */
  const answers = new Map<string, Promise<Uint8Array>>();
  const subdirs = index.platform === "noarch" ? ["noarch"] : [index.platform, "noarch"];

  function contents(channel: number, subdir: string): Uint8Array {
    const table: { [name: string]: Uint8Array } = {};
    for (const name of index.names(channel, subdir) ?? []) {
      const hash = standing(name);
      shards.set(hash.toString("hex"), name);
      table[name] = hash;
    }
    return packed({ info: { subdir, base_url: "./", shards_base_url: "./shards/" }, shards: table });
  }
  /** Which channel has the records of a name; the solver would mix channels where a spec asks for it. */
  async function provider(name: string): Promise<number | undefined> {
    return pins.get(name) ?? (await index.providers(name))[0];
  }
  async function shard(channel: number, subdir: string, name: string): Promise<Uint8Array> {
    const packages: { [fn: string]: object } = {}, conda: { [fn: string]: object } = {};
    const records = await provider(name) === channel ? await index.folder(channel, subdir, name) : [];
    for (const record of records) {
      (record.fn.endsWith(".conda") ? conda : packages)[record.fn] = slim(record);
    }
    return packed({ packages, "packages.conda": conda, removed: [] });
  }
  async function answer(url: string): Promise<Uint8Array> {
    const { channel, subdir, rest } = parts(url);
    if (rest === INDEX) return contents(channel, subdir);
    const name = shards.get(/^shards\/([0-9a-f]{64})\.msgpack\.zst$/.exec(rest)?.[1] ?? "");
    if (name === undefined) throw new Problem(`The solver asked for ${url}`);
    return await shard(channel, subdir, name);
  }
  function read(url: string): Promise<Uint8Array> {
    const held = answers.get(url);
    if (held) return held;
    const asked = answer(url);
    answers.set(url, asked);
    asked.catch(() => answers.delete(url));
    return asked;
  }
  /** Readies a package's shards, and those of all that any of its records needs, as the solver reads them. */
  async function visit(name: string, seen: Set<string>, show: (url: string) => Promise<void>): Promise<void> {
    if (seen.has(name)) return;
    seen.add(name);
    const channel = await provider(name);
    const needs = new Set<string>();
    for (const subdir of channel === undefined ? [] : subdirs) {
      const records = await index.folder(channel!, subdir, name);
      for (const { depends } of records) for (const depend of depends) needs.add(specName(depend));
      if (records.length === 0) continue;
      await show(`${alias(channel!)}/${subdir}/shards/${standing(name).toString("hex")}.msgpack.zst`);
    }
    await Promise.all([...needs].map((need) => visit(need, seen, show)));
  }
  return {
    channels: index.channels.map((_, channel) => alias(channel)),
    spec(text) {
      const { word, rest } = parted(text);
      if (CHANNELED.test(rest)) {
        throw new Problem(
          `Cannot read a requirement: ${JSON.stringify(shown(text))}`,
          "conda's form is: CHANNEL::NAME >=1.2",
        );
      }
      if (word === undefined) return text;
      const channel = index.number(word);
      if (channel < 0) {
        const hint = `mambaenv --channel ${shown(word)}`;
        throw new Problem(
          `${JSON.stringify(rest)} is wanted from the channel ${shown(word)}, which is not open`,
          hint,
        );
      }
      pins.set(specName(rest), channel);
      return rest;
    },
    read,
    async ahead(specs, send) {
      const show = async (url: string) => send(url, await read(url));
      const indices = index.channels.flatMap((_, channel) =>
        subdirs.map((subdir) => show(`${alias(channel)}/${subdir}/${INDEX}`))
      );
      // What cannot be read is told where the solver asks for it.
      await Promise.allSettled(indices);
      const seen = new Set<string>();
      await Promise.allSettled(specs.map((spec) => visit(specName(spec), seen, show)));
      return seen;
    },
    async record(url) {
      const { channel, subdir, rest } = parts(url);
      const fn = decodeURIComponent(rest);
      const records = await index.folder(channel, subdir, nameOf(fn) ?? "");
      const found = records.find((record) => record.fn === fn);
      if (found === undefined) throw new Problem(`The solver chose ${url}, which no channel has`);
      return found;
    },
    async others(specs) {
      const lines: string[] = [];
      for (const name of new Set(specs.map((spec) => specName(parted(spec).rest)))) {
        const [first, ...more] = (await index.providers(name)).map((channel) => index.channels[channel]!.url);
        if (more.length === 0 || pins.has(name)) continue;
        lines.push(`\n${name} comes from ${first} alone, the first that has it; not from ${more.join(", ")}`);
      }
      return lines.join("");
    },
    plain: (words) =>
      words.replace(/https:\/\/c(\d+)\.invalid\/?/g, (all, i) => index.channels[Number(i)]?.url ?? all),
  };
}

/** Whether a spec names a channel, on which the solver panics. */
const CHANNELED = /::|\bchannel\s*=/i;

/** The channel of `CHANNEL::NAME` or `NAME[channel=CHANNEL]`, and the spec without. */
function parted(text: string): { word?: string; rest: string } {
  if (!CHANNELED.test(text)) return { rest: text };
  const [, before, after] = /^\s*([^\s[]+?)::(.*)$/s.exec(text) ?? [];
  if (before !== undefined) return { word: before, rest: after! };
  const inside = /(?<=[[,]\s*)channel\s*=\s*(?:"([^"]*)"|'([^']*)'|([^,\]\s]+))\s*,?/.exec(text);
  if (inside === null) return { rest: text };
  const rest = text.replace(inside[0], "").replace(/,\s*]/, "]").replace(/\[\s*]/, "");
  return { word: inside[1] ?? inside[2] ?? inside[3], rest };
}

/** A dependency as the solver can read it; one that names a channel in some other way makes its package unusable. */
function plainly(depend: string): string {
  const { rest } = parted(depend);
  return CHANNELED.test(rest) ? "[" : rest;
}

const INDEX = "repodata_shards.msgpack.zst";

/** What stands for the hash of a name's shard. */
function standing(name: string): Buffer {
  return createHash("sha256").update(name).digest();
}

function alias(channel: number): string {
  return `https://c${channel}.invalid`;
}

/** Channel, folder and file of a URL that the solver made from an alias. */
function parts(url: string): { channel: number; subdir: string; rest: string } {
  const [, channel, subdir, rest] = /^https:\/\/c(\d+)\.invalid\/([^/]+)\/(.+)$/.exec(url) ?? [];
  if (channel === undefined) throw new Problem(`The solver named ${JSON.stringify(url)}`);
  return { channel: Number(channel), subdir: subdir!, rest: rest! };
}

/** What the solver needs of a record, in the form of a shard; odd extras could only make it fail. */
function slim(record: Record): object {
  const { name, version, build, build_number, subdir, depends, constrains = [] } = record;
  const { noarch, track_features, features, timestamp, size } = record;
  return {
    name,
    version,
    build,
    build_number,
    subdir,
    depends: depends.map(plainly),
    constrains: constrains.map(plainly),
    ...(noarch && { noarch }),
    ...(track_features && { track_features }),
    ...(features && { features }),
    ...(timestamp && { timestamp }),
    ...(size && { size }),
  };
}

function packed(value: object): Uint8Array {
  return zlib.zstdCompressSync(encode(value), FAST);
}
