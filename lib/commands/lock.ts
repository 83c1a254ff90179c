// `mambaenv lock`: writes conda-lock.yml, or says whether it still fits; the only command that touches it.
import type { Request } from "../args.ts";
import { subdirOf } from "../builtin/virtual.ts";
import type { Answer } from "../code.ts";
import { type Facts, gather } from "../facts.ts";
import { readWanted } from "../inputs.ts";
import { type Lock, LOCKFILE, readLock } from "../lockfile.ts";
import { EXIT, Problem } from "../problem.ts";
import { plain } from "../progress.ts";
import { homeless, type Project } from "../project.ts";
import type { World } from "../world.ts";

/** Makes the lock file of a project and shows what changes; with `--check` compares it only. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { words, flags } = request;
  if (words.length > 0 && !flags.upgrade) {
    const named = JSON.stringify(words[0]);
    throw new Problem(`Unexpected ${named} after "lock"`, `mambaenv lock --upgrade ${words[0]}`, EXIT.usage);
  }
  const facts = await gather({ ...request, flags: { ...flags, "no-sync": true } }, world);
  if (facts.project === undefined) throw homeless(world);
  if (flags.check) return await check(facts, facts.project, world);
  const before = await previous(facts.project, world);
  const platforms = flags.platform ?? before?.platforms ?? [];
  const { makeLock } = await import("./lock/make.ts");
  const { formatLock } = await import("../lockfile/format.ts");
  const lock = await makeLock({
    facts,
    project: facts.project,
    platforms: platforms.length > 0 ? platforms : [subdirOf(world)],
    ...before && { before },
    upgrade: flags.upgrade ? words : undefined,
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
  }, world);
  const text = await formatLock(lock);
  await tell(before, lock, request, world);
  const path = `${facts.project.root}/${LOCKFILE}`;
  if (world.read(path) !== text) world.write(path, text, true);
  return { out: "", exit: EXIT.ok };
}

/** The lock file as it is; one that cannot be used is replaced, as its words say. */
async function previous({ root }: Project, world: World): Promise<Lock | undefined> {
  try {
    return await readLock(root, world);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    world.err(`mambaenv: warning: ${error.message}\n`);
    return undefined;
  }
}

async function check({ settings }: Facts, project: Project, world: World): Promise<Answer> {
  const lock = await readLock(project.root, world);
  if (lock === undefined) throw new Problem(`No ${LOCKFILE} in ${project.root}`, "mambaenv lock", EXIT.stale);
  const { misfit } = await import("../lockfile/judge.ts");
  const wanted = await readWanted(project, world, settings);
  for (const platform of lock.platforms) {
    const reason = await misfit(lock, { wanted, settings, platform }, world);
    if (reason === undefined) continue;
    throw new Problem(`${LOCKFILE} does not fit (${platform}): ${reason}`, "mambaenv lock", EXIT.stale);
  }
  return { out: "", exit: EXIT.ok };
}

async function tell(before: Lock | undefined, lock: Lock, { flags }: Request, world: World): Promise<void> {
  if (flags.quiet) return;
  const { diff } = await import("../lockfile/diff.ts");
  const lines = diff(before?.packages ?? [], lock.packages);
  const said = lines.length === 0
    ? "no package changes"
    : lines.length === 1
    ? "1 package changes"
    : `${lines.length} packages change`;
  world.err([...lines.map((line) => `  ${plain(line)}`), `mambaenv: ${LOCKFILE}: ${said}`, ""].join("\n"));
}
