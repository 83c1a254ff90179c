// The channels that are asked for, opened, and the package caches.
import type { Index } from "./builtin/repodata.ts";
import type { Condarc } from "./condarc.ts";
import type { Report } from "./engines/engine.ts";
import type { Facts } from "./facts.ts";
import type { Wanted } from "./inputs.ts";
import { Problem } from "./problem.ts";
import { cutoff } from "./requirement/moment.ts";
import type { World } from "./world.ts";

/** Who says which channels and caches. */
export interface Asking {
  wanted: Wanted;
  condarc: Condarc;
  facts: Pick<Facts, "settings">;
}

/** Opens the channels that are asked for. Throws Problem. */
export async function open(
  asking: Asking,
  platform: string,
  report: Report,
  world: World,
): Promise<Index> {
  const { condarc, facts: { settings: { offline, newer } } } = asking;
  const { openChannels } = await import("./builtin/repodata.ts");
  const before = newer && cutoff(newer.value);
  const index = await openChannels(channels(asking), platform, { world, condarc, report, offline, before });
  if (newer === undefined || (await index.records("python")).length > 0) return index;
  index.close();
  throw new Problem(
    `The channels have no Python of ${newer.value} or before (exclude-newer by ${newer.from})`,
    "mambaenv --exclude-newer DATE, with a later one",
  );
}

/** The channels that are asked for. */
export function channels({ facts: { settings }, wanted, condarc }: Asking): readonly string[] {
  return settings.channels?.value ?? wanted.channels?.value ??
    (condarc.channels.length > 0 ? condarc.channels : ["conda-forge"]);
}

/** Package caches in order: what is configured, the root's own. */
export function caches({ root, condarc }: Pick<Asking, "condarc"> & { root: string }): string[] {
  return [...new Set([...condarc.pkgs_dirs, `${root}/pkgs`])];
}
