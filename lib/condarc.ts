// What conda's own configuration files and variables say of what concerns us, merged as conda does.
// The search path is conda/base/constants.py, the merging conda/common/configuration.py.
import { type Key, merge, NAMES, type Source } from "./condarc/merge.ts";
import { type Node, outline } from "./condarc/outline.ts";
import { resolve, tilde } from "./project.ts";
import type { Env, World } from "./world.ts";

/** The keys of `.condarc` that the program honours, merged by conda's search order. */
export interface Condarc {
  changeps1?: boolean;
  env_prompt?: string;
  /** Absolute paths; what conda adds by itself (`ROOT/envs`, `~/.conda/envs`) is not among them. */
  envs_dirs: string[];
  /** Absolute paths; what conda adds by itself is not among them. */
  pkgs_dirs: string[];
  channels: string[];
  channel_alias?: string;
  custom_channels: { [name: string]: string };
  mirrored_channels: { [name: string]: string[] };
  ssl_verify?: boolean | string;
  proxy_servers: { [scheme: string]: string };
  auto_stack?: number;
  /** Values that cannot be used, each a sentence; they count as absent. */
  warnings: string[];
  /** Files that say more than the quick reader understands, and were left out: `loadCondarc` reads them. */
  unread: string[];
}

/** Reads what the quick reader can; on the warm path, and complete unless `unread` says otherwise. */
export function readCondarc(world: World, root?: string): Condarc {
  const unread: string[] = [];
  const sources: Source[] = [];
  for (const [file, text] of files(world, root)) {
    const nodes = outline(text, keys());
    if (nodes === undefined) unread.push(file);
    else sources.push(source(file, nodes));
  }
  return { ...merge([...sources, variables(world.env)], world), unread };
}

/** Reads everything; `mirrors` are our own settings', which count first. Throws Problem where a file is no YAML. */
export async function loadCondarc(
  world: World,
  root?: string,
  mirrors: Readonly<Record<string, string | readonly string[]>> = {},
): Promise<Condarc> {
  const sources: Source[] = [];
  for (const [file, text] of files(world, root)) {
    const nodes = outline(text, keys()) ?? (await import("./condarc/yaml.ts")).parse(file, text);
    sources.push(source(file, nodes));
  }
  const merged = merge([...sources, variables(world.env)], world);
  for (const [name, urls] of Object.entries(mirrors)) merged.mirrored_channels[name] = [urls].flat();
  return merged;
}

function keys(): ReadonlySet<string> {
  return new Set(([] as string[]).concat(...Object.values(NAMES)));
}

function source(file: string, nodes: Map<string, Node>): Source {
  return { from: (name) => `${name} in ${JSON.stringify(file)}`, nodes };
}

/** The files of conda's search path that are there, the least important first, with their texts. */
function files(world: World, root: string | undefined): Map<string, string> {
  const { HOME: home, XDG_CONFIG_HOME: config, CONDA_PREFIX: prefix, CONDARC: extra } = world.env;
  const found = new Map<string, string>();
  const read = (file: string) => {
    const text = found.has(file) ? undefined : world.read(file);
    if (text !== undefined) found.set(file, text);
  };
  const folder = (dir: string) => {
    for (const name of world.list(dir) ?? []) if (/.\.ya?ml$/.test(name)) read(`${dir}/${name}`);
  };
  // One question where, as a rule, there is nothing.
  const rare = (dir: string) => {
    const names = world.list(dir);
    if (names === undefined) return;
    for (const name of FILES) if (names.includes(name)) read(`${dir}/${name}`);
    if (names.includes("condarc.d")) folder(`${dir}/condarc.d`);
  };
  // In a root there is always something, and listing it costs more than three questions.
  const full = (dir: string | undefined) => {
    if (!dir?.startsWith("/")) return;
    for (const name of FILES) read(`${dir}/${name}`);
    folder(`${dir}/condarc.d`);
  };
  rare("/etc/conda");
  rare("/var/lib/conda");
  full(root);
  if (config?.startsWith("/")) rare(`${config}/conda`);
  if (home?.startsWith("/") && config !== `${home}/.config`) rare(`${home}/.config/conda`);
  if (home) rare(`${home}/.conda`);
  if (home) read(`${home}/.condarc`);
  if (prefix !== root) full(prefix);
  if (!extra) return found;
  const path = resolve(world.cwd, tilde(extra, home));
  const kind = world.stat(path)?.kind;
  if (kind === "dir") folder(path);
  else if (kind === "file" && /\/\.?condarc$|\.ya?ml$/.test(path)) read(path);
  return found;
}
const FILES = [".condarc", "condarc"];

/** Variables of conda that hold one of the keys; they count as one last file. */
function variables(env: Env): Source {
  const nodes = new Map<string, Node>();
  for (const [key, names] of Object.entries(NAMES)) {
    for (const name of names) {
      const value = env[`CONDA_${name.toUpperCase()}`];
      if (value !== undefined) nodes.set(name, listed(key as Key, value));
    }
  }
  return { from: (name) => `CONDA_${name.toUpperCase()}`, nodes };
}

const LISTS: { [key in Key]?: string } = { envs_dirs: ":", pkgs_dirs: ",", channels: "," };
function listed(key: Key, text: string): Node {
  const mark = LISTS[key];
  if (mark === undefined) return { value: text.split("!important")[0]!.trim() };
  return {
    value: text.split(mark).map((part) => ({ value: part.trim() })).filter(({ value }) => value !== ""),
  };
}
