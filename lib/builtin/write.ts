// Writes one package's files into a prefix.
import * as fs from "node:fs";
import { effect, native } from "../system.ts";
import { type Claims, free, owns } from "./claim.ts";
import type { Plan } from "./link.ts";
import { Damaged } from "./damaged.ts";
import type { Path } from "./manifest.ts";
import { parent } from "./path.ts";
import { type Placer, taking, type Way } from "./place.ts";
import { entryScript, type Python } from "./python.ts";
import { rewrite, type Rewriting } from "./rewrite.ts";
import { hash } from "./whole.ts";

/** A file as it is in the prefix; the words of `kind` are those of conda-meta. */
export interface Placed {
  path: string;
  kind: Path["kind"] | "unix_python_entry_point" | "pyc_file";
  copied: boolean;
  rewriting?: Rewriting;
  /** Of the file in the package. */
  sha256?: string;
  /** Of the file in the prefix. */
  sum?: string;
  size?: number;
}

/** Links that are under way at the same time. */
const BATCH = 256;

/** Writes files into one prefix. */
export class Writer {
  #ways = new Map<Plan, Way>();

  constructor(
    readonly place: { prefix: string; target: string; platform: string; placer: Placer },
  ) {}

  /** Writes what is the package's own; `conda-meta` gets the result. Throws Problem, and then nothing is under way. */
  async write(plan: Plan, python: Python | undefined, claims: Claims): Promise<Placed[]> {
    const placed: Placed[] = [];
    const plain: Plan["paths"] = [];
    for (const path of plan.paths) {
      if (path.kind === "directory") {
        if (free(claims, path.to)) placed.push({ path: path.to, kind: path.kind, copied: path.copied });
      } else if (!owns(claims, path)) continue;
      else if (path.kind === "hardlink" && !path.rewriting) plain.push(path);
      else placed.push(this.#special(plan, path));
    }
    for (const entry of plan.entries) if (owns(claims, entry)) placed.push(this.#entry(entry, python!));
    for (let at = 0; at < plain.length; at += BATCH) await this.#link(plan, plain.slice(at, at + BATCH));
    for (const path of plain) placed.push(this.#linked(path));
    return placed;
  }

  /** How the package's files came here. */
  way(plan: Plan): Way {
    return this.#ways.get(plan) ?? "hardlink";
  }

  /** A path in the prefix. */
  path(to: string): string {
    return `${this.place.prefix}/${to}`;
  }

  /** Links many at once, and what cannot be linked one by one. */
  async #link(plan: Plan, paths: Plan["paths"]): Promise<void> {
    const { placer } = this.place;
    const cache = parent(plan.dir);
    const pairs = paths.map(({ path, to }): [string, string] => [`${plan.dir}/${path}`, this.path(to)]);
    const refused = placer.links(cache) ? await linkAll(pairs, paths) : paths;
    for (const { path, to, copied } of refused) {
      const source = `${plan.dir}/${path}`;
      const way = taking(
        plan.dir,
        source,
        this.path(to),
        () => placer.place(cache, source, this.path(to), copied),
      );
      if (!copied) this.#ways.set(plan, way);
    }
  }

  #linked({ to, copied, sha256, size }: Plan["paths"][number]): Placed {
    const target = this.path(to);
    const sum = sha256 ?? hash(fs.readFileSync(native(target)));
    return {
      path: to,
      kind: "hardlink",
      copied,
      sha256: sum,
      sum,
      size: size ?? fs.lstatSync(native(target)).size,
    };
  }

  #special(plan: Plan, path: Plan["paths"][number]): Placed {
    const { to, copied, rewriting, sha256, size } = path;
    const source = `${plan.dir}/${path.path}`;
    return taking(plan.dir, source, this.path(to), (): Placed => {
      if (path.kind === "softlink" && softlink(source, this.path(to))) {
        return { path: to, kind: "softlink", copied, sha256, size };
      }
      if (rewriting) return this.#rewritten(plan, path, rewriting);
      this.place.placer.place(parent(plan.dir), source, this.path(to), true);
      return this.#linked(path);
    });
  }

  #entry(entry: Plan["entries"][number], python: Python): Placed {
    const text = Buffer.from(entryScript(entry, `${this.place.target}/${python.program}`));
    const path = this.path(entry.to);
    effect("write", path, () => fs.writeFileSync(native(path), text, { mode: 0o775, flag: "wx" }));
    const sum = hash(text);
    const kind = "unix_python_entry_point";
    return { path: entry.to, kind, copied: false, sha256: sum, sum, size: text.length };
  }

  #rewritten(plan: Plan, path: Plan["paths"][number], rewriting: Rewriting): Placed {
    const { prefix, target, platform } = this.place;
    const source = `${plan.dir}/${path.path}`;
    const stats = fs.lstatSync(native(source));
    if (!stats.isFile()) throw new Damaged(plan.dir, `${JSON.stringify(path.path)} is no file`);
    const before = fs.readFileSync(native(source));
    const bytes = rewrite(before, rewriting, target, platform, path.to);
    fs.writeFileSync(native(`${prefix}/${path.to}`), bytes, { mode: stats.mode & 0o777, flag: "wx" });
    const sum = hash(bytes);
    return {
      path: path.to,
      kind: "hardlink",
      copied: path.copied,
      rewriting,
      sha256: path.sha256 ?? hash(before),
      sum,
      size: bytes.length,
    };
  }
}

/** Links all at once; returns those that were refused. */
async function linkAll<T extends { copied: boolean }>(
  pairs: [string, string][],
  paths: readonly T[],
): Promise<T[]> {
  const ended = await Promise.allSettled(
    pairs.map(([source, target], i) =>
      paths[i]!.copied ? Promise.reject(source) : fs.promises.link(native(source), native(target))
    ),
  );
  return paths.filter((_, i) => ended[i]!.status === "rejected");
}

/** Makes the same link; false where the package has a file there, as some archives do. */
function softlink(source: string, target: string): boolean {
  if (!fs.lstatSync(native(source)).isSymbolicLink()) return false;
  fs.symlinkSync(fs.readlinkSync(native(source), { encoding: "buffer" }), native(target));
  return true;
}
