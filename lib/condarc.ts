// What conda's own configuration files and variables say of what concerns us, merged as conda does.
// The search path is conda/base/constants.py, the merging conda/common/configuration.py.
import { type Key, merge, NAMES, type Source } from "./condarc/merge.ts";
import { type Node, outline } from "./condarc/outline.ts";
import { resolve } from "./project.ts";
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

const KEYS: ReadonlySet<string> = new Set(Object.values(NAMES).flat());

/** Reads what the quick reader can; on the warm path, and complete unless `unread` says otherwise. */
export function readCondarc(world: World, root?: string): Condarc {
  const unread: string[] = [];
  const sources: Source[] = [];
  for (const { file, text } of files(world, root)) {
    const nodes = outline(text, KEYS);
    if (nodes === undefined) unread.push(file);
    else sources.push(source(file, nodes));
  }
  return { ...merge([...sources, variables(world.env)], world), unread };
}

/** Reads everything. Throws Problem with file and line where a file is no YAML. */
export async function loadCondarc(world: World, root?: string): Promise<Condarc> {
  const sources: Source[] = [];
  for (const { file, text } of files(world, root)) {
    const nodes = outline(text, KEYS) ?? (await import("./condarc/yaml.ts")).parse(file, text);
    sources.push(source(file, nodes));
  }
  return merge([...sources, variables(world.env)], world);
}

function source(file: string, nodes: Map<string, Node>): Source {
  return { from: (name) => `${name} in ${JSON.stringify(file)}`, nodes };
}

/** conda's search path, the least important first. */
function* files(world: World, root: string | undefined): Generator<{ file: string; text: string }> {
  const { HOME: home, XDG_CONFIG_HOME: config, CONDA_PREFIX: prefix, CONDARC: extra } = world.env;
  const seen = new Set<string>();
  const read = function* (file: string) {
    const text = seen.has(file) ? undefined : world.read(file);
    seen.add(file);
    if (text !== undefined) yield { file, text };
  };
  const folder = function* (dir: string) {
    const names = world.list(dir)?.filter((name) => /.\.ya?ml$/.test(name)) ?? [];
    for (const name of names) yield* read(`${dir}/${name}`);
  };
  // One question where, as a rule, there is nothing.
  const rare = function* (dir: string) {
    const names = world.list(dir) ?? [];
    for (const name of [".condarc", "condarc"]) if (names.includes(name)) yield* read(`${dir}/${name}`);
    if (names.includes("condarc.d")) yield* folder(`${dir}/condarc.d`);
  };
  // In a root there is always something, and listing it costs more than three questions.
  const full = function* (dir: string | undefined) {
    if (!dir?.startsWith("/")) return;
    for (const name of [".condarc", "condarc"]) yield* read(`${dir}/${name}`);
    yield* folder(`${dir}/condarc.d`);
  };
  for (const dir of ["/etc/conda", "/var/lib/conda"]) yield* rare(dir);
  yield* full(root);
  const homes = [config, home && `${home}/.config`].filter((dir) => dir?.startsWith("/"));
  for (const dir of new Set(homes)) yield* rare(`${dir}/conda`);
  if (home) yield* rare(`${home}/.conda`);
  if (home) yield* read(`${home}/.condarc`);
  if (prefix !== root) yield* full(prefix);
  if (!extra) return;
  const path = resolve(world.cwd, extra.replace(/^~(?=\/|$)/, home ?? "~"));
  const kind = world.stat(path)?.kind;
  if (kind === "dir") yield* folder(path);
  else if (kind === "file" && /\/\.?condarc$|\.ya?ml$/.test(path)) yield* read(path);
}

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
