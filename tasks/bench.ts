// What it costs, beside its peers in the same run: entering an environment, and making one. Prints tables.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { big, channel } from "../tests/channel/channel.ts";
import { oracle, which } from "../tests/oracle.ts";
import { bare } from "../tests/program.ts";
import { compare } from "../tests/warm.ts";
import { build, program as compile } from "./compile.ts";

const ROOT = join(import.meta.dirname!, "..");
const PROGRAM = join(ROOT, "dist", "mambaenv");
const TOP = fs.mkdtempSync(join(tmpdir(), "mambaenv-bench-"));
const ENV = { HOME: join(TOP, "home"), PATH: "/usr/bin:/bin", LANG: "C.UTF-8" };

/** A command to be timed, and what it needs. */
interface Entry {
  name: string;
  argv: readonly string[];
  env?: { [name: string]: string };
  cwd?: string;
  /** Done before each run, not timed. */
  before?: () => void;
  /** What is different in each run. */
  next?: () => Pick<Entry, "argv" | "env" | "cwd">;
}

/** Runs one command; milliseconds of the wall clock. Throws if it fails. */
function once(entry: Entry): number {
  const { name, argv, env = {}, cwd = TOP } = { ...entry, ...entry.next?.() };
  entry.before?.();
  const words = bare(argv, { ...ENV, ...env });
  const started = performance.now();
  const ended = spawnSync("/usr/bin/env", words, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });
  const took = performance.now() - started;
  if (ended.status !== 0) throw new Error(`${name} failed (${ended.status}): ${ended.stderr}${ended.stdout}`);
  return took;
}

/** Times commands in turn, so that a slow moment of the machine hits all; the first is what ratios are to. */
function race(title: string, runs: number, entries: readonly Entry[]): void {
  const times = entries.map(() => [] as number[]);
  for (const entry of entries) once(entry);
  for (let i = 0; i < runs; i++) entries.forEach((entry, k) => times[k]!.push(once(entry)));
  const base = times[0]!.toSorted((a, b) => a - b);
  const rows = entries.map(({ name }, k) => {
    const sorted = times[k]!.toSorted((a, b) => a - b);
    const middle = (list: number[]) => list[Math.floor(list.length / 2)]!;
    return [name, show(sorted[0]!), show(middle(sorted)), (middle(sorted) / middle(base)).toFixed(2)];
  });
  print(`${title} (${runs} runs in turn)`, ["", "min ms", "median ms", "ratio of medians"], rows);
}

function show(time: number): string {
  return time < 100 ? time.toFixed(1) : time.toFixed(0);
}

function print(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n### ${title}\n`);
  for (const row of [head, head.map(() => "---"), ...rows]) console.log(`| ${row.join(" | ")} |`);
}

function project(name: string, requirements: string): string {
  const folder = join(TOP, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(join(folder, "requirements.txt"), requirements);
  return folder;
}

/** An empty program, compiled with the flags of ours. */
function empty(): string {
  const source = join(TOP, "empty.ts");
  fs.writeFileSync(source, "");
  return build([source], join(TOP, "empty"));
}

async function warm(): Promise<void> {
  const { url } = await channel();
  const cwd = project("warm", "six\n");
  const env = { MAMBAENV_CHANNEL: url };
  once({ name: "the first entering", argv: ["/bin/bash", "-c", `source <(${PROGRAM})`], env, cwd });
  const bash = (code: string): Entry => ({ name: code, argv: ["/bin/bash", "-c", code], env, cwd });
  const nothing = empty();
  // Both written just now: how a file lies in the page cache is a tenth of the start.
  const program = compile(join(TOP, "mambaenv"));
  const peers: Entry[] = [
    { ...bash(`source <(${nothing})`), name: "an empty compiled program" },
    { ...bash(`source <(${program})`), name: "**mambaenv**" },
    { ...bash(`source <(${program} activate warm)`), name: "`mambaenv activate warm`" },
    { ...bash(`${program} run true`), name: "`mambaenv run true`" },
    { ...bash(":"), name: "bash alone" },
  ];
  const prefix = fs.realpathSync(join(TOP, "home/.local/share/mambaenv/envs/warm"));
  const found = (name: string, code: (program: string) => string) => {
    const program = which(name);
    if (program) peers.push({ ...bash(code(program)), name: name });
  };
  found("rattler", (program) => `source <(${program} shell-hook --prefix ${prefix} --shell bash)`);
  found("micromamba", (program) => `eval "$(${program} shell hook -s bash)"; micromamba activate ${prefix}`);
  found("conda", (program) => `eval "$(${program} shell.bash hook)"; conda activate ${prefix}`);
  race("Entering: `bash -c 'source <(…)'`, the environment there and fresh", 60, peers);
  if (which("strace")) {
    const { ours, empty } = compare({ cwd, env: { ...ENV, ...env } });
    console.log(`\nFile operations: ${ours}, ${ours - empty} more than the empty program's ${empty}.`);
  }
}

/** Installs from a filled cache through py-rattler: solve and link, as our program does. */
const RATTLER = `
import asyncio, os, sys, rattler
from pathlib import Path
async def main(channels, prefix, cache, *specs):
    where = [rattler.Channel(each) for each in channels.split(",")]
    gateway = rattler.Gateway(cache_dir=Path(cache, "repodata"))
    records = await rattler.solve(where, specs, gateway=gateway, platforms=[rattler.Platform.current(), "noarch"],
                                  virtual_packages=rattler.VirtualPackage.detect())
    await rattler.install(records, prefix, cache_dir=Path(cache, "pkgs"), show_progress=False)
asyncio.run(main(*sys.argv[1:]))
os._exit(0)  # its threads may outlive the interpreter, which then aborts
`;
/** What the demo has of the channel, and more. */
const SETS = {
  demo: ["python", "numpy", "requests", "rich"],
  more: ["python", "numpy", "pandas", "requests", "rich"],
};

async function create(name: string, specs: readonly string[]): Promise<void> {
  const channels = [await channel(), await big()].map(({ url }) => url).join(",");
  const cwd = project(name, specs.slice(1).map((spec) => `${spec}\n`).join(""));
  const root = join(TOP, `root-${name}`);
  const env = { MAMBAENV_CHANNEL: channels, MAMBAENV_ROOT: root };
  // A new name each time: removing the last environment would keep the disk busy for the next.
  let serial = 0;
  const ours = (more: { [name: string]: string } = {}) => () => ({
    argv: [PROGRAM, "--shell", "bash", "--quiet", "--name", `${name}${serial++}`],
    env: { ...env, ...more },
    cwd,
  });
  const python = await oracle();
  const peer = () => join(TOP, `peer-${name}${serial++}`);
  const theirs = () => ({ argv: [python, "-c", RATTLER, channels, peer(), join(TOP, "cache"), ...specs] });
  const kept = () =>
    fs.readdirSync(join(root, "pkgs"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const forget = () => {
    for (const { name } of kept()) {
      fs.rmSync(join(root, "pkgs", name, ".pyc"), { recursive: true, force: true });
    }
  };
  const answers = join(ENV.HOME, ".cache", "mambaenv", "repodata", "answers");
  const unasked = () => fs.rmSync(answers, { recursive: true, force: true });
  race(`Making ${specs.join(", ")} from cached packages: solve and link`, 9, [
    { name: "py-rattler, without `.pyc`", ...theirs(), next: theirs },
    { name: "**mambaenv**, without `.pyc`, asked before", ...ours(BARE)(), next: ours(BARE) },
    { name: "**mambaenv**, without `.pyc`, solved anew", ...ours(BARE)(), next: ours(BARE), before: unasked },
    { name: "**mambaenv**, `.pyc` linked from the cache", ...ours()(), next: ours() },
    { name: "**mambaenv**, `.pyc` compiled anew", ...ours()(), next: ours(), before: forget },
  ]);
  const files = spawnSync("sh", ["-c", `find ${root}/envs/${name}${serial - 1}/ -type f | wc -l`], {
    encoding: "utf8",
  });
  console.log(`\n${files.stdout.trim()} files with \`.pyc\`, of ${kept().length} packages.`);
}
const BARE = { PYTHONDONTWRITEBYTECODE: "1" };

try {
  await warm();
  for (const [name, specs] of Object.entries(SETS)) await create(name, specs);
} finally {
  fs.rmSync(TOP, { recursive: true, force: true });
}
