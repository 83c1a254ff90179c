// What `doctor` finds, and what it looks at.
import type { Condarc } from "../../condarc.ts";
import type { Found } from "../../installation.ts";
import type { Project } from "../../project.ts";
import type { Settings } from "../../settings.ts";
import type { World } from "../../world.ts";

/** One finding: `error` keeps environments from being made or used, `warning` can, `note` is good to know. */
export interface Finding {
  topic: string;
  level: "ok" | "note" | "warning" | "error";
  text: string;
  /** A command or a deed that mends it. */
  fix?: string;
}

/** What is known before one looks; undefined where that itself is broken. */
export interface Case {
  all: readonly Found[];
  taken: Found | undefined;
  project: Project | undefined;
  condarc: Condarc | undefined;
  settings: Settings | undefined;
  /** Whether what takes long is wanted, too. */
  verbose: boolean;
}

/** What a program prints; `""` where there is none, or it takes longer than some seconds. */
export async function printed(words: readonly string[], world: World): Promise<string> {
  const { stdout, status } = await world.run(words, { stdout: "capture", stderr: "capture", timeout: 5000 });
  return status === 127 || status === 124 ? "" : stdout;
}
