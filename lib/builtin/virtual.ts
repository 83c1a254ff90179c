// Virtual packages: what the machine has that no package can bring, as the solver's facts.
import { EXIT, Problem } from "../problem.ts";
import type { World } from "../world.ts";

/** A virtual package, such as `__glibc` 2.36. */
export interface Virtual {
  name: string;
  version: string;
  build: string;
}

/** conda subdirs by Node's names of platform and processor. */
const SUBDIRS: { [machine: string]: string } = {
  "linux-x64": "linux-64",
  "linux-ia32": "linux-32",
  "linux-arm64": "linux-aarch64",
  "linux-ppc64": "linux-ppc64le",
  "linux-s390x": "linux-s390x",
  "linux-riscv64": "linux-riscv64",
  "darwin-x64": "osx-64",
  "darwin-arm64": "osx-arm64",
};

/** The form of a subdir's name: it becomes a part of paths and URLs. */
export const SUBDIR = /^([a-z]+-[a-z0-9]+|noarch)$/;

/** The machine's conda subdir, or CONDA_SUBDIR. Throws Problem for a machine that conda does not know. */
export function subdirOf({ env, platform, arch }: World): string {
  const named = env["CONDA_SUBDIR"];
  const found = named || SUBDIRS[`${platform}-${arch}`];
  if (found && SUBDIR.test(found)) return found;
  if (named) {
    throw new Problem(
      `Unknown platform CONDA_SUBDIR=${JSON.stringify(named)}`,
      "unset CONDA_SUBDIR",
      EXIT.usage,
    );
  }
  throw new Problem(`conda knows no packages for ${platform} on ${arch}`, "CONDA_SUBDIR=linux-64 mambaenv");
}

/** Versions of virtual packages that are assumed, by name without `__`. */
export type Assumed = { readonly [name: string]: string };

/** The world as on a machine that has these; conda, mamba and micromamba understand it too. */
export function assuming(assumed: Assumed, world: World): World {
  const named = Object.entries(assumed).map(([name, version]) => [override(name), checked(name, version)]);
  return named.length === 0 ? world : { ...world, env: { ...world.env, ...Object.fromEntries(named) } };
}

/** What is assumed of the machine, by variables or by `assuming`. */
export function assumed({ env }: World): Assumed {
  const names = ["archspec", "cuda", "glibc", "linux", "osx"].filter((name) => env[override(name)]);
  return Object.fromEntries(names.map((name) => [name, env[override(name)]!]));
}

function override(name: string): string {
  return `CONDA_OVERRIDE_${name.toUpperCase()}`;
}

/** The virtual packages for a subdir. CONDA_OVERRIDE_* decides where it is set; empty means absent. */
export async function virtualPackages(world: World, subdir: string): Promise<Virtual[]> {
  const [system = "", ...rest] = subdir.split("-");
  const here = world.platform === (system === "osx" ? "darwin" : system);
  const found: Virtual[] = [];
  const add = async (name: string, read: () => Promise<string | undefined> | string | undefined) => {
    const version = world.env[override(name)] ?? await read();
    if (!version) return;
    // conda's __archspec is always version 1; which processor it is stands in the build.
    if (name === "archspec") found.push({ name: "__archspec", version: "1", build: checked(name, version) });
    else found.push({ name: `__${name}`, version: checked(name, version), build: "0" });
  };
  if (["linux", "osx"].includes(system)) found.push({ name: "__unix", version: "0", build: "0" });
  if (system === "linux") {
    await add("linux", () => here ? kernel(world) : "0");
    // What conda assumes where it cannot look: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html
    await add("glibc", () => here ? glibc(world) : "2.17");
  }
  if (system === "osx") await add("osx", () => here ? macos(world) : "11.0");
  if (system === "win") found.push({ name: "__win", version: "0", build: "0" });
  await add("cuda", () => here ? cuda(world) : undefined);
  await add("archspec", () => processor(world, here, rest.join("-")));
  return found;
}

function checked(name: string, version: string): string {
  if (/^[\w.]{1,40}$/.test(version)) return version;
  const variable = override(name);
  throw new Problem(`Cannot read ${variable}=${JSON.stringify(version)}: no version`, `unset ${variable}`);
}

function kernel(world: World): string | undefined {
  return /^\d+(\.\d+){0,3}/.exec(world.read("/proc/sys/kernel/osrelease") ?? "")?.[0] ?? "0";
}

/** Places of glibc, where no program tells its version. */
const LIBC = ["/lib64/libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"];

/** The version of glibc; undefined on a system with another C library. */
async function glibc(world: World): Promise<string | undefined> {
  const asked = await world.run(["getconf", "GNU_LIBC_VERSION"], CAPTURE);
  const told = /^glibc (\d+\.\d+)/.exec(asked.stdout)?.[1];
  if (told !== undefined) return told;
  const file = LIBC.map((path) => world.read(path)).find((text) => text !== undefined);
  return /GNU C Library [^\n]*version (\d+\.\d+)/.exec(file ?? "")?.[1];
}

async function macos(world: World): Promise<string | undefined> {
  const { stdout } = await world.run(["sw_vers", "-productVersion"], CAPTURE);
  return /^\d+(\.\d+)*/.exec(stdout)?.[0];
}

/** The newest CUDA that a driver serves, by the driver's first number: https://docs.nvidia.com/deploy/cuda-compatibility */
const DRIVERS: readonly (readonly [driver: number, cuda: string])[] = [
  [580, "13.0"],
  [575, "12.9"],
  [570, "12.8"],
  [565, "12.7"],
  [560, "12.6"],
  [555, "12.5"],
  [550, "12.4"],
  [545, "12.3"],
  [535, "12.2"],
  [530, "12.1"],
  [525, "12.0"],
  [520, "11.8"],
  [515, "11.7"],
  [510, "11.6"],
  [495, "11.5"],
  [470, "11.4"],
  [465, "11.3"],
  [460, "11.2"],
  [455, "11.1"],
  [450, "11.0"],
  [440, "10.2"],
  [418, "10.1"],
  [410, "10.0"],
];

/** The newest CUDA of the graphics driver; undefined without one. */
async function cuda(world: World): Promise<string | undefined> {
  const driver = /Kernel Module\D*(\d+)\./.exec(world.read("/proc/driver/nvidia/version") ?? "")?.[1];
  if (driver === undefined) return undefined;
  const { stdout } = await world.run(["nvidia-smi"], { ...CAPTURE, timeout: 5000 });
  return /CUDA Version: (\d+\.\d+)/.exec(stdout)?.[1] ??
    DRIVERS.find(([from]) => Number(driver) >= from)?.[1];
}

/** What each level of x86-64 has that the one below lacks: https://gitlab.com/x86-psABIs/x86-64-ABI */
const LEVELS: readonly (readonly string[])[] = [
  ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"],
  ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
  ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
];
const FAMILIES = new Map([["64", "x86_64"], ["32", "x86"], ["arm64", "aarch64"]]);

/** The processor's family, with its level where that can be read. */
function processor(world: World, here: boolean, arch: string): string | undefined {
  const family = FAMILIES.get(arch) ?? arch;
  if (family !== "x86_64") return family || undefined;
  const flags = here ? /^flags\s*:(.*)$/m.exec(world.read("/proc/cpuinfo") ?? "")?.[1]?.split(" ") ?? [] : [];
  const level = LEVELS.findIndex((needed) => !needed.every((flag) => flags.includes(flag)));
  return level === 0 ? family : `${family}_v${(level < 0 ? LEVELS.length : level) + 1}`;
}

const CAPTURE = { stdout: "capture", stderr: "capture", timeout: 5000 } as const;
