// conda-meta: what conda, mamba and rattler read to list an environment as their own.
import * as fs from "node:fs";
import { encode } from "../bytes.ts";
import { Problem } from "../problem.ts";
import { effect, native } from "../system.ts";
import type { Plan } from "./link.ts";
import { specName } from "./order.ts";
import { parent } from "./path.ts";
import type { Way } from "./place.ts";
import type { Record } from "./record.ts";
import type { Placed } from "./write.ts";

/** conda's LinkType. */
const TYPES: { readonly [way in Way]: number } = { hardlink: 1, reflink: 3, copy: 3 };

/** Writes `conda-meta/NAME-VERSION-BUILD.json`. */
export function writeMeta(
  { record, dir }: Plan,
  placed: readonly Placed[],
  way: Way,
  { prefix, specs }: { prefix: string; specs: readonly string[] },
): void {
  const sorted = placed.toSorted((a, b) => a.path < b.path ? -1 : 1);
  const requested = specs.filter((spec) => specName(spec) === record.name);
  const meta = {
    ...record,
    ...(requested.length > 0 && { requested_spec: requested[0] }),
    requested_specs: requested,
    package_tarball_full_path: `${parent(dir)}/${record.fn}`,
    extracted_package_dir: dir,
    files: sorted.filter(({ kind }) => kind !== "directory").map(({ path }) => path),
    paths_data: { paths_version: 1, paths: sorted.map(entry) },
    link: { source: dir, type: TYPES[way] },
  };
  save(`${prefix}/conda-meta/${name(record)}.json`, JSON.stringify(meta, null, 2) + "\n");
}

function entry({ path, kind, copied, rewriting, sha256, sum, size }: Placed) {
  return {
    _path: path,
    path_type: kind,
    ...(copied && { no_link: true }),
    ...(rewriting && { prefix_placeholder: rewriting.placeholder, file_mode: rewriting.mode }),
    ...(sha256 !== undefined && { sha256 }),
    ...(sum !== undefined && { sha256_in_prefix: sum }),
    ...(size !== undefined && { size_in_bytes: size }),
  };
}

/** Writes `conda-meta/history`: with it a prefix is an environment, so it comes last. */
export function writeHistory(records: readonly Record[], prefix: string, specs: readonly string[]): void {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 19).replace("T", " ");
  const lines = [
    `==> ${time} <==`,
    `# cmd: mambaenv ${specs.join(" ")}`.replace(/\s+/g, " ").trimEnd(),
    ...(specs.length > 0 ? [`# update specs: [${specs.map(python).join(", ")}]`] : []),
    ...records.map((record) => `+${channel(record)}/${record.subdir}::${name(record)}`).sort(),
  ];
  save(`${prefix}/conda-meta/history`, lines.join("\n") + "\n");
}

/** Text as Python writes it: conda reads the list as Python. */
function python(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&").replace(/\s/g, " ")}'`;
}

function name({ name, version, build, url }: Record): string {
  const whole = `${name}-${version}-${build}`;
  if (!/[\s/\\\0]/.test(whole)) return whole;
  throw new Problem(`The package ${JSON.stringify(url)} has an impossible name: ${JSON.stringify(whole)}`);
}

/** conda's short name of a channel that has one. */
function channel({ channel }: Record): string {
  return /^https?:\/\/conda\.anaconda\.org\/([^?#]+?)\/?$/.exec(channel)?.[1] ?? channel.replace(/\/+$/, "");
}

/** Never into what is there, which might be a link. */
function save(path: string, text: string): void {
  effect("write", path, () => fs.writeFileSync(native(path), encode(text), { flag: "wx" }));
}
