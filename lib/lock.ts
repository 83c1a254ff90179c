// A lock that works on NFS, Lustre and GPFS: one rename, an owner that can be asked for, a heartbeat. It is a folder
// with one file that is named by its taking. A filled folder takes the place of nothing or of an empty one only, so
// one of many gets it; and a file of that name is in no other lock, so whoever removes it hurts no successor.
import { EXIT, Problem } from "./problem.ts";
import { parent } from "./project.ts";
import { birth, type Held, here, me, type Owner, owner, type Taker } from "./lock/owner.ts";
import type { World } from "./world.ts";

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
/** Tries after which a refusal is believed where nobody has the lock. */
const REFUSED = 20;

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
  const late = () => waited >= timeout * 1000;
  for (let refused = 0; !take(path, self, ++refused > REFUSED || late(), world);) {
    const held = owner(path, world);
    if (held) refused = 0;
    if (held && abandoned(path, held, watch, world)) {
      // Only what was judged goes, by its name: it is in nobody else's lock, so two may do it.
      for (const name of held.files) world.remove(`${path}/${name}`);
      continue;
    }
    if (late()) throw impatient(path, held, timeout, world);
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
function take(path: string, { token, ...self }: Taker, last: boolean, world: World): boolean {
  if ((world.list(path) ?? []).length > 0) return false;
  const mine = `${path}.${token}`;
  world.mkdir(mine);
  let written = false;
  try {
    world.write(`${mine}/${token}.owner`, JSON.stringify({ ...self, since: world.now() } satisfies Owner));
    written = true;
    world.rename(mine, path);
  } catch (error) {
    world.remove(mine);
    if (!(error instanceof Problem)) throw error;
    // Who is in there by now, and may have swept ours, may be gone again, but not each time; else it is no lock.
    const there = world.lstat(path);
    if (there ? there.kind !== "dir" : last || !written || !world.writable(parent(path))) throw error;
  }
  return world.stat(`${path}/${token}.owner`) !== undefined;
}

function hold(path: string, { token }: Taker, world: World): Lock {
  const file = `${path}/${token}.owner`;
  const ours = () => world.stat(file) !== undefined;
  let said = "";
  let doing = "";
  const beat = () => {
    if (!ours()) return end();
    world.touch(file);
    if (doing !== said) world.write(`${path}.doing`, said = doing);
  };
  // A full disk stops no heart; who took the lock over is noticed by `check`.
  const end = world.every(BEAT, () => bearing(beat));
  return {
    check: () => {
      if (!ours()) throw new Lost("Another process took over the lock, as this one did not move", "mambaenv");
    },
    doing: (what) => void (doing = what),
    release: () => {
      end();
      if (!ours()) return;
      // What was done under it is done; where it cannot be removed, the next one sees that its owner is dead.
      bearing(() => world.remove(`${path}.doing`));
      bearing(() => world.remove(file));
      world.vacate(path);
    },
  };
}

/** Acts, and bears it where the system refuses. */
function bearing(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/**
 * Whether nobody works behind the lock any more: a dead process of this host, or nothing that moved while we
 * waited. Hosts' clocks differ, so no time is compared with our own.
 */
function abandoned(path: string, { files, owner }: Held, watch: Watch, world: World): boolean {
  const beats = files.map((name) => world.stat(`${path}/${name}`)?.mtime ?? Infinity);
  if (owner) {
    const { host, boot, space } = here(world);
    if (owner.host === host && owner.boot === boot && owner.space === space) {
      return !world.alive(owner.pid) || birth(owner.pid, world) !== owner.start;
    }
    // This machine was started anew since; another of the same name would have beaten in the meantime.
    if (owner.host === host && owner.boot !== boot && beats.every((time) => time < booted(world))) {
      return true;
    }
  }
  const seen = files.map((name, i) => `${name} ${beats[i]}`).join();
  if (seen !== watch.seen) Object.assign(watch, { seen, unchanged: 0 });
  return watch.unchanged >= (owner ? STALE : BEAT);
}

/** When this machine was started, by its clock of today; 0 where nobody tells. */
function booted(world: World): number {
  const seconds = parseFloat(world.read("/proc/uptime") ?? "");
  return seconds > 0 ? world.now() - seconds * 1000 : 0;
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

function impatient(path: string, held: Held | undefined, timeout: number, world: World): Problem {
  return new Problem(
    `Not waiting longer than ${timeout} s for ${describe(path, held, world)}`,
    "mambaenv --lock-timeout SECONDS, or end that process",
    EXIT.failed,
  );
}
