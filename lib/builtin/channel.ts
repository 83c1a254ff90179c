// Channels: what a name or a path means, which URLs serve it, and how it is shown without its secrets.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Condarc } from "../condarc.ts";
import { EXIT, Problem } from "../problem.ts";
import { shown } from "../secret.ts";

/** A channel as it is asked and as it is shown. */
export interface Channel {
  /** Its URL without secrets and final slash: what is printed and stored. */
  url: string;
  /** The URLs that serve it, in the order to try, with their secrets. */
  bases: string[];
}

type Names = Partial<Pick<Condarc, "channel_alias" | "custom_channels" | "mirrored_channels">>;

const ALIAS = "https://conda.anaconda.org";
/** Names that conda itself knows. */
const KNOWN: { [name: string]: string } = {
  "pkgs/main": "https://repo.anaconda.com",
  "pkgs/r": "https://repo.anaconda.com",
  "pkgs/msys2": "https://repo.anaconda.com",
  "pkgs/pro": "https://repo.anaconda.com",
};

/** The channels that these words mean: names, paths, URLs; each once, in order. Throws Problem. */
export function channelsOf(words: readonly string[], names: Names = {}, cwd = "/"): Channel[] {
  const all = words.flatMap((word) => word === "defaults" ? ["pkgs/main", "pkgs/r"] : [word])
    .map((word) => channelOf(word, names, cwd));
  return all.filter(({ url }, i) => all.findIndex((other) => other.url === url) === i);
}

function channelOf(word: string, names: Names, cwd: string): Channel {
  const own = new Map(Object.entries(names.mirrored_channels ?? {})).get(word);
  const bases = own !== undefined && own.length > 0 ? own : [locate(word, names, cwd)];
  const clean = bases.map((base) => checked(base, word));
  return { url: shown(clean[0]!), bases: clean };
}

function locate(word: string, names: Names, cwd: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(word)) return word;
  if (/^(\/|\.\.?(\/|$)|~\/)/.test(word)) return pathToFileURL(resolve(cwd, word)).href;
  const custom = new Map(Object.entries({ ...KNOWN, ...names.custom_channels }));
  const parts = word.split("/");
  for (let length = parts.length; length > 0; length--) {
    const base = custom.get(parts.slice(0, length).join("/"));
    if (base !== undefined) return `${base.replace(/\/+$/, "")}/${word}`;
  }
  const alias = names.channel_alias ?? ALIAS;
  return `${alias.includes("://") ? alias : `https://${alias}`}`.replace(/\/+$/, "") + `/${word}`;
}

const SUBDIR = /\/(noarch|(linux|osx|win|freebsd|emscripten|wasi|zos)-[a-z0-9]+)$/;

function checked(base: string, word: string): string {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  const hint = "name a channel or its URL: mambaenv --channel conda-forge";
  const usable = url?.protocol === "file:"
    ? url.host === ""
    : ["https:", "http:"].includes(url?.protocol ?? "");
  if (url === undefined || !usable) {
    throw new Problem(`Unknown kind of channel ${JSON.stringify(shown(word))}`, hint, EXIT.usage);
  }
  url.search = url.hash = "";
  return url.href.replace(/\/+$/, "").replace(SUBDIR, "");
}

/** The folder that `named` means in repodata served by `served`, secrets kept to their host. Throws Problem. */
export function baseOf(named: string, served: string): string {
  const from = new URL(served);
  const to = URL.canParse(named || "./", from) ? new URL(named || "./", from) : undefined;
  if (to === undefined || !permitted(from, to)) {
    throw new Problem(
      `${shown(served)} sends elsewhere for its packages: ${JSON.stringify(shown(named))}`,
      "name another channel: mambaenv --channel URL",
    );
  }
  if (to.host === from.host && to.protocol === from.protocol) {
    if (to.username === "") [to.username, to.password] = [from.username, from.password];
    const token = /^\/t\/[^/]+(?=\/)/.exec(from.pathname)?.[0];
    if (token !== undefined && !to.pathname.startsWith("/t/")) to.pathname = token + to.pathname;
  }
  to.search = to.hash = "";
  return to.href.replace(/\/*$/, "/");
}

/** A local channel stays in its folder or goes to https; a remote one never goes to local files or from https to http. */
function permitted(from: URL, to: URL): boolean {
  if (to.protocol === "https:") return true;
  if (to.protocol !== from.protocol) return false;
  return from.protocol === "http:" || to.pathname.startsWith(new URL("../", from).pathname);
}
