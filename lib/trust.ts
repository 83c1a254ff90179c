// Folders and files that another user could change under us: refused, with the reason.
import { mounted } from "./mount.ts";
import { Problem } from "./problem.ts";
import { parent } from "./project.ts";
import type { Stat, World } from "./world.ts";

const [OTHERS, STICKY] = [0o002, 0o1000];
/** File systems that know no owners: every file has the mode that the mount says. */
const MODELESS = /^(v?fat|msdos|exfat|ntfs|fuseblk|drvfs|9p|cifs|smb|vboxsf)/;

/** Throws Problem for the first path that is not to be trusted; what is not there is no harm. */
export function trust(paths: readonly string[], world: World): void {
  for (const path of paths) {
    const words = distrust(path, world);
    if (words === undefined) continue;
    const name = JSON.stringify(path);
    const hint = world.stat(path)?.kind === "file"
      ? `chmod o-w ${name}, if you know who wrote it`
      : `chmod o-w ${name}, or put everything elsewhere: MAMBAENV_ROOT=/path/of/yours mambaenv`;
    throw new Problem(`Not using ${name}: ${words}`, hint);
  }
}

/** Why a path is not to be trusted: another user could put something else there. A group's own is no such. */
export function distrust(path: string, world: World): string | undefined {
  const ours = ({ uid }: Stat) => uid === world.uid || uid === 0;
  for (let at = path; at !== "/" && at !== "." && at !== ""; at = parent(at)) {
    const link = world.lstat(at);
    if (link?.kind !== "link" || ours(link)) continue;
    const around = world.stat(parent(at));
    if (around && around.mode & OTHERS) {
      return `${JSON.stringify(at)} is a link of user ${link.uid}, in a folder that everybody may write to`;
    }
  }
  const stat = world.stat(path);
  if (stat === undefined || !(stat.mode & OTHERS) || MODELESS.test(mounted(path, world).kind)) {
    return undefined;
  }
  if (!ours(stat)) return `it belongs to user ${stat.uid}, and everybody may write to it`;
  return stat.kind === "dir" && stat.mode & STICKY ? undefined : "everybody may write to it";
}
