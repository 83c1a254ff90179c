// What every source together says of the environment, or the default.
import { EXIT, Problem } from "./problem.ts";
import type { Request } from "./args.ts";
import { batch } from "./plan.ts";
import { basename, type Project, resolve, tilde } from "./project.ts";
import {
  collect,
  first,
  isDate,
  isFlag,
  isMirrors,
  isNames,
  isPolicy,
  isSeveral,
  isText,
  isTexts,
  type Setting,
  type Source,
} from "./sources.ts";
import type { World } from "./world.ts";

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
  const place = (setting: Setting<string> | undefined) =>
    setting && { ...setting, value: resolve(world.cwd, tilde(setting.value, world.env["HOME"])) };
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
    ...await formed(sources),
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

const MODES = ["locked", "frozen"] as const;
const MAKING = ["no-create", "create"] as const;

/** Whether a source has one of two keys. */
function says({ values }: Source, [one, other]: readonly [string, string]): boolean {
  return values[one] !== undefined || values[other] !== undefined;
}

/** The first source that has one of the two decides; a flag counts before the other's variable. */
function lockMode(sources: readonly Source[], origins: Request["origins"]): Settings["lock"] {
  for (const source of sources) {
    if (!says(source, MODES)) continue;
    const on = MODES.filter((mode) => first([source], mode, isFlag)?.value === true);
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
    if (!says(source, MAKING)) continue;
    const said = MAKING.flatMap((key) => {
      const value = first([source], key, isFlag)?.value;
      return value === undefined ? [] : [{ key, may: value === (key === "create") }];
    });
    const named = said.find(({ key }) => source.from(key) === `--${key}` && origins[key] === `--${key}`);
    return (named ?? said[0]!).may;
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
async function formed(sources: readonly Source[]): Promise<Pick<Settings, "cuda" | "glibc" | "newer">> {
  const cuda = first(sources, "cuda", isText), glibc = first(sources, "glibc", isText);
  const newer = first(sources, "exclude-newer", isDate);
  if (!cuda && !glibc && !newer) return { cuda, glibc, newer };
  const { formed } = await import("./requirement/formed.ts");
  return {
    cuda: cuda && formed("cuda", cuda),
    glibc: glibc && formed("glibc", glibc),
    newer: newer && formed("exclude-newer", newer),
  };
}
