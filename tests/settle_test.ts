// Which requirements go to pip where conda finds no way: those that the reasons name, then all, then a Problem.
import assert from "node:assert/strict";
import { Conflict } from "../lib/engines/engine.ts";
import { Problem } from "../lib/problem.ts";
import { parseRequirements } from "../lib/requirements.ts";
import type { Packaged } from "../lib/requirement/whole.ts";
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
async function settled(
  text: string,
  refusals: readonly [names: string, reasons: string][],
  brought: readonly Packaged[] = [],
) {
  const asked: string[] = [];
  const world = testWorld({ "work/requirements.txt": text });
  const wanted = parseRequirements(`${world.cwd}/requirements.txt`, world);
  const target = { python: "3.11", platform: "linux-64" };
  const index = channel("python", "a", "b", "c", "d", "e", "pip");
  const { made } = await settle(
    { wanted, target, index },
    async ({ conda }, check) => {
      const names = conda.map((spec) => spec.split(" ")[0]).filter((name) => !/^(python|pip)$/.test(name!));
      asked.push(names.join(" "));
      const [, reasons] = refusals.find(([refused]) => refused === names.join(" ")) ?? [];
      if (reasons !== undefined) throw new Conflict(reasons);
      // What needs another of these brings it along.
      const found = new Set(["python", "pip", ...names]);
      for (const name of found) {
        for (const need of brought.find((each) => each.name === name)?.depends ?? []) {
          found.add(need.split(" ")[0]!);
        }
      }
      await check(brought.filter(({ name }) => found.has(name)));
    },
    world,
  );
  return { pip: made.pip.map(({ text }) => text), asked, said: world.said(), why: made.why };
}

/** Packages that need others, each `python` besides: `b 1.0: a, x` and so on. */
function packages(...texts: readonly string[]): Packaged[] {
  return texts.map((text) => {
    const [, name = "", version = "", needs = ""] = /^(\S+) (\S+):(.*)$/.exec(text)!;
    return {
      name,
      version,
      depends: ["python", ...needs.split(",").map((each) => each.trim()).filter(Boolean)],
    };
  });
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

Deno.test("settle: a package is whole: who needs what comes from PyPI comes from there, too, or conda has it", async () => {
  const needs = packages("a 1.0:", "b 1.0: x", "x 1.0: a >=1", "c 1.0:", "d 1.0: a", "pip 25.0: e", "e 1.0:");
  const rows: [text: string, pip: string[], asked: string[], why: [name: string, why: RegExp]][] = [
    // The channel has a 1.0 only: b needs it by x, c does not.
    ["a>=2\nb\nc", ["a>=2", "b"], ["b c", "c"], ["b", /^it needs a, which PyPI provides$/]],
    ["a # pip\nb\nc", ["a", "b"], ["b c", "c"], ["b", /^it needs a, which PyPI provides$/]],
    ["a @ https://h/a-1.0.zip\nb", ["a @ https://h/a-1.0.zip", "b"], ["b", ""], ["b", /^it needs a/]],
    ["# conda: d\na # pip\nc", [], ["d c"], ["a", /^conda's d needs it$/]],
    ["# conda: d\na[more]==1.0 # pip", ["a[more]==1.0"], ["d"], ["a", /^conda's d needs it$/]],
    ["nosuch\ne<2 # pip", ["nosuch"], [""], ["e", /^conda's pip needs it$/]],
    ["nosuch\nb", ["nosuch"], ["b"], ["b", /^$/]],
  ];
  for (const [text, pip, asked, [name, why]] of rows) {
    const found = await settled(text, [], needs);
    assert.deepEqual([found.pip, found.asked], [pip, asked], text);
    assert.match(found.why.find((each) => each.name === name)!.why, why, text);
  }
  const said = (await settled("a>=2\nb", [], needs)).said;
  assert.equal(said, "mambaenv: warning: b goes to pip, since it needs a, which PyPI provides\n");
  // Moved by a conflict, and b needs it: what b brings along will do.
  const moved = await settled("a\nb\nc", [["a b c", "a excludes c"]], needs);
  assert.deepEqual([moved.pip, moved.asked], [["c"], ["a b c", "b"]]);
  assert.match(moved.why.find(({ name }) => name === "a")!.why, /^conda's x needs it$/);
});

Deno.test("settle: what only conda is asked for keeps what it needs: another of it is a Problem with file and line", async () => {
  const needs = packages("a 1.0:", "d 1.0: x", "x 1.0: a");
  for (const text of ["# conda: d\na>=2\n", "# conda: d\na @ https://u:secret@h/a.zip\n"]) {
    await assert.rejects(settled(text, [], needs), (error) => {
      assert.ok(error instanceof Problem);
      assert.match(
        error.message,
        /^Cannot take a from PyPI \(.+\): conda's x needs a 1.0, and a package cannot be half/,
      );
      assert.match(error.hint, /^change "requirements.txt" line 2: a/);
      assert.equal(error.hint.includes("secret"), false);
      return true;
    });
  }
});
