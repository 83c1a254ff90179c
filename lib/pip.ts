// One run of pip in a new environment: for what conda lacks, with conda's own packages held fixed.
import type { Report } from "./engines/engine.ts";
import { EXIT, Problem } from "./problem.ts";
import { called } from "./requirement/decide.ts";
import { formatFlags } from "./requirement/options.ts";
import { cutoff } from "./requirement/moment.ts";
import { environ, type Installed, inventory, settings } from "./requirement/pip.ts";
import { demands, Rejected } from "./requirement/demand.ts";
import { conflicting, conflictOf, ONLINE, PRIOR, refusal } from "./requirement/refusal.ts";
import { parseVersion } from "./requirement/version.ts";
import { type Option, type Place, type Requirement } from "./requirements.ts";
import type { Ended, Env, World } from "./world.ts";

export type { Installed };

/** What pip is to install, and where. */
export interface PipOrder {
  /** The environment's prefix, with Python and pip in it. */
  prefix: string;
  /** The project's folder: relative paths start there. */
  root: string;
  requirements: readonly Requirement[];
  constraints: readonly Requirement[];
  options: readonly Option[];
  offline: boolean;
  /** Folders of wheels to take from, first of all. */
  wheels: readonly string[];
  /** The last day or the moment up to which archives were uploaded that count. */
  newer?: string;
  /** Whether pip's own progress is not shown. */
  quiet: boolean;
  /** What pip is to do, if it is not `install`, and more words for it. */
  words?: readonly [verb: "install" | "download", ...flags: string[]];
}

/** What pip runs in, and what was installed before. */
export interface Surroundings {
  /** For other programs of the environment. */
  env: Env;
  /** For pip. */
  own: Env;
  before: Installed[];
}

/** Installs what PyPI is to provide; returns what is new. Throws Problem with pip's own words. */
export async function pip(order: PipOrder, world: World, report: Report): Promise<Installed[]> {
  if (order.requirements.length === 0) return [];
  report({ stage: "pip", what: order.requirements.map(called).join(", ") });
  const surroundings = await prepare(order, world);
  await invoke(order, surroundings, world);
  return await review(order, surroundings, world);
}

/** Looks at the prefix; what pip's configuration says is left out. Throws Problem where its Python does not work. */
export async function survey(order: PipOrder, world: World): Promise<Surroundings> {
  const env = environ(order.prefix, world.env, variables(order));
  const before = await inventory(order.prefix, env, world);
  return { env, own: { ...env, PIP_CONFIG_FILE: "/dev/null" }, before };
}

/** The same with pip's settings, for those runs that ask an index. Throws Problem where pip does not work. */
export async function prepare(order: PipOrder, world: World): Promise<Surroundings> {
  const found = await survey(order, world);
  return { ...found, own: { ...found.env, ...await settings(order.prefix, found.env, world) } };
}

/** One run of pip. Throws Problem with pip's own words. */
export async function invoke(
  order: PipOrder,
  { own, before }: Surroundings,
  world: World,
): Promise<void> {
  if (order.offline) refuseRemote(order.requirements);
  const folder = `${order.prefix}/conda-meta/mambaenv-pip`;
  world.remove(folder);
  world.mkdir(folder, 0o700);
  try {
    const lines = requirementLines(order);
    world.write(`${folder}/requirements.txt`, textOf(lines));
    world.write(`${folder}/constraints.txt`, textOf(constraintLines(before, order.constraints)));
    const run = (stdout: "capture" | "stderr") =>
      world.run(command(order, folder), { cwd: order.root, env: own, stdout, stderr: "capture" });
    const ended = await run(order.quiet ? "capture" : "stderr");
    if (ended.status !== 0) {
      const problem = refusal(order, placed(ended, folder, lines));
      if (!conflicting(ended)) throw problem;
      // What was shown cannot be read any more.
      const conflict = conflictOf(order.quiet ? ended : await run("capture"));
      throw new Rejected(
        problem,
        demands(conflict, new Map(before.map((each) => [each.name, each.version]))),
      );
    }
    world.err(ended.stderr);
  } finally {
    world.remove(folder);
  }
}

/** What is new since, after a look at whether all of it goes together. */
export async function review(
  order: PipOrder,
  { env, own, before }: Surroundings,
  world: World,
): Promise<Installed[]> {
  await check(order, own, world);
  const held = new Map(before.map(({ name, version }) => [name, version]));
  return (await inventory(order.prefix, env, world)).filter(({ name, version }) =>
    held.get(name) !== version
  );
}

function command(order: PipOrder, folder: string): string[] {
  return [
    `${order.prefix}/bin/python`,
    // Without it the project's folder is searched for modules, and a logging.py there breaks pip.
    "-I",
    "-m",
    "pip",
    ...(order.words ?? ["install"]),
    "--no-input",
    "--disable-pip-version-check",
    ...(order.offline ? ["--no-index"] : []),
    ...(order.newer ? [`${PRIOR}=${new Date(cutoff(order.newer)!).toISOString()}`] : []),
    ...order.wheels.map((dir) => `--find-links=${dir}`),
    "--requirement",
    `${folder}/requirements.txt`,
    "--constraint",
    `${folder}/constraints.txt`,
  ];
}

/** Names of the variables that the lines for pip have as `${NAME}`: a PIP_PASSWORD of the user is no option. */
function variables({ requirements, constraints, options }: PipOrder): Set<string> {
  const text = [...requirements, ...constraints, ...options].map((each) => each.text).join("\n");
  return new Set([...text.matchAll(/\$\{([A-Z0-9_]+)\}/g)].map((match) => match[1]!));
}

/** A line for pip, and where the user wrote it. */
interface Written {
  text: string;
  at?: Place;
}

/** pip reads the cookie first, so that no locale changes what the file says. */
function textOf(lines: readonly Written[]): string {
  return ["# -*- coding: utf-8 -*-", ...lines.map(({ text }) => text), ""].join("\n");
}

function requirementLines({ options, requirements, offline }: PipOrder): Written[] {
  const given = offline ? options.flatMap(localOptions).map((text) => ({ text })) : options.map(written);
  return [...given, ...requirements.map(written)];
}

function written({ text, file, line }: Option | Requirement): Written {
  return { text, at: { file, line } };
}

/** pip's words, with the user's file and line in the place of ours. */
function placed({ status, stdout, stderr }: Ended, folder: string, lines: readonly Written[]): Ended {
  const words = (text: string) =>
    text.replaceAll(`${folder}/constraints.txt`, "conda's versions")
      .replace(/(\S+)\/requirements\.txt \(line (\d+)\)/g, (all, dir: string, line: string) => {
        const at = dir === folder ? lines[Number(line) - 2]?.at : undefined;
        return at ? `${at.file} (line ${at.line})` : all;
      });
  return { status, stdout: words(stdout), stderr: words(stderr) };
}

/** An index in the file would undo `--no-index`. */
function localOptions({ flags }: Option): string[] {
  const local = flags.filter(({ name, value }) =>
    !["--index-url", "--extra-index-url", "--requirement", "--constraint"].includes(name) &&
    !(name === "--find-links" && /^https?:/i.test(value))
  );
  return local.length === 0 ? [] : [formatFlags(local)];
}

function constraintLines(installed: readonly Installed[], constraints: readonly Requirement[]): Written[] {
  const held = new Set(installed.map(({ name }) => name));
  const fixed = installed.map(({ name, version }) => ({
    text: `${name}${parseVersion(version) ? "==" : "==="}${version}`,
  }));
  return [...fixed, ...constraints.filter(({ name }) => name === undefined || !held.has(name))];
}

function refuseRemote(requirements: readonly Requirement[]): void {
  const remote = requirements.filter(({ url }) =>
    url !== undefined && /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(url)
  );
  if (remote.length === 0) return;
  throw new Problem(
    `Offline, and ${
      remote.map((each) => `${called(each)} (${each.file} line ${each.line})`).join(", ")
    } is on the network`,
    ONLINE,
    EXIT.offline,
  );
}

/** What pip finds amiss is a warning: conda's packages often say more or less than they need. */
async function check(order: PipOrder, env: World["env"], world: World): Promise<void> {
  const words = [`${order.prefix}/bin/python`, "-I", "-m", "pip", "--disable-pip-version-check", "check"];
  const ended = await world.run(words, { cwd: order.root, env, stdout: "capture", stderr: "capture" });
  if (ended.status === 0) return;
  for (const line of (ended.stdout.trim() || ended.stderr.trim()).split("\n")) {
    world.err(`mambaenv: warning: pip check: ${line}\n`);
  }
}
