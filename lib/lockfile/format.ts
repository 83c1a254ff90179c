// Spells conda-lock.yml: the same lock gives the same bytes, whoever makes it and when.
import { ASSUMED, type Lock, type Locked } from "../lockfile.ts";
import { told } from "./why.ts";
import { bare } from "../secret.ts";

const HEAD =
  `# Made by \`mambaenv lock\`: what this project's environment consists of, with checksums. Not to be edited.
# conda-lock and micromamba read it too: micromamba create -n NAME -f conda-lock.yml
`;

/** The text of a lock file. */
export async function formatLock(lock: Lock): Promise<string> {
  const { hashes, assumed, why, channels, platforms, sources, packages } = lock;
  const { stringify } = await import("yaml");
  const machine = Object.fromEntries(Object.entries(assumed).map(([name, text]) => [ASSUMED + name, text]));
  const custom = { ...machine, ...told(why) };
  const content = {
    version: 1,
    metadata: {
      content_hash: sorted(hashes),
      channels: channels.map((url) => ({ url, used_env_vars: [] })),
      platforms: [...platforms].sort(),
      sources,
      ...Object.keys(custom).length > 0 && { custom_metadata: sorted(custom) },
    },
    package: [...packages].sort(order).map(entry),
  };
  // What YAML 1.1, which others read, would take for a number or a truth is quoted.
  return HEAD + stringify(content, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

function entry({ manager, name, version, platform, dependencies, url, md5, sha256, direct }: Locked) {
  return {
    name,
    version,
    manager,
    platform,
    dependencies: sorted(dependencies),
    url: bare(url),
    hash: { ...md5 && { md5 }, ...sha256 && { sha256 } },
    ...direct && { source: { type: "url", url: bare(url) } },
    category: "main",
    optional: false,
  };
}

function sorted<T>(table: { readonly [key: string]: T }): { [key: string]: T } {
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => a < b ? -1 : 1));
}

/** As conda-lock sorts: by manager, name and platform. */
function order(a: Locked, b: Locked): number {
  const key = ({ manager, name, platform }: Locked) => `${manager}\0${name}\0${platform}`;
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}
