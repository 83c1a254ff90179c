// The programs of an installation, and what is behind a link to one.
import { basename, parent, resolve } from "./project.ts";
import type { World } from "./world.ts";

export const KINDS = ["conda", "mamba", "micromamba"] as const;
export type Kind = (typeof KINDS)[number];

/** A program, and which of the three it is. */
export interface Program {
  kind: Kind;
  path: string;
}

/** Absolute paths of an installation's programs; each is looked for when it is first asked for. */
export type Programs = { readonly [kind in Kind]?: string };

/** The program behind links, which are followed one by one so that the root keeps the name that users know. */
export function follow(path: string, world: World): string | undefined {
  for (let hops = 0; hops < 16; hops++) {
    const stat = world.lstat(path);
    if (stat?.kind === "file") return (stat.mode & 0o111) === 0 ? undefined : path;
    const target = stat?.kind === "link" ? world.readlink(path) : undefined;
    if (target === undefined) return undefined;
    path = resolve(parent(path), target);
  }
  return undefined;
}

/** The programs of a root; micromamba, which needs none, may be elsewhere if the root has no conda. */
export function programs(root: string, program: Program | undefined, world: World): Programs {
  const known = new Map<Kind, string | undefined>();
  if (program && basename(parent(program.path)) !== "condabin") known.set(program.kind, program.path);
  const inside = (kind: Kind) =>
    [`${root}/bin/${kind}`, `${root}/condabin/${kind}`].find((path) => world.executable(path));
  const find = (kind: Kind): string | undefined => {
    if (!known.has(kind)) known.set(kind, inside(kind) ?? (kind === "micromamba" ? outside() : undefined));
    return known.get(kind);
  };
  const outside = () =>
    find("conda") === undefined && find("mamba") === undefined ? roamer(world) : undefined;
  return {
    get conda() {
      return find("conda");
    },
    get mamba() {
      return find("mamba");
    },
    get micromamba() {
      return find("micromamba");
    },
  };
}

/** micromamba outside of any root: where MAMBA_EXE says, in PATH, where its installer puts it. */
function roamer(world: World): string | undefined {
  const { MAMBA_EXE: told, HOME, PATH = "" } = world.env;
  const dirs = [...PATH.split(":"), ...HOME ? [`${HOME}/.local/bin`] : []];
  return [
    ...told && basename(told).startsWith("micromamba") ? [told] : [],
    ...dirs.map((dir) => `${dir}/micromamba`),
  ].find((path) => path.startsWith("/") && world.executable(path));
}
