// Whose file a path of the prefix is, where two packages have the same one.
import type { Plan } from "./link.ts";

/** Which package has which path. */
export interface Claims {
  /** Each file, link and program of the prefix, and which package's it is. */
  files: ReadonlyMap<string, Claim>;
  /** Folders to be made, each after its parent. */
  folders: readonly string[];
  warnings: readonly string[];
}

/** A path or an entry point of a package. */
interface Claim {
  plan: Plan;
  item: Plan["paths"][number] | Plan["entries"][number];
}

/** The later package has a path that several have; so it is where one has a file and the other a folder. */
export function claim(plans: readonly Plan[]): Claims {
  const files = new Map<string, Claim>();
  const folders = new Map<string, Plan>();
  const lost = new Map<string, string[]>();
  for (const plan of plans.toReversed()) {
    for (const item of [...plan.entries, ...plan.paths]) {
      const winner = files.get(item.to)?.plan ?? blocking(files, folders, item.to);
      if ("kind" in item && item.kind === "directory") {
        if (!winner) parents(`${item.to}/`, plan, folders);
      } else if (winner ?? folders.has(item.to)) {
        const owner = winner ?? folders.get(item.to)!;
        const pair = `${owner.record.name}, not of ${plan.record.name}`;
        if (!same(files.get(item.to), item)) lost.set(pair, [...lost.get(pair) ?? [], item.to]);
      } else {
        files.set(item.to, { plan, item });
        parents(item.to, plan, folders);
      }
    }
  }
  const warnings = [...lost].sort().map(([pair, paths]) => {
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
    return `${JSON.stringify(paths.sort()[0])}${more}: the files are those of ${pair}`;
  });
  return { files, folders: [...folders.keys()].sort(), warnings };
}

/** Whether no package has a file of that path, or one in the way to it. */
export function free({ files }: Claims, path: string): boolean {
  return !files.has(path) && blocking(files, new Map(), path) === undefined;
}

/** Whether the path is this very item's. */
export function owns(claims: Claims, item: Claim["item"]): boolean {
  return claims.files.get(item.to)?.item === item;
}

function parents(path: string, plan: Plan, folders: Map<string, Plan>): void {
  for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) {
    const folder = path.slice(0, cut);
    if (folders.has(folder)) return;
    folders.set(folder, plan);
  }
}

/** Who has a file where the path needs a folder. */
function blocking(
  files: ReadonlyMap<string, Claim>,
  folders: ReadonlyMap<string, Plan>,
  path: string,
): Plan | undefined {
  for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) {
    const folder = path.slice(0, cut);
    if (folders.has(folder)) return undefined;
    const owner = files.get(folder);
    if (owner) return owner.plan;
  }
  return undefined;
}

/** Nobody needs to know where both have the same bytes. */
function same(claim: Claim | undefined, item: Claim["item"]): boolean {
  const hash = (item: Claim["item"] | undefined) => item && "kind" in item ? item.sha256 : undefined;
  return hash(item) !== undefined && hash(claim?.item) === hash(item);
}
