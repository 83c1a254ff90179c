// Packages that are there for graphics cards too, and came as the build for processors.
import type { Index } from "./repodata.ts";
import type { Record } from "./record.ts";
import type { Virtual } from "./virtual.ts";

const CPU = /(^|_)cpu(_|$)/, GPU = /(^|_)(cuda|gpu)/;

/** Names of the records that are builds for processors only because the machine has no CUDA. */
export async function cpuOnly(
  records: readonly Record[],
  index: Pick<Index, "records">,
  virtual: readonly Virtual[],
): Promise<string[]> {
  if (virtual.some(({ name }) => name === "__cuda")) return [];
  const found = records.filter(({ build }) => CPU.test(build)).map(async ({ name }) => {
    const others = await index.records(name);
    return others.some(({ build }) => GPU.test(build)) ? [name] : [];
  });
  return (await Promise.all(found)).flat().sort();
}
