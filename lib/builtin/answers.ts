// Answers of the solver, kept on disk: the same question about the same records has the same answer.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { SOLVER } from "../version.ts";
import { attempt } from "./stock.ts";

/** Files that stay, the youngest: answers, and what was asked. */
const MOST = 200;

/** What the solver is asked: what it is told, by URL all that it may read, and the place of the answer. */
export class Question {
  readonly foreseen = new Map<string, Uint8Array>();
  #asked = new Set<string>();
  #file: string | undefined;

  /** The solver asks for something; whether that was foreseen. */
  asks(url: string): boolean {
    this.#asked.add(url);
    return this.foreseen.has(url);
  }

  /**
   * The packages' URLs, now that all is foreseen; undefined where nobody asked before. `task` is any JSON, with the
   * names of packages whose shards may be read; which other names the channels have decides nothing.
   */
  known(cache: string, task: unknown): string[] | undefined {
    const hash = createHash("sha256").update(JSON.stringify([SOLVER, task]));
    for (const url of [...this.foreseen.keys()].filter((url) => url.includes("/shards/")).sort()) {
      hash.update(`\n${url} ${createHash("sha256").update(this.foreseen.get(url)!).digest("hex")}`);
    }
    const file = this.#file = join(cache, "answers", hash.digest("hex"));
    return attempt(() => {
      const urls: unknown = JSON.parse(fs.readFileSync(file, "utf8"));
      return Array.isArray(urls) && urls.every((url) => typeof url === "string") ? urls : undefined;
    });
  }

  /** Keeps an answer that depends on what was foreseen alone. */
  keep(urls: readonly string[]): void {
    if (this.#file === undefined || ![...this.#asked].every((url) => this.foreseen.has(url))) return;
    write(this.#file, JSON.stringify(urls));
  }
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
