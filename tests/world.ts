// Worlds for tests: the real one in a temporary folder, with an environment of its own.
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createWorld } from "../lib/system.ts";
import type { World } from "../lib/world.ts";

export interface TestWorld extends World {
  /** The temporary folder; HOME is `home` in it, the working folder `work`. */
  top: string;
  /** What was said on stderr. */
  said(): string;
}

/** A real world around a new temporary folder that holds `files` (path → text; a final slash makes a folder). */
export function testWorld(files: { [path: string]: string } = {}, changes: Partial<World> = {}): TestWorld {
  const top = realpathSync(mkdtempSync(join(tmpdir(), "mambaenv-test-")));
  for (const path of ["home/", "work/"]) mkdirSync(join(top, path), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(path.endsWith("/") ? join(top, path) : dirname(join(top, path)), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(join(top, path), text);
  }
  let words = "";
  const env = { HOME: join(top, "home"), PATH: "/usr/bin:/bin", ...changes.env };
  return {
    ...createWorld([]),
    cwd: join(top, "work"),
    ...changes,
    env,
    top,
    err: (text) => void (words += text),
    said: () => words,
  };
}
