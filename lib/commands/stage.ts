// `mambaenv stage`: the environment as one archive, made once, and unpacked once on each node of the job.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { gather } from "../facts.ts";
import { lock } from "../lock.ts";
import { EXIT, Problem, reason } from "../problem.ts";
import { bytes, counted } from "../progress.ts";
import { parent } from "../project.ts";
import { disks, exclusive, folder, home, keyOf } from "../staged.ts";
import { stem } from "../store.ts";
import type { World } from "../world.ts";
import { alive, spread } from "./stage/slurm.ts";

/** On each node of a Slurm job from its script; on this node alone from a step, or where there is no Slurm. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { words: [sha], flags } = request;
  if (sha !== undefined && !/^[0-9a-f]{64}$/.test(sha)) {
    throw new Problem(`${JSON.stringify(sha)} is no sha256`, "mambaenv stage", EXIT.usage);
  }
  const facts = await gather({ ...request, flags: { ...flags, staged: false } }, world);
  const { environment, settings, project } = facts;
  const key = keyOf(settings, project);
  const own = pick(disks(settings, world), world);
  if (sha !== undefined) return await here({ own, key, find: () => sha }, request, world);
  if (environment.kind === "missing" || environment.kind === "damaged") {
    throw new Problem("There is no environment to stage", "mambaenv sync", EXIT.missing);
  }
  const staged = { own, key, name: stem(environment.place) };
  if (inScript(world)) {
    const made = await archived(environment.prefix, request, world);
    return await spread({ ...staged, ...made, disk: parent(parent(own)) }, request, world);
  }
  if (flags.nodes) {
    const hint = "without Slurm, start it once on each node: pbsdsh, mpirun --map-by ppr:1:node, ssh";
    throw new Problem("--nodes is for the script of a Slurm job", hint, EXIT.usage);
  }
  if (world.readlink(`${own}/${key}`) !== undefined) return { out: "", exit: EXIT.ok };
  const find = async () => (await archived(environment.prefix, request, world)).sha;
  return await here({ own, key, find }, request, world);
}

/** Whether this is a Slurm job's script or allocation, not one of the tasks that `srun` started. */
function inScript({ env }: World): boolean {
  const step = Number(env["SLURM_STEP_ID"] ?? Infinity);
  return Boolean(env["SLURM_JOB_ID"]) && !(step < 0xfffffff0);
}

/** Where archives are kept. */
function cache(world: World): string {
  const { env } = world;
  const base = env["XDG_CACHE_HOME"] || (env["HOME"] && `${env["HOME"]}/.cache`);
  if (base?.startsWith("/")) return `${base}/mambaenv/stage`;
  throw new Problem("No folder for archives: HOME is not set", "export XDG_CACHE_HOME=/shared/folder");
}

/** The archive of a prefix, made unless it was; one of many makes it. */
async function archived(
  prefix: string,
  request: Request,
  world: World,
): Promise<{ sha: string; file: string }> {
  const { fingerprint, pack, walk } = await import("../builtin/archive.ts");
  const items = walk(prefix);
  const kept = cache(world);
  const note = `${kept}/${fingerprint(prefix, items)}`;
  const known = () => {
    const sha = world.read(note)?.trim();
    const file = `${kept}/${sha}.tar.zst`;
    return sha !== undefined && world.stat(file) ? { sha, file } : undefined;
  };
  world.mkdir(kept, 0o700);
  const held = known() ? undefined : await lock(`${note}.lock`, world);
  const untrap = world.trap(() => held?.release());
  try {
    const found = known();
    if (found) return found;
    const part = `${note}.${world.pid}.part`;
    const platform = `${world.platform}-${world.arch}`;
    const drop = world.trap(() => world.remove(part));
    try {
      world.remove(part);
      const sha = await pack(prefix, { items, platform, file: part });
      const file = `${kept}/${sha}.tar.zst`;
      world.rename(part, file);
      world.write(note, `${sha}\n`);
      const size = world.stat(file)?.size ?? 0;
      if (!request.flags.quiet) {
        world.err(`mambaenv: packed ${counted(items.length, "file")}, ${bytes(size)}\n`);
      }
      return { sha, file };
    } finally {
      drop();
      world.remove(part);
    }
  } finally {
    untrap();
    held?.release();
  }
}

/** This job's folder on the first disk that takes it. Throws Problem where somebody else has its place. */
function pick(candidates: readonly string[], world: World): string {
  for (const disk of candidates) {
    const stat = world.stat(disk);
    if (stat?.kind !== "dir" || !world.writable(disk)) continue;
    // Where anyone may rename what is another's, no folder stays ours.
    if ((stat.mode & 0o022) !== 0 && (stat.mode & 0o1000) === 0) continue;
    const own = folder(disk, world);
    for (const dir of [home(disk, world), own]) if (world.lstat(dir)) sole(dir, world);
    return own;
  }
  throw new Problem(`No disk to stage to: none of ${candidates.join(", ")}`, "mambaenv stage --to DIR");
}

function sole(dir: string, world: World): void {
  if (exclusive(dir, world)) return;
  const hint = "ls -ld it, and choose another disk: mambaenv stage --to DIR";
  throw new Problem(`${JSON.stringify(dir)} is not this user's private folder`, hint);
}

/** Makes the job's folder, for this user alone; those of dead jobs go. */
async function room(own: string, world: World): Promise<void> {
  const all = parent(own);
  for (const dir of [all, own]) {
    if (world.lstat(dir) === undefined) world.mkdir(dir, 0o700);
    sole(dir, world);
  }
  for (const job of world.list(all) ?? []) {
    if (`${all}/${job}` !== own && /^\d+$/.test(job) && !await alive(job, world)) {
      world.remove(`${all}/${job}`);
    }
  }
}

/** Unpacks on this node, unless it was; one of many does. */
async function here(
  { own, key, find }: { own: string; key: string; find: () => string | Promise<string> },
  request: Request,
  world: World,
): Promise<Answer> {
  await room(own, world);
  // One of a node's ranks speaks for those that wait.
  const quiet = (world.env["SLURM_LOCALID"] ?? "0") === "0" ? world : { ...world, err: () => undefined };
  const held = await lock(`${own}/${key}.lock`, quiet);
  const part = `${own}/${key}.part`;
  const untrap = world.trap(() => {
    world.remove(part);
    held.release();
  });
  try {
    const already = world.readlink(`${own}/${key}`);
    if (already !== undefined && request.words.length === 0) return { out: "", exit: EXIT.ok };
    const sha = await find();
    const target = `${key.slice(0, key.lastIndexOf("."))}-${sha.slice(0, 8)}`;
    if (already === target) return { out: "", exit: EXIT.ok };
    world.remove(part);
    const sent = `${own}/${sha}.tar.zst`;
    const archive = world.stat(sent) ? sent : `${cache(world)}/${sha}.tar.zst`;
    const { relocate } = await import("../builtin/relocate.ts");
    await relocate({ archive, sha256: sha, dir: part, prefix: `${own}/${target}` });
    world.remove(sent);
    world.remove(`${own}/${target}`);
    world.rename(part, `${own}/${target}`);
    world.symlink(target, `${own}/${key}`);
    if (request.flags.verbose) world.err(`mambaenv: unpacked ${own}/${target}\n`);
    return { out: "", exit: EXIT.ok };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`Cannot stage on this node: ${reason(error)}`, "mambaenv stage --to DIR");
  } finally {
    world.remove(part);
    untrap();
    held.release();
  }
}
