// Who holds a lock: the process, and what tells it from others of the same number, on whatever machine.
import { batch } from "../plan.ts";
import { statusOf } from "../shells.ts";
import type { World } from "../world.ts";

/** Who holds a lock. */
export interface Owner {
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
export interface Taker extends Owner {
  token: string;
}

/** What is in a lock. */
export interface Held {
  files: readonly string[];
  /** None where it cannot be read. */
  owner?: Owner;
}

/** This process. */
export function me(world: World): Taker {
  const { env, pid } = world;
  const job = batch(env)?.value;
  const token = [...crypto.getRandomValues(new Uint32Array(2))]
    .map((part) => part.toString(16).padStart(8, "0")).join("");
  return { token, ...here(world), pid, start: birth(pid, world), since: world.now(), ...job && { job } };
}

/** Where a pid means something. */
export function here(world: World): Pick<Owner, "host" | "boot" | "space"> {
  return {
    host: (world.read("/proc/sys/kernel/hostname") ?? world.env["HOSTNAME"] ?? "localhost").trim(),
    boot: (world.read("/proc/sys/kernel/random/boot_id") ?? "").trim(),
    space: world.readlink("/proc/self/ns/pid") ?? "",
  };
}

/** When a process began, which tells it from a later one of the same number. */
export function birth(pid: number, world: World): string {
  return statusOf(pid, world)?.start ?? "";
}

/** Who is in the lock; without a token where that cannot be read. Undefined where nobody is. */
export function owner(path: string, world: World): Held | undefined {
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
