// The program and the machine: kernel, C library, processor, clock.
import { subdirOf, virtualPackages } from "../../builtin/virtual.ts";
import { about } from "../../version.ts";
import type { World } from "../../world.ts";
import type { Case, Finding } from "./finding.ts";

const DAY = 86_400_000;

/** What packages will find here. */
export async function machine(_: Case, world: World): Promise<Finding[]> {
  const subdir = subdirOf(world);
  const virtual = new Map((await virtualPackages(world, subdir)).map((found) => [found.name, found]));
  const { platform, arch } = world;
  const version = (name: string) => virtual.get(name)?.version;
  const parts = [
    `${platform} ${arch} (${subdir})`,
    ...["linux", "glibc", "osx", "cuda"].flatMap((name) =>
      version(`__${name}`) ? [`${name} ${version(`__${name}`)}`] : []
    ),
    ...virtual.has("__archspec") ? [virtual.get("__archspec")!.build] : [],
  ];
  return [
    { topic: "program", level: "ok", text: about() },
    { topic: "machine", level: "ok", text: parts.join(", ") },
    ...library(platform, version("__glibc")),
    ...clock(world),
  ];
}

/** conda-forge's packages are made for glibc 2.17 and later: https://conda-forge.org/docs/maintainer/knowledge_base/ */
function library(platform: string, glibc: string | undefined): Finding[] {
  if (platform !== "linux") return [];
  if (glibc === undefined) {
    const text = "there is no glibc here, and packages of conda channels need it";
    return [{ topic: "machine", level: "error", text, fix: "use a system or a container with glibc" }];
  }
  const [major = 0, minor = 0] = glibc.split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 17)) return [];
  const text = `glibc ${glibc} is older than 2.17, which conda-forge's packages need`;
  return [{ topic: "machine", level: "error", text, fix: "use a newer system or a container" }];
}

/** A clock that is behind makes certificates invalid, and files look new for ever. */
function clock(world: World): Finding[] {
  const now = world.now();
  const program = world.stat("/proc/self/exe");
  const topic = "clock", date = new Date(now).toISOString();
  if (program === undefined || program.ctime <= now + DAY) return [{ topic, level: "ok", text: date }];
  const text = `${date} is before the day on which this program was put here: certificates will not be valid`;
  return [{ topic, level: "error", text, fix: "set the clock, or ask the administrator" }];
}
