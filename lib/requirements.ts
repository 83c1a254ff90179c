// A requirements.txt, read as pip reads it, with all that it includes; `# conda: spec` and `# pip` steer the split.
import { dirname, join, relative, resolve } from "node:path";
import { decode } from "./bytes.ts";
import { Problem } from "./problem.ts";
import { readComment } from "./requirement/comment.ts";
import { type Flag, formatFlags, splitOptions } from "./requirement/options.ts";
import { decodeFile, type Line, linesOf } from "./requirement/lines.ts";
import type { Marker } from "./requirement/marker.ts";
import { Unreadable } from "./requirement/unreadable.ts";
import { normalize, parseEditable, parseRequirement } from "./requirement/parse.ts";
import type { Clause } from "./requirement/specifier.ts";
import { secretless } from "./secret.ts";
import type { Env, World } from "./world.ts";

/** Where something stands, the file as the user knows it. */
export interface Place {
  file: string;
  line: number;
}

/** One requirement. */
export interface Requirement extends Place {
  /** The line as pip is to read it: without its comment, variables not filled in. */
  text: string;
  /** As PEP 503 spells it; undefined for a path or URL that does not tell. */
  name?: string;
  /** The name as written. */
  written?: string;
  extras: readonly string[];
  clauses: readonly Clause[];
  /** A URL, or a path relative to the project. */
  url?: string;
  editable: boolean;
  marker?: Marker;
  /** Whether it fixes hashes of archives of PyPI. */
  hashed: boolean;
  /** conda's name for it, where the configuration says; false where that says that it is PyPI's. */
  known?: string | false;
  /** What `# conda: spec` says. */
  conda?: string;
  /** Whether `# pip` says that it is not for conda. */
  forced: boolean;
}

/** A line of options that are for pip. */
export interface Option extends Place {
  text: string;
  flags: readonly Flag[];
}

/** What requirements files ask for, in their order. */
export interface Requirements {
  requirements: Requirement[];
  /** What `-c` files say: versions for what is installed anyway. */
  constraints: Requirement[];
  /** Packages that stand in a `# conda: spec` comment of their own. */
  specs: (Place & { spec: string })[];
  options: Option[];
  /** Absolute paths of all files that the answer depends on; some need not exist. */
  inputs: string[];
}

type Source = Pick<World, "read" | "stat" | "env">;
interface Walk extends Requirements {
  source: Source;
  /** The project's folder: pip's working directory. */
  root: string;
}

/** Reads a requirements file of the project in `root` (its own folder by default). Throws Problem. */
export function parseRequirements(file: string, source: Source, root = dirname(file)): Requirements {
  const walk: Walk = { source, root, requirements: [], constraints: [], specs: [], options: [], inputs: [] };
  readInto(walk, { path: resolve(root, file), above: [], constraint: false });
  const { requirements, constraints, specs, options, inputs } = walk;
  return { requirements, constraints, specs, options, inputs: [...new Set(inputs)] };
}

/** A file on the way: those that include it, and whether its lines are constraints. */
interface Visit {
  path: string;
  above: readonly string[];
  constraint: boolean;
  from?: Place;
}

function readInto(walk: Walk, visit: Visit): void {
  const file = shown(walk, visit.path);
  const content = walk.source.read(visit.path);
  walk.inputs.push(visit.path);
  if (content === undefined) {
    const asked = visit.from
      ? `, which ${JSON.stringify(visit.from.file)} line ${visit.from.line} includes`
      : "";
    throw new Problem(`Cannot read ${JSON.stringify(file)}${asked}`, `ls -l ${JSON.stringify(visit.path)}`);
  }
  for (const line of linesOf(decodeFile(content, file), walk.source.env)) {
    const place = { file, line: line.number };
    try {
      readLine(walk, visit, line, place);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const [why, text, hint] = [error.message, line.raw, error.hint]
        .map((each) => clip(veiled(each, line, walk.source.env)));
      throw new Problem(`Cannot parse ${JSON.stringify(file)} line ${line.number}: ${why}\n  ${text}`, hint);
    }
  }
}

/** A text as a message may hold it. */
function clip(text: string): string {
  const safe = secretless(text);
  return safe.length > 300 ? `${safe.slice(0, 300)}…` : safe;
}

/** A text with the names of the line's variables for their values, which may be secret. */
function veiled(text: string, line: Line, env: Env): string {
  return [...line.raw.matchAll(/\$\{([A-Z0-9_]+)\}/g)].reduce((all, [word, name = ""]) => {
    const value = env[name];
    return value ? all.replaceAll(JSON.stringify(value).slice(1, -1), word) : all;
  }, text);
}

function shown(walk: Walk, path: string): string {
  const short = relative(walk.root, path);
  return short === "" || short.startsWith("..") ? path : short;
}

function readLine(walk: Walk, visit: Visit, line: Line, place: Place): void {
  const { spec, forced } = readComment(line.comment);
  if (line.text === "") {
    if (spec !== undefined) walk.specs.push({ ...place, spec });
    return;
  }
  const { args, flags } = splitOptions(line.text);
  const editable = args === "" ? flags.find(({ name }) => name === "--editable") : undefined;
  if (args === "" && !editable) return readOptions(walk, visit, flags, { ...place, text: line.raw });
  const parsed = editable ? parseEditable(editable.value) : parseRequirement(args);
  const requirement: Requirement = {
    ...place,
    ...parsed,
    text: line.raw,
    name: parsed.name === undefined ? undefined : normalize(parsed.name),
    written: parsed.name,
    editable: editable !== undefined,
    hashed: flags.some(({ name }) => name === "--hash"),
    conda: spec,
    forced,
  };
  if (visit.constraint) walk.constraints.push(constraint(requirement));
  else walk.requirements.push(requirement);
  if (parsed.url !== undefined) walk.inputs.push(...sources(walk, parsed.url));
}

function constraint(requirement: Requirement): Requirement {
  if (requirement.editable) throw new Unreadable("a constraint cannot be editable");
  if (requirement.name === undefined) throw new Unreadable("a constraint needs a name");
  if (requirement.extras.length > 0) throw new Unreadable("a constraint cannot have extras");
  return requirement;
}

/** What a local project's requirements and version are read from. */
function sources(walk: Walk, url: string): string[] {
  const local = url.replace(/^file:(\/\/[^/]*)?([^#?]*).*/i, (_, __, path: string) => unescaped(path));
  if (/^[a-z][a-z0-9+.-]+:/i.test(local)) return [];
  const path = resolve(walk.root, local);
  if (walk.source.stat(path)?.kind === "file") return [path];
  return ["pyproject.toml", "setup.cfg", "setup.py"].map((name) => join(path, name));
}

function unescaped(path: string): string {
  return path.replace(
    /(?:%[0-9a-f]{2})+/gi,
    (bytes) => decode(Buffer.from(bytes.replaceAll("%", ""), "hex")),
  );
}

const REMOTE = /^https?:/i;

function readOptions(
  walk: Walk,
  visit: Visit,
  flags: readonly Flag[],
  option: Place & { text: string },
): void {
  const include = flags.find(({ name }) => name === "--requirement") ??
    flags.find(({ name }) => name === "--constraint");
  if (include && !REMOTE.test(include.value)) {
    const path = resolve(dirname(visit.path), include.value.replace(/^file:(\/\/)?/i, ""));
    const above = [...visit.above, visit.path];
    if (above.includes(path)) {
      throw new Unreadable(
        `${JSON.stringify(shown(walk, path))} includes itself`,
        "take one of these out: " + [...above, path].map((each) => shown(walk, each)).join(" -> "),
      );
    }
    return readInto(walk, { path, above, constraint: include.name === "--constraint", from: option });
  }
  const { file, line } = option;
  walk.options.push({ file, line, flags, text: links(walk, visit, flags) ?? option.text });
}

/** `--find-links` beside the file that says so is spelled absolutely, since pip reads another file. */
function links(walk: Walk, visit: Visit, flags: readonly Flag[]): string | undefined {
  const moved = flags.map((flag) => {
    const path = resolve(dirname(visit.path), flag.value);
    return flag.name === "--find-links" && walk.source.stat(path) ? { ...flag, value: path } : flag;
  });
  return moved.some((flag, i) => flag !== flags[i]) ? formatFlags(moved) : undefined;
}
