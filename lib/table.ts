// Who provided what, as a table for stderr.
import type { Installed } from "./pip.ts";
import { plain } from "./progress.ts";
import { normalize } from "./requirement/parse.ts";
import type { Decision } from "./split.ts";
import type { World } from "./world.ts";

const BY = { conda: "conda", pypi: "PyPI", nobody: "nobody" } as const;

/** A line for Python, for each requirement, and for what pip brought along; columns as wide as they must be. */
export function table(
  decisions: readonly Decision[],
  prefix: string,
  added: readonly Installed[],
  world: World,
): string {
  const conda = versions(prefix, world);
  const pypi = new Map(added.map(({ name, version }) => [normalize(name), version]));
  const rows = decisions.map(({ name, by, why, conda: called }) => {
    const key = normalize(name);
    const version = by === "conda" ? conda.get(called ?? key) : by === "pypi" ? pypi.get(key) : undefined;
    pypi.delete(key);
    return [name, version ?? "", BY[by], why];
  });
  const along = [...pypi].map(([name, version]) => [name, version, BY.pypi, "needed by another"]);
  const all = [
    ["python", conda.get("python") ?? "", BY.conda, ""],
    ...rows.sort(byName),
    ...along.sort(byName),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => plain(cell).padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  return all.map((row) => `  ${line(row)}\n`).join("");
}

function byName([a = ""]: string[], [b = ""]: string[]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Versions of the packages that conda-meta lists, by name: `NAME-VERSION-BUILD.json`. */
function versions(prefix: string, world: World): Map<string, string> {
  const parts = (world.list(`${prefix}/conda-meta`) ?? []).map((file) =>
    /^(.+)-([^-]+)-[^-]+\.json$/.exec(file)
  );
  return new Map(parts.flatMap((found) => found ? [[found[1]!, found[2]!] as const] : []));
}
