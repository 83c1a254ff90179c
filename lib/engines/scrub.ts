// What other programs write down of the URLs that they were given: without the secrets.
import { shown } from "../secret.ts";
import type { World } from "../world.ts";

/** Takes the secrets of URLs out of a prefix's records, where conda keeps its command line, too. */
export function scrub(prefix: string, urls: readonly string[], world: World): void {
  const secret = [...new Set(urls)].filter((url) => shown(url) !== url.replace(/\/+$/, ""));
  if (secret.length === 0) return;
  for (const file of world.list(`${prefix}/conda-meta`) ?? []) {
    const path = `${prefix}/conda-meta/${file}`;
    const text = world.stat(path)?.kind === "file" ? world.read(path) ?? "" : "";
    const clean = secret.reduce((all, url) => all.replaceAll(url, shown(url)), text);
    if (clean !== text) world.write(path, clean);
  }
}
