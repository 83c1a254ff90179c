// Where conda, mamba or micromamba are installed: every place that may tell, asked in order, each only when needed.
import { follow, type Kind, KINDS, type Program, type Programs, programs } from "./programs.ts";
import { basename, parent, resolve, tilde } from "./project.ts";
import type { Setting } from "./sources.ts";
import type { Stat, World } from "./world.ts";

/** An installation, or a place that was said to be one. */
export interface Found {
  /** Absolute path; environments are in `ROOT/envs`, packages in `ROOT/pkgs`. */
  readonly root: string;
  /** Who told of it, as users know it: `CONDA_EXE`, `PATH`, … */
  readonly from: string;
  readonly programs: Programs;
  /** Why it is not used; undefined where it holds. */
  readonly refused?: string;
}

/** A place that was named, before anything is known of it. */
interface Claim {
  from: string;
  root: string;
  /** The program that led there, and which it is. */
  program?: Program;
  /** What must be true of the folder: there at all, with a program in it, or also out of strangers' reach. */
  needs: "folder" | "program" | "safety";
  refused?: string;
}

/** The first installation that holds; undefined where there is none. */
export function installation(world: World, settings: { root?: Setting<string> } = {}): Found | undefined {
  for (const found of installations(world, settings)) if (found.refused === undefined) return found;
  return undefined;
}

/** Every installation in the order of preference, those that do not hold with the reason; no root comes twice. */
export function* installations(
  world: World,
  settings: { root?: Setting<string> } = {},
): Generator<Found, void, void> {
  const seen = new Set<string>();
  for (const claim of claims(world, settings)) {
    const found = judge(claim, world);
    const key = () => `${found.refused ?? ""}\0${world.realpath(found.root) ?? found.root}`;
    if (seen.size > 0 && seen.has(key())) continue;
    yield found;
    // Only reached when more is asked for: who takes the first never pays for this.
    seen.add(key());
  }
}

function* claims(world: World, settings: { root?: Setting<string> }): Generator<Claim> {
  const { env } = world;
  if (settings.root) yield { from: settings.root.from, root: settings.root.value, needs: "program" };
  if (env["MINICONDA3_PATH"]) yield named("MINICONDA3_PATH", env["MINICONDA3_PATH"], world);
  if (env["MAMBA_EXE"]) yield told("MAMBA_EXE", env["MAMBA_EXE"], world);
  if (env["CONDA_EXE"]) yield told("CONDA_EXE", env["CONDA_EXE"], world);
  if (env["MAMBA_ROOT_PREFIX"]) yield named("MAMBA_ROOT_PREFIX", env["MAMBA_ROOT_PREFIX"], world);
  yield* searched(world);
  const prefix = env["CONDA_PREFIX"];
  if (prefix?.startsWith("/")) {
    yield { from: "CONDA_PREFIX", root: around(prefix) ?? resolve("/", prefix), needs: "program" };
  }
  yield* usual(world);
}

/** A folder that a variable names. */
function named(from: string, value: string, world: World): Claim {
  const path = tilde(value, world.env["HOME"]);
  if (!path.startsWith("/")) return { from, root: value, needs: "folder", refused: "it is no absolute path" };
  return { from, root: resolve("/", path), needs: "folder" };
}

/** A program that a variable names. */
function told(from: string, value: string, world: World): Claim {
  const kind = KINDS.findLast((kind) => basename(value).startsWith(kind));
  const refused = !value.startsWith("/")
    ? "it is no absolute path"
    : kind === undefined
    ? "it names none of conda, mamba, micromamba"
    : undefined;
  if (refused !== undefined || kind === undefined) return { from, root: value, needs: "program", refused };
  return led(from, kind, value, world) ??
    {
      from,
      root: value,
      needs: "program",
      refused: "there is no such program, or no installation around it",
    };
}

/** conda, mamba, micromamba in each folder of PATH. A relative folder would let any project name our programs. */
function* searched(world: World): Generator<Claim> {
  const dirs = (world.env["PATH"] ?? "").split(":").filter((dir) => dir.startsWith("/"));
  for (const dir of new Set(dirs.map((dir) => resolve("/", dir)))) {
    // Half of the searches on a usual PATH; /bin is /usr/bin, and no installer puts conda in the others.
    if (/^\/(usr\/(local\/)?)?(s?bin|games)$/.test(dir) && !/^\/usr\/(local\/)?bin$/.test(dir)) continue;
    for (const kind of KINDS) {
      const claim = led("PATH", kind, `${dir}/${kind}`, world);
      if (claim) yield claim;
    }
  }
}

/** The installation that a program belongs to; undefined where there is no program, or nothing around it. */
function led(from: string, kind: Kind, path: string, world: World): Claim | undefined {
  const file = follow(path, world);
  if (file === undefined) return undefined;
  const own = home(file, kind, world);
  // conda inside an environment is not the conda of its root.
  const program = own === undefined || own === parent(parent(file)) ? { kind, path: file } : undefined;
  if (kind === "conda") return own === undefined ? undefined : { from, root: own, program, needs: "folder" };
  // mamba 2 and micromamba work on the root that this names, wherever they are themselves.
  const prefix = from === "MAMBA_EXE" ? world.env["MAMBA_ROOT_PREFIX"] : undefined;
  if (prefix?.startsWith("/")) return { from, root: resolve("/", prefix), program, needs: "folder" };
  if (own !== undefined) return { from, root: own, program, needs: "folder" };
  return kind === "mamba" ? undefined : { from, root: roaming(world), program, needs: "folder" };
}

/** The root that `ROOT/bin/conda` or `ROOT/condabin/conda` is in. */
function home(file: string, kind: Kind, world: World): string | undefined {
  if (!/\/(condabin|bin)\/[^/]+$/.test(file)) return undefined;
  const root = parent(parent(file));
  const outer = around(root);
  if (outer !== undefined && KINDS.some((kind) => programs(outer, undefined, world)[kind])) return outer;
  const HOME = world.env["HOME"];
  const homes = HOME ? [HOME, `${HOME}/.local`] : [];
  const shared = ["/", "/usr", "/usr/local", "/opt", "/opt/homebrew", ...homes];
  const doubtful = kind === "micromamba" || shared.includes(root);
  return doubtful && world.stat(`${root}/conda-meta`)?.kind !== "dir" ? undefined : root;
}

/** The root of an environment below it, our generations included; undefined where the path does not tell. */
function around(prefix: string): string | undefined {
  return /^(\/.*[^/])\/envs\/(?:\.mambaenv\/)?[^/]+\/*$/.exec(prefix)?.[1];
}

/** Where micromamba keeps environments if nothing says so: its old folder where that is, else the new one. */
function roaming(world: World): string {
  const home = world.env["HOME"] ?? "";
  if (world.stat(`${home}/micromamba`)?.kind === "dir") return `${home}/micromamba`;
  return `${world.env["XDG_DATA_HOME"] || `${home}/.local/share`}/mamba`;
}

const HOMES = ["miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", ".local/share/mamba"];
const SHARED = ["conda", "miniforge3", "mambaforge", "miniconda3", "anaconda3"];
const BREWS = ["/opt/homebrew", "/usr/local"];
const CASKS = ["miniforge", "mambaforge", "miniconda"];

function* usual(world: World): Generator<Claim> {
  const home = world.env["HOME"];
  const roots = [
    ...home?.startsWith("/") ? HOMES.map((name) => resolve(home, name)) : [],
    ...SHARED.map((name) => `/opt/${name}`),
    ...world.platform === "darwin"
      ? BREWS.flatMap((brew) => CASKS.map((cask) => `${brew}/Caskroom/${cask}/base`))
      : [],
  ];
  for (const root of roots) {
    if (world.stat(root)?.kind === "dir") yield { from: "a usual place", root, needs: "safety" };
  }
}

function judge(claim: Claim, world: World): Found {
  const { root, from, refused } = claim;
  const found = { root, from, programs: programs(root, claim.program, world) };
  const why = refused ?? objection(claim, found.programs, world);
  return why === undefined ? found : { ...found, refused: why };
}

function objection(claim: Claim, programs: Programs, world: World): string | undefined {
  const stat = world.stat(claim.root);
  const any = () => programs.conda ?? programs.mamba ?? programs.micromamba;
  // micromamba makes its root when it first needs one.
  if (stat === undefined) return programs.micromamba === undefined ? "there is no such folder" : undefined;
  if (stat.kind !== "dir") return "it is no folder";
  return danger(claim, stat, world) ??
    (claim.needs === "folder" || any() !== undefined ? undefined : "no conda, mamba or micromamba in it");
}

/** What would let somebody else put programs there that we then run. */
function danger(claim: Claim, stat: Stat, world: World): string | undefined {
  if (stat.uid === world.uid || stat.uid === 0) return undefined;
  if ((stat.mode & 0o002) !== 0) return `anyone may write to it, and its owner (uid ${stat.uid}) is not you`;
  if (claim.needs !== "safety" || ((world.stat(parent(claim.root))?.mode ?? 0) & 0o002) === 0) {
    return undefined;
  }
  return `its owner (uid ${stat.uid}) is not you, and anyone may write to ${parent(claim.root)}`;
}
