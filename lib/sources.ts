// Where values stand: flag, variable, pyproject.toml, project files, config files, old variables; and how one is read.
import { EXIT, Problem } from "./problem.ts";
import type { Request } from "./args.ts";
import type { Project } from "./project.ts";
import type { World } from "./world.ts";

/** A value and who said it. */
export interface Setting<T> {
  value: T;
  from: string;
}

/** A place where values may stand; `from` names it, for one key. */
export interface Source {
  from: (key: string) => string;
  values: Readonly<Record<string, unknown>>;
}

/** The sources that say anything, the most important first. */
export async function collect(
  request: Request,
  project: Project | undefined,
  world: World,
): Promise<Source[]> {
  const { env } = world;
  const home = env["XDG_CONFIG_HOME"] || (env["HOME"] && `${env["HOME"]}/.config`);
  const { channel: channels, extra: extras, group: groups, ...flags } = request.flags;
  const single: Record<string, string> = { channels: "channel", extras: "extra", groups: "group" };
  const old: Record<string, string> = { python: "PYTHON_VERSION", name: "ENV_NAME" };
  const legacy = { python: env["PYTHON_VERSION"] || undefined, name: env["ENV_NAME"] || undefined };
  const all: Source[] = [{
    from: (key: string) => request.origins[single[key] ?? key] ?? key,
    values: { ...flags, channels, extras, groups },
  }];
  if (project) all.push(...await declared(project, world));
  for (const dir of home ? [home, "/etc"] : ["/etc"]) {
    const path = `${dir}/mambaenv/config.toml`;
    const text = world.read(path);
    if (text !== undefined) all.push(await config(path, text, world));
  }
  all.push({ from: (key: string) => old[key] ?? key, values: legacy });
  // Most say nothing, and are asked a dozen times.
  const telling: Source[] = [];
  for (const source of all) if (says(source)) telling.push(source);
  return telling;
}

function says({ values }: Source): boolean {
  for (const key in values) if (values[key] !== undefined) return true;
  return false;
}

async function config(path: string, text: string, world: World): Promise<Source> {
  return { from: () => path, values: (await import("./requirement/config.ts")).config(path, text, world) };
}

/** What the project's own files say of its environment; the first that says decides. */
async function declared(project: Project, world: World): Promise<Source[]> {
  const all: Source[] = [];
  if (project.files.has("pyproject.toml")) all.push(await pyproject(project, world));
  if (project.files.has(".python-version")) all.push(pins(project, world));
  if (project.files.has("environment.yml")) all.push(titled(project, world));
  return all;
}

/** `[tool.mambaenv]`; the parser is loaded only where that table is. */
async function pyproject(project: Project, world: World): Promise<Source> {
  const from = () => "pyproject.toml [tool.mambaenv]";
  const path = `${project.root}/pyproject.toml`;
  const text = world.read(path) ?? "";
  if (!text.includes("mambaenv") || !/tool\s*\.\s*["']?mambaenv/.test(text)) return { from, values: {} };
  const { toml } = await import("./requirement/toml.ts");
  const tool = toml(path, text)["tool"] as Record<string, unknown> | undefined;
  return { from, values: tool?.["mambaenv"] as Record<string, unknown> ?? {} };
}

/** Its word on Python: the first line of `.python-version`. */
function pins(project: Project, world: World): Source {
  const from = () => ".python-version";
  const line = (world.read(`${project.root}/.python-version`) ?? "").split("\n")
    .map((line) => line.replace(/#.*/, "").trim()).find(Boolean);
  return { from, values: { python: line?.replace(/^(c?python)?-?/i, "") } };
}

/** The name that environment.yml gives; its parser is not needed for that line. */
function titled(project: Project, world: World): Source {
  const from = () => "environment.yml";
  const text = world.read(`${project.root}/environment.yml`) ?? "";
  const [, name] = /^name:[ \t]+["']?([^"'#\r\n]*[^"'#\s])/m.exec(text) ?? [];
  return { from, values: { name } };
}

/** A text with something in it. */
export const isText = (value: unknown) => typeof value === "string" && value !== "" ? value : undefined;
/** A date of TOML, or a text. */
export const isDate = (value: unknown) => value instanceof Date ? value.toISOString() : isText(value);
/** Yes or no. */
export const isFlag = (value: unknown) => typeof value === "boolean" ? value : undefined;
/** What becomes of PYTHONPATH. */
export const isPolicy = (value: unknown) =>
  (["prepend", "replace", "off"] as const).find((known) => known === value);
const isTable = <T>(fits: (item: unknown) => boolean) => (value: unknown) =>
  typeof value === "object" && value !== null && Object.values(value).every(fits)
    ? value as Readonly<Record<string, T>>
    : undefined;
const CONDA = /^[a-z0-9_][a-z0-9_.-]*$/;
/** What conda calls projects; false for none. */
export const isNames = isTable<string | false>((name) => name === false || CONDA.test(isText(name) ?? ""));
/** A list of texts. */
export const isTexts = (value: unknown) => {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  for (const item of value) if (typeof item !== "string") return undefined;
  return value as readonly string[];
};
/** A text, or a list of them. */
export const isSeveral = (value: unknown) => typeof value === "string" ? isTexts([value]) : isTexts(value);
/** Lists by name. */
export const isMirrors = isTable<string | readonly string[]>((item) => isSeveral(item) !== undefined);

/** What the first source that has a key says of it. Throws Problem with exit 2 where that is nothing to `read`. */
export function first<T>(
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
