// Packs the release's programs for npm as esbuild's are: a package for each machine, of which `mambaenv` depends
// on all and npm installs the one that fits.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { page } from "../lib/commands/man.ts";
import { VERSION } from "../lib/version.ts";
import { ROOT } from "./compiler.ts";
import { enlist, folders } from "./dist.ts";
import { PLATFORMS } from "./wheels.ts";

/** A package of a program: what npm asks of the machine, by names of its own. */
export interface Package {
  name: string;
  target: string;
  os: string[];
  cpu: string[];
  libc?: string[];
}

/** The packages; npm does not ask for AVX2 either, so that processors of x64 get the wheels' programs. */
export const PACKAGES: readonly Package[] = Object.keys(PLATFORMS).map((target) => {
  const machine = target.replace("-baseline", "");
  const [os = "", cpu = "", libc = "glibc"] = machine.split("-");
  return {
    name: `@mambaenv/${machine}`,
    target,
    os: [os],
    cpu: [cpu],
    ...os === "linux" && { libc: [libc] },
  };
});

const COMMON = {
  version: VERSION,
  description: "A project's conda environment, activated in milliseconds",
  license: "MIT",
};

/** What package.json of a program's package says. */
export function manifest({ name, os, cpu, libc }: Package): object {
  return { name, ...COMMON, os, cpu, ...libc && { libc }, files: ["bin"], preferUnplugged: true };
}

/** Packs the package that users name; returns its file's name. */
export function launcher(dir: string): string {
  const launch = fs.readFileSync(join(import.meta.dirname!, "npm", "launch.sh"));
  const optionalDependencies = Object.fromEntries(PACKAGES.map(({ name }) => [name, VERSION]));
  const files = ["bin", "place.sh", "mambaenv.1"];
  const scripts = { postinstall: "sh place.sh" };
  const json = {
    name: "mambaenv",
    ...COMMON,
    bin: "bin/mambaenv",
    man: "./mambaenv.1",
    files,
    scripts,
    optionalDependencies,
  };
  return pack(json, dir, (folder) => {
    for (const name of ["bin/mambaenv", "place.sh"]) {
      fs.writeFileSync(join(folder, name), launch, { mode: 0o755 });
    }
    fs.writeFileSync(join(folder, "mambaenv.1"), page());
    fs.copyFileSync(join(ROOT, "README.md"), join(folder, "README.md"));
  });
}

/** Packs a machine's package with its program; returns its file's name. */
export function packed(of: Package, program: string, dir: string): string {
  return pack(manifest(of), dir, (folder) => {
    const path = join(folder, "bin", "mambaenv");
    fs.copyFileSync(program, path);
    fs.chmodSync(path, 0o755);
  });
}

function pack(json: object, dir: string, fill: (folder: string) => void): string {
  const folder = fs.mkdtempSync(join(dir, ".npm-"));
  try {
    fs.mkdirSync(join(folder, "bin"));
    fs.writeFileSync(join(folder, "package.json"), JSON.stringify(json, null, 2) + "\n");
    fs.copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
    fill(folder);
    const words = ["pack", "--silent", "--ignore-scripts", "--pack-destination", dir];
    const { status, stdout, error } = spawnSync("npm", words, {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`npm pack ended with ${status}`);
    return stdout.trim();
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const { from, to } = folders("npm");
  const files = PACKAGES.map((of) => () => packed(of, join(from, `mambaenv-${of.target}`), to));
  for (const make of [...files, () => launcher(to)]) {
    const file = make();
    console.log(`${file}  ${enlist(to, file)}`);
  }
}
