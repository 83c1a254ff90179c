// A package as repodata describes it; the fields keep repodata's own names.

/** One record of repodata, with where it came from. */
export interface Record {
  name: string;
  version: string;
  build: string;
  build_number: number;
  subdir: string;
  depends: string[];
  constrains?: string[];
  md5?: string;
  sha256?: string;
  /** Bytes of the archive. */
  size?: number;
  license?: string;
  license_family?: string;
  noarch?: "python" | "generic" | true;
  /** Milliseconds since 1970. */
  timestamp?: number;
  track_features?: string;
  features?: string;
  python_site_packages_path?: string;
  arch?: string;
  platform?: string;
  /** Name of the archive, such as `six-1.16.0-py_0.conda`. */
  fn: string;
  /** Where the archive is, without secrets. */
  url: string;
  /** URL of the channel, without subdir and secrets. */
  channel: string;
}

/** `six-1.16.0-py_0`: the archive's name without its ending, the name of its folder in a package cache. */
export function stem(fn: string): string {
  return fn.replace(/\.(conda|tar\.bz2)$/, "");
}
