// What the quota leaves to this user, where the machine's tools tell: `lfs quota` on Lustre, `quota` elsewhere.
import { mounted } from "../mount.ts";
import type { World } from "../world.ts";
import type { Free } from "./room.ts";

/** Milliseconds that a server of quotas gets. */
const PATIENCE = 3000;

/** What may still be written where a folder is; undefined where nobody tells, or there is no limit. */
export async function quotaIn(folder: string, world: World): Promise<Partial<Free> | undefined> {
  const { at, kind } = mounted(folder, world);
  const words = kind === "lustre"
    ? ["lfs", "quota", "-q", "-u", String(world.uid), at]
    : ["quota", "-w", "-f", at];
  // Whoever is over it gets status 1, and is told.
  const { stdout } = await world.run(words, { stdout: "capture", stderr: "capture", timeout: PATIENCE });
  return left(stdout);
}

/** Of a line `FILESYSTEM KIB SOFT HARD [GRACE] FILES SOFT HARD [GRACE]`; a `*` is behind what is over, 0 no limit. */
export function left(text: string): Partial<Free> | undefined {
  const line = text.split("\n").findLast((line) => /^\s*\S+(\s+\d+\*?)(\s+\d+){2}/.test(line));
  const [, ...words] = line?.trim().split(/\s+/) ?? [];
  const [used, soft, hard, ...rest] = words.map((word) => Number(word.replace(/\*$/, "")));
  if (used === undefined) return undefined;
  const counts = rest.slice(/^\d+\*?$/.test(words[3] ?? "") ? 0 : 1);
  const room = (used = NaN, soft = NaN, hard = NaN) => {
    const most = hard || soft;
    return most ? Math.max(0, most - used) : undefined;
  };
  const kib = room(used, soft, hard), files = room(...counts);
  if (kib === undefined && files === undefined) return undefined;
  return { ...kib !== undefined && { bytes: kib * 1024 }, ...files !== undefined && { files } };
}
