// pyproject.toml: dependencies, chosen extras and groups with what they include, and every mistake with its line.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { parse } from "../lib/args.ts";
import { readWanted } from "../lib/inputs.ts";
import { EXIT, Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { readSettings } from "../lib/settings.ts";
import { oracle } from "./oracle.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

const FILE = `[project]
name = "My.Project"
requires-python = ">=3.10"
dependencies = ["six", "rich>=13"]

[project.optional-dependencies]
plot = ["matplotlib"]
Fast_IO = [
  "orjson",
  "my-project[plot]",
]
old = ["my_project[fast-io]; python_version < '3.9'", "six ; os_name == 'nt'"]
loop = ["my-project[loop]"]
far = ["my-project[nowhere]"]
linked = ["x @ https://h/a;b.zip ; os_name == 'nt'"]
narrow = ["my-project[linked];extra"]
all = ["My.Project[plot, fast-io]"]

[dependency-groups]
test = ["pytest>7", {include-group = "cover.age"}]
Cover_Age = ["coverage[toml]"]
dev = [{include-group = "test"}, "black"]
ring = [{include-group = "gnir"}]
gnir = [{include-group = "ring"}]
lost = [
  "six",
  {include-group = "tset"},
]
odd = [{include-group = "test", more = 1}]
option = ["-r more.txt"]
path = ["./here"]
number = [3]
wrong = [
  "six",
  "black = 1",
]
`;

async function read(argv: string[], text = FILE) {
  const world = testWorld({ "work/pyproject.toml": text });
  try {
    const project = findProject({}, world);
    const settings = await readSettings(parse(argv, {}), project, world);
    const { requirements, python } = await readWanted(project, world, settings);
    return { found: requirements.map(({ text, line }) => `${line} ${text}`), python: python?.value };
  } finally {
    world.remove(world.top);
  }
}

Deno.test("pyproject.toml: dependencies, extras and groups that are chosen, what they include, with their lines", async () => {
  const own = ["4 six", "4 rich>=13"];
  const tool = (words: string) => `[tool.mambaenv]\n${words}\n${FILE}`;
  const shifted = (line: number, count: number) =>
    own.concat().map((each) => each.replace(/^\d+/, `${line + count}`));
  const rows: [argv: string[], text: string, found: string[]][] = [
    [[], FILE, own],
    [["--extra", "plot"], FILE, [...own, "7 matplotlib"]],
    [["--extra", "PLOT,fast.io"], FILE, [...own, "7 matplotlib", "9 orjson", "7 matplotlib"]],
    [["--extra=all"], FILE, [...own, "7 matplotlib", "9 orjson", "7 matplotlib"]],
    [["--extra", "old"], FILE, [
      ...own,
      "9 orjson ; python_version < '3.9'",
      "7 matplotlib ; python_version < '3.9'",
      "12 six ; os_name == 'nt'",
    ]],
    [["--group", "dev", "--group", "cover-age"], FILE, [
      ...own,
      "20 pytest>7",
      "21 coverage[toml]",
      "22 black",
      "21 coverage[toml]",
    ]],
    [[], tool('extras = ["plot"]\ngroups = ["Cover-Age"]'), [
      ...shifted(4, 3),
      "10 matplotlib",
      "24 coverage[toml]",
    ]],
    [["--extra", "plot"], tool('extras = ["all"]'), [...shifted(4, 2), "9 matplotlib"]],
    [["--extra", "x"], "[project]\noptional-dependencies.x = ['six']\n", ["2 six"]],
  ];
  for (const [argv, text, found] of rows) {
    assert.deepEqual(await read(argv, text), {
      found,
      ...text.includes("requires") ? { python: ">=3.10" } : { python: undefined },
    }, argv.join(" "));
  }
});

Deno.test("pyproject.toml: a mistake is told with file and line, and what is known", async () => {
  const rows: [argv: string[], text: string, words: RegExp, exit?: number][] = [
    [
      ["--extra", "plt"],
      FILE,
      /^Unknown extra "plt" in --extra; known: Fast_IO, all, far, linked, loop, narrow, old, plot$/,
      EXIT.usage,
    ],
    [["--group", "plot"], FILE, /^Unknown group "plot" in --group; known: Cover_Age, dev/, EXIT.usage],
    [
      [],
      `${FILE}[tool.mambaenv]\ngroups = ["tset"]\n`,
      /^Unknown group "tset" in "pyproject.toml" line 38; known/,
      EXIT.usage,
    ],
    [
      [],
      '[tool.mambaenv]\nextras = "test"\n',
      /^Cannot use extras = "test" in pyproject.toml \[tool.mambaenv\]/,
      EXIT.usage,
    ],
    [["--extra", "loop"], FILE, /line 13: extra includes itself: loop -> loop$/],
    [["--extra", "far"], FILE, /^Unknown extra "nowhere" in "pyproject.toml" line 14; known/, EXIT.usage],
    [["--extra", "narrow"], FILE, /^Cannot parse "pyproject.toml" line 15/],
    [["--group", "ring"], FILE, /line 24: group includes itself: ring -> gnir -> ring$/],
    [["--group", "lost"], FILE, /^Unknown group "tset" in "pyproject.toml" line 27; known/, EXIT.usage],
    [["--group", "odd"], FILE, /line 29: the group "odd" has an item that is no requirement$/],
    [["--group", "option"], FILE, /line 30: "-r more.txt" is no requirement$/],
    [["--group", "path"], FILE, /line 31: ".\/here" is no requirement$/],
    [["--group", "number"], FILE, /line 32: "number" has an item that is no string$/],
    [["--group", "wrong"], FILE, /^Cannot parse "pyproject.toml" line 35: /],
    [[], "[project]\ndependencies = 3\n", /line 2: dependencies is no list of strings$/],
    [[], '[project]\n\nrequires-python = "3.10+"\n', /line 3: requires-python = "3.10\+" is no specifier$/],
    [[], "[project]\nrequires-python = 3\n", /line 2: requires-python = 3 is no specifier$/],
    [[], "[dependency-groups]\na-b = []\nA_B = []\n", /line 3: "A_B" and "a-b" are one name$/],
    [[], "[dependency-groups]\na = 'six'\n", /line 2: a is no list of strings$/],
    [[], "[project]\noptional-dependencies = []\n", /line 2: optional-dependencies is no table$/],
    [[], "project = 3\n", /line 1: project is no table$/],
  ];
  for (const [argv, text, words, exit = EXIT.failed] of rows) {
    await assert.rejects(read(argv, text), (error) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.message, words);
      assert.equal(error.exit, exit, error.message);
      return true;
    }, `${argv} ${text.slice(0, 40)}`);
  }
});

Deno.test("extras and groups without a pyproject.toml are a Problem", async () => {
  const world = testWorld({ "work/requirements.txt": "six\n" });
  const project = findProject({}, world);
  const settings = await readSettings(parse(["--group", "dev"], {}), project, world);
  await assert.rejects(
    readWanted(project, world, settings),
    /--group names dev, and there is no pyproject.toml/,
  );
  world.remove(world.top);
});

Deno.test({
  name: "extras and groups: created, in the stamp, another choice is a change, a mistake changes nothing",
  ignore: !(await oracle()),
}, () =>
  staged("", async ({ world, bash, store }) => {
    world.remove(`${world.cwd}/requirements.txt`);
    const text = '[project]\nname = "x"\ndependencies = ["six"]\n[project.optional-dependencies]\n' +
      'more = ["idna"]\n[dependency-groups]\ndev = ["iniconfig", "onlypypi"]\n[tool.mambaenv]\nextras = ["more"]\n';
    fs.writeFileSync(`${world.cwd}/pyproject.toml`, text);
    const there = (code: string) => bash(`"$M" run -q -- python -c ${JSON.stringify(code)}`);
    assert.equal((await there("import six, idna")).status, 0);
    assert.equal((await there("import iniconfig")).status, 1);
    const changed = await bash('"$M" sync --group dev');
    assert.match(changed.err, /the groups changed \(--group\)\n/);
    assert.equal((await bash('"$M" run --group dev -q -- python -c "import iniconfig, onlypypi"')).status, 0);
    assert.match((await bash('"$M" status')).out, /extras +more \(pyproject.toml/);
    const before = store();
    const wrong = await bash('"$M" sync --group dve');
    assert.deepEqual([wrong.status, store()], [2, before]);
    assert.match(wrong.err, /Unknown group "dve" in --group; known: dev[^]*dev/);
    assert.equal((await bash('"$M" lock -q --group dev && "$M" lock --check --group dev')).status, 0);
    assert.equal((await bash('"$M" lock --check')).status, 4);
  }));
