// `mambaenv explain PACKAGE`: why it comes from where it comes from, by the project's files, lock and channels.
import type { Request } from "../args.ts";
import { createHttp } from "../builtin/http.ts";
import { subdirOf } from "../builtin/virtual.ts";
import type { Answer } from "../code.ts";
import { loadCondarc } from "../condarc.ts";
import { type Facts, gather } from "../facts.ts";
import { readWanted, type Wanted } from "../inputs.ts";
import { type Lock, type Locked, LOCKFILE, readLock } from "../lockfile.ts";
import { ours } from "../lockfile/content.ts";
import { misfit } from "../lockfile/judge.ts";
import { decisions } from "../lockfile/why.ts";
import { EXIT, Problem } from "../problem.ts";
import { createReport, plain } from "../progress.ts";
import { homeless } from "../project.ts";
import { open } from "../channels.ts";
import { dependency } from "../requirement/conda.ts";
import { normalize } from "../requirement/parse.ts";
import { included, remote } from "../requirement/remote.ts";
import { type Decision, split } from "../split.ts";
import { staleness } from "../stamp.ts";
import { secretless } from "../secret.ts";
import type { World } from "../world.ts";

/** The reason where there is nothing to say against conda. */
const HAS = "the channels have it in a version that fits";

/** Says who asks for a package, who provides it and why. Throws Problem with exit 3 where nobody has to do with it. */
export async function run(request: Request, world: World): Promise<Answer> {
  const [word] = request.words;
  if (word === undefined) throw new Problem("Explain what?", "mambaenv explain numpy", EXIT.usage);
  const facts = await gather({ ...request, flags: { ...request.flags, "no-sync": true } }, world);
  if (facts.project === undefined) throw homeless(world);
  const name = normalize(word);
  const wanted = await readWanted(facts.project, world, facts.settings);
  const lock = await readLock(facts.project.root, world);
  const packages = (lock?.packages ?? []).filter(({ platform }) => platform === subdirOf(world));
  const asked = askers(name, wanted);
  const known = await remembered(name, facts, world) ??
    (lock && await locked(name, lock, { facts, wanted }, world));
  const tells = asked.length > 0 || wanted.options.some(remote);
  const why = known ?? (tells ? await decided(name, facts, wanted, world) : []);
  const called = new Set([name, ...why.flatMap(({ conda }) => conda ?? [])].map(normalize));
  const lines = [
    ...asked.map((line) => `asked for by ${line}`),
    ...why.map(({ by, conda, why }) =>
      `from ${by === "pypi" ? "PyPI" : conda ? `conda as ${conda}` : by}: ${why || HAS}`
    ),
    ...packages.filter((each) => called.has(normalize(each.name))).flatMap((each) => held(each, packages)),
  ];
  if (lines.length > 0) return { out: lines.map((line) => `${plain(line)}\n`).join(""), exit: EXIT.ok };
  const where = lock ? `nor is it in ${LOCKFILE}` : `and there is no ${LOCKFILE} that could name it`;
  throw new Problem(`Nothing here asks for ${JSON.stringify(word)}, ${where}`, "mambaenv lock", EXIT.missing);
}

/** The lines of the project's files that name a package. */
function askers(name: string, { requirements, specs }: Wanted): string[] {
  const place = (file: string, line: number, text: string) => `${file} line ${line}: ${secretless(text)}`;
  return [
    ...requirements.filter((each) => each.name === name).map((each) =>
      place(each.file, each.line, each.text)
    ),
    ...specs.filter(({ spec }) => normalize(dependency(spec).name) === name)
      .map(({ file, line, spec }) => place(file, line, spec)),
  ];
}

/** What the solve decided that made the environment, where that still fits. */
async function remembered(name: string, facts: Facts, world: World): Promise<Decision[] | undefined> {
  const { environment, project, settings } = facts;
  if (environment.kind !== "generation") return undefined;
  const { stamp } = environment;
  const found = (stamp.solved ?? []).filter((each) => normalize(each.name) === name);
  if (found.length === 0 || await staleness(stamp, project, settings, world) !== undefined) return undefined;
  const when = new Date(stamp.made).toISOString();
  return found.map((each) => ({ ...each, why: `${each.why}, when the environment was made (${when})` }));
}

/** What was decided for the lock, on whatever machine, where that still fits. */
async function locked(
  name: string,
  lock: Lock,
  { facts: { settings }, wanted }: { facts: Facts; wanted: Wanted },
  world: World,
): Promise<Decision[] | undefined> {
  const platform = subdirOf(world);
  if (!ours(lock.hashes[platform])) return undefined;
  if (await misfit(lock, { wanted, settings, platform }, world) !== undefined) return undefined;
  const packages = lock.packages.filter((each) => each.platform === platform);
  const all = await decisions({ packages, wanted, platform, known: lock.why[platform] });
  // What files that are included by URL ask for, or pip, is in the lock only.
  const found = [...all, ...lock.why[platform] ?? []].filter((each) => normalize(each.name) === name).slice(
    0,
    1,
  );
  if (found.length === 0 || found.some(({ by, why }) => by === "pypi" && why === LOCKFILE)) return undefined;
  return found.map((each) => ({
    ...each,
    why: each.by === "nobody"
      ? each.why
      : `${each.why === LOCKFILE ? HAS : each.why}, when ${LOCKFILE} was made`,
  }));
}

/** What the channels decide now. */
async function decided(name: string, facts: Facts, wanted: Wanted, world: World): Promise<Decision[]> {
  const { settings } = facts;
  const condarc = await loadCondarc(world, facts.installation()?.root, facts.settings.mirrors?.value);
  const { report, clear } = createReport(world, { quiet: true });
  const platform = subdirOf(world);
  const index = await open({ facts, wanted, condarc }, platform, report, world);
  try {
    const python = (settings.python ?? wanted.python)?.value ?? "";
    const http = createHttp({ env: world.env, condarc, offline: settings.offline });
    const { why } = await split(await included(wanted, http, world), { python, platform }, index);
    return why.filter((each) => normalize(each.name) === name);
  } finally {
    clear();
    index.close();
  }
}

/** What the lock says of a package, and which others need it. */
function held({ name, version, manager, url }: Locked, packages: readonly Locked[]): string[] {
  const needs = ({ dependencies }: Locked) =>
    Object.keys(dependencies).some((need) => normalize(need) === normalize(name));
  const others = packages.filter(needs).map((each) => each.name).sort();
  return [
    `${LOCKFILE}: ${name} ${version} (${manager === "pip" ? "PyPI" : "conda"}) ${url}`,
    ...others.length > 0 ? [`needed by ${others.join(", ")}`] : [],
  ];
}
