// What other programs write down of the URLs that they were given: without the secrets.
import { shown } from "../secret.ts";
import type { World } from "../world.ts";

/** Takes the secrets of URLs out of a prefix's records, where conda keeps its command line, too. */
export function scrub(prefix: string, urls: readonly string[], world: World): void {
  const secrets = new Map(urls.filter((url) => shown(url) !== url.replace(/\/+$/, "")).flatMap(parts));
  if (secrets.size === 0) return;
  for (const file of world.list(`${prefix}/conda-meta`) ?? []) {
    const path = `${prefix}/conda-meta/${file}`;
    const text = world.stat(path)?.kind === "file" ? world.read(path) ?? "" : "";
    const clean = [...secrets].reduce((all, [secret, plain]) => all.replaceAll(secret, plain), text);
    if (clean !== text) world.write(path, clean);
  }
}

/** The parts of a URL that are secret, and what stands there without: programs keep its beginnings alone, too. */
function parts(url: string): [secret: string, plain: string][] {
  const found = [
    /:\/\/[^/]*@/.exec(url)?.[0],
    /\/t\/[^/?]+(?=[/?]|$)/.exec(url)?.[0],
    /\?.*$/.exec(url)?.[0],
  ];
  return found.flatMap((part, i) => part === undefined ? [] : [[part, i === 0 ? "://" : ""]]);
}
