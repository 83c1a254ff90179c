// PATH as conda rewrites it: every entry normalised, an environment's `bin` put in or swapped in its place.
import { active, type Env, type Options } from "./state.ts";

/** Python's `os.path.normpath`: no `//`, `/./`, `/../`, trailing slash; two leading slashes stay. */
export function normal(path: string): string {
  // Nearly every path is as it should be.
  if (
    path.length > 1 && path[0] === "/" && !path.endsWith("/") && !path.includes("//") &&
    !`${path}/`.includes("/./") && !`${path}/`.includes("/../")
  ) {
    return path;
  }
  const lead = /^\/\/(?!\/)/.test(path) ? "//" : path.startsWith("/") ? "/" : "";
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== ".." || (lead === "" && (parts.length === 0 || parts.at(-1) === ".."))) parts.push(part);
    else parts.pop();
  }
  return lead + parts.join("/") || ".";
}

/** PATH with the environment's `bin` in front, and conda's own folder behind it at the first level. */
export function added(env: Env, prefix: string, options: Options): string[] {
  const dirs = entries(env);
  if (options.condabin && active(env).level === 0 && !dirs.some((dir) => dir.endsWith("condabin"))) {
    dirs.unshift(options.condabin);
  }
  return [`${prefix}/bin`, ...dirs];
}

/** PATH with the first `old/bin` swapped for `next/bin` (in front where there is none), or taken out. */
export function replaced(env: Env, old: string, next?: string): string[] {
  const dirs = entries(env);
  const bin = normal(`${old}/bin`);
  const at = dirs.indexOf(bin);
  if (at >= 0) dirs.splice(at, 1);
  if (next !== undefined) dirs.splice(Math.max(at, 0), 0, `${next}/bin`);
  return dirs;
}

function entries(env: Env): string[] {
  const dirs: string[] = [];
  for (const dir of (env["PATH"] ?? "/usr/bin").split(":")) dirs.push(normal(dir));
  return dirs;
}
