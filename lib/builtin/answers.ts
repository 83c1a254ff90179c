// Answers of the solver, kept on disk: the same question about the same records has the same answer.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { SOLVER } from "../version.ts";
import { attempt } from "./stock.ts";

/** The place of one question's answer. */
export interface Answer {
  /** URLs of the packages; undefined where nobody asked before. */
  known(): string[] | undefined;
  keep(urls: readonly string[]): void;
}

/** Files that stay, the youngest: answers, and what was asked. */
const MOST = 200;

/**
 * Where the answer is to what the solver was told, and to all that it may read: `task` is any JSON, with the names of
 * packages whose shards are among `bodies`, by URL. The rest of those, which other names there are, decides nothing.
 * What cannot be read or written counts as not there.
 */
export function answer(cache: string, task: unknown, bodies: ReadonlyMap<string, Uint8Array>): Answer {
  const hash = createHash("sha256").update(JSON.stringify([SOLVER, task]));
  for (const url of [...bodies.keys()].filter((url) => url.includes("/shards/")).sort()) {
    hash.update(`\n${url} ${createHash("sha256").update(bodies.get(url)!).digest("hex")}`);
  }
  const file = join(cache, "answers", hash.digest("hex"));
  return {
    known: () =>
      attempt(() => {
        const urls: unknown = JSON.parse(fs.readFileSync(file, "utf8"));
        return Array.isArray(urls) && urls.every((url) => typeof url === "string") ? urls : undefined;
      }),
    keep: (urls) => write(file, JSON.stringify(urls)),
  };
}

/** Whether something was asked for before, told by what is known before any channel is read; and notes that it was. */
export function before(cache: string, about: string): { asked: boolean; note(): void } {
  const file = join(cache, "answers", `about-${createHash("sha256").update(about).digest("hex")}`);
  return { asked: fs.existsSync(file), note: () => write(file, "") };
}

/** Nobody needs what cannot be written. */
function write(file: string, text: string): void {
  attempt(() => {
    fs.mkdirSync(dirname(file), { recursive: true });
    fs.writeFileSync(`${file}.${process.pid}`, text);
    fs.renameSync(`${file}.${process.pid}`, file);
    thin(dirname(file));
  });
}

function thin(folder: string): void {
  const names = fs.readdirSync(folder);
  if (names.length <= MOST) return;
  const aged = names.map((name) => ({
    name,
    age: attempt(() => fs.statSync(join(folder, name)).mtimeMs) ?? 0,
  }));
  const old = aged.sort((a, b) => a.age - b.age).slice(0, names.length - MOST);
  for (const { name } of old) fs.rmSync(join(folder, name), { force: true });
}
