// What is so: the project, its settings, the environment at its place, and whether it still fits. Only reads.
import type { Request } from "./args.ts";
import { type Found, installation, installations } from "./installation.ts";
import { denied } from "./prefix.ts";
import { EXIT, Problem } from "./problem.ts";
import { basename, findProject, homeless, parent, type Project } from "./project.ts";
import { parts } from "./scope.ts";
import { readSettings, type Settings } from "./settings.ts";
import { staleness } from "./stamp.ts";
import { type Environment, link, look, type Place, placeOf } from "./store.ts";
import type { World } from "./world.ts";

export interface Facts {
  project: Project | undefined;
  settings: Settings;
  environment: Environment;
  /** Why the environment no longer fits; undefined where it does, or where nobody asks. */
  stale: string | undefined;
  /** Whether a change failed, and this is the last good environment. */
  fallback?: boolean;
  /** What another process will remove as it switches. */
  awaited?: string;
  /** The conda installation; looked for when first asked for. */
  installation(): Found | undefined;
}

/** Variables that name an installation: with one of them set, it is known without a search. */
const TELLING = ["MINICONDA3_PATH", "MAMBA_EXE", "CONDA_EXE", "MAMBA_ROOT_PREFIX"];

/** Gathers the facts. Throws Problem where there is neither a project nor a name. */
export async function gather(request: Request, world: World): Promise<Facts> {
  const project = findProject(request.flags, world);
  const settings = await readSettings(request, project, world);
  if (settings.name === undefined && settings.prefix === undefined) throw homeless(world);
  const find = once(() => installation(world));
  const local = settings.staged
    ? await (await import("./staged.ts")).local(settings, project, world)
    : undefined;
  const environment = local ?? search(settings, find, world);
  const stamp = environment.kind === "generation" ? environment.stamp : undefined;
  if (stamp && project && settings.sync) owned(stamp.project, project, settings, world);
  const stale = stamp && settings.sync ? await staleness(stamp, project, settings, world) : undefined;
  const known = stamp
    ? stamp.installation
    : environment.kind === "plain"
    ? around(environment.place, world)
    : undefined;
  return {
    project,
    settings,
    environment,
    stale,
    installation: () => known === undefined || told(world) ? find() : known ?? undefined,
  };
}

/** The installation that a hand-made environment is in; null where there is none around it. */
function around({ envs }: Place, world: World): Found | null {
  if (basename(envs) !== "envs" || world.stat(`${parent(envs)}/conda-meta`) === undefined) return null;
  const [found] = installations(world, { root: { value: parent(envs), from: "its environment" } });
  return found && found.refused === undefined ? found : null;
}

function once<T>(read: () => T): () => T {
  let held: { value: T } | undefined;
  return () => (held ??= { value: read() }).value;
}

function told(world: World): boolean {
  for (const name of TELLING) if (world.env[name]) return true;
  return false;
}

/** The first place that holds the environment; what costs a search of the machine comes last. */
function search(settings: Settings, find: () => Found | undefined, world: World): Environment {
  const looked: string[] = [];
  for (const where of places(settings, find, world)) {
    const place = where();
    const environment = place && look(place, world);
    if (environment && environment.kind !== "missing") return environment;
    if (place) looked.push(link(place));
  }
  return {
    kind: "missing",
    refused: looked.find((path) => denied(path, world) || shut(path, settings, world)),
  };
}

/** Whether a place lies in a root that was asked for, and that we may not even look into. */
function shut(path: string, { root, prefix }: Settings, world: World): boolean {
  let refused = false;
  if (root && !prefix) world.lstat(path, () => refused = true);
  return refused;
}

/** Where it may be, in order, each thought of only when its turn comes. */
function places(
  { prefix, root, name }: Settings,
  find: () => Found | undefined,
  world: World,
): (() => Place | undefined)[] {
  const { env } = world;
  if (prefix) return [() => placeOf(prefix.value)];
  const named = (envs: string) => ({ envs, name: name!.value, label: name!.value });
  const below = (root: string | undefined) => root === undefined ? undefined : named(`${root}/envs`);
  if (root) return [() => below(root.value)];
  const listed: (() => Place | undefined)[] = [];
  for (const dir of parts(env["CONDA_ENVS_PATH"] || env["CONDA_ENVS_DIRS"])) listed.push(() => named(dir));
  const installed = () => below(find()?.root);
  const own = () => below(ownRoot(world));
  return [
    ...listed,
    ...told(world) ? [installed, own] : [own, installed],
    () => env["HOME"] ? named(`${env["HOME"]}/.conda/envs`) : undefined,
  ];
}

/** The root that is ours alone; undefined without a home. */
export function ownRoot(world: World): string | undefined {
  const { env } = world;
  const data = env["XDG_DATA_HOME"] || (env["HOME"] && `${env["HOME"]}/.local/share`);
  return data?.startsWith("/") ? `${data}/mambaenv` : undefined;
}

/** An environment of another project that still exists is not touched. */
function owned(owner: string | undefined, project: Project, settings: Settings, world: World): void {
  if (owner === undefined || owner === project.root || world.stat(owner) === undefined) return;
  const name = JSON.stringify(settings.prefix?.value ?? settings.name?.value);
  throw new Problem(
    `Environment ${name} belongs to the project ${JSON.stringify(owner)}, this one is ${
      JSON.stringify(project.root)
    }`,
    "choose another name: mambaenv --name NAME (or export MAMBAENV_NAME=NAME)",
    EXIT.usage,
  );
}
