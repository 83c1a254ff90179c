// A lock that works on NFS, Lustre and GPFS: one mkdir, an owner that can be asked for, a heartbeat.
import { Problem } from "./problem.ts";
import type { World } from "./world.ts";

/** Who holds a lock. */
interface Owner {
  host: string;
  pid: number;
  /** When the process started, in the kernel's ticks since boot `boot`; tells a reused pid. */
  start: string;
  boot: string;
  /** Batch job, if any. */
  job?: string;
}

/** Milliseconds without a heartbeat after which a lock of another host is taken over. */
const STALE = 120_000;
const BEAT = 5_000;

/** Takes the lock `path`, waiting for who holds it; returns what releases it. */
export async function lock(path: string, what: string, world: World): Promise<() => void> {
  const started = world.now();
  let told = -1;
  while (!world.claim(path)) {
    const held = owner(path, world);
    if (abandoned(path, held, world)) {
      takeOver(path, world);
      continue;
    }
    const seconds = Math.floor((world.now() - started) / 1000);
    if (told < 0 || seconds - told >= 30) {
      told = seconds;
      const who = held
        ? `host ${held.host}, pid ${held.pid}${held.job ? `, job ${held.job}` : ""}`
        : "another process";
      world.err(`mambaenv: waiting for ${who}, which is ${what}${seconds ? `, since ${seconds} s` : ""}\n`);
    }
    await world.sleep(Math.min(100 + seconds * 20, 1000));
  }
  world.write(`${path}/owner.json`, JSON.stringify(self(world)));
  const beat = world.every(BEAT, () => world.touch(`${path}/owner.json`));
  return () => {
    beat();
    world.remove(path);
  };
}

function self(world: World): Owner {
  const { env, pid } = world;
  const job = env["SLURM_JOB_ID"] || env["PBS_JOBID"] || env["LSB_JOBID"];
  return { host: host(world), pid, start: birth(pid, world), boot: boot(world), ...job && { job } };
}

function host(world: World): string {
  return (world.read("/proc/sys/kernel/hostname") ?? world.env["HOSTNAME"] ?? "localhost").trim();
}

function boot(world: World): string {
  return (world.read("/proc/sys/kernel/random/boot_id") ?? "").trim();
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and parentheses. */
function birth(pid: number, world: World): string {
  const text = world.read(`/proc/${pid}/stat`) ?? "";
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function owner(path: string, world: World): Owner | undefined {
  const text = world.read(`${path}/owner.json`);
  return text === undefined ? undefined : JSON.parse(text) as Owner;
}

/** Whether nobody works behind the lock any more: a dead process of this host, or no heartbeat from another. */
function abandoned(path: string, held: Owner | undefined, world: World): boolean {
  const beat = world.stat(`${path}/owner.json`)?.mtime ?? world.stat(path)?.mtime;
  if (beat === undefined) return false;
  if (held === undefined) return world.now() - beat > BEAT;
  if (held.host === host(world) && held.boot === boot(world)) {
    return !world.alive(held.pid) || birth(held.pid, world) !== held.start;
  }
  return world.now() - beat > STALE;
}

/** Removes an abandoned lock. Only one process at a time may, and it looks again first. */
function takeOver(path: string, world: World): void {
  const right = `${path}.takeover`;
  if (!world.claim(right)) {
    const since = world.stat(right)?.mtime;
    if (since !== undefined && world.now() - since > STALE) world.remove(right);
    return;
  }
  try {
    if (!abandoned(path, owner(path, world), world)) return;
    const aside = `${path}.${world.pid}.stale`;
    world.rename(path, aside);
    world.remove(aside);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    world.err(`mambaenv: ${error.message}\n`);
  } finally {
    world.remove(right);
  }
}
