// Where each value comes from: flag, variable, pyproject.toml, project files, config files, old variables, default.
import { EXIT, Problem } from "./problem.ts";
import type { Request } from "./args.ts";
import { batch } from "./plan.ts";
import { basename, declared, type Project, resolve } from "./project.ts";
import type { World } from "./world.ts";

/** A value and who said it. */
export interface Setting<T> {
  value: T;
  from: string;
}

/** The values that decide which environment it is, and what is asked of it. */
export interface Settings {
  name: Setting<string> | undefined;
  prefix: Setting<string> | undefined;
  python: Setting<string> | undefined;
  channels: Setting<readonly string[]> | undefined;
  /** URLs that serve a channel instead, by its name. */
  mirrors?: Setting<Readonly<Record<string, string | readonly string[]>>>;
  /** Of pyproject.toml. */
  extras: Setting<readonly string[]> | undefined;
  groups: Setting<readonly string[]> | undefined;
  /** What conda calls projects of PyPI, by their names; false for what is PyPI's alone. */
  names?: Setting<Readonly<Record<string, string | false>>>;
  /** Versions of virtual packages on the machine that the environment is for, where it is another. */
  cuda: Setting<string> | undefined;
  glibc: Setting<string> | undefined;
  /** The last day, or a moment, up to which things were published that count. */
  newer: Setting<string> | undefined;
  engine: Setting<string>;
  hook: Setting<string>;
  /** What becomes of PYTHONPATH. */
  pythonpath: Setting<"prepend" | "replace" | "off">;
  /** Whether packages of `~/.local` may be imported. */
  userSite: boolean;
  root: Setting<string> | undefined;
  offline: boolean;
  /** Whether an environment may be made: yes, but in a batch job only where somebody says so. */
  create: boolean;
  /** Whether the copy on this node's disk is entered, and where it may be. */
  staged: boolean;
  to: Setting<readonly string[]> | undefined;
  /** The batch job, and the variable that tells. */
  job: Setting<string> | undefined;
  sync: boolean;
  /** Whether the last good environment is kept where a change fails. */
  fallback: boolean;
  /** Whether a change is made by another process, while the last good environment is entered. */
  background: boolean;
  /** Whether the lock file has to fit, or is taken as it is. */
  lock: "locked" | "frozen" | undefined;
}

/** A place where values may stand; `from` names it, for one key. */
export interface Source {
  from: (key: string) => string;
  values: Readonly<Record<string, unknown>>;
}

/** Reads every source in order of priority; the first that says decides. Throws Problem with exit 2. */
export async function readSettings(
  request: Request,
  project: Project | undefined,
  world: World,
): Promise<Settings> {
  const sources = await collect(request, project, world);
  const job = batch(world.env);
  const text = (key: string) => first(sources, key, isText);
  const flag = (key: string) => first(sources, key, isFlag)?.value === true;
  const tilde = (path: string) => path.replace(/^~(?=\/|$)/, world.env["HOME"] ?? "~");
  const place = (setting: Setting<string> | undefined) =>
    setting && { ...setting, value: resolve(world.cwd, tilde(setting.value)) };
  const folder = project && { value: basename(project.root), from: "the project's folder" };
  return {
    name: checked(text("name") ?? folder),
    prefix: place(text("prefix")),
    python: text("python"),
    channels: first(sources, "channels", isTexts),
    mirrors: first(sources, "mirrors", isMirrors),
    extras: first(sources, "extras", isTexts),
    groups: first(sources, "groups", isTexts),
    names: first(sources, "names", isNames),
    cuda: await formed("cuda", text("cuda")),
    glibc: await formed("glibc", text("glibc")),
    newer: await formed("exclude-newer", first(sources, "exclude-newer", isDate)),
    engine: text("engine") ?? { value: "auto", from: "default" },
    hook: text("hook") ?? { value: "fast", from: "default" },
    pythonpath: first(sources, "pythonpath", isPolicy) ?? { value: "prepend", from: "default" },
    userSite: flag("user-site"),
    root: place(text("root")),
    offline: flag("offline") ||
      Boolean(world.env["CONDA_OFFLINE"]) && /^(1|true|yes|on)$/i.test(world.env["CONDA_OFFLINE"]!),
    create: making(sources, request.origins) ?? job === undefined,
    staged: flag("staged"),
    to: first(sources, "to", isSeveral),
    job,
    sync: !flag("no-sync"),
    fallback: !flag("no-fallback"),
    background: flag("background"),
    lock: lockMode(sources, request.origins),
  };
}

/** The first source that has one of the two decides; a flag counts before the other's variable. */
function lockMode(sources: readonly Source[], origins: Request["origins"]): Settings["lock"] {
  const modes = ["locked", "frozen"] as const;
  for (const source of sources) {
    const on = modes.filter((mode) => first([source], mode, isFlag)?.value === true);
    const named = on.filter((mode) => source.from(mode) === origins[mode] && origins[mode]?.startsWith("--"));
    const [mode, other] = named.length > 0 ? named : on;
    if (other) {
      throw new Problem(
        `${source.from("locked")} and ${source.from("frozen")} exclude each other`,
        "",
        EXIT.usage,
      );
    }
    if (mode) return mode;
  }
  return undefined;
}

/** Whether the first source that says allows an environment to be made; there, a flag counts before a variable. */
function making(sources: readonly Source[], origins: Request["origins"]): boolean | undefined {
  for (const source of sources) {
    const said = (["no-create", "create"] as const).flatMap((key) => {
      const value = first([source], key, isFlag)?.value;
      return value === undefined ? [] : [{ key, may: value === (key === "create") }];
    });
    const named = said.find(({ key }) => source.from(key) === `--${key}` && origins[key] === `--${key}`);
    if (said.length > 0) return (named ?? said[0]!).may;
  }
  return undefined;
}

async function collect(request: Request, project: Project | undefined, world: World): Promise<Source[]> {
  const { env } = world;
  const home = env["XDG_CONFIG_HOME"] || (env["HOME"] && `${env["HOME"]}/.config`);
  const { channel: channels, extra: extras, group: groups, ...flags } = request.flags;
  const single: Record<string, string> = { channels: "channel", extras: "extra", groups: "group" };
  const old: Record<string, string> = { python: "PYTHON_VERSION", name: "ENV_NAME" };
  const legacy = { python: env["PYTHON_VERSION"] || undefined, name: env["ENV_NAME"] || undefined };
  const all = [
    {
      from: (key: string) => request.origins[single[key] ?? key] ?? key,
      values: { ...flags, channels, extras, groups },
    },
    ...project ? await declared(project, world) : [],
    ...home ? [await config(`${home}/mambaenv/config.toml`, world)] : [],
    await config("/etc/mambaenv/config.toml", world),
    { from: (key: string) => old[key] ?? key, values: legacy },
  ];
  // Most say nothing, and are asked a dozen times.
  return all.filter(({ values }) => Object.values(values).filter((value) => value !== undefined).length > 0);
}

const isText = (value: unknown) => typeof value === "string" && value !== "" ? value : undefined;
const isDate = (value: unknown) => value instanceof Date ? value.toISOString() : isText(value);
const isFlag = (value: unknown) => typeof value === "boolean" ? value : undefined;
const isPolicy = (value: unknown) =>
  (["prepend", "replace", "off"] as const).find((known) => known === value);
const isTable = <T>(fits: (item: unknown) => boolean) => (value: unknown) =>
  typeof value === "object" && value !== null && Object.values(value).every(fits)
    ? value as Readonly<Record<string, T>>
    : undefined;
const CONDA = /^[a-z0-9_][a-z0-9_.-]*$/;
const isNames = isTable<string | false>((name) => name === false || CONDA.test(isText(name) ?? ""));
const isTexts = (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")
    ? value as readonly string[]
    : undefined;

const isSeveral = (value: unknown) => typeof value === "string" ? isTexts([value]) : isTexts(value);
const isMirrors = isTable<string | readonly string[]>((item) => isSeveral(item) !== undefined);

function first<T>(
  sources: readonly Source[],
  key: string,
  read: (value: unknown) => T | undefined,
): Setting<T> | undefined {
  for (const { from, values } of sources) {
    if (values[key] === undefined) continue;
    const value = read(values[key]);
    if (value !== undefined) return { value, from: from(key) };
    throw new Problem(`Cannot use ${key} = ${JSON.stringify(values[key])} in ${from(key)}`, "", EXIT.usage);
  }
  return undefined;
}

/** A name is one folder below `envs`, that no shell, prompt or link can be surprised by. */
function checked(name: Setting<string> | undefined): Setting<string> | undefined {
  if (name === undefined) return name;
  const { value } = name;
  let odd = value.startsWith(".");
  for (const letter of value) odd ||= letter < " " || letter === "\x7f" || letter === "/" || letter === ":";
  if (!odd) return name;
  const shown = JSON.stringify(name.value);
  const hint = "choose another: mambaenv --name NAME";
  throw new Problem(`Cannot name an environment ${shown} (from ${name.from})`, hint, EXIT.usage);
}

/** What has a form of its own is checked by what is loaded only then. */
async function formed(
  key: "cuda" | "glibc" | "exclude-newer",
  setting: Setting<string> | undefined,
): Promise<Setting<string> | undefined> {
  return setting && (await import("./requirement/formed.ts")).formed(key, setting);
}

async function config(path: string, world: World): Promise<Source> {
  const text = world.read(path);
  const values = text === undefined
    ? {}
    : (await import("./requirement/config.ts")).config(path, text, world);
  return { from: () => path, values };
}
