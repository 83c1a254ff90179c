// Makes a lock: one solve a platform by the built-in engine, then pip is asked what it would install.
import { createHttp } from "../../builtin/http.ts";
import { assumed, assuming, subdirOf } from "../../builtin/virtual.ts";
import { loadCondarc } from "../../condarc.ts";
import { resolve } from "../../engines/builtin.ts";
import { readWanted, type Wanted } from "../../inputs.ts";
import { type Lock, type Locked, LOCKFILE } from "../../lockfile.ts";
import { heldRecords } from "../../lockfile/held.ts";
import { kept } from "../../lockfile/why.ts";
import { contentHash } from "../../lockfile/content.ts";
import { createReport } from "../../progress.ts";
import type { Project } from "../../project.ts";
import { open } from "../../channels.ts";
import { elsewhere } from "../../provision.ts";
import { type Check, reconcile, settle } from "../../settle.ts";
import { dependency } from "../../requirement/conda.ts";
import { reasoned } from "../../requirement/demand.ts";
import { included } from "../../requirement/remote.ts";
import type { Split } from "../../split.ts";
import { bare } from "../../secret.ts";
import type { World } from "../../world.ts";
import { type Making, type Solved, upgraded } from "./making.ts";
import { pypi } from "./pypi.ts";

/** Makes the lock. Throws Problem. */
export async function makeLock(asked: Making, here: World): Promise<Lock> {
  const { facts, project, quiet, verbose, before } = asked;
  const { settings } = facts;
  // What the last lock was made for holds until something else is said.
  const other = assuming({ ...before?.assumed, ...assumed(here), ...elsewhere(settings) }, here);
  const { report, clear, world } = createReport(other, { quiet, verbose });
  const condarc = await loadCondarc(world, facts.installation()?.root, settings.mirrors?.value);
  for (const warning of condarc.warnings) world.err(`mambaenv: warning: ${warning}\n`);
  const wanted = await readWanted(project, world, settings);
  const http = createHttp({ env: world.env, condarc, offline: settings.offline });
  const whole = await included(wanted, http, world);
  const making = { ...asked, upgrade: await upgraded(asked.upgrade, asked.before, whole) };
  const python = (settings.python ?? wanted.python)?.value ?? "";
  let urls: string[] = [];
  const solve = async (wanted: Wanted, platform: string, more: readonly string[] = []): Promise<Solved> => {
    const index = await open({ facts, wanted, condarc }, platform, report, world);
    urls = index.channels.map(({ url }) => url);
    try {
      const stay = await heldRecords(making, platform, index);
      const act = async ({ conda }: Split, check: Check) => {
        const order = { prefix: "", specs: [...conda, ...more], channels: [], platform, caches: [], quiet };
        const tools = { world, report, index, held: stay };
        const records = await resolve({ ...order, offline: settings.offline }, tools);
        await check(records);
        return records;
      };
      const target = { python, platform };
      const { made, done } = await settle({ wanted, target, index, stay }, act, world);
      return { platform, made, records: done };
    } finally {
      index.close();
    }
  };
  try {
    const platforms = [...new Set(making.platforms)].sort();
    const here = subdirOf(world);
    const { solved, archives } = await reconcile({ wanted: whole }, async (wanted, asked) => {
      const solved: Solved[] = [];
      for (const platform of platforms) solved.push(await solve(wanted, platform));
      const tool = async () => {
        const found = solved.find(({ platform }) => platform === here);
        return found?.records.some(({ name }) => name === "pip") ? found : await solve(wanted, here, ["pip"]);
      };
      const archives = await pypi({ ...making, condarc, wanted, solved, tool, report }, world);
      for (const { made } of solved) made.why = reasoned(made.why, asked);
      return { solved, archives };
    }, world);
    const hash = (platform: string) => contentHash({ wanted, settings, platform }, world);
    const hashes = await Promise.all(platforms.map(async (each) => [each, await hash(each)] as const));
    const lock: Lock = {
      hashes: Object.fromEntries(hashes),
      assumed: assumed(world),
      why: Object.fromEntries(solved.map(({ platform, made }) => [platform, made.why])),
      channels: urls,
      platforms,
      sources: sources(project, wanted, world),
      packages: [...solved.flatMap(locked), ...archives],
    };
    return before ? { ...lock, why: kept(lock, before) } : lock;
  } finally {
    clear();
  }
}

/** The project's files that were read, not those elsewhere: their paths are this machine's. */
function sources({ root, files }: Project, { inputs }: Wanted, world: World): string[] {
  const own = inputs.filter((path) => path.startsWith(`${root}/`) && world.stat(path)?.kind === "file")
    .map((path) => path.slice(root.length + 1));
  const named = [...files.keys()].filter((name) => name !== ".envrc" && name !== LOCKFILE);
  return [...new Set([...named, ...own])].sort();
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
