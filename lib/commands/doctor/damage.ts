// Whether the environments and the packages in the caches are as they were made.
import { contents } from "../../builtin/contents.ts";
import { harm, readManifest } from "../../builtin/manifest.ts";
import { type Expected, flaws } from "../../builtin/whole.ts";
import { ownRoot } from "../../facts.ts";
import { type Generation, inventory, type Kept } from "../../inventory.ts";
import { Problem } from "../../problem.ts";
import { counted } from "../../progress.ts";
import { STAMP } from "../../stamp.ts";
import type { World } from "../../world.ts";
import { word } from "../word.ts";
import type { Case, Finding } from "./finding.ts";

/** Milliseconds after which the rest is left, unless all is asked for. */
const PATIENCE = 10_000;

/** Looks at every file that should be there: by size, and by content where it changed since, or with `--verbose`. */
export function damage({ settings, taken, condarc, verbose }: Case, world: World): Finding[] {
  const roots = settings?.root ? [settings.root.value] : [ownRoot(world), taken?.root];
  const known = [...new Set(roots)].filter((root) => root !== undefined);
  const caches = new Set([...condarc?.pkgs_dirs ?? [], ...known.map((root) => `${root}/pkgs`)]);
  const look = new Look(verbose, world);
  const findings: Finding[] = [];
  for (const kept of known.flatMap((root) => inventory(`${root}/envs`, world))) {
    for (const generation of kept.generations) findings.push(...environment(kept, generation, look));
  }
  for (const cache of caches) {
    for (const name of world.list(cache) ?? []) findings.push(...cached(`${cache}/${name}`, look, world));
  }
  return [...findings, ...look.rest()];
}

function environment({ place }: Kept, { prefix, stamp, current }: Generation, look: Look): Finding[] {
  if (stamp === undefined || look.late) return [];
  look.environments++;
  const { files, unreadable } = contents(prefix, stamp.engine === "builtin");
  const made = look.world.stat(`${prefix}/${STAMP}`)?.mtime;
  const wrong = [...unreadable, ...look.wrong(prefix, files, made)];
  if (wrong.length === 0) return [];
  const text = `${JSON.stringify(place.name)} (${prefix}) is damaged: ${told(wrong)}`;
  if (!current) return [{ topic: "damage", level: "warning", text, fix: "mambaenv clean" }];
  const project = stamp.project === undefined ? `-n ${word(place.name)}` : `--project ${word(stamp.project)}`;
  return [{ topic: "damage", level: "error", text, fix: `mambaenv sync --force ${project}` }];
}

function cached(dir: string, look: Look, world: World): Finding[] {
  if (look.late || world.stat(`${dir}/info/index.json`) === undefined) return [];
  look.packages++;
  let wrong: string[];
  try {
    const manifest = readManifest(dir);
    look.files += manifest.paths.length;
    wrong = harm(dir, manifest, look.deep);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [{ topic: "damage", level: "warning", text: error.message, fix: `rm -r ${word(dir)}` }];
  }
  if (wrong.length === 0) return [];
  const text = `the package in ${JSON.stringify(dir)} is damaged: ${told(wrong)}`;
  return [{ topic: "damage", level: "warning", text, fix: `rm -r ${word(dir)}` }];
}

function told([first, ...more]: readonly string[]): string {
  return more.length === 0 ? first! : `${first}, and ${more.length} more`;
}

/** One going through everything. */
class Look {
  environments = 0;
  packages = 0;
  files = 0;
  #until: number;

  constructor(readonly deep: boolean, readonly world: World) {
    this.#until = deep ? Infinity : world.now() + PATIENCE;
  }

  get late(): boolean {
    return this.world.now() > this.#until;
  }

  /** What is wrong of these files, which were made at a time. */
  wrong(root: string, all: readonly Expected[], made?: number): string[] {
    this.files += all.length;
    return flaws(root, all, this.deep ? -Infinity : made);
  }

  /** What was looked at. */
  rest(): Finding[] {
    const { environments, packages, files, late } = this;
    const how = this.deep ? "content" : "size and time (--verbose: content)";
    const text = `${counted(environments, "environment")}, ${counted(packages, "package")} in caches: ${
      counted(files, "file")
    } compared by ${how}`;
    if (!late) return [{ topic: "damage", level: "ok", text }];
    return [{
      topic: "damage",
      level: "note",
      text: `${text}; more were there than time`,
      fix: "mambaenv doctor --verbose",
    }];
  }
}
