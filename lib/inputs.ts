// What a project's files ask for, merged: requirements.txt, environment.yml, pyproject.toml.
import { EXIT, Problem } from "./problem.ts";
import type { Project } from "./project.ts";
import { parseRequirements, type Requirement, type Requirements } from "./requirements.ts";
import { normalize } from "./requirement/parse.ts";
import { type Choice, readPyproject as pyproject } from "./requirement/pyproject.ts";
import type { Settings } from "./settings.ts";
import type { Setting } from "./sources.ts";
import type { World } from "./world.ts";

/** Requirements of all files in their order, and what they say besides. */
export interface Wanted extends Requirements {
  channels?: Setting<readonly string[]>;
  python?: Setting<string>;
  /** What the environment is to set when it is entered. */
  variables?: Readonly<Record<string, string | boolean | null>>;
  /** The `prefix` of an environment.yml: where it was exported from, and nothing more. */
  prefix?: string;
}

/** Reads the inputs of a project. Throws Problem with file and line. */
export async function readWanted(
  project: Project | undefined,
  world: World,
  choice: Choice & Pick<Settings, "names"> = {},
): Promise<Wanted> {
  const wanted = none();
  const [chosen] = [choice.extras, choice.groups].filter((each) => each !== undefined);
  if (chosen && !project?.files.has("pyproject.toml")) {
    const words = `${chosen.from} names ${
      chosen.value.join(", ")
    }, and there is no pyproject.toml that has it`;
    throw new Problem(words, "", EXIT.usage);
  }
  for (const [name, read] of READERS) {
    if (!project?.files.has(name)) continue;
    const { channels, python, variables, prefix, ...lists } = await read(
      `${project.root}/${name}`,
      project.root,
      world,
      choice,
    );
    wanted.channels ??= channels;
    wanted.python ??= python;
    wanted.variables ??= variables;
    wanted.prefix ??= prefix;
    add(wanted, lists);
  }
  wanted.requirements = renamed(wanted.requirements, choice.names?.value);
  return wanted;
}

/** With conda's names as the configuration has them; what a line itself says counts more. */
function renamed(
  requirements: Requirement[],
  names: NonNullable<Settings["names"]>["value"] = {},
): Requirement[] {
  const table = new Map(Object.entries(names).map(([name, conda]) => [normalize(name), conda]));
  return requirements.map((each) => {
    const known = table.get(each.name ?? "");
    if (known === undefined || each.conda !== undefined) return each;
    return { ...each, known, forced: each.forced || known === false };
  });
}

function none(): Wanted {
  return { requirements: [], constraints: [], specs: [], options: [], inputs: [] };
}

function add(wanted: Wanted, lists: Requirements): void {
  for (const key of ["requirements", "constraints", "specs", "options", "inputs"] as const) {
    Object.assign(wanted, { [key]: [...wanted[key], ...lists[key]] });
  }
}

type Reader = (path: string, root: string, world: World, choice: Choice) => Promise<Wanted>;
const READERS: readonly (readonly [string, Reader])[] = [
  ["requirements.txt", (path, root, world) => Promise.resolve(parseRequirements(path, world, root))],
  ["environment.yml", readEnvironment],
  ["pyproject.toml", readPyproject],
];

/** Lines of pip's format, as if they were a file: line `n` of it stands in line `n` of the true one. */
function parseLines(
  lines: ReadonlyMap<number, string>,
  path: string,
  root: string,
  world: World,
): Requirements {
  const text = Array.from({ length: Math.max(0, ...lines.keys()) }, (_, i) => lines.get(i + 1) ?? "").join(
    "\n",
  );
  const read = (file: string) => file === path ? text : world.read(file);
  return parseRequirements(path, { env: world.env, stat: world.stat, read }, root);
}

async function readEnvironment(path: string, root: string, world: World): Promise<Wanted> {
  const yaml = await import("yaml");
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = yaml;
  const counter = new LineCounter();
  const document = parseDocument(world.read(path) ?? "", { lineCounter: counter });
  const fail = (offset: number, words: string): never => {
    const { line } = counter.linePos(offset);
    throw new Problem(`Cannot parse "environment.yml" line ${line}: ${words}`, "", EXIT.failed);
  };
  const [error] = document.errors;
  if (error) fail(error.pos[0], error.message.split("\n")[0]!.replace(/ at line.*/, ""));
  const specs: Wanted["specs"] = [];
  const lines = new Map<number, string>();
  const dependencies = document.get("dependencies");
  if (dependencies !== undefined && dependencies !== null && !isSeq(dependencies)) {
    fail(0, "dependencies is no list");
  }
  for (const item of isSeq(dependencies) ? dependencies.items : []) {
    const at = (node: unknown) => (node as { range?: [number] }).range?.[0] ?? 0;
    if (isScalar(item) && typeof item.value === "string") {
      specs.push({ spec: item.value.trim(), file: "environment.yml", line: counter.linePos(at(item)).line });
      continue;
    }
    const pip = isMap(item) ? item.get("pip") : undefined;
    if (!isSeq(pip)) return fail(at(item), "expected a spec, or pip: with a list");
    for (const line of pip.items) {
      if (!isScalar(line) || typeof line.value !== "string") return fail(at(line), "expected a requirement");
      lines.set(counter.linePos(at(line)).line, `${line.value}  # pip`);
    }
  }
  const python = specs.find(({ spec }) => /^python(?![\w-])/i.test(spec));
  // What names a build, too, as `conda env export` does, or stands in brackets, is for the solver as well.
  const [, exact, within] =
    /^python(?:\s*==?\s*([\d.]+)\s*=\s*\S+|\s*\[.*?\bversion\s*=\s*['"]?([^'"\]]+).*\])$/i
      .exec(python?.spec ?? "") ?? [];
  const version = exact ?? within;
  const channels: unknown = document.toJS()?.channels;
  const variables = assignments(yaml, document.get("variables"), fail);
  const prefix = document.get("prefix");
  const from = "environment.yml";
  return {
    ...parseLines(lines, path, root, world),
    specs: specs.filter((each) => each !== python || version !== undefined),
    ...Array.isArray(channels) && channels.length > 0 &&
      { channels: { value: channels.map(String).filter((name) => name !== "nodefaults"), from } },
    ...variables && { variables },
    ...typeof prefix === "string" && { prefix },
    ...python && { python: { value: version ?? python.spec.slice(6).trim().replace(/^=(?!=)/, ""), from } },
  };
}

/** The `variables` of an environment.yml as conda has them: a number keeps its digits, 1.0 is not 1. */
function assignments(
  { isMap, isScalar }: typeof import("yaml"),
  node: unknown,
  fail: (offset: number, words: string) => never,
): Wanted["variables"] {
  if (node === undefined || node === null) return undefined;
  if (!isMap(node)) return fail(0, "variables is no map");
  return Object.fromEntries(node.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : "";
    const at = (key as { range?: [number] }).range?.[0] ?? 0;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) fail(at, `${JSON.stringify(name)} is no variable's name`);
    if (value !== null && !isScalar(value)) fail(at, `${name} has no plain value`);
    const found = isScalar(value) ? value.value : null;
    if (isScalar(value) && typeof found === "number") return [name, value.source ?? String(found)];
    return [name, typeof found === "boolean" || found === null ? found : String(found)];
  }));
}

async function readPyproject(path: string, root: string, world: World, choice: Choice): Promise<Wanted> {
  const { listed, python } = await pyproject(path, world.read(path) ?? "", choice);
  const wanted = none();
  for (const { text, line } of listed) add(wanted, parseLines(new Map([[line, text]]), path, root, world));
  return { ...wanted, ...python && { python: { value: python, from: "pyproject.toml requires-python" } } };
}
