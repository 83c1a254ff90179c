// Where environments, packages and the project lie: kind of file system, room, inodes, quota, hard links.
import { home } from "../../building.ts";
import { quotaIn } from "../../builtin/quota.ts";
import { mounted, NETWORKED } from "../../mount.ts";
import { bytes, counted } from "../../progress.ts";
import { parent } from "../../project.ts";
import { distrust } from "../../trust.ts";
import { cacheHome } from "../../vars.ts";
import type { World } from "../../world.ts";
import { type Case, type Finding, printed } from "./finding.ts";

const [ROOM, INODES] = [3e9, 50_000]; // what an environment with a few large packages needs

/** A place, its folder or the nearest that is there already. */
interface Place {
  topic: string;
  path: string;
  there: string;
}

/** Each place, then what concerns several of them. */
export async function storage({ taken, project, condarc, settings }: Case, world: World): Promise<Finding[]> {
  const root = settings?.root?.value ?? home(taken, world);
  const pkgs = condarc?.pkgs_dirs.find((dir) => world.writable(nearest(dir, world))) ??
    (root && `${root}/pkgs`);
  const cache = cacheHome(world.env);
  const named: [string, string | undefined][] = [
    ["environments", root && `${root}/envs`],
    ["packages", pkgs],
    ["project", project?.root],
    ["cache", cache && `${cache}/mambaenv`],
    ["temporary", world.env["TMPDIR"] || "/tmp"],
  ];
  const places = named.flatMap(([topic, path]): Place[] =>
    path === undefined ? [] : [{ topic, path, there: nearest(path, world) }]
  );
  const findings: Finding[] = [];
  if (root === undefined) {
    const text = "there is no place for them: HOME is not set";
    findings.push({ topic: "environments", level: "error", text, fix: "export MAMBAENV_ROOT=/some/folder" });
  }
  for (const place of places) findings.push(...await lies(place, world));
  const [envs, packages] = ["environments", "packages"].map((name) =>
    places.find(({ topic }) => topic === name)
  );
  if (envs && packages && world.stat(envs.there)?.dev !== world.stat(packages.there)?.dev) {
    const text = "they are on another file system than environments: files are copied instead of linked";
    findings.push({
      topic: "packages",
      level: "warning",
      text,
      fix: "put both on one: MAMBAENV_ROOT, or pkgs_dirs in .condarc",
    });
  }
  findings.push(...await quotas(places, world));
  return findings;
}

/** What the quota leaves, once for each file system that has one. */
async function quotas(places: readonly Place[], world: World): Promise<Finding[]> {
  const found = new Map<string, Finding>();
  for (const { there } of places) {
    const { at } = mounted(there, world);
    const quota = found.has(at) ? undefined : await quotaIn(there, world);
    if (quota === undefined) continue;
    const { bytes: room = Infinity, files = Infinity, tool } = quota;
    const level = room === 0 || files === 0 ? "error" : room < ROOM || files < INODES ? "warning" : "ok";
    const what = [room, files].map((left, i) =>
      left === Infinity ? [] : i === 0 ? bytes(left) : counted(left, "file")
    );
    const fix = "remove what is not needed, or export MAMBAENV_ROOT=/scratch/$USER/mambaenv";
    const text = `${at}: ${what.flat().join(" and ")} left, by ${tool}`;
    found.set(at, { topic: "quota", level, text, ...level !== "ok" && { fix } });
  }
  return [...found.values()];
}

function nearest(path: string, world: World): string {
  let there = path;
  while (there !== "/" && world.stat(there) === undefined) there = parent(there);
  return there;
}

async function lies({ topic, path, there }: Place, world: World): Promise<Finding[]> {
  const { kind, options } = mounted(there, world);
  const room = await free(["df", "-Pk", there], 1024, world);
  const inodes = await free(["df", "-Pi", there], 1, world);
  const size = room === undefined ? "" : `, ${(room / 1e9).toFixed(1)} GB free`;
  const where = `${path} (${kind || "unknown file system"}${size})`;
  const findings: Finding[] = [];
  const add = (level: Finding["level"], text: string, fix: string) =>
    findings.push({ topic, level, text: `${where}: ${text}`, fix });
  const elsewhere = topic === "cache"
    ? "put it elsewhere: export XDG_CACHE_HOME=/scratch/$USER/cache"
    : "put them elsewhere: export MAMBAENV_ROOT=/scratch/$USER/mambaenv";
  const made = topic === "environments" || topic === "packages";
  const writable = world.writable(there);
  if (world.stat(there)?.kind !== "dir") add("error", `${there} is no folder`, elsewhere);
  else if ((made || topic === "cache") && !writable) add("error", "it may not be written to", elsewhere);
  const unsafe = made && there === path ? distrust(path, world) : undefined;
  if (unsafe !== undefined) add("error", unsafe, `chmod o-w ${path}`);
  if (topic === "temporary" && !writable) add("error", "it may not be written to", "export TMPDIR=$HOME/tmp");
  if (topic === "environments" && options.includes("noexec")) {
    add("error", "no program runs from it (noexec)", elsewhere);
  }
  if (made && room !== undefined && room < ROOM) add("warning", "there is little room", elsewhere);
  if (made && inodes !== undefined && inodes > 0 && inodes < INODES) {
    add("warning", `there is room for ${inodes} more files only`, elsewhere);
  }
  if (made && NETWORKED.test(kind)) {
    add(
      "note",
      "over the network, thousands of small files are slow",
      "a local disk, where there is one: MAMBAENV_ROOT",
    );
  }
  return findings.length > 0 ? findings : [{ topic, level: "ok", text: where }];
}

/** Bytes or inodes that are free, by `df`; undefined where it does not tell, as for inodes of btrfs. */
async function free(words: readonly string[], unit: number, world: World): Promise<number | undefined> {
  const line = (await printed(words, world)).trim().split("\n").at(-1) ?? "";
  const [, , total, , left] = /^(.*?)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+[\d-]+%?\s/.exec(line) ?? [];
  return left === undefined || total === undefined ? undefined : Number(left) * unit;
}
