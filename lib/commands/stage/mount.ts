// Mounting an image on a node, or unpacking it at the same place, by a process that stays and ends that.
import { plain } from "../../progress.ts";
import { home } from "../../staged.ts";
import type { World } from "../../world.ts";

/** An image, and the only place that its files can be at. */
export interface Image {
  point: string;
  /** Where it is, and its sha256; undefined where somebody else brings it and mounts it. */
  from?: { file: string; sha: string };
}

/** The same path on every node and in every job, so that one image serves all of them. */
export function pointOf({ disk, key }: { disk: string; key: string }, sha: string, world: World): string {
  return `${home(disk, world)}/mounts/${copyOf(key, sha)}`;
}

/** What a copy's folder is called: its link, less what was asked for, and its archive. */
export function copyOf(key: string, sha: string): string {
  return `${key.slice(0, key.lastIndexOf("."))}-${sha.slice(0, 8)}`;
}

/** How it ended: what was done, or why nothing was. */
interface State {
  done?: "mounted" | "unpacked";
  why?: string;
}

/** Words of who mounts and stays: the image, its sum, where to, and where the state is told. */
export function keeper({ point, from }: Required<Image>, own: string): string[] {
  return ["sh", "-c", KEEPER, "keeper", from.file, from.sha, point, stateOf(point, own)];
}

function stateOf(point: string, own: string): string {
  return `${own}/${point.slice(point.lastIndexOf("/") + 1)}.state`;
}

/** Waits for what the keeper does; starts it where nobody else did. */
export async function mounted({ point, from }: Image, own: string, world: World): Promise<State> {
  const state = stateOf(point, own);
  if (from) {
    world.remove(state);
    await world.run([...DETACHED, ...keeper({ point, from }, own)], { env: world.env });
  }
  for (let waited = 0; waited < PATIENCE; waited += 50) {
    const text = world.read(state)?.trim();
    if (text === "mounted" || text === "unpacked") return { done: text };
    if (text) return { why: plain(text) };
    await world.sleep(50);
  }
  return { why: "nobody did it for two minutes" };
}
const PATIENCE = 120_000;

/** It is to live on when we have ended, and to hold nothing of ours. */
export const DETACHED = ["sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh"];

/**
 * Mounts by squashfuse, which is not told of signals, so that the job's processes can end first; else unpacks by
 * unsquashfs. At the job's end all of it goes. Another job's mount at that place is left alone: it ends with that job.
 */
const KEEPER = `umask 077
exec </dev/null >/dev/null 2>&1
image=$1 sum=$2 point=$3 state=$4 pid=
tell() { printf '%s\\n' "$1" >"$state.part" && mv -f -- "$state.part" "$state"; }
unmount() { fusermount3 "$@" || fusermount "$@" || umount "$2"; } 2>/dev/null
leave() {
  trap '' TERM
  [ -n "$pid" ] || kill -KILL $!
  while cat /proc/[0-9]*/maps 2>/dev/null | grep -qF -- "$point/"; do sleep 0.2; done
  if [ -n "$pid" ]; then unmount -u "$point" || unmount -uz "$point"; else rm -rf -- "$point"; fi
  rmdir -- "$point" "\${point%/*}" "\${point%/*/*}" 2>/dev/null
  exit 0
}
trap '' HUP INT USR1 USR2
[ "$(sha256sum <"$image")" = "$sum  -" ] || { tell "its checksum is another"; exit 1; }
mkdir -p -- "\${point%/*}" && [ -O "\${point%/*}" ] && [ ! -L "\${point%/*}" ] || { tell "its place is another's"; exit 1; }
# What jobs left that were killed at once.
for old in "\${point%/*}"/*; do [ -e "$old/conda-meta" ] || { unmount -uz "$old"; rmdir -- "$old" 2>/dev/null; }; done
mkdir -- "$point" 2>/dev/null || { tell "another job has its place"; exit 1; }
trap leave TERM
if command -v squashfuse >/dev/null; then
  (trap '' TERM; exec squashfuse -f "$image" "$point") & pid=$!
  until [ -e "$point/conda-meta" ]; do
    kill -0 $pid 2>/dev/null || { pid=; break; }
    sleep 0.05
  done
fi
if [ -n "$pid" ]; then tell mounted; while kill -0 $pid 2>/dev/null; do wait $pid; done
elif command -v unsquashfs >/dev/null && unsquashfs -quiet -no-progress -force -dest "$point" "$image" >/dev/null; then
  tell unpacked; while :; do sleep 3600 & wait $!; done
else tell "neither squashfuse nor unsquashfs can"; fi
leave`;
