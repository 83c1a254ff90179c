// Configuration files, the user's and the machine's: who may write them, and what their paths stand for.
import { EXIT, Problem } from "../problem.ts";
import { parent } from "../project.ts";
import { trust } from "../trust.ts";
import type { World } from "../world.ts";
import { toml } from "./toml.ts";

/** The machine's, which counts for all users. */
export const SITE = "/etc/mambaenv/config.toml";

/** What a file says. Throws Problem where it cannot be read, or others could have written it. */
export function config(path: string, text: string, world: World): Record<string, unknown> {
  trust([parent(path), path], world);
  if (path === SITE) ours(world);
  const values = toml(path, text);
  for (const key of ["root", "prefix"]) {
    if (typeof values[key] === "string") values[key] = filled(values[key], { key, path }, world);
  }
  return values;
}

/** Root's, or in a container that knows no root, whoever's `/etc` is. */
function ours(world: World): void {
  const owners = [0, world.stat("/etc")?.uid];
  for (const path of [parent(SITE), SITE]) {
    const uid = world.stat(path)?.uid;
    if (owners.includes(uid)) continue;
    throw new Problem(
      `Not using ${JSON.stringify(path)}: it belongs to user ${uid}, not to root`,
      `chown root ${path}`,
    );
  }
}

/** `$USER` and the like, for paths that differ by user or job. */
function filled(text: string, { key, path }: { key: string; path: string }, { env }: World): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (_, plain?: string, braced?: string) => {
    const name = plain ?? braced!;
    if (env[name]) return env[name];
    const words = `Cannot use ${key} = ${JSON.stringify(text)} in ${path}: ${name} is not set`;
    throw new Problem(words, `export ${name}=…`, EXIT.usage);
  });
}
