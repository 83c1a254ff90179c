// `mambaenv status`: what was found, where, in what order, and why one was taken.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { building } from "../building.ts";
import { type Facts, gather } from "../facts.ts";
import { type Found, installations } from "../installation.ts";
import { holder } from "../lock.ts";
import { plan } from "../plan.ts";
import { EXIT, Problem } from "../problem.ts";
import type { Wanted } from "../inputs.ts";
import type { Setting } from "../sources.ts";
import { secretless } from "../secret.ts";
import { ask, detect } from "../shells.ts";
import { VERSION } from "../version.ts";
import { link, lockOf } from "../store.ts";
import type { World } from "../world.ts";
import { asking, files } from "./status/files.ts";
import { word } from "./word.ts";

/** A heading and its lines, or in JSON a key and its value. */
export interface Section {
  title: string;
  lines: string[];
  value: unknown;
}

/** Prints everything that decides; changes nothing and starts nothing. */
export async function run(request: Request, world: World): Promise<Answer> {
  const facts = await gather(request, world);
  const wanted = await asking(facts, world);
  const sections = [
    await shell(world),
    project(facts),
    ...values(facts, wanted instanceof Problem ? undefined : wanted),
    ...files(wanted),
    environment(facts, world),
    engines(facts, world),
  ];
  if (request.flags.json) {
    const json = Object.fromEntries(sections.map(({ title, value }) => [title, value ?? null]));
    const text = JSON.stringify({ version: VERSION, ...json }, null, 2);
    return { out: `${secretless(text)}\n`, exit: EXIT.ok };
  }
  const width = Math.max(...sections.map(({ title }) => title.length)) + 2;
  const out = sections.flatMap(({ title, lines }) =>
    lines.map((line, i) => `${(i === 0 ? title : "").padEnd(width)}${line}\n`)
  );
  return { out: secretless(out.join("")), exit: EXIT.ok };
}

/** What a person in a terminal reads instead of code: where things stand, and the line to type. */
export async function advise(request: Request, world: World): Promise<Answer> {
  const facts = await gather(request, world);
  const [state] = environment(facts, world).lines;
  const { out, exit } = instruct("activate", world);
  return { out: `${state}\n${out}`, exit };
}

/** What a person in a terminal is to type, since what the program prints is for the shell to read. */
export function instruct(deed: string, world: World): Answer {
  const shell = detect(world)?.shell;
  // macOS's own bash is 3.2, which reads nothing from <(…) and says nothing.
  const bash = world.platform === "darwin" ? 'eval "$(%)"' : "source <(%)";
  const form = shell === undefined || shell.names[0] === "bash" ? bash : shell.form;
  const line = form.replace("%", ["mambaenv", ...world.argv.map(word)].join(" "));
  return { out: `To ${deed} it: ${line}\n`, exit: EXIT.ok };
}

async function shell(world: World): Promise<Section> {
  const found = detect(world) ?? await ask(world);
  const line = found ? `${found.shell.names[0]} (${found.how})` : "unknown: name it with --shell";
  return { title: "shell", lines: [line], value: found && { name: found.shell.names[0], how: found.how } };
}

function project({ project }: Facts): Section {
  if (project === undefined) return { title: "project", lines: ["none"], value: null };
  const inputs = [...project.files.keys()].sort();
  const lines = [
    `${project.root} (${project.from})`,
    inputs.length ? `with ${inputs.join(", ")}` : "no files",
  ];
  return { title: "project", lines, value: { root: project.root, from: project.from, files: inputs } };
}

function values({ settings }: Facts, wanted?: Wanted): Section[] {
  const shown: [string, Setting<unknown> | undefined, string][] = [
    ["name", settings.name, "none"],
    ["prefix", settings.prefix, ""],
    ["python", settings.python ?? wanted?.python, "the newest that fits"],
    ["channels", settings.channels ?? wanted?.channels, "conda-forge, or what .condarc says"],
    ["exclude-newer", settings.newer, ""],
    ["extras", settings.extras, ""],
    ["groups", settings.groups, ""],
    ["engine", settings.engine, ""],
    ["hook", settings.hook, ""],
    ["pythonpath", settings.pythonpath, ""],
    ["root", settings.root, ""],
  ];
  return shown.flatMap(([title, setting, none]): Section[] => {
    if (setting === undefined) return none ? [{ title, lines: [`${none} (default)`], value: null }] : [];
    const text = Array.isArray(setting.value) ? setting.value.join(", ") : String(setting.value);
    return [{ title, lines: [`${text} (${setting.from})`], value: setting }];
  });
}

function environment(facts: Facts, world: World): Section {
  const { environment, stale } = facts;
  const value = { ...environment, stale: stale ?? null };
  const section = (...lines: string[]): Section => ({ title: "environment", lines, value });
  switch (environment.kind) {
    case "plain":
      return section(`${environment.prefix}`, "made by hand or by conda: activated as it is, never rebuilt");
    case "generation": {
      const { made, engine } = environment.stamp;
      const fits = stale === undefined ? "fits the project" : `does not fit any more: ${stale}`;
      const maker = holder(lockOf(environment.place), world);
      const lines = [`made ${new Date(made).toISOString()} by ${engine}`, fits];
      return section(environment.prefix, ...lines, ...maker ? [`a new one is being made: ${maker}`] : []);
    }
    case "damaged":
      return section(environment.prefix, "damaged: will be made anew");
    case "missing":
      return section(...absence(facts, world));
    default:
      return environment satisfies never;
  }
}

function absence(facts: Facts, world: World): string[] {
  try {
    const { place } = building(facts, world);
    plan(facts);
    return [`none yet: will be made as ${link(place)}`];
  } catch (error) {
    if (error instanceof Problem) return [`none: ${error.message}`];
    throw error;
  }
}

function engines(facts: Facts, world: World): Section {
  const all = [...installations(world)];
  const taken = facts.installation();
  const lines = all.map((found) => `${mark(found, taken)} ${found.root} (${found.from}): ${describe(found)}`);
  if (!taken) lines.push("* the built-in engine: no conda, mamba or micromamba was found");
  return { title: "conda", lines, value: all };
}

function mark(found: Found, taken: Found | undefined): string {
  return found.root === taken?.root && found.refused === undefined ? "*" : "-";
}

function describe(found: Found): string {
  if (found.refused !== undefined) return `not used: ${found.refused}`;
  const { conda, mamba, micromamba } = found.programs;
  return [conda, mamba, micromamba].filter(Boolean).join(", ") || "no program";
}
