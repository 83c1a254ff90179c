// What a lock was made for, as one hash a platform: it tells whether the requirements changed since.
import type { Wanted } from "../inputs.ts";
import type { Requirement } from "../requirements.ts";
import type { Settings } from "../settings.ts";
import { secretless, shown } from "../secret.ts";
import type { World } from "../world.ts";

/** Ours is told from other tools' by what it begins with; the number is that of the recipe. */
const MARK = "mambaenv1-";

/** Whether a hash is of this recipe. */
export function ours(hash: string | undefined): boolean {
  return hash?.startsWith(MARK) ?? false;
}

/** What decides on the content of an environment. */
export interface Content {
  wanted: Wanted;
  settings: Pick<Settings, "python" | "channels"> & Partial<Pick<Settings, "newer">>;
  platform: string;
}

/** The hash of what is asked for; order, comments and secrets do not count. */
export async function contentHash({ wanted, settings, platform }: Content, world: World): Promise<string> {
  const lines = (list: readonly { text: string }[]) => list.map(({ text }) => secretless(text)).sort();
  const content = {
    platform,
    python: (settings.python ?? wanted.python)?.value ?? null,
    channels: (settings.channels ?? wanted.channels)?.value.map(shown) ?? null,
    // Where nothing is said, a lock from before this could be said still fits.
    ...settings.newer && { newer: settings.newer.value },
    specs: wanted.specs.map(({ spec }) => spec).sort(),
    // `# conda: spec` and `# pip` are comments that count.
    requirements: wanted.requirements.map(({ text, conda, known, forced }) =>
      [secretless(text), conda ?? "", forced, ...known === undefined ? [] : [known]].join("\0")
    ).sort(),
    constraints: lines(wanted.constraints),
    // The order of options decides: of two indexes the first is asked first.
    options: wanted.options.map(({ text }) => secretless(text)),
    files: wanted.requirements.some(local) ? wanted.inputs.map((path) => world.read(path) ?? null) : [],
  };
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return MARK + [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether a requirement is on this machine, so that no lock can hold it: its own files decide. */
export function local({ url }: Requirement): boolean {
  return url !== undefined && !/^(?!file:)[a-z][a-z0-9+.-]+:/i.test(url);
}
