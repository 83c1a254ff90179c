// Requirements and constraints that are included by URL: read where something is solved, and nowhere else.
import assert from "node:assert/strict";
import { readWanted } from "../lib/inputs.ts";
import { Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { included } from "../lib/requirement/remote.ts";
import { oracle } from "./oracle.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

const FILES: { [url: string]: string } = {
  "https://u:SECRET@h/a/req.txt":
    "# one\nfirst\n-r more/b.txt\n-c ../limits.txt\n--pre\n-r https://u:SECRET@h/a/req.txt\n",
  "https://u:SECRET@h/a/more/b.txt": "second >= 2  # pip\n",
  "https://u:SECRET@h/limits.txt": "first<3\n",
  "https://other/c.txt?x=1": "third<4\n",
  "https://h/local.txt": "-r /etc/passwd\n",
  "https://h/broken.txt": "fine\n???\n",
};

/** What a requirements.txt asks for with all that it includes. */
async function whole(text: string) {
  const world = testWorld({ "work/requirements.txt": text });
  const wanted = await readWanted(findProject({}, world), world);
  const read = (url: string) => {
    const found = FILES[url];
    const bytes = new TextEncoder().encode(found ?? "");
    return Promise.resolve({ status: found === undefined ? 404 : 200, bytes });
  };
  return await included(wanted, { read }, world);
}

Deno.test("included: files by URL, relative to one another, each once, in their places, with their lines", async () => {
  const found = await whole(
    "zero\n-r https://u:SECRET@h/a/req.txt\n-c https://other/c.txt?x=1\n--prefer-binary\n",
  );
  const rows = (list: { file: string; line: number; text: string }[]) =>
    list.map(({ file, line, text }) => `${file}:${line} ${text}`);
  assert.deepEqual(rows(found.requirements), [
    "requirements.txt:1 zero",
    "https://h/a/req.txt:2 first",
    "https://h/a/more/b.txt:1 second >= 2",
  ]);
  assert.equal(found.requirements[2]!.forced, true);
  assert.deepEqual(rows(found.constraints), [
    "https://h/limits.txt:1 first<3",
    "https://other/c.txt:1 third<4",
  ]);
  assert.deepEqual(found.options.map(({ text }) => text), ["--pre", "--prefer-binary"]);
});

Deno.test("included: what is not there, cannot be read, or is of this machine: file, line and no secret", async () => {
  const rows: [text: string, said: RegExp][] = [
    [
      "-r https://u:SECRET@h/none.txt",
      /^Cannot read https:\/\/h\/none.txt, which "requirements.txt" line 1 includes: .* 404$/,
    ],
    ["-r https://h/broken.txt", /^Cannot parse "https:\/\/h\/broken.txt" line 2: /],
    [
      "-r https://h/local.txt",
      /^Cannot read "\/etc\/passwd", which "https:\/\/h\/local.txt" line 1 includes$/,
    ],
  ];
  for (const [text, said] of rows) {
    await assert.rejects(whole(`${text}\n`), (error: unknown) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.message, said);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /SECRET|mambaenv-url/);
      return true;
    });
  }
});

Deno.test({
  name:
    "included: conda first for them, too; in the lock, which needs them no more; exit 5 where none may be asked",
  ignore: !(await oracle()),
}, () =>
  staged("", async ({ bash, world, server }) => {
    const body = (text: string) => new TextEncoder().encode(text);
    server.faults.push({ path: /extra\.txt/, kind: "body", body: body("onlypypi\nhello\nclick\n") });
    server.faults.push({ path: /limits\.txt/, kind: "body", body: body("hello<1.1\n") });
    world.write(`${world.cwd}/requirements.txt`, `-r ${server.url}/extra.txt\n-c ${server.url}/limits.txt\n`);
    const off = await bash('source <("$M" --offline); echo $?');
    assert.equal(off.out, "5\n", off.err);
    assert.match(off.err, /Cannot read http:\S+\/extra.txt offline/);
    const show = 'python -c "import onlypypi" && ls "$CONDA_PREFIX/conda-meta" | grep -E "^(hello|click)-"';
    const made = await bash(`source <("$M") && ${show}`);
    assert.match(made.out, /^click-8\S+\nhello-1\.0-\S+\n$/, made.err);
    assert.match((await bash('"$M" explain hello')).out, /^from conda as hello: /);
    assert.equal((await bash('"$M" lock -q')).status, 0);
    server.faults.splice(0);
    const locked = await bash(
      `source <("$M" --locked --offline) && ${show}; "$M" explain --offline onlypypi`,
    );
    assert.ok(locked.out.startsWith(made.out), locked.err);
    assert.match(locked.out, /^from PyPI: the channels have no onlypypi, when conda-lock.yml was made$/m);
  }));
