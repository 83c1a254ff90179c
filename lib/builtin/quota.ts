// What the quota leaves to this user, where the machine's tools tell: those of Lustre, GPFS and BeeGFS on these, else
// `quota`.
import { mounted } from "../mount.ts";
import type { World } from "../world.ts";
import type { Free } from "./room.ts";

/** What may still be written below a mount, and which tool says so. */
export interface Quota extends Partial<Free> {
  at: string;
  tool: string;
}

/** A tool of some kinds of file systems; `read` is of what it prints. */
interface Tool {
  kinds: RegExp;
  name: string;
  words: (mount: ReturnType<typeof mounted>, uid: string) => string[];
  read: (text: string) => Partial<Free> | undefined;
}

const TOOLS: readonly Tool[] = [
  {
    kinds: /^lustre/,
    name: "lfs quota",
    words: ({ at }, uid) => ["lfs", "quota", "-q", "-u", uid, at],
    read: columns,
  },
  {
    kinds: /^gpfs/,
    name: "mmlsquota",
    words: ({ device }, uid) => ["mmlsquota", "-Y", "-u", uid, device.replace(/^\/dev\//, "")],
    read: colons,
  },
  {
    kinds: /^(beegfs|fhgfs)/,
    name: "beegfs-ctl",
    words: ({ at }, uid) => ["beegfs-ctl", `--mount=${at}`, "--getquota", "--csv", "--uid", uid],
    read: commas,
  },
  { kinds: /^/, name: "quota", words: ({ at }) => ["quota", "-w", "-f", at], read: columns },
];

/** Milliseconds that a server of quotas gets. */
const PATIENCE = 3000;

/** What may still be written where a folder is; undefined where nobody tells, or there is no limit. */
export async function quotaIn(folder: string, world: World): Promise<Quota | undefined> {
  const mount = mounted(folder, world);
  const { name, words, read } = TOOLS.find(({ kinds }) => kinds.test(mount.kind))!;
  // Where GPFS has its own, PATH need not.
  const env = { ...world.env, PATH: `${world.env["PATH"] ?? ""}:/usr/lpp/mmfs/bin`, LC_ALL: "C" };
  // Whoever is over it gets status 1, and is told.
  const taken = { env, stdout: "capture", stderr: "capture", timeout: PATIENCE } as const;
  const { stdout } = await world.run(words(mount, String(world.uid)), taken);
  const left = read(stdout);
  return left && { at: mount.at, tool: name, ...left };
}

/** Used, soft and hard limit; 0 is none. */
type Limits = [used?: number, soft?: number, hard?: number];

function free(kib: Limits, files: Limits): Partial<Free> | undefined {
  const room = ([used = NaN, soft = NaN, hard = NaN]: Limits) => {
    const most = hard || soft;
    return most ? Math.max(0, most - used) : undefined;
  };
  const [left, count] = [room(kib), room(files)];
  if (left === undefined && count === undefined) return undefined;
  return { ...left !== undefined && { bytes: left * 1024 }, ...count !== undefined && { files: count } };
}

/**
 * `FILESYSTEM KIB SOFT HARD [GRACE] FILES SOFT HARD [GRACE]`, of `quota` and `lfs quota`; a `*` is behind what is over, and
 * a long name may have a line of its own.
 */
export function columns(text: string): Partial<Free> | undefined {
  const lines = text.replace(/^(\s*\/\S+)\s*\n\s+(?=\d)/gm, "$1 ").split("\n");
  const line = lines.findLast((line) => /^\s*\S+(\s+\d+\*?)(\s+\d+){2}/.test(line));
  const [, ...words] = line?.trim().split(/\s+/) ?? [];
  const [used, soft, hard, ...rest] = words.map((word) => Number(word.replace(/\*$/, "")));
  const counts = rest.slice(/^\d+\*?$/.test(words[3] ?? "") ? 0 : 1);
  return free([used, soft, hard], counts.slice(0, 3) as Limits);
}

/** `mmlsquota -Y`: a line of names, and one of values for each fileset; the least that is left counts. */
export function colons(text: string): Partial<Free> | undefined {
  const [head = [], ...rows] = text.split("\n").filter((line) => line.startsWith("mmlsquota:"))
    .map((line) => line.split(":"));
  const value = (row: string[], name: string) => Number(row[head.indexOf(name)]);
  const limits = (row: string[], what: string): Limits => [
    value(row, `${what}Usage`) + (value(row, `${what}InDoubt`) || 0),
    value(row, `${what}Quota`),
    value(row, `${what}Limit`),
  ];
  const all = rows.filter((row) => row[head.indexOf("quotaType")] === "USR")
    .flatMap((row) => free(limits(row, "block"), limits(row, "files")) ?? []);
  const least = (key: keyof Free) => all.flatMap((each) => each[key] ?? []).sort((a, b) => a - b)[0];
  const [bytes, files] = [least("bytes"), least("files")];
  return all.length === 0
    ? undefined
    : { ...bytes !== undefined && { bytes }, ...files !== undefined && { files } };
}

/** `beegfs-ctl --csv`: `NAME,ID,BYTES,LIMIT,FILES,LIMIT`; limits may be `unlimited`. */
export function commas(text: string): Partial<Free> | undefined {
  const line = text.split("\n").findLast((line) => /^[^,]*,\d+,\d+,/.test(line));
  const [, , used, hard, files, most] = line?.split(",").map(Number) ?? [];
  return free([used! / 1024, 0, hard! / 1024], [files, 0, most]);
}
