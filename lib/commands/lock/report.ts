// pip's report of an installation that it did not do: https://pip.pypa.io/en/stable/reference/installation-report/
import { environment } from "../../requirement/environment.ts";
import { evaluate } from "../../requirement/marker.ts";
import { normalize, parseRequirement } from "../../requirement/parse.ts";
import { formatSpecifier } from "../../requirement/specifier.ts";
import type { Locked } from "../../lockfile.ts";
import { Problem } from "../../problem.ts";
import { bare } from "../../secret.ts";

/** What counts of an entry. */
export interface Entry {
  download_info: {
    url: string;
    archive_info?: { hash?: string; hashes?: { [kind: string]: string } };
    vcs_info?: { vcs: string; commit_id: string };
    dir_info?: unknown;
    subdirectory?: string;
  };
  is_direct: boolean;
  requested_extras?: string[];
  metadata: { name: string; version: string; requires_dist?: string[] };
}

/** The machine that the report is for. */
export interface Machine {
  platform: string;
  /** Version of its Python, in full. */
  python: string;
}

/** The entries of a report. */
export function readReport(text: string): Entry[] {
  return (JSON.parse(text) as { install: Entry[] }).install;
}

/** What a report names; folders of this machine are left out, since no lock can hold them. */
export function lockedOf(entries: readonly Entry[], machine: Machine): Locked[] {
  return entries.filter(({ download_info }) => download_info.dir_info === undefined)
    .map((entry) => locked(entry, machine));
}

function locked(entry: Entry, machine: Machine): Locked {
  const { download_info: { url, archive_info, vcs_info, subdirectory }, is_direct, metadata } = entry;
  const below = subdirectory ? `#subdirectory=${subdirectory}` : "";
  const sha256 = archive_info?.hashes?.["sha256"] ?? /^sha256=(\w+)$/.exec(archive_info?.hash ?? "")?.[1];
  const whole = vcs_info ? `${vcs_info.vcs}+${url}@${vcs_info.commit_id}` : url;
  if (vcs_info === undefined && sha256 === undefined) {
    throw new Problem(
      `pip names no sha256 for ${metadata.name} ${metadata.version}`,
      "python -m pip install --upgrade pip",
    );
  }
  return {
    manager: "pip",
    name: normalize(metadata.name),
    version: metadata.version,
    platform: machine.platform,
    dependencies: Object.fromEntries(needs(entry, machine).map(({ name, text }) => [name, text])),
    url: bare(whole + below),
    ...sha256 && { sha256 },
    direct: is_direct,
  };
}

/** What a distribution needs on a machine. */
export function needs({ metadata, requested_extras = [] }: Entry, { platform, python }: Machine) {
  const here = environment(platform, python);
  return (metadata.requires_dist ?? []).map(parseRequirement).flatMap(({ name, clauses, marker, extras }) => {
    const holds = !marker || ["", ...requested_extras].some((extra) => evaluate(marker, { ...here, extra }));
    return holds && name ? [{ name: normalize(name), text: formatSpecifier(clauses) || "*", extras }] : [];
  });
}
