// What is kept of environments on the shared disk: archives, and images for one place; made once, by one of many.
import type { Request } from "../../args.ts";
import { lock } from "../../lock.ts";
import { Problem } from "../../problem.ts";
import { bytes, counted, last } from "../../progress.ts";
import { cacheHome } from "../../vars.ts";
import type { World } from "../../world.ts";

/** A file that is called by its sha256. */
export interface Kept {
  sha: string;
  file: string;
}

/** Where they are. Throws Problem. */
export function cache(world: World): string {
  const base = cacheHome(world.env);
  if (base?.startsWith("/")) return `${base}/mambaenv/stage`;
  throw new Problem("No folder for archives: HOME is not set", "export XDG_CACHE_HOME=/shared/folder");
}

/** The archive of a prefix. Throws Problem. */
export async function archived(prefix: string, { flags }: Request, world: World): Promise<Kept> {
  const { fingerprint, pack, walk } = await import("../../builtin/archive.ts");
  const items = walk(prefix);
  const note = { name: fingerprint(prefix, items), ending: "tar.zst" };
  return await keep(note, async (file) => {
    const platform = `${world.platform}-${world.arch}`;
    const sha = await pack(prefix, { items, platform, file });
    const size = bytes(world.stat(file)?.size ?? 0);
    if (!flags.quiet) world.err(`mambaenv: packed ${counted(items.length, "file")}, ${size}\n`);
    return sha;
  }, world);
}

/** The image of an archive for the place that it is to be mounted at; `dir` is a folder for the while. Throws Problem. */
export async function imaged(
  archive: Kept,
  { point, dir }: { point: string; dir: string },
  { flags }: Request,
  world: World,
): Promise<Kept> {
  const { digest } = await import("../../stamp.ts");
  const note = { name: `${archive.sha}.${digest(point)}`, ending: "squashfs" };
  return await keep(note, async (file) => {
    const { hashFile } = await import("../../builtin/whole.ts");
    const { relocate } = await import("../../builtin/relocate.ts");
    const drop = world.trap(() => world.remove(dir));
    try {
      world.remove(dir);
      await relocate({ archive: archive.file, sha256: archive.sha, dir, prefix: point });
      const words = [
        "mksquashfs",
        dir,
        file,
        "-noappend",
        "-comp",
        "zstd",
        "-quiet",
        "-no-progress",
        ...LEVEL,
      ];
      const { status, stderr } = await world.run(words, { stdout: "capture", stderr: "capture" });
      if (status !== 0) throw unmade(status, stderr);
      if (!flags.quiet) world.err(`mambaenv: made an image of ${bytes(world.stat(file)?.size ?? 0)}\n`);
      return hashFile(file);
    } finally {
      drop();
      world.remove(dir);
    }
  }, world);
}

/** As the archive's; zstd's own default in images takes many times as long. */
const LEVEL = ["-Xcompression-level", "3"];

function unmade(status: number, stderr: string): Problem {
  const why = status === 127 ? "there is no mksquashfs here (squashfs-tools)" : `mksquashfs: ${last(stderr)}`;
  return new Problem(`Cannot make an image: ${why}`, "mambaenv stage, which sends an archive");
}

/** What a note names, made unless it was; `make` writes the file and tells its sha256. */
async function keep(
  { name, ending }: { name: string; ending: string },
  make: (file: string) => Promise<string>,
  world: World,
): Promise<Kept> {
  const kept = cache(world), note = `${kept}/${name}`;
  const known = () => {
    const sha = world.read(note)?.trim();
    const file = `${kept}/${sha}.${ending}`;
    return sha !== undefined && world.stat(file) ? { sha, file } : undefined;
  };
  world.mkdir(kept, 0o700);
  const early = known();
  if (early) {
    // `clean` removes what nobody took for a while.
    for (const path of [note, early.file]) if (world.writable(path)) world.touch(path);
    return early;
  }
  const held = await lock(`${note}.lock`, world);
  const part = `${note}.${world.pid}.part`;
  const untrap = world.trap(() => {
    world.remove(part);
    held.release();
  });
  try {
    const found = known();
    if (found) return found;
    world.remove(part);
    const sha = await make(part);
    const file = `${kept}/${sha}.${ending}`;
    world.rename(part, file);
    world.write(note, `${sha}\n`);
    return { sha, file };
  } finally {
    untrap();
    world.remove(part);
    held.release();
  }
}
