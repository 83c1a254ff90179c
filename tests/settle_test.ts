// Which requirements go to pip where conda finds no way: those that the reasons name, then all, then a Problem.
import assert from "node:assert/strict";
import { Conflict } from "../lib/engines/engine.ts";
import { Problem } from "../lib/problem.ts";
import { parseRequirements } from "../lib/requirements.ts";
import { settle } from "../lib/settle.ts";
import type { Index } from "../lib/split.ts";
import { testWorld } from "./world.ts";

/** A channel that has each of these once. */
function channel(...names: string[]): Index {
  const record = (name: string) =>
    name === "python"
      ? { version: "3.11.4", build: "0", subdir: "linux-64", depends: [] }
      : { version: "1.0", build: "0", subdir: "noarch", depends: ["python >=3.8"] };
  return { records: (name) => Promise.resolve(names.includes(name) ? [record(name)] : []) };
}

/** Settles where a solve refuses each of these sets of names, with the reasons that stand beside it. */
async function settled(text: string, refusals: readonly [names: string, reasons: string][]) {
  const asked: string[] = [];
  const world = testWorld({ "work/requirements.txt": text });
  const wanted = parseRequirements(`${world.cwd}/requirements.txt`, world);
  const target = { python: "3.11", platform: "linux-64" };
  const index = channel("python", "a", "b", "c", "d", "e", "pip");
  const { made } = await settle(
    { wanted, target, index, clear: () => undefined },
    ({ conda }) => {
      const names = conda.map((spec) => spec.split(" ")[0]).filter((name) => !/^(python|pip)$/.test(name!));
      asked.push(names.join(" "));
      const [, reasons] = refusals.find(([refused]) => refused === names.join(" ")) ?? [];
      return reasons === undefined ? Promise.resolve() : Promise.reject(new Conflict(reasons));
    },
    world,
  );
  return { pip: made.pip.map(({ text }) => text), asked, said: world.said(), why: made.why };
}

Deno.test("settle: the packages that the reasons name go to pip, the others stay", async () => {
  const { pip, asked, said, why } = await settled("a\nb>=1\nc\n", [[
    "a b c",
    "├─ a * would require\n└─ b <1, not bc",
  ]]);
  assert.deepEqual([pip, asked], [["a", "b>=1"], ["a b c", "c"]]);
  assert.match(said, /conda finds no way, so a, b go to pip:\n {4}├─ a/);
  assert.equal(why.find(({ name }) => name === "b")?.why, "conda found no way with a, b");
});

Deno.test("settle: once more for what is named then; all where no name is told, all are, or three were not enough", async () => {
  const rows: [refusals: [string, string][], pip: string[], asked: string[]][] = [
    [[["a b c d e", "a"], ["b c d e", "b"]], ["a", "b"], ["a b c d e", "b c d e", "c d e"]],
    [[["a b c d e", "python 3.11 is too old"]], ["a", "b", "c", "d", "e"], ["a b c d e", ""]],
    [[["a b c d e", "a b c d e"]], ["a", "b", "c", "d", "e"], ["a b c d e", ""]],
    [
      [["a b c d e", "a"], ["b c d e", "b"], ["c d e", "c"], ["d e", "d"]],
      ["a", "b", "c", "d", "e"],
      ["a b c d e", "b c d e", "c d e", "d e", ""],
    ],
  ];
  for (const [refusals, pip, asked] of rows) {
    const found = await settled("a\nb\nc\nd\ne\n", refusals);
    assert.deepEqual([found.pip, found.asked], [pip, asked]);
  }
});

Deno.test("settle: what is conda's alone cannot go; where Python itself cannot be, it is a Problem", async () => {
  const stays = await settled("# conda: d\na\nb\n", [["d a b", "d excludes a"]]);
  assert.deepEqual([stays.pip, stays.asked], [["a"], ["d a b", "d b"]]);
  await assert.rejects(
    settled("a\nb\n", [["a b", "a"], ["b", "b"], ["", "python"]]),
    (error) => error instanceof Problem && error.message.startsWith("Cannot satisfy python"),
  );
});
