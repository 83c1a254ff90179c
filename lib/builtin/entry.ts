// From an entry of repodata, which anybody may have written, to a Record; what could do harm is refused.
import type { Record } from "./record.ts";

/** Where an entry stands. */
export interface Place {
  name: string;
  subdir: string;
  /** URL of the folder of the archives, without secrets, with a final slash. */
  base: string;
  /** URL of the channel, without secrets. */
  channel: string;
}

/** Names of packages that are safe as names of files, and no machine's virtual ones. */
export function nameable(name: string): boolean {
  return /^(?!__)[a-z0-9_][a-z0-9_.-]*$/.test(name) && name.length <= 128;
}

/** Name of the package in `six-1.16.0-py_0.conda`; undefined where it is no such file name. */
export function nameOf(fn: string): string | undefined {
  const match = /^((?!__)[a-z0-9_][a-z0-9_.-]*)-[^-/\\\s]+-[^-/\\\s]+\.(conda|tar\.bz2)$/.exec(fn);
  return match !== null && fn.length <= 180 && !CONTROL.test(fn) ? match[1] : undefined;
}

const CONTROL = /[\x00-\x1f\x7f"'`$]/;

/** The entry as a Record, or undefined where it is not to be used: a path in a name, another package's name. */
export function recordOf(fn: string, raw: unknown, place: Place): Record | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const entry = raw as { [key: string]: unknown };
  const { version, build } = entry;
  if (nameOf(fn) !== place.name || entry["name"] !== place.name) return undefined;
  if (typeof version !== "string" || !/^[\w.!+~-]{1,128}$/.test(version)) return undefined;
  if (typeof build !== "string" || !/^[\w.+~-]{0,128}$/.test(build)) return undefined;
  const site = entry["python_site_packages_path"];
  if (site !== undefined && site !== null && !inside(site)) return undefined;
  return {
    name: place.name,
    version,
    build,
    build_number: whole(entry["build_number"]) ?? 0,
    subdir: place.subdir,
    depends: texts(entry["depends"]),
    ...some({
      constrains: Array.isArray(entry["constrains"]) ? texts(entry["constrains"]) : undefined,
      md5: digest(entry["md5"], 16),
      sha256: digest(entry["sha256"], 32),
      size: whole(entry["size"]),
      license: text(entry["license"]),
      license_family: text(entry["license_family"]),
      noarch: kind(entry["noarch"]),
      timestamp: whole(entry["timestamp"]),
      track_features: features(entry["track_features"]),
      features: text(entry["features"]),
      python_site_packages_path: text(site),
      arch: text(entry["arch"]),
      platform: text(entry["platform"]),
    }),
    fn,
    url: place.base + encodeURIComponent(fn).replaceAll("%2B", "+").replaceAll("%21", "!"),
    channel: place.channel,
  };
}

/** Without the keys that have no value. */
function some<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function whole(value: unknown): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** Hexadecimal digits, from such or from bytes. */
function digest(value: unknown, bytes: number): string | undefined {
  const hex = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
  return typeof hex === "string" && hex.length === 2 * bytes && /^[0-9a-f]+$/i.test(hex)
    ? hex.toLowerCase()
    : undefined;
}

function kind(value: unknown): Record["noarch"] {
  return value === "python" || value === "generic" || value === true ? value : undefined;
}

function features(value: unknown): string | undefined {
  return (Array.isArray(value) ? texts(value).join(" ") : text(value)) || undefined;
}

/** Whether a relative path stays in its folder. */
function inside(path: unknown): boolean {
  return typeof path === "string" && /^[\w.+ /-]+$/.test(path) && !path.startsWith("/") &&
    !path.split("/").includes("..");
}
