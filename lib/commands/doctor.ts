// `mambaenv doctor`: what somebody who helps asks first; each finding with what mends it, and no secrets.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { type Condarc, loadCondarc } from "../condarc.ts";
import { installations } from "../installation.ts";
import { findProject } from "../project.ts";
import { EXIT, Problem, reason } from "../problem.ts";
import { counted, plain } from "../progress.ts";
import { secretless } from "../secret.ts";
import { readSettings } from "../settings.ts";
import { VERSION } from "../version.ts";
import type { World } from "../world.ts";
import { installed } from "./doctor/conda.ts";
import { damage } from "./doctor/damage.ts";
import type { Case, Finding } from "./doctor/finding.ts";
import { machine } from "./doctor/machine.ts";
import { network } from "./doctor/network.ts";
import { inherited } from "./doctor/shell.ts";
import { storage } from "./doctor/storage.ts";

const MARKS = { ok: " ", note: "-", warning: "!", error: "X" } as const;

/** Looks at everything, changes nothing; exit 1 if something keeps environments from being made or used. */
export async function run(request: Request, world: World): Promise<Answer> {
  const all: Finding[] = [];
  const about = await consider(request, all, world);
  for (const look of [machine, inherited, installed, storage, damage, network]) {
    const topic = look === network ? "channel" : look.name;
    all.push(...await guarded(topic, () => look(about, world)));
  }
  const findings = all.map(({ text, fix, ...rest }): Finding => ({
    ...rest,
    text: secretless(text),
    ...fix !== undefined && { fix: secretless(fix) },
  }));
  const exit = findings.some(({ level }) => level === "error") ? EXIT.failed : EXIT.ok;
  if (request.flags.json) {
    return { out: JSON.stringify({ version: VERSION, findings }, null, 2) + "\n", exit };
  }
  const width = Math.max(...findings.map(({ topic }) => topic.length)) + 2;
  const out = findings.map(({ topic, level, text, fix }) => {
    const line = `${MARKS[level]} ${topic.padEnd(width)}${plain(text)}\n`;
    return fix === undefined ? line : `${line}${" ".repeat(width + 2)}try: ${plain(fix)}\n`;
  });
  return { out: `${out.join("")}\n${summary(findings)}\n`, exit };
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length;
  const [errors, warnings] = [count("error"), count("warning")];
  return errors + warnings === 0
    ? "Nothing is in the way."
    : `${counted(errors, "error")} (X), ${counted(warnings, "warning")} (!)`;
}

/** What the looks need to know; what of it is broken is a finding of its own. */
async function consider(request: Request, findings: Finding[], world: World): Promise<Case> {
  const all = [...installations(world)];
  const taken = all.find(({ refused }) => refused === undefined);
  const project = findProject(request.flags, world);
  const told = (topic: string) => (error: unknown) => void findings.push(failed(topic, error));
  const settings = await readSettings(request, project, world).catch(told("settings")) ?? undefined;
  const condarc: Condarc | undefined =
    await loadCondarc(world, taken?.root, settings?.mirrors?.value).catch(told(".condarc")) ?? undefined;
  for (const text of condarc?.warnings ?? []) findings.push({ topic: ".condarc", level: "warning", text });
  return { all, taken, project, condarc, settings, verbose: request.flags.verbose === true };
}

async function guarded(topic: string, look: () => Promise<Finding[]> | Finding[]): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [failed(topic, error)];
  }
}

function failed(topic: string, error: unknown): Finding {
  const fix = error instanceof Problem && error.hint !== "" ? { fix: error.hint } : {};
  return { topic, level: "error", text: reason(error), ...fix };
}
