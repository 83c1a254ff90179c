// What kind of file system a folder is on.
import type { World } from "./world.ts";

/** File systems that other hosts may have mounted. */
export const NETWORKED = /^(nfs|cifs|smb|lustre|gpfs|beegfs|ceph|afs|fuse\.sshfs|9p|panfs)/;

/** The file system of a folder, of the mounts whose folder it is below the longest. */
export function mounted(
  path: string,
  world: Pick<World, "read" | "realpath">,
): { at: string; kind: string; options: string[]; device: string } {
  const real = world.realpath(path) ?? path;
  let best = { at: "", kind: "", options: [] as string[], device: "" };
  for (const line of (world.read("/proc/self/mounts") ?? "").split("\n")) {
    const [device = "", at = "", kind = "", options = ""] = line.split(" ");
    const folder = at.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
    const holds = folder === "/" || real === folder || real.startsWith(`${folder}/`);
    if (holds && folder !== "" && folder.length >= best.at.length) {
      best = { at: folder, kind, options: options.split(","), device };
    }
  }
  return best;
}
