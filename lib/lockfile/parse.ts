// Reads conda-lock.yml, which anybody may have written: whatever could do harm is refused, with its line.
import type { Node } from "yaml";
import { ASSUMED, type Lock, type Locked, LOCKFILE } from "../lockfile.ts";
import { Problem, reason } from "../problem.ts";
import { normalize } from "../requirement/parse.ts";
import { bare, shown } from "../secret.ts";
import { heard } from "./why.ts";

const RELOCK = "make it anew: mambaenv lock";

/** The text as a Lock; of its packages those of the category `main`. Throws Problem with the line. */
export async function parseLock(text: string): Promise<Lock> {
  const { isMap, isSeq, LineCounter, parseDocument } = await import("yaml");
  const counter = new LineCounter();
  // Every scalar is text: a checksum may look like a number.
  const document = guarded(() => parseDocument(text, { lineCounter: counter, schema: "failsafe" }));
  const line = (offset: number) => counter.linePos(offset).line;
  const [error] = document.errors;
  if (error) throw broken(line(error.pos[0]), error.message.split("\n")[0]!.replace(/ at line.*/, ""));
  if (!isMap(document.contents)) throw broken(1, "it is no lock file");
  const whole = fields(guarded(() => document.toJS({ maxAliasCount: 0 })), "a lock file", 1);
  const version = whole["version"];
  if (version !== "1") {
    throw broken(1, `its version is ${JSON.stringify(version ?? null)}, and 1 is the one known`);
  }
  const nodes = document.get("package");
  if (!isSeq(nodes)) throw broken(1, "it has no list of packages");
  const packages = (whole["package"] as unknown[]).flatMap((item, i) => {
    const at = line((nodes.items[i] as Node | null)?.range?.[0] ?? 0);
    return lockedOf(fields(item, "a package", at), at) ?? [];
  });
  unique(packages);
  const metadata = fields(whole["metadata"], "metadata", 1);
  return {
    hashes: texts(metadata["content_hash"]),
    assumed: assumptions(texts(metadata["custom_metadata"])),
    why: heard(texts(metadata["custom_metadata"])),
    channels: list(metadata["channels"]).map((channel) =>
      typeof channel === "string" ? channel : String(fields(channel, "a channel", 1)["url"])
    ),
    platforms: list(metadata["platforms"]).map(String),
    sources: list(metadata["sources"]).map(String),
    packages,
  };
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    // The reader of YAML throws them for an alias, of which a small file can make a huge one, and for 10,000 brackets.
    if (error instanceof ReferenceError || error instanceof RangeError) throw broken(1, reason(error));
    throw error;
  }
}

function broken(line: number, words: string): Problem {
  return new Problem(`Cannot use "${LOCKFILE}" line ${line}: ${words}`, RELOCK);
}

type Fields = { [key: string]: unknown };

function fields(value: unknown, what: string, line: number): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw broken(line, `expected ${what}`);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): { [name: string]: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === "string"));
}

/** What stands under names of ours and is a version. */
function assumptions(custom: { [name: string]: string }): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(custom).flatMap(([key, version]) => {
      const name = key.startsWith(ASSUMED) ? key.slice(ASSUMED.length) : "";
      return /^[a-z]+$/.test(name) && /^[\w.]{1,40}$/.test(version) ? [[name, version]] : [];
    }),
  );
}

/** A package as it stands there; undefined for one that belongs to no installation by default. */
function lockedOf(entry: Fields, line: number): Locked | undefined {
  const text = (key: string) => typeof entry[key] === "string" ? entry[key] : "";
  const [name, version, platform, manager, url] = ["name", "version", "platform", "manager", "url"].map(text);
  if (manager !== "conda" && manager !== "pip") {
    throw broken(line, `${name} is of the manager ${JSON.stringify(manager)}, known are conda and pip`);
  }
  if ((text("category") || "main") !== "main" || (manager === "conda" && name!.startsWith("__"))) {
    return undefined;
  }
  const title = `${name} ${version}`;
  if (!/^[A-Za-z0-9_][\w.-]*$/.test(name!) || !/^[\w.!+~-]+$/.test(version!)) {
    throw broken(line, `${JSON.stringify(title)} is no name and version`);
  }
  if (!/^[a-z]+-[a-z0-9]+$/.test(platform!)) {
    throw broken(line, `${title} is for the platform ${JSON.stringify(platform)}`);
  }
  const hash = texts(entry["hash"]);
  const locked: Locked = {
    manager,
    name: manager === "pip" ? normalize(name!) : name!,
    version: version!,
    platform: platform!,
    dependencies: texts(entry["dependencies"]),
    url: manager === "conda" ? condaUrl(url!, platform!, title, line) : pipUrl(url!, title, line),
    ...digest(hash, "md5", 32, title, line),
    ...digest(hash, "sha256", 64, title, line),
    direct: entry["source"] !== undefined && entry["source"] !== "",
    line,
  };
  const missing = manager === "conda"
    ? locked.sha256 === undefined && locked.md5 === undefined
    : locked.sha256 === undefined && !revision(locked.url);
  if (missing) {
    throw broken(
      line,
      `${title} has no ${manager === "conda" ? "sha256 or md5" : "sha256"}, so that nobody can check it`,
    );
  }
  return locked;
}

/** Whether a URL of a repository names one state of it for ever. */
function revision(url: string): boolean {
  return /^(git|hg|svn|bzr)\+[^#]*@[0-9a-f]{40}(#|$)/.test(url);
}

function digest(
  hash: { [kind: string]: string },
  kind: "md5" | "sha256",
  length: number,
  title: string,
  line: number,
) {
  const found = hash[kind]?.toLowerCase();
  if (!found) return {};
  // conda-lock writes the revision of a repository there.
  if (found.length === 40) return {};
  if (found.length !== length || !/^[0-9a-f]+$/.test(found)) {
    throw broken(line, `the ${kind} of ${title} is ${JSON.stringify(found.slice(0, 80))}`);
  }
  return { [kind]: found };
}

/** The URL of a package below `CHANNEL/SUBDIR/`, without secrets. */
function condaUrl(url: string, platform: string, title: string, line: number): string {
  const clean = checked(url, /^(https?|file):\/\//, title, line);
  const [subdir = "", file = ""] = clean.split("/").slice(-2);
  if (subdir !== platform && subdir !== "noarch") {
    throw broken(line, `${title} is for ${platform}, and its URL for ${JSON.stringify(subdir)}`);
  }
  const stem = /^(.+)-[\w.+~]+\.(conda|tar\.bz2)$/.exec(decodeURIComponent(file))?.[1];
  if (stem !== title.replace(" ", "-")) {
    throw broken(line, `${JSON.stringify(file)} is no package of ${title}`);
  }
  return clean;
}

/** The URL of an archive or a repository, without secrets; of its fragment only `subdirectory` counts. */
function pipUrl(url: string, title: string, line: number): string {
  return checked(url, /^((git|hg|svn|bzr)\+)?(https?|file|ssh):\/\//, title, line);
}

function checked(url: string, form: RegExp, title: string, line: number): string {
  const bad = () => broken(line, `the URL of ${title} is ${JSON.stringify(shown(url).slice(0, 200))}`);
  if (!form.test(url) || !URL.canParse(url)) throw bad();
  const clean = bare(url);
  // What pip would take for variables, options or quotes is in no URL of an archive.
  if (
    /%2f|%5c|%00/i.test(url) || /(^|\/)(\.|%2e){2}(\/|$)/i.test(url.replace(/[?#].*$/s, "")) ||
    /[\s"'`$\\<>{}]|\p{Cc}/u.test(clean)
  ) throw bad();
  return clean;
}

function unique(packages: readonly Locked[]): void {
  const seen = new Map<string, Locked>();
  for (const each of packages) {
    const key = `${each.manager} ${each.name} ${each.platform}`;
    const other = seen.get(key);
    if (other) {
      throw broken(
        each.line ?? 0,
        `${each.name} is there twice for ${each.platform}, first in line ${other.line}`,
      );
    }
    seen.set(key, each);
  }
}
