// What is kept on disk of a channel folder's repodata, and until when it is good.
import * as fs from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { effect } from "../system.ts";
import { shown } from "../secret.ts";

/** The kinds of repodata, the best first. */
export const FORMATS = [
  "repodata_shards.msgpack.zst",
  "repodata.json.zst",
  "repodata.json.bz2",
  "repodata.json",
] as const;
export type Format = typeof FORMATS[number];

/** What is known of a folder's repodata on disk. */
export interface State {
  format: Format;
  /** File with the index or the pack, beside this one. */
  data: string;
  etag?: string;
  modified?: string;
  /** Milliseconds since 1970: until when nobody need ask again, when all formats were tried. */
  until: number;
  tried: number;
}

/** Readable by eye, unique by hash: mirrors of one channel are told apart, secrets are not readable. */
export function folderOf(url: string): string {
  const plain = shown(url).replace(/^[a-z]+:\/+/, "").replace(/[^A-Za-z0-9.-]+/g, "_").slice(-60);
  return `${plain}-${createHash("sha256").update(url).digest("hex").slice(0, 12)}`;
}

/** The state in a folder; undefined where there is none, or it is damaged. */
export function readState(folder: string): State | undefined {
  return attempt(() => {
    const state = JSON.parse(fs.readFileSync(join(folder, "state.json"), "utf8")) as State;
    return FORMATS.includes(state.format) && /^(index|pack)-[a-z0-9-]+$/.test(state.data) ? state : undefined;
  });
}

/** Writes the state in one rename, then removes what no state names: others may be reading the last one. */
export function writeState(folder: string, state: State, last?: State): void {
  const temporary = join(folder, `state.${state.data}.tmp`);
  effect("write", temporary, () => {
    fs.writeFileSync(temporary, JSON.stringify(state));
    fs.renameSync(temporary, join(folder, "state.json"));
  });
  for (const name of fs.readdirSync(folder)) {
    const held = [state.data, last?.data].some((data) => data !== undefined && name.startsWith(data));
    if (/^(index|pack|state\.(index|pack))-/.test(name) && !held) removeOld(join(folder, name), HOUR);
  }
  const shards = join(folder, "shards");
  for (const name of attempt(() => fs.readdirSync(shards)) ?? []) removeOld(join(shards, name), 30 * DAY);
}

/** Has the next start ask the channel, however long its last answer was to be good. */
export function forget(folder: string): void {
  fs.rmSync(join(folder, "state.json"), { force: true });
}

const HOUR = 3600_000, DAY = 24 * HOUR;

/** Removes what nobody can be writing or reading any more. */
function removeOld(path: string, age: number): void {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && Date.now() - stat.mtimeMs > age) fs.rmSync(path, { force: true });
}

/** Whether a state is good without asking; a server's mistake or a wrong clock does not hold for longer than a day. */
export function isFresh({ until }: State): boolean {
  const left = until - Date.now();
  return left > 0 && left <= DAY;
}

/** What `act` returns; undefined where what is on disk is missing or damaged, which a new reading mends. */
export function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
