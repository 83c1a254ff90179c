// How long a lock is waited for.
import type { Request } from "../args.ts";
import { EXIT, Problem } from "../problem.ts";

/** Seconds to wait for another that builds. */
export function patience({ flags, origins }: Request): number {
  const text = flags["lock-timeout"];
  if (text === undefined) return Infinity;
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text);
  const from = origins["lock-timeout"];
  throw new Problem(`Cannot read ${from} ${JSON.stringify(text)}: expected seconds`, "", EXIT.usage);
}
