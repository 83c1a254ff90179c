// What an engine is asked for, and how it tells of its progress.
import type { Record } from "../builtin/record.ts";
import type { Index } from "../builtin/repodata.ts";
import { Problem } from "../problem.ts";
import type { World } from "../world.ts";

/** A new prefix to be filled: `prefix` is the final path, an empty or missing folder. */
export interface Order {
  /** Absolute path; what is linked there names this path. */
  prefix: string;
  /** conda MatchSpecs, such as `python 3.11.*`, `numpy >=1.26,<2`. */
  specs: readonly string[];
  /** Channel URLs in order of priority, without a subdir. */
  channels: readonly string[];
  /** conda subdir of the machine, such as `linux-64`. */
  platform: string;
  /** Package caches, conda's layout; the first that is writable gets new packages. */
  caches: readonly string[];
  offline: boolean;
  /** Whether only warnings and errors are for the user. */
  quiet?: boolean;
}

/** Fills prefixes. Throws Problem; what it leaves in `prefix` then is the caller's to sweep. */
export interface Engine {
  readonly name: string;
  /** Called when an order is coming, so that what takes long can begin; `about` says for what, as far as is known. */
  prepare?(about: string, world: World): void;
  install(order: Order, tools: Tools): Promise<void>;
  /** Fills a prefix with exactly these packages, without a solve. */
  restore(records: readonly Record[], order: Order, tools: Supply): Promise<void>;
}

/** What is asked of packages that were chosen. */
export type Installed = Pick<Record, "name" | "version" | "build" | "depends">;

/** What an engine works with. */
export interface Tools {
  world: World;
  report: Report;
  /** The channels of the order, opened. */
  index: Index;
  /** Packages that are to be chosen where they fit. */
  held?: readonly Record[];
  /** Told of the packages as soon as they are known. Throws Conflict where they are not to be. */
  check?(packages: readonly Installed[]): Promise<void>;
}

/** What is needed to get packages that are known. */
export interface Supply extends Omit<Tools, "index" | "check"> {
  index: Pick<Index, "locate" | "http">;
}

/** One step of the way, for the status line: `done` of `total` in bytes or files, `what` a package or a file. */
export interface Progress {
  stage: "repodata" | "solve" | "download" | "unpack" | "link" | "compile" | "pip" | "flush";
  what?: string;
  done?: number;
  total?: number;
}
export type Report = (progress: Progress) => void;

/** Nothing that can be asked of conda and PyPI satisfies all. */
export class Impossible extends Problem {}

/** The solver found no way; `message` holds its reasons. */
export class Conflict extends Error {
  override name = "Conflict";
}
