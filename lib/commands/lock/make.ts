// Makes a lock: one solve a platform by the built-in engine, then pip is asked what it would install.
import { openChannels } from "../../builtin/repodata.ts";
import type { Record } from "../../builtin/record.ts";
import { subdirOf } from "../../builtin/virtual.ts";
import { loadCondarc } from "../../condarc.ts";
import { resolve } from "../../engines/builtin.ts";
import type { Facts } from "../../facts.ts";
import { readWanted } from "../../inputs.ts";
import { bare, type Lock, type Locked } from "../../lockfile.ts";
import { contentHash } from "../../lockfile/content.ts";
import { createReport } from "../../progress.ts";
import type { Project } from "../../project.ts";
import { channels, settle } from "../../provision.ts";
import { dependency } from "../../requirement/conda.ts";
import type { Split } from "../../split.ts";
import type { World } from "../../world.ts";
import { pypi } from "./pypi.ts";

/** What is to be locked. */
export interface Making {
  facts: Facts;
  project: Project;
  platforms: readonly string[];
  /** The lock that this one follows: what is in it stays, where it can. */
  before?: Lock;
  /** Names that need not stay; none means all; undefined: everything stays. */
  upgrade?: readonly string[];
  quiet: boolean;
}

/** One platform, solved. */
export interface Solved {
  platform: string;
  made: Split;
  records: Record[];
}

/** Makes the lock. Throws Problem. */
export async function makeLock(making: Making, world: World): Promise<Lock> {
  const { facts, project, quiet } = making;
  const { settings } = facts;
  const condarc = await loadCondarc(world, facts.installation()?.root);
  for (const warning of condarc.warnings) world.err(`mambaenv: warning: ${warning}\n`);
  const wanted = await readWanted(project, world);
  const { report, clear } = createReport(world, quiet);
  const python = (settings.python ?? wanted.python)?.value ?? "";
  let urls: string[] = [];
  const solve = async (platform: string, more: readonly string[] = []): Promise<Solved> => {
    const options = { world, condarc, report, offline: settings.offline };
    const index = await openChannels(channels({ facts, wanted, condarc }), platform, options);
    urls = index.channels.map(({ url }) => url);
    const act = ({ conda: specs }: Split) => {
      const order = {
        prefix: "",
        specs: [...specs, ...more],
        channels: [],
        platform,
        caches: [],
        offline: settings.offline,
      };
      return resolve(order, { world, report, index });
    };
    try {
      const target = { python, platform };
      const { made, done } = await settle({ wanted, target, index, clear }, act, world);
      return { platform, made, records: done };
    } finally {
      index.close();
    }
  };
  try {
    const platforms = [...new Set(making.platforms)].sort();
    const solved: Solved[] = [];
    for (const platform of platforms) solved.push(await solve(platform));
    const here = subdirOf(world);
    const tool = async () => {
      const found = solved.find(({ platform }) => platform === here);
      return found?.records.some(({ name }) => name === "pip") ? found : await solve(here, ["pip"]);
    };
    const archives = await pypi({ ...making, condarc, wanted, solved, tool, report, clear }, world);
    const hash = (platform: string) => contentHash({ wanted, settings, platform }, world);
    const hashes = await Promise.all(platforms.map(async (each) => [each, await hash(each)] as const));
    return {
      hashes: Object.fromEntries(hashes),
      channels: urls,
      platforms,
      sources: [...project.files.keys()].filter((name) => !/^(\.envrc|conda-lock\.yml)$/.test(name)).sort(),
      packages: [...solved.flatMap(locked), ...archives],
    };
  } finally {
    clear();
  }
}

function locked({ platform, records }: Solved): Locked[] {
  return records.map(({ name, version, depends, url, md5, sha256 }) => ({
    manager: "conda" as const,
    name,
    version,
    platform,
    dependencies: needs(depends),
    url: bare(url),
    ...md5 && { md5 },
    ...sha256 && { sha256 },
    direct: false,
  }));
}

/** Dependencies by name; what is said of one name in several is joined, where the form allows it. */
function needs(depends: readonly string[]): { [name: string]: string } {
  const found: { [name: string]: string } = {};
  for (const depend of depends) {
    const { name } = dependency(depend);
    const rest = depend.trim().replace(/^\S*::/, "").slice(name.length).trim();
    const other = found[name];
    found[name] = other && rest && !/\s/.test(other + rest) ? `${other},${rest}` : rest || other || "";
  }
  return found;
}
