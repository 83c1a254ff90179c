// Writes one package's files into a prefix.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { effect, native } from "../system.ts";
import { type Claims, owns } from "./claim.ts";
import type { Plan } from "./link.ts";
import { damaged, type Path } from "./manifest.ts";
import { type Placer, taking, type Way } from "./place.ts";
import { entryScript, type Python } from "./python.ts";
import { rewrite, type Rewriting } from "./rewrite.ts";

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

/** Writes files into one prefix. */
export class Writer {
  #ways = new Map<Plan, Way>();

  constructor(
    readonly place: { prefix: string; target: string; platform: string; placer: Placer },
  ) {}

  /** Writes what is the package's own; `conda-meta` gets the result. */
  write(plan: Plan, python: Python | undefined, claims: Claims): Placed[] {
    const placed: Placed[] = [];
    for (const path of plan.paths) {
      if (path.kind === "directory") placed.push({ path: path.to, kind: path.kind, copied: path.copied });
      else if (owns(claims, path)) placed.push(this.#path(plan, path));
    }
    for (const entry of plan.entries) {
      if (!owns(claims, entry)) continue;
      const text = Buffer.from(entryScript(entry, `${this.place.target}/${python!.program}`));
      const path = this.path(entry.to);
      effect("write", path, () => fs.writeFileSync(native(path), text, { mode: 0o775, flag: "wx" }));
      const sum = hash(text);
      const kind = "unix_python_entry_point";
      placed.push({ path: entry.to, kind, copied: false, sha256: sum, sum, size: text.length });
    }
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

  #path(plan: Plan, path: Plan["paths"][number]): Placed {
    const { to, copied, rewriting, sha256, size } = path;
    const source = `${plan.dir}/${path.path}`;
    const target = this.path(to);
    return taking(plan.dir, source, target, (): Placed => {
      if (path.kind === "softlink" && softlink(source, target)) {
        return { path: to, kind: "softlink", copied, sha256, size };
      }
      if (rewriting) return this.#rewritten(plan, path, rewriting);
      const way = this.place.placer.place(dirname(plan.dir), source, target, copied);
      if (!copied) this.#ways.set(plan, way);
      const sum = sha256 ?? hash(fs.readFileSync(native(target)));
      return {
        path: to,
        kind: "hardlink",
        copied,
        sha256: sum,
        sum,
        size: size ?? fs.lstatSync(native(target)).size,
      };
    });
  }

  #rewritten(plan: Plan, path: Plan["paths"][number], rewriting: Rewriting): Placed {
    const { prefix, target, platform } = this.place;
    const source = `${plan.dir}/${path.path}`;
    const stats = fs.lstatSync(native(source));
    if (!stats.isFile()) throw damaged(plan.dir, `${JSON.stringify(path.path)} is no file`);
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

/** Makes the same link; false where the package has a file there, as some archives do. */
function softlink(source: string, target: string): boolean {
  if (!fs.lstatSync(native(source)).isSymbolicLink()) return false;
  fs.symlinkSync(fs.readlinkSync(native(source), { encoding: "buffer" }), native(target));
  return true;
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
