// Packages that are there for graphics cards too, and came as the build for processors.
import type { Order, Tools } from "../engines/engine.ts";
import type { Index } from "./repodata.ts";
import type { Record } from "./record.ts";
import { type Virtual, virtualPackages } from "./virtual.ts";

const CPU = /(^|_)cpu(_|$)/, GPU = /(^|_)(cuda|gpu)/;

/** Names of the packages that are builds for processors only because the machine has no CUDA. */
export async function cpuOnly(
  packages: readonly Pick<Record, "name" | "build">[],
  index: Pick<Index, "records">,
  virtual: readonly Virtual[],
): Promise<string[]> {
  if (virtual.some(({ name }) => name === "__cuda")) return [];
  const found = packages.filter(({ build }) => CPU.test(build)).map(async ({ name }) => {
    const others = await index.records(name);
    return others.some(({ build }) => GPU.test(build)) ? [name] : [];
  });
  return (await Promise.all(found)).flat().sort();
}

/** Says which those are, and the flag that changes it. */
export async function tellCpuOnly(
  packages: readonly Pick<Record, "name" | "build">[],
  { platform, quiet }: Pick<Order, "platform" | "quiet">,
  { index, world }: Pick<Tools, "index" | "world">,
): Promise<void> {
  const slow = quiet ? [] : await cpuOnly(packages, index, await virtualPackages(world, platform));
  if (slow.length === 0) return;
  world.err(`mambaenv: without graphics card: ${slow.join(", ")}; for a machine that has one: --cuda 12.4\n`);
}
