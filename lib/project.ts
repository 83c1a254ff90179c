// The project: its root folder and the files that describe its environment.
import { EXIT, Problem } from "./problem.ts";
import type { Flags } from "./args.ts";
import type { Stat, World } from "./world.ts";

/** Files that mark a project's root; all but .envrc are inputs of its environment. */
export const MARKERS = [
  ".envrc",
  "environment.yml",
  "requirements.txt",
  "pyproject.toml",
  "conda-lock.yml",
] as const;
/** Files whose content decides what is in the environment. */
export const INPUTS = [...MARKERS.slice(1), ".python-version"] as const;

export interface Project {
  /** Absolute path without trailing slash. */
  root: string;
  /** How it was found, for `status`. */
  from: string;
  /** The root's markers that are there, by name. */
  files: Map<string, Stat>;
}

/** Joins and normalises: `/a/b` + `../c` is `/a/c`. */
export function resolve(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return "/" + parts.join("/");
}

export function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A path with the home in place of its `~`. */
export function tilde(path: string, home: string | undefined): string {
  return home !== undefined && (path === "~" || path.startsWith("~/")) ? home + path.slice(1) : path;
}

/**
 * Finds the project: `--project`, the `.envrc`'s folder under direnv, else the nearest folder upward with a
 * marker, up to $HOME and the border of the file system. Undefined where there is none.
 */
export function findProject(flags: Flags, world: World): Project | undefined {
  if (flags.project !== undefined) return named(resolve(world.cwd, flags.project), world);
  if (world.env["DIRENV_IN_ENVRC"]) return at(world.cwd, "direnv", world);
  for (let dir = resolve("/", world.cwd); dir !== "/"; dir = parent(dir)) {
    const found = at(dir, dir === world.cwd ? "the current folder" : "a folder above", world);
    if (found.files.size > 0) return found;
    if (dir === world.env["HOME"] || world.stat(parent(dir))?.dev !== world.stat(dir)?.dev) return undefined;
  }
  return undefined;
}

function named(root: string, world: World): Project {
  if (world.stat(root)?.kind === "dir") return at(root, "--project", world);
  throw new Problem(
    `No project folder ${JSON.stringify(root)}`,
    "name an existing folder: --project DIR",
    EXIT.usage,
  );
}

function at(root: string, from: string, world: World): Project {
  const files = new Map<string, Stat>();
  for (const name of [...MARKERS, ".python-version"]) {
    const stat = world.stat(`${root}/${name}`);
    if (stat?.kind === "file") files.set(name, stat);
  }
  return { root, from, files };
}

/** The words for someone who stands in a folder without a project. */
export function homeless(world: World): Problem {
  return new Problem(
    `No project in ${JSON.stringify(world.cwd)} or above: none of ${MARKERS.join(", ")}`,
    "write a requirements.txt here, or name an environment: mambaenv --name NAME",
    EXIT.usage,
  );
}
