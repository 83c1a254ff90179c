// Answers of the solver that are kept: used for the same question about the same records, and for no other.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Question } from "../../lib/builtin/answers.ts";
import { openChannels } from "../../lib/builtin/repodata.ts";
import { solve, type SolveOptions } from "../../lib/builtin/solve.ts";
import { testWorld } from "../world.ts";
import { type Entries, entry, folder, made, write } from "./made.ts";

/** A channel, and what asks it with one cache. */
function scene(entries: Entries) {
  const { url, dir } = made(entries, { shards: true });
  const cache = folder(), answers = join(cache, "answers");
  const kept = () => existsSync(answers) ? readdirSync(answers) : [];
  return {
    kept,
    answers,
    change: (entries: Entries) => {
      rmSync(join(dir, "noarch"), { recursive: true });
      write(join(dir, "noarch"), entries, { shards: true });
    },
    async ask(specs: string[], options: Partial<SolveOptions> = {}, before?: number): Promise<string[]> {
      const index = await openChannels([url], "noarch", { world: testWorld(), cache, before });
      try {
        return (await solve(index, specs, { virtual: [], ...options })).map(({ fn }) => fn);
      } finally {
        index.close();
      }
    },
    async records(name: string) {
      const index = await openChannels([url], "noarch", { world: testWorld() });
      return await index.records(name).finally(index.close);
    },
    /** Has the one answer that is kept say something else, to see whether it is used. */
    forge(from: string, to: string): void {
      const [file] = kept();
      const text = readFileSync(join(answers, file!), "utf8");
      assert.match(text, new RegExp(from));
      writeFileSync(join(answers, file!), text.replaceAll(from, to));
    },
  };
}

const OLD = entry("one-1.0-0.conda", { timestamp: 1000 });
const NEW = entry("one-2.0-0.conda", { timestamp: 2_000_000_000_000 });

Deno.test("answers: the same question about the same records is answered without the solver", async () => {
  const { ask, forge, kept, change } = scene({ ...OLD, ...NEW });
  for (const patient of [false, true]) {
    assert.deepEqual(await ask(["one"], { patient }), ["one-2.0-0.conda"]);
    assert.equal(kept().length, 1);
  }
  forge("one-2.0-0", "one-1.0-0");
  assert.deepEqual(await ask(["one"]), ["one-1.0-0.conda"]);
  // Where the answer is known, nobody waits for a solver: this one would be late after a millisecond.
  assert.deepEqual(await ask(["one"], { patient: true, limit: 1 }), ["one-1.0-0.conda"]);
  // A package that has nothing to do with it.
  change({ ...OLD, ...NEW, ...entry("other-1.0-0.conda") });
  assert.deepEqual(await ask(["one"]), ["one-1.0-0.conda"]);
});

Deno.test("answers: whatever the solver would be told differently is another question", async () => {
  const needing = entry("two-1.0-0.conda", { depends: ["one"] });
  const one = { ...OLD, ...NEW, ...needing };
  const { ask, forge, change, records } = scene(one);
  assert.deepEqual(await ask(["one"]), ["one-2.0-0.conda"]);
  forge("one-2.0-0", "one-1.0-0");
  const virtual = [{ name: "__cuda", version: "12", build: "0" }];
  const held = (await records("one")).filter(({ version }) => version === "2.0");
  const table: [what: string, act: () => Promise<string[]>, expected: string[]][] = [
    ["a spec", () => ask(["one >=1"]), ["one-2.0-0.conda"]],
    ["one more", () => ask(["one", "two"]), ["one-2.0-0.conda", "two-1.0-0.conda"]],
    ["the machine", () => ask(["one"], { virtual }), ["one-2.0-0.conda"]],
    ["a date", () => ask(["one"], {}, Date.parse("2020-01-01")), ["one-1.0-0.conda"]],
    ["what is held", () => ask(["one"], { held }), ["one-2.0-0.conda"]],
  ];
  for (const [what, act, expected] of table) assert.deepEqual(await act(), expected, what);
  const newer = entry("one-3.0-0.conda");
  change({ ...one, ...newer });
  assert.deepEqual(await ask(["one"]), ["one-3.0-0.conda"]);
  change({ ...one, ...entry("one-2.0-1.conda", { build_number: 1 }) });
  assert.deepEqual(await ask(["one"]), ["one-2.0-1.conda"]);
});

Deno.test("answers: a dependency that was not there, and then is", async () => {
  const { ask, change } = scene({
    ...entry("one-1.0-0.conda"),
    ...entry("one-2.0-0.conda", { depends: ["two"] }),
  });
  assert.deepEqual(await ask(["one"]), ["one-1.0-0.conda"]);
  change({
    ...entry("one-1.0-0.conda"),
    ...entry("one-2.0-0.conda", { depends: ["two"] }),
    ...entry("two-1.0-0.conda"),
  });
  assert.deepEqual(await ask(["one"]), ["two-1.0-0.conda", "one-2.0-0.conda"]);
});

Deno.test("answers: what is damaged, or cannot be kept, is nothing; the youngest 200 stay", async () => {
  const { ask, answers, kept } = scene({ ...OLD, ...NEW });
  await ask(["one"]);
  for (const text of ["", "[", "{}", "[1]", '"one"']) {
    writeFileSync(join(answers, kept()[0]!), text);
    assert.deepEqual(await ask(["one"]), ["one-2.0-0.conda"], text);
  }
  rmSync(answers, { recursive: true });
  writeFileSync(answers, "no folder");
  assert.deepEqual(await ask(["one"]), ["one-2.0-0.conda"]);

  const cache = folder();
  mkdirSync(join(cache, "answers"));
  for (let i = 0; i < 210; i++) writeFileSync(join(cache, "answers", `old-${i}`), "[]");
  const last = new Question();
  assert.equal(last.known(cache, "task"), undefined);
  last.asks("https://c0.invalid/noarch/shards/unforeseen");
  last.keep(["https://example.invalid/one"]);
  assert.equal(last.known(cache, "task"), undefined);
  const next = new Question();
  assert.equal(next.known(cache, "task"), undefined);
  next.keep(["https://example.invalid/one"]);
  assert.deepEqual(next.known(cache, "task"), ["https://example.invalid/one"]);
  assert.equal(readdirSync(join(cache, "answers")).length, 200);
});
