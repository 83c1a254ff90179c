// Several sources made into one Condarc by conda's rules (conda/common/configuration.py). Pure.
import type { Condarc } from "../condarc.ts";
import { resolve, tilde } from "../project.ts";
import type { Env } from "../world.ts";
import type { Flag, Node } from "./outline.ts";

/** The names a key may have; of two that are set, the first wins. In variables, `CONDA_` and capitals. */
export const NAMES = {
  changeps1: ["changeps1"],
  env_prompt: ["env_prompt"],
  envs_dirs: ["envs_path", "envs_dirs"],
  pkgs_dirs: ["pkgs_dirs"],
  channels: ["channels", "channel"],
  channel_alias: ["channel_alias"],
  custom_channels: ["custom_channels"],
  mirrored_channels: ["mirrored_channels"],
  ssl_verify: ["ssl_verify", "verify_ssl"],
  proxy_servers: ["proxy_servers"],
  auto_stack: ["auto_stack"],
} as const;
export type Key = keyof typeof NAMES;

/** What one file says, or the environment. */
export interface Source {
  /** A file's path, or how a name looks in a sentence: `CONDA_ENVS_PATH`. */
  from: (name: string) => string;
  nodes: ReadonlyMap<string, Node>;
}

interface Place {
  env: Env;
  cwd: string;
}

/** What is so where nobody says anything: the usual case, which the warm path need not pay for. */
function nothing(): Condarc {
  const lists = { envs_dirs: [], pkgs_dirs: [], channels: [], warnings: [], unread: [] };
  return { ...lists, custom_channels: {}, mirrored_channels: {}, proxy_servers: {} };
}

function silent(sources: readonly Source[]): boolean {
  for (const { nodes } of sources) if (nodes.size > 0) return false;
  return true;
}

/** Merges sources, the least important first. */
export function merge(sources: readonly Source[], place: Place): Condarc {
  const warnings: string[] = [];
  if (silent(sources)) return nothing();
  const all = (key: Key) => sources.flatMap((source) => pick(source, key, warnings));
  const one = <T>(key: Key, read: (text: string) => T | undefined): T | undefined => {
    const said = all(key);
    const { node, where } = said.find(({ node }) => node.flag === "final") ?? said.at(-1) ?? {};
    if (typeof node?.value !== "string") return undefined;
    const value = read(node.value);
    if (value === undefined) warnings.push(`${where} says ${JSON.stringify(node.value)}, which is ignored`);
    return value;
  };
  const fill = (text: string) => expand(text, place.env);
  const texts = (key: Key) => list(all(key).map(({ node }) => node)).map(fill);
  const folders = (
    key: Key,
  ) => [...new Set(texts(key).flatMap((text) => folder(text, place, key, warnings)))];
  const map = (key: Key) => entries(all(key).map(({ node }) => node));
  const plain = (key: Key) =>
    map(key).flatMap(([name, nodes]) => {
      const { value } = decisive(nodes);
      return typeof value === "string" ? [[name, fill(value)] as const] : [];
    });
  return {
    changeps1: one("changeps1", truth),
    env_prompt: one("env_prompt", (text) => text),
    envs_dirs: folders("envs_dirs"),
    pkgs_dirs: folders("pkgs_dirs"),
    channels: texts("channels"),
    channel_alias: one("channel_alias", fill),
    custom_channels: Object.fromEntries(plain("custom_channels")),
    mirrored_channels: Object.fromEntries(
      map("mirrored_channels").map(([name, nodes]) => [name, list(nodes).map(fill)]),
    ),
    ssl_verify: one("ssl_verify", (text) => truth(fill(text)) ?? fill(text)),
    proxy_servers: Object.fromEntries(plain("proxy_servers")),
    auto_stack: one("auto_stack", count),
    warnings,
    unread: [],
  };
}

const FORMS: { [key in Key]?: "list" | "map" } = {
  envs_dirs: "list",
  pkgs_dirs: "list",
  channels: "list",
  custom_channels: "map",
  mirrored_channels: "map",
  proxy_servers: "map",
};

/** What a source says of a key, if it has the right form. */
function pick(source: Source, key: Key, warnings: string[]): { node: Node; where: string }[] {
  const [name, other] = NAMES[key].filter((name) => source.nodes.has(name));
  if (name === undefined) return [];
  const where = source.from(name);
  if (other !== undefined) {
    warnings.push(`${where} is used, ${source.from(other)} says the same and is ignored`);
  }
  const node = source.nodes.get(name)!;
  // Nothing written means no, which is less than to say nothing; elsewhere it would switch off checks.
  if (node.value === null) return key === "changeps1" ? [{ node: { ...node, value: "no" }, where }] : [];
  const form = Array.isArray(node.value) ? "list" : node.value instanceof Map ? "map" : undefined;
  if (form === FORMS[key]) return [{ node, where }];
  warnings.push(`${where} is ignored: it should be a ${FORMS[key] ?? "single value"}`);
  return [];
}

/** Up to the first that is final: nothing after it counts. */
function counting(nodes: readonly Node[]): readonly Node[] {
  const last = nodes.findIndex(({ flag }) => flag === "final");
  return last < 0 ? nodes : nodes.slice(0, last + 1);
}

function decisive(nodes: readonly Node[]): Node {
  return counting(nodes).at(-1) ?? { value: null };
}

/** Lists: the most important source first, what is marked `#!top` before all, `#!bottom` after all. */
function list(nodes: readonly Node[]): string[] {
  const lists = counting(nodes).map(({ value }) => Array.isArray(value) ? value : []);
  const marked = (from: readonly Node[][], flag: Flag) => from.flat().filter((item) => item.flag === flag);
  const reversed = lists.toReversed();
  const bottom = [...new Set(texts(marked(reversed, "bottom")).toReversed())].toReversed();
  const rest = texts([...marked(lists, "top"), ...reversed.flat()]).filter((text) => !bottom.includes(text));
  return [...new Set([...rest, ...bottom])];
}

function texts(nodes: readonly Node[]): string[] {
  return nodes.flatMap(({ value }) => typeof value === "string" ? [value] : []);
}

/** Maps: for each name what every source says of it. */
function entries(nodes: readonly Node[]): [string, Node[]][] {
  const all = new Map<string, Node[]>();
  for (const { value } of counting(nodes)) {
    if (!(value instanceof Map)) continue;
    for (const [name, node] of value) all.set(name, [...all.get(name) ?? [], node]);
  }
  return [...all];
}

function truth(text: string): boolean | undefined {
  if (/^\s*(true|yes|on|y|[0-9]*[1-9][0-9]*)\s*$/i.test(text)) return true;
  return /^\s*(false|no|off|n|non|none|0+)?\s*$/i.test(text) ? false : undefined;
}

function count(text: string): number | undefined {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  const sure = text === "" ? undefined : truth(text);
  return sure === undefined ? undefined : Number(sure);
}

/** `$NAME` and `${NAME}`; what is not set stays as it is. */
function expand(text: string, env: Env): string {
  return text.replace(
    /\$(?:(\w+)|\{([^}]*)\})/g,
    (all, name?: string, braced?: string) => env[name ?? braced ?? ""] ?? all,
  );
}

function folder(text: string, { env, cwd }: Place, key: Key, warnings: string[]): string[] {
  const path = tilde(text, env["HOME"]);
  if (!path.startsWith("~")) return [resolve(cwd, path)];
  warnings.push(`${key} names ${JSON.stringify(text)}, which is ignored: write the whole path`);
  return [];
}
