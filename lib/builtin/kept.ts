// Compiled modules that are kept beside a package: a list of them tells later whether they are as they were made.
import * as fs from "node:fs";
import { effect, native } from "../system.ts";
import { attempt } from "./stock.ts";
import { type Expected, flaws, hashFile } from "./whole.ts";

const LIST = ".list.json";

/** Writes the list of those files that are there. */
export function enlist(dir: string, paths: readonly string[]): void {
  const all = paths.filter((path) => fs.existsSync(native(`${dir}/${path}`))).map((path): Expected => {
    const full = `${dir}/${path}`;
    return { path, size: fs.statSync(native(full)).size, sha256: hashFile(full) };
  });
  effect("write", dir, () => fs.writeFileSync(native(`${dir}/${LIST}`), JSON.stringify(all)));
}

/** Whether none is missing, cut or altered: Python falls over such a file. */
export function sound(dir: string): boolean {
  return attempt(() => {
    const all = JSON.parse(fs.readFileSync(native(`${dir}/${LIST}`), "utf8")) as Expected[];
    return flaws(dir, all, fs.statSync(native(`${dir}/${LIST}`)).mtimeMs).length === 0;
  }) ?? false;
}
