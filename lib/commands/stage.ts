// `mambaenv stage`: the environment as one archive, made once, and unpacked once on each node of the job.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { gather } from "../facts.ts";
import { EXIT, Problem } from "../problem.ts";
import { parent } from "../project.ts";
import { disks, keyOf } from "../staged.ts";
import type { World } from "../world.ts";
import { here, pick, room } from "./stage/here.ts";
import { type Image, pointOf } from "./stage/mount.ts";
import { archived, imaged, type Kept } from "./stage/pack.ts";
import { spread } from "./stage/slurm.ts";

/** On each node of a Slurm job from its script; on this node alone from a step, or where there is no Slurm. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { words: [sha], flags } = request;
  if (sha !== undefined && !/^[0-9a-f]{64}$/.test(sha)) {
    throw new Problem(`${JSON.stringify(sha)} is no sha256`, "mambaenv stage", EXIT.usage);
  }
  const squashed = mounting(flags.format);
  const { environment, settings, project } = await gather(
    { ...request, flags: { ...flags, staged: false } },
    world,
  );
  const key = keyOf(settings, project);
  const own = pick(disks(settings, world), world);
  const place = { own, key, disk: parent(parent(own)) };
  if (sha !== undefined) {
    const image = squashed ? { point: pointOf(place, sha, world) } : undefined;
    return await here({ own, key, find: () => Promise.resolve({ sha, image }) }, request, world);
  }
  if (environment.kind === "missing" || environment.kind === "damaged") {
    throw new Problem("There is no environment to stage", "mambaenv sync", EXIT.missing);
  }
  const find = async () => {
    const archive = await archived(environment.prefix, request, world);
    return squashed ? { ...archive, image: await image(archive, place, request, world) } : archive;
  };
  if (inScript(world)) return await spread({ ...place, ...await find() }, request, world);
  if (flags.nodes) {
    const hint = "without Slurm, start it once on each node: pbsdsh, mpirun --map-by ppr:1:node, ssh";
    throw new Problem("--nodes is for the script of a Slurm job", hint, EXIT.usage);
  }
  return await here({ own, key, find }, request, world);
}

/** Whether `--format` asks for an image; it has other values for `export`. Throws Problem. */
function mounting(format: string | undefined): boolean {
  if (["squashfs", "tar", undefined].includes(format)) return format === "squashfs";
  throw new Problem(`Cannot stage as ${format}`, "mambaenv stage --format squashfs, or tar", EXIT.usage);
}

/** The image of an archive, made on this node's disk. */
async function image(
  archive: Kept,
  place: { own: string; key: string; disk: string },
  request: Request,
  world: World,
): Promise<Required<Image>> {
  const point = pointOf(place, archive.sha, world);
  await room(place.own, world);
  const dir = `${place.own}/${place.key}.${world.pid}.image`;
  return { point, from: await imaged(archive, { point, dir }, request, world) };
}

/** Whether this is a Slurm job's script or allocation, not one of the tasks that `srun` started. */
function inScript({ env }: World): boolean {
  const step = Number(env["SLURM_STEP_ID"] ?? Infinity);
  return Boolean(env["SLURM_JOB_ID"]) && !(step < 0xfffffff0);
}
