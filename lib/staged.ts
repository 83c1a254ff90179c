// Copies of environments on a node's own disk: where they are, which one is meant, and waiting for it.
import { holder } from "./lock.ts";
import { batch } from "./plan.ts";
import { EXIT, Problem } from "./problem.ts";
import { basename, parent, type Project, resolve } from "./project.ts";
import type { Settings } from "./settings.ts";
import { digest, readStamp } from "./stamp.ts";
import { type Environment, stem } from "./store.ts";
import type { World } from "./world.ts";

/** A name in paths that scripts and their first lines hold. */
const PLAIN = /^\/[\w./+@%=,-]*$/;

/** Where copies may be, in order; `--to` alone where it is said. Throws Problem. */
export function disks({ to }: Pick<Settings, "to">, world: World): string[] {
  const { env } = world;
  if (to === undefined) {
    const named = [env["SLURM_TMPDIR"], env["PBS_JOBFS"], env["TMPDIR"]];
    return [...named, "/tmp"].filter((dir) => dir !== undefined && PLAIN.test(dir)) as string[];
  }
  const named = to.value.map((path) => path.replace(/\$\{?(\w+)\}?/g, (_, name) => env[name] || "?"));
  const paths = named.filter((path) => PLAIN.test(path));
  if (paths.length > 0) return paths;
  const words = `Cannot stage to ${to.value.map((path) => JSON.stringify(path)).join(", ")} (${to.from}): `;
  const why = "not a whole path of plain letters, of variables that are set";
  throw new Problem(words + why, "mambaenv stage --to /local/disk", EXIT.usage);
}

/** The folder of all that this user has on such a disk. */
export function home(disk: string, world: World): string {
  return `${disk.replace(/\/+$/, "")}/mambaenv-${world.uid}`;
}

/** The folder of this job's copies. */
export function folder(disk: string, world: World): string {
  const job = batch(world.env)?.value ?? "none";
  return `${home(disk, world)}/${job.replace(/[^\w.-]/g, "_")}`;
}

/** Whether it is a folder of this user's alone, and no link: nobody else can have planted what is in it. */
export function exclusive(path: string, world: World): boolean {
  const stat = world.lstat(path);
  return stat?.kind === "dir" && stat.uid === world.uid && (stat.mode & 0o077) === 0;
}

/** What a copy's link is called: of what was asked for, so that the shared disk need not be looked at. */
export function keyOf({ name, prefix, root }: Settings, project: Project | undefined): string {
  const asked = [project?.root, name?.value, prefix?.value, root?.value];
  return `${stem({ name: name?.value ?? basename(prefix!.value) })}.${digest(JSON.stringify(asked))}`;
}

/** The copy on this node, after it is unpacked where somebody does that; undefined with a warning where there is none. */
export async function local(
  settings: Settings,
  project: Project | undefined,
  world: World,
): Promise<Environment | undefined> {
  const key = keyOf(settings, project);
  for (const disk of disks(settings, world)) {
    const own = folder(disk, world);
    if (!exclusive(home(disk, world), world) || !exclusive(own, world)) continue;
    let target = world.readlink(`${own}/${key}`);
    while (target === undefined && holder(`${own}/${key}.lock`, world) !== undefined) {
      await world.sleep(50);
      target = world.readlink(`${own}/${key}`);
    }
    // Who had the lock may have finished between the two looks.
    target ??= world.readlink(`${own}/${key}`);
    // A mounted image is at the one place that it was made for.
    const prefix = resolve(own, target ?? "");
    if (target === undefined || world.stat(`${prefix}/conda-meta`)?.kind !== "dir") continue;
    const label = settings.prefix?.value ?? settings.name!.value;
    const place = { envs: parent(prefix), name: settings.name?.value ?? basename(label), label };
    const stamp = readStamp(prefix, world);
    return stamp ? { kind: "generation", prefix, place, stamp } : { kind: "plain", prefix, place };
  }
  // One of a node's ranks says it for all.
  if ((world.env["SLURM_LOCALID"] ?? "0") === "0") {
    world.err("mambaenv: warning: no copy is staged on this node: the shared environment is entered\n");
  }
  return undefined;
}
