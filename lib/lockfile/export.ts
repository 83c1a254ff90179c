// A lock in the forms that other programs read: conda's explicit list, environment.yml, pip's requirements.
import { topological } from "../builtin/order.ts";
import type { Locked } from "../lockfile.ts";
import type { Option } from "../requirements.ts";
import { recordOf } from "./restore.ts";
import { addressed, pinned, plain } from "./wheels.ts";
import { bare, secretless } from "../secret.ts";

/** What is exported: the packages of one platform, and what stands beside them. */
export interface Export {
  /** The environment's name. */
  name: string;
  platform: string;
  channels: readonly string[];
  packages: readonly Locked[];
  /** The project's own lines for pip. */
  options: readonly Option[];
}

/** The text of a form. */
export type Form = (task: Export) => string | Promise<string>;

/** The forms by name; the first is the one by default. */
export const FORMS: { readonly [name: string]: Form } = { explicit, environment, requirements };

const MADE = "# Made by `mambaenv export` from conda-lock.yml";

/** `@EXPLICIT`, dependencies first; conda has no word for what is pip's, so that this stands in comments. */
function explicit({ platform, packages }: Export): string {
  const { conda, pip } = parted(packages);
  return lines([
    `${MADE}: conda create -n NAME --file FILE`,
    `# platform: ${platform}`,
    "@EXPLICIT",
    ...topological(conda.map((each) => ({ ...each, record: recordOf(each) }))).map(summed),
    ...pip.map((each) => `# pip ${archive(each)}`),
  ]);
}

/** An md5 is what every conda reads. */
function summed({ url, md5, sha256 }: Locked): string {
  return `${url}#${md5 ?? `sha256:${sha256}`}`;
}

/** `environment.yml`: each package of conda by version and build, pip's in its own section. */
async function environment({ name, channels, packages }: Export): Promise<string> {
  const { stringify } = await import("yaml");
  const { conda, pip } = parted(packages);
  const specs = conda.map(spelled);
  const own = pip.length === 0 || conda.some((each) => each.name === "pip") ? [] : ["pip"];
  const lists = pip.length === 0 ? [] : [{ pip: pip.map(versioned) }];
  const content = {
    name,
    // Without the last word conda adds its own channels.
    channels: [...channels.map(bare), "nodefaults"],
    dependencies: [...specs, ...own, ...lists],
  };
  return `${MADE}\n` + stringify(content, { version: "1.1", lineWidth: 0 });
}

/** As `conda env export` has it. */
function spelled(locked: Locked): string {
  const { name, version, build } = recordOf(locked);
  return `${name}=${version}=${build}`;
}

function versioned(locked: Locked): string {
  return locked.direct || locked.sha256 === undefined
    ? plain(locked).text
    : `${locked.name}==${locked.version}`;
}

/** `requirements.txt` with the checksums of what is pip's; what is conda's stands in comments. */
function requirements({ platform, packages, options }: Export): string {
  const { conda, pip } = parted(packages);
  const given = options.map(({ text }) => {
    const shown = secretless(text);
    return shown === text ? text : `# left out, since there is a secret in it: ${shown}`;
  });
  return lines([
    `${MADE}: pip install --no-deps --require-hashes -r FILE`,
    `# platform: ${platform}`,
    ...given,
    ...pip.map(archive),
    ...conda.map((each) => `# conda ${spelled(each)}`),
  ]);
}

/** As pip reads it: by its checksum, at its URL where that was asked for. */
function archive(locked: Locked): string {
  if (locked.sha256 === undefined) return plain(locked).text;
  return (locked.direct ? addressed : pinned)(locked).text;
}

function parted(packages: readonly Locked[]): { conda: Locked[]; pip: Locked[] } {
  const sorted = [...packages].sort((a, b) => a.name < b.name ? -1 : 1);
  const { conda = [], pip = [] } = Object.groupBy(sorted, ({ manager }) => manager);
  return { conda, pip };
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join("");
}
