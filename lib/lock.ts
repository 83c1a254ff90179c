// A lock that works on NFS, Lustre and GPFS: one rename, an owner that can be asked for, a heartbeat. It is a folder
// with one file that is named by its taking. A filled folder takes the place of nothing or of an empty one only, so
// one of many gets it; and a file of that name is in no other lock, so whoever removes it hurts no successor.
import { EXIT, Problem } from "./problem.ts";
import { parent } from "./project.ts";
import type { World } from "./world.ts";

/** Who holds a lock. */
interface Owner {
  host: string;
  pid: number;
  /** When the process started, in the kernel's ticks since boot `boot`; tells a reused pid. */
  start: string;
  boot: string;
  /** Whose pids they are: a container has its own. */
  space: string;
  /** Batch job, if any. */
  job?: string;
  /** When it took the lock, by its own clock: for people only. */
  since: number;
}

/** An owner to be; `token` is of this one taking of the lock. */
interface Taker extends Owner {
  token: string;
}

/** What is in a lock. */
interface Held {
  files: readonly string[];
  /** None where it cannot be read. */
  owner?: Owner;
}

/** A lock that is held, as far as one can know: who was frozen for minutes may have lost it. */
export interface Lock {
  /** Throws Lost where another has it by now. */
  check(): void;
  /** What those who wait are told. */
  doing(what: string): void;
  release(): void;
}

/** The lock was taken over: nothing may be changed under it any more. */
export class Lost extends Problem {}

/** Milliseconds of waiting without a heartbeat after which a lock of another host is taken over. */
const STALE = 120_000;
const BEAT = 5_000;

/** What is awaited: a lock as it was first seen, and how long it has not changed since. */
interface Watch {
  seen: string;
  unchanged: number;
}

/** Takes the lock `path`, waiting for who holds it, at most `timeout` seconds. Throws Problem. */
export async function lock(path: string, world: World, timeout = Infinity): Promise<Lock> {
  world.mkdir(parent(path));
  const self = me(world);
  const watch: Watch = { seen: "", unchanged: 0 };
  // The sum of the pauses, not the clock's difference: clocks jump.
  let waited = 0;
  let told = -Infinity;
  while (!take(path, self, world)) {
    const held = owner(path, world);
    if (held && abandoned(path, held, watch, world)) {
      // Only what was judged goes, by its name: it is in nobody else's lock, so two may do it.
      for (const name of held.files) world.remove(`${path}/${name}`);
      continue;
    }
    if (waited >= timeout * 1000) throw late(path, held, timeout, world);
    if (waited - told >= 30_000) {
      told = waited;
      world.err(`mambaenv: waiting for ${describe(path, held, world)}\n`);
    }
    const pause = Math.min(100 + waited / 50, 1000, Math.max(timeout * 1000 - waited, 1));
    await world.sleep(pause);
    waited += pause;
    watch.unchanged += pause;
  }
  return hold(path, self, world);
}

/**
 * Puts a folder with our own file in the place: there that is nothing, or empty. What the rename says is not
 * believed (NFS repeats it), only whether our file is there then.
 */
function take(path: string, { token, ...self }: Taker, world: World): boolean {
  if ((world.list(path) ?? []).length > 0) return false;
  const mine = `${path}.${token}`;
  world.mkdir(mine);
  world.write(`${mine}/${token}.owner`, JSON.stringify({ ...self, since: world.now() } satisfies Owner));
  try {
    world.rename(mine, path);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    world.remove(mine);
    // Who is in there by now may be gone again; anything else is no lock.
    const there = world.lstat(path);
    if (there ? there.kind !== "dir" : !world.writable(parent(path))) throw error;
  }
  return world.stat(`${path}/${token}.owner`) !== undefined;
}

function hold(path: string, { token }: Taker, world: World): Lock {
  const file = `${path}/${token}.owner`;
  const ours = () => world.stat(file) !== undefined;
  let said = "";
  let doing = "";
  const end = world.every(BEAT, () => {
    try {
      if (!ours()) return end();
      world.touch(file);
      if (doing !== said) world.write(`${path}.doing`, said = doing);
    } catch (error) {
      // A full disk stops no heart; who took the lock over is noticed by `check`.
      if (!(error instanceof Problem)) throw error;
    }
  });
  return {
    check: () => {
      if (!ours()) throw new Lost("Another process took over the lock, as this one did not move", "mambaenv");
    },
    doing: (what) => void (doing = what),
    release: () => {
      end();
      if (!ours()) return;
      world.remove(`${path}.doing`);
      world.remove(file);
      world.vacate(path);
    },
  };
}

function me(world: World): Taker {
  const { env, pid } = world;
  const job = env["SLURM_JOB_ID"] || env["PBS_JOBID"] || env["LSB_JOBID"];
  const token = [...crypto.getRandomValues(new Uint32Array(2))]
    .map((part) => part.toString(16).padStart(8, "0")).join("");
  return { token, ...here(world), pid, start: birth(pid, world), since: world.now(), ...job && { job } };
}

/** Where a pid means something. */
function here(world: World): Pick<Owner, "host" | "boot" | "space"> {
  return {
    host: (world.read("/proc/sys/kernel/hostname") ?? world.env["HOSTNAME"] ?? "localhost").trim(),
    boot: (world.read("/proc/sys/kernel/random/boot_id") ?? "").trim(),
    space: world.readlink("/proc/self/ns/pid") ?? "",
  };
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and parentheses. */
function birth(pid: number, world: World): string {
  const text = world.read(`/proc/${pid}/stat`) ?? "";
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

/** Who is in the lock; without a token where that cannot be read. Undefined where nobody is. */
function owner(path: string, world: World): Held | undefined {
  const files = world.list(path) ?? [];
  if (files.length === 0) return undefined;
  const [file] = files.filter((name) => name.endsWith(".owner"));
  const text = file && world.read(`${path}/${file}`);
  try {
    const { host, pid, since, ...rest } = JSON.parse(text ?? "{}") as Partial<Owner>;
    const whole = typeof host === "string" && Number.isSafeInteger(pid) && pid! > 0 && Number.isFinite(since);
    return { files, ...whole && { owner: { host, pid, since, ...rest } as Owner } };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return { files };
    throw error;
  }
}

/**
 * Whether nobody works behind the lock any more: a dead process of this host, or nothing that moved while we
 * waited. Hosts' clocks differ, so no time is compared with our own.
 */
function abandoned(path: string, { files, owner }: Held, watch: Watch, world: World): boolean {
  if (owner) {
    const { host, boot, space } = here(world);
    if (owner.host === host && owner.boot === boot && owner.space === space) {
      return !world.alive(owner.pid) || birth(owner.pid, world) !== owner.start;
    }
  }
  const seen = files.map((name) => `${name} ${world.stat(`${path}/${name}`)?.mtime}`).join();
  if (seen !== watch.seen) Object.assign(watch, { seen, unchanged: 0 });
  return watch.unchanged >= (owner ? STALE : BEAT);
}

/** Who holds a lock and what it does, for people; undefined where nobody alive does. */
export function holder(path: string, world: World): string | undefined {
  const held = owner(path, world);
  const nobody = held === undefined || abandoned(path, held, { seen: "", unchanged: 0 }, world);
  return nobody ? undefined : describe(path, held, world);
}

function describe(path: string, held: Held | undefined, world: World): string {
  const { owner } = held ?? {};
  if (owner === undefined) return "another process";
  const since = Math.max(0, Math.round((world.now() - owner.since) / 1000));
  const doing = (world.read(`${path}.doing`) ?? "").slice(0, 60);
  const job = owner.job ? `, job ${owner.job}` : "";
  return `host ${owner.host}, pid ${owner.pid}${job}, since ${since} s${doing && `: ${doing}`}`
    .replace(/\p{Cc}/gu, "?");
}

function late(path: string, held: Held | undefined, timeout: number, world: World): Problem {
  return new Problem(
    `Not waiting longer than ${timeout} s for ${describe(path, held, world)}`,
    "mambaenv --lock-timeout SECONDS, or end that process",
    EXIT.failed,
  );
}
