// The folder of a release: its files' checksums in SHA256SUMS, and the words of the tasks that add to it.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./compiler.ts";

/** Writes a file's line into SHA256SUMS, instead of the one that is there; returns the file's size in words. */
export function enlist(dir: string, name: string): string {
  const sums = join(dir, "SHA256SUMS");
  const bytes = fs.readFileSync(join(dir, name));
  const lines = fs.existsSync(sums) ? fs.readFileSync(sums, "utf8").split("\n").filter(Boolean) : [];
  const others = lines.filter((line) => line.slice(66) !== name);
  const line = `${createHash("sha256").update(bytes).digest("hex")}  ${name}`;
  fs.writeFileSync(sums, [...others, line].map((line) => `${line}\n`).join(""));
  return `${(bytes.length / 1e6).toFixed(1)} MB`;
}

/** The folders that a task's words name: `dist` by default, and what is made lies beside what it is made of. */
export function folders(task: string): { from: string; to: string } {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: { from: { type: "string" }, to: { type: "string" } },
    });
    const from = values.from ?? join(ROOT, "dist");
    if (!fs.existsSync(join(from, "mambaenv-linux-arm64.gz"))) {
      throw new Error(`no release is in ${from}: deno task release`);
    }
    const to = values.to ?? from;
    fs.mkdirSync(to, { recursive: true });
    return { from, to };
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\nusage: deno task ${task} [--from DIR] [--to DIR]`,
    );
    Deno.exit(2);
  }
}
