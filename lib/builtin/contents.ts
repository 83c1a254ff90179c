// What an environment is to consist of, as conda-meta has it and pip's own lists.
import * as fs from "node:fs";
import { decode } from "../bytes.ts";
import { native } from "../system.ts";
import { attempt } from "./stock.ts";
import type { Expected } from "./whole.ts";

/**
 * The files that a prefix is to have, and the lists that cannot be read. Unless `exact`, sizes of rewritten files are
 * not compared: conda writes down what they had before.
 */
export function contents(prefix: string, exact: boolean): { files: Expected[]; unreadable: string[] } {
  const meta = `${prefix}/conda-meta`;
  const unreadable: string[] = [];
  const records = names(meta).filter((name) => name.endsWith(".json") && name !== "mambaenv.json");
  const conda = records.flatMap((name) => {
    const all = listed(`${meta}/${name}`, exact);
    if (all === undefined) unreadable.push(`"conda-meta/${name}" is not whole`);
    return all ?? [];
  });
  const known = new Set(conda.map(({ path }) => path));
  const pip = names(`${prefix}/lib`).filter((name) => /^python\d/.test(name)).flatMap((python) => {
    const site = `lib/${python}/site-packages`;
    const lists = names(`${prefix}/${site}`).filter((name) => name.endsWith(".dist-info"))
      .map((name) => `${site}/${name}/RECORD`);
    return lists.filter((list) => !known.has(list)).flatMap((list) => recorded(prefix, site, list));
  });
  return { files: [...conda, ...pip], unreadable };
}

function names(dir: string): string[] {
  return (attempt(() => fs.readdirSync(native(dir), "buffer")) ?? []).map((name) => decode(name)).sort();
}

function text(path: string): string | undefined {
  return attempt(() => decode(fs.readFileSync(native(path))));
}

/** The files of a record; undefined where it is none. */
function listed(path: string, exact: boolean): Expected[] | undefined {
  const record = attempt(() => JSON.parse(text(path) ?? ""));
  if (typeof record?.name !== "string") return undefined;
  const paths: unknown = record.paths_data?.paths;
  if (!Array.isArray(paths)) return [];
  return paths.flatMap((entry): Expected[] => {
    if (typeof entry?._path !== "string") return [];
    const rewritten = entry.prefix_placeholder !== undefined;
    const { _path, path_type, size_in_bytes: size, sha256, sha256_in_prefix: sum } = entry;
    return [{
      path: _path,
      kind: path_type,
      ...typeof size === "number" && (exact || !rewritten) && { size },
      ...typeof (sum ?? sha256) === "string" && (sum || !rewritten) && { sha256: sum ?? sha256 },
    }];
  });
}

/** What pip wrote: `PATH,sha256=BASE64,SIZE`, relative to site-packages; without a size it is not to be compared. */
function recorded(prefix: string, site: string, list: string): Expected[] {
  return (text(`${prefix}/${list}`) ?? "").split("\n").flatMap((line): Expected[] => {
    const [, name, base64, size] = /^([^",]+),sha256=([\w-]+),(\d+)\r?$/.exec(line) ?? [];
    if (name === undefined || name.startsWith("/")) return [];
    const sha256 = Buffer.from(base64!, "base64url").toString("hex");
    return [{ path: `${site}/${name}`, size: Number(size), sha256 }];
  });
}
