// A copy on this node: the job's folder, one of many who unpacks or mounts, and what dead jobs left.
import type { Request } from "../../args.ts";
import { type Answer } from "../../code.ts";
import { lock } from "../../lock.ts";
import { EXIT, Problem, reason } from "../../problem.ts";
import { parent } from "../../project.ts";
import { exclusive, folder, home } from "../../staged.ts";
import type { World } from "../../world.ts";
import { copyOf, type Image, mounted } from "./mount.ts";
import { cache } from "./pack.ts";
import { alive, guard } from "./slurm.ts";

/** What is wanted here. */
export interface Wish {
  /** The job's folder. */
  own: string;
  /** What the link to the copy is called in it. */
  key: string;
  /** The archive's sha256, and the image that is to be mounted instead. */
  find: () => Promise<{ sha: string; image?: Image }>;
}

/** This job's folder on the first disk that takes it. Throws Problem where somebody else has its place. */
export function pick(candidates: readonly string[], world: World): string {
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
export async function room(own: string, world: World): Promise<void> {
  const all = parent(own);
  for (const dir of [all, own]) {
    if (world.lstat(dir) === undefined) world.mkdir(dir, 0o700);
    sole(dir, world);
  }
  for (const job of world.list(all) ?? []) {
    if (`${all}/${job}` !== own && /^\d+$/.test(job) && !await alive(job, world)) {
      for (const point of unpacked(`${all}/${job}`, world)) world.remove(`${all}/mounts/${point}`);
      world.remove(`${all}/${job}`);
    }
  }
}

/** What a job unpacked of images, at the places where they would have been mounted. */
function unpacked(job: string, world: World): string[] {
  const states = (world.list(job) ?? []).filter((name) => name.endsWith(".state"));
  return states.filter((name) => world.read(`${job}/${name}`) === "unpacked\n").map((name) =>
    name.slice(0, -6)
  );
}

/** Unpacks or mounts on this node, unless it was; one of many does. Throws Problem. */
export async function here(wish: Wish, request: Request, world: World): Promise<Answer> {
  const { own, key } = wish;
  if (request.words.length === 0 && held(wish, world)) return { out: "", exit: EXIT.ok };
  await room(own, world);
  // One of a node's ranks speaks for those that wait.
  const quiet = (world.env["SLURM_LOCALID"] ?? "0") === "0" ? world : { ...world, err: () => undefined };
  const locked = await lock(`${own}/${key}.lock`, quiet);
  const untrap = world.trap(() => {
    world.remove(`${own}/${key}.part`);
    locked.release();
  });
  try {
    if (request.words.length === 0) await guard(own, world);
    const target = await placed(wish, request, world);
    if (target !== undefined) world.symlink(target, `${own}/${key}`);
    return { out: "", exit: EXIT.ok };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`Cannot stage on this node: ${reason(error)}`, "mambaenv stage --to DIR");
  } finally {
    world.remove(`${own}/${key}.part`);
    untrap();
    locked.release();
  }
}

/** Where the link leads, if the copy is there: a mount may have ended meanwhile. */
function held({ own, key }: Pick<Wish, "own" | "key">, world: World): string | undefined {
  const link = world.readlink(`${own}/${key}`);
  return link !== undefined && world.stat(`${own}/${key}/conda-meta`) ? link : undefined;
}

/** Where the link is to lead; undefined where it is right already. */
async function placed({ own, key, find }: Wish, request: Request, world: World): Promise<string | undefined> {
  const already = held({ own, key }, world);
  if (already !== undefined && request.words.length === 0) return undefined;
  const { sha, image } = await find();
  const target = copyOf(key, sha);
  if (already !== undefined && [target, image?.point].includes(already)) return undefined;
  const told = (deed: string, path: string) =>
    request.flags.verbose && world.err(`mambaenv: ${deed} ${path}\n`);
  if (image) {
    const state = await mounted(image, own, world);
    if (state.done !== undefined) {
      told(state.done, image.point);
      return image.point;
    }
    world.err(`mambaenv: warning: the image is not mounted (${state.why}): the archive is unpacked\n`);
  }
  await unpack({ own, sha, part: `${own}/${key}.part`, prefix: `${own}/${target}` }, world);
  told("unpacked", `${own}/${target}`);
  return target;
}

async function unpack(
  { own, sha, part, prefix }: { own: string; sha: string; part: string; prefix: string },
  world: World,
): Promise<void> {
  world.remove(part);
  const sent = `${own}/${sha}.tar.zst`;
  const archive = world.stat(sent) ? sent : `${cache(world)}/${sha}.tar.zst`;
  const { relocate } = await import("../../builtin/relocate.ts");
  await relocate({ archive, sha256: sha, dir: part, prefix });
  world.remove(sent);
  world.remove(prefix);
  world.rename(part, prefix);
}
