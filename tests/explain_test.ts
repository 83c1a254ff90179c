// `mambaenv explain`: who asks for a package, who provides it, and why.
import assert from "node:assert/strict";
import { oracle } from "./oracle.ts";
import { staged } from "./stage.ts";

Deno.test({
  name:
    "explain: the line that asks, conda or PyPI and why, what the lock has, who needs it; exit 3 for nobody's",
  ignore: !(await oracle()),
}, () =>
  staged("requests>=2.31\nonlypypi\nclick==8.2.1\n", async ({ bash }) => {
    const before = await bash('"$M" explain requests');
    assert.equal(before.status, 0, before.err);
    assert.match(
      before.out,
      /^asked for by requirements.txt line 1: requests>=2.31\nfrom conda as requests: .+\n$/,
    );
    assert.equal((await bash('"$M" lock -q')).status, 0);
    const rows: [word: string, exit: number, said: RegExp][] = [
      ["Requests", 0, /from conda as requests: .+\nconda-lock.yml: requests 2[\d.]+ \(conda\) http/],
      ["onlypypi", 0, /line 2: onlypypi\nfrom PyPI: .+\nconda-lock.yml: onlypypi 1.0 \(PyPI\) http/],
      ["click", 0, /line 3: click==8.2.1\nfrom PyPI: .*8\.2\.1/],
      ["urllib3", 0, /^conda-lock.yml: urllib3 .*\nneeded by .*requests/],
      ["nosuch", 3, /^$/],
      ["", 2, /^$/],
    ];
    for (const [word, exit, said] of rows) {
      const { status, out, err } = await bash(`"$M" explain ${word}`);
      assert.equal(status, exit, err);
      assert.match(out, said);
    }
  }));

Deno.test(
  {
    name:
      "explain: what a solve decided is said as it was: moved by a conflict, needed by another, whole from one side",
    ignore: !(await oracle()),
  },
  () =>
    staged(
      "rich\nmdurl>=9\nhello\nsix  # pip\n# conda: python-dateutil\n",
      async (stage) => {
        const { bash, world, server } = stage;
        const made = await bash(
          'source <("$M") && python -c "import rich, mdurl, hello; print(mdurl.__version__)"',
        );
        assert.deepEqual([made.status, made.out], [0, "9.0\n"], made.err);
        assert.match(made.err, /warning: rich goes to pip, since it needs mdurl, which PyPI provides\n/);
        assert.match(made.err, /^ {2}rich +15.0 +PyPI +it needs mdurl/m);
        assert.match(made.err, /^ {2}six +[\d.]+ +conda +conda's python-dateutil needs it$/m);
        assert.doesNotMatch(made.err, /pip check/);
        const when = "when the environment was made \\(\\d{4}-.+Z\\)";
        const rows: [name: string, said: RegExp][] = [
          ["rich", new RegExp(`from PyPI: it needs mdurl, which PyPI provides, ${when}\n`)],
          ["mdurl", /from PyPI: the channels have no mdurl >=9; the newest is 0.1.2\n/],
          ["six", new RegExp(`from conda as six: conda's python-dateutil needs it, ${when}\n`)],
          ["hello", /from conda as hello: the channels have it/],
        ];
        for (const [name, said] of rows) {
          const { status, out, err } = await bash(`"$M" explain ${name}`);
          assert.equal(status, 0, err);
          assert.match(out, said);
        }
        // The lock is made of the same two sides.
        const locked = await bash(
          '"$M" lock -q && grep -A2 -E "name: (rich|mdurl|six)$" conda-lock.yml | grep manager',
        );
        assert.deepEqual(locked.out.match(/\w+$/gm)?.sort(), ["conda", "pip", "pip"], locked.err);
        // Another machine, whose channel is out of reach: the lock has the reasons.
        world.remove(`${world.top}/home`);
        const restored = await bash('source <("$M" --locked) && python -c "import rich, mdurl, hello"');
        assert.equal(restored.status, 0, restored.err);
        assert.match(restored.err, /^ {2}rich +15.0 +PyPI +it needs mdurl, which PyPI provides$/m);
        server.faults.push({ path: /./, kind: "status", code: 403 });
        for (const [name, said] of rows) {
          const { status, out, err } = await bash(`"$M" explain ${name}`);
          assert.equal(status, 0, err);
          const text = said.source.replace(when, "").replace(/,? ?\\n$/, "");
          assert.match(out, new RegExp(`${text}.*, when conda-lock.yml was made\n`));
        }
        server.faults.splice(0);
        // Once the requirements are others, what was decided then says nothing.
        world.write(`${world.cwd}/requirements.txt`, "rich\n");
        assert.match((await bash('"$M" explain rich')).out, /from conda as rich: the channels have it/);
      },
    ),
);

Deno.test({
  name: "names: what a config file says conda calls a project counts before the table, false means PyPI",
  ignore: !(await oracle()),
}, () =>
  staged("onlypypi\nhello\nclick\ncowsay  # conda: left\n", async ({ bash, world }) => {
    const config = (words: string) =>
      world.write(`${world.cwd}/pyproject.toml`, `[tool.mambaenv]\n${words}\n`);
    config('names = { OnlyPyPI = "links", hello = false, cowsay = "right" }');
    const rows: [name: string, said: RegExp][] = [
      ["onlypypi", /from conda as links: /],
      ["hello", /from PyPI: names says that it is PyPI's/],
      ["click", /from conda as click: /],
      ["cowsay", /from conda as left: /],
    ];
    for (const [name, said] of rows) assert.match((await bash(`"$M" explain ${name}`)).out, said);
    const made = await bash(
      'source <("$M") && ls "$CONDA_PREFIX"/conda-meta && "$M" lock -q && "$M" lock --check',
    );
    assert.equal(made.status, 0, made.err);
    assert.match(made.out, /^links-1/m);
    assert.doesNotMatch(made.out, /^hello-/m);
    config('names = { onlypypi = "core" }');
    assert.equal((await bash('"$M" lock --check')).status, 4, "a lock with other names does not fit");
    for (const words of ['names = "x"', "names = { a = 3 }", 'names = { a = "b; rm" }']) {
      config(words);
      const { status, err } = await bash('"$M" explain click');
      assert.equal(status, 2, err);
      assert.match(err, /Cannot use names = .* in pyproject.toml \[tool.mambaenv\]/);
    }
  }));
