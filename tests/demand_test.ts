// Where pip finds no way with what conda installed: solved once more with what pip asks for, or pip's words as they are.
import assert from "node:assert/strict";
import { join } from "node:path";
import { Impossible } from "../lib/engines/engine.ts";
import { Problem } from "../lib/problem.ts";
import { demanded, demands, Refused, Rejected } from "../lib/requirement/demand.ts";
import { reconcile } from "../lib/settle.ts";
import { call, oracle } from "./oracle.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

Deno.test("demands: what pip's reasons ask of what is held fixed, by the newest of those that need it", () => {
  const fixed = new Map([["base", "1.0"], ["odd-name", "2"], ["fits", "1"]]);
  const table: [conflict: string, found: string[]][] = [
    ["", []],
    ["    hard 1.0 depends on base>=2\n    The user requested (constraint) base==1.0", ["base>=2 hard 1.0"]],
    ["    hard 2.0 depends on base>=3\n    hard 1.0 depends on base>=2", ["base>=3 hard 2.0"]],
    ["    a 1 depends on Odd_Name<4, >=3 and !=3.1\n", ["Odd_Name<4,>=3,!=3.1 a 1"]],
    ['    a 1 depends on base[more]>2; python_version > "3"\n', ["base[more]>2 a 1"]],
    ["    a 1 depends on fits>=1\n    a 1 depends on other>=1\n", []],
    ["    a 1 depends on base@ https://h/base.whl\n    a 1 depends on ???\n", []],
    ["    a 1 depends on base<1 and >=0\n    b 1 depends on odd.name==3", [
      "base<1,>=0 a 1",
      "odd.name==3 b 1",
    ]],
  ];
  for (const [conflict, found] of table) {
    const text = `The conflict is caused by:\n${conflict}`;
    assert.deepEqual(demands(text, fixed).map(({ text, by }) => `${text} ${by}`), found, conflict);
  }
  const { name, extras, clauses } = demanded({ text: "Odd_Name[x]>=3", by: "a 1" });
  assert.deepEqual([name, extras, clauses.length], ["odd-name", ["x"], 1]);
});

Deno.test("reconcile: twice more at most, each time with what pip asks for; then its first words, or what else went wrong", async () => {
  const reject = (...texts: string[]) =>
    new Rejected(new Problem(`pip: ${texts}`), texts.map((text) => ({ text, by: "x 1" })));
  const table: [ends: (Error | "made")[], tries: number, message: string][] = [
    [["made"], 1, ""],
    [[reject("a<1"), "made"], 2, ""],
    [[reject("a<1"), reject("b<1"), "made"], 3, ""],
    [[reject("a<1"), reject("b<1"), reject("c<1")], 3, "pip: a<1"],
    [[reject("a<1"), reject("a<1")], 2, "pip: a<1"],
    [[reject()], 1, "pip: "],
    [[reject("a<1"), new Impossible("conda: no")], 2, "pip: a<1"],
    [[reject("a<1"), new Refused("pip: no such")], 2, "pip: a<1"],
    [[reject("a<1"), new Problem("the disk is full")], 2, "the disk is full"],
    [[new Impossible("conda: no")], 1, "conda: no"],
  ];
  for (const [ends, tries, message] of table) {
    const world = testWorld();
    const wanted = { requirements: [], constraints: [], specs: [], options: [], inputs: [] };
    const seen: string[] = [];
    const done = reconcile({ wanted }, ({ requirements }, asked) => {
      assert.deepEqual(requirements.map(({ text }) => text), asked.map(({ text }) => text));
      const end = ends[seen.push(requirements.map(({ text }) => text).join()) - 1]!;
      return end === "made" ? Promise.resolve(end) : Promise.reject(end);
    }, world);
    if (message === "") assert.equal(await done, "made");
    else await assert.rejects(done, { message });
    assert.equal(seen.length, tries);
    assert.equal(world.said().split("solved once more").length, tries, "each is said");
  }
});

Deno.test({
  name:
    "pip rejects what conda has: another version by conda, or all of it from PyPI; else pip's words; the lock alike",
  ignore: !(await oracle()),
}, () =>
  staged("--find-links wheels\nclick\nrequests\nhard\nsoft\n", async ({ bash, world }) => {
    const wheel = (name: string, need: string) =>
      call([
        "python3",
        join(import.meta.dirname!, "data/wheel.py"),
        `${world.cwd}/wheels`,
        name,
        "1.0",
        `Requires-Dist: ${need}`,
      ]);
    world.mkdir(`${world.cwd}/wheels`);
    wheel("hard", "click>=8.2");
    wheel("soft", "urllib3<2");
    wheel("never", "click>=99");
    const show =
      'ls "$CONDA_PREFIX/conda-meta" | grep -E "^(click|urllib3|requests)-"; python -c "import hard, soft, requests, click"';
    const made = await bash(`source <("$M" -v) && ${show}`);
    assert.equal(made.status, 0, made.err);
    assert.match(made.out, /^requests-2\S+\nurllib3-1\S+\n$/);
    assert.match(made.err, /warning: pip finds no way with conda's versions, so it is solved once more:\n/);
    assert.match(made.err, /^ {4}hard 1\.0 needs click>=8\.2$/m);
    assert.match(made.err, /^ {4}soft 1\.0 needs urllib3<2$/m);
    assert.match(
      made.err,
      /^ {2}click +8\.2\.1 +PyPI +the channels have no click >=8\.2; .*, and PyPI's hard 1\.0 needs click>=8\.2$/m,
    );
    assert.match(made.err, /^ {2}urllib3 +1\.26\.20 +conda +PyPI's soft 1\.0 needs urllib3<2$/m);
    assert.doesNotMatch(made.err, /pip check/);
    assert.match(
      (await bash('"$M" explain click')).out,
      /from PyPI: .*PyPI's hard 1\.0 needs click>=8\.2, when the env/,
    );

    const locked = await bash(
      '"$M" lock && "$M" lock --check && grep -A2 -E "name: (click|urllib3)$" conda-lock.yml',
    );
    assert.match(locked.out, /urllib3\n +version: 1\.26\.20\n +manager: conda/, locked.err);
    assert.match(locked.out, /click\n +version: 8\.2\.1\n +manager: pip/);
    assert.match(locked.err, /^ {4}hard 1\.0 needs click>=8\.2$/m);
    const again = await bash(`source <("$M" --locked --name other) && ${show}`);
    assert.deepEqual([again.status, again.out], [0, made.out], again.err);

    world.write(`${world.cwd}/requirements.txt`, "--find-links wheels\nclick\nnever\n");
    const none = await bash('rm conda-lock.yml; source <("$M" --name third); echo $?');
    assert.equal(none.out, "1\n", none.err);
    assert.match(
      none.err,
      /pip could not install never \(status 1\)\n[^]*never 1\.0 depends on click>=99\n.*\(constraint\) click==8\.1\.7/,
    );
  }));
