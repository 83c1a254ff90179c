// One run of pip in a new environment: for what conda lacks, with conda's own packages held fixed.
import type { Report } from "./engines/engine.ts";
import { EXIT, Problem } from "./problem.ts";
import { normalize } from "./requirement/parse.ts";
import { environ, type Installed, inventory, settings } from "./requirement/pip.ts";
import { parseVersion } from "./requirement/version.ts";
import { type Option, type Requirement, secretless } from "./requirements.ts";
import type { Ended, World } from "./world.ts";

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
  /** Whether pip's own progress is not shown. */
  quiet: boolean;
}

/** Installs what PyPI is to provide; returns what is new. Throws Problem with pip's own words. */
export async function pip(order: PipOrder, world: World, report: Report): Promise<Installed[]> {
  if (order.requirements.length === 0) return [];
  report({ stage: "pip", what: order.requirements.map(called).join(", ") });
  if (order.offline) refuseRemote(order.requirements);
  const env = environ(order.prefix, world.env);
  const before = await inventory(order.prefix, env, world);
  const own = { ...env, ...await settings(order.prefix, env, world) };
  const folder = `${order.prefix}/conda-meta/mambaenv-pip`;
  world.remove(folder);
  world.mkdir(folder, 0o700);
  try {
    world.write(`${folder}/requirements.txt`, requirementsText(order));
    world.write(`${folder}/constraints.txt`, constraintsText(before, order.constraints));
    const ended = await world.run(command(order, folder), {
      cwd: order.root,
      env: own,
      stdout: order.quiet ? "capture" : "stderr",
      stderr: "capture",
    });
    if (ended.status !== 0) throw failure(order, ended);
    world.err(ended.stderr);
  } finally {
    world.remove(folder);
  }
  await check(order, own, world);
  const held = new Map(before.map(({ name, version }) => [name, version]));
  return (await inventory(order.prefix, env, world)).filter(({ name, version }) =>
    held.get(name) !== version
  );
}

function called({ written, url, text }: Requirement): string {
  return written ?? secretless(url ?? text);
}

function command(order: PipOrder, folder: string): string[] {
  return [
    `${order.prefix}/bin/python`,
    // Without it the project's folder is searched for modules, and a logging.py there breaks pip.
    "-I",
    "-m",
    "pip",
    "install",
    "--no-input",
    "--disable-pip-version-check",
    ...(order.offline ? ["--no-index"] : []),
    ...order.wheels.map((dir) => `--find-links=${dir}`),
    "--requirement",
    `${folder}/requirements.txt`,
    "--constraint",
    `${folder}/constraints.txt`,
  ];
}

/** pip reads the cookie first, so that no locale changes what the file says. */
const COOKIE = "# -*- coding: utf-8 -*-\n";

function requirementsText({ options, requirements, offline }: PipOrder): string {
  const lines = [...offline ? options.flatMap(localOptions) : options.map(({ text }) => text)];
  return COOKIE + [...lines, ...requirements.map(({ text }) => text)].map((line) => `${line}\n`).join("");
}

/** An index in the file would undo `--no-index`. */
function localOptions({ flags }: Option): string[] {
  const local = flags.filter(({ name, value }) =>
    !["--index-url", "--extra-index-url", "--requirement", "--constraint"].includes(name) &&
    !(name === "--find-links" && /^https?:/i.test(value))
  );
  return local.map(({ name, value }) => value === "" ? name : `${name}='${value.replaceAll("'", `'"'"'`)}'`);
}

function constraintsText(installed: readonly Installed[], constraints: readonly Requirement[]): string {
  const held = new Set(installed.map(({ name }) => name));
  const fixed = installed.map(({ name, version }) =>
    `${name}${parseVersion(version) ? "==" : "==="}${version}`
  );
  const others = constraints.filter(({ name }) => name === undefined || !held.has(name)).map(({ text }) =>
    text
  );
  return COOKIE + [...fixed, ...others].map((line) => `${line}\n`).join("");
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
    "leave out --offline once",
    EXIT.offline,
  );
}

function failure(order: PipOrder, { status, stdout, stderr }: Ended): Problem {
  const words = secretless((stderr.trim() === "" ? stdout : stderr).trim());
  const names = order.requirements.map(called).join(", ");
  const wanted = /No matching distribution found for ([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(words)?.[1];
  const at = order.requirements.find(({ name }) => wanted !== undefined && name === normalize(wanted));
  const line = at ? `${JSON.stringify(at.file)} line ${at.line}` : "";
  if (order.offline && wanted) {
    return new Problem(
      `Offline, and no wheel of ${wanted} is at hand\n${words}`,
      "leave out --offline once",
      EXIT.offline,
    );
  }
  return new Problem(
    `pip could not install ${names} (status ${status})\n${words}`,
    at ? `correct ${line}: ${JSON.stringify(secretless(at.text))}` : "",
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
