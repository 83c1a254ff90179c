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
