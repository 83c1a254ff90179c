// What pip does besides taking wheels of an open index: indexes with a password, repositories, sources with C code.
// One home for all, so that conda's packages are got once.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { call, oracle, tool } from "./oracle.ts";
import { type Stage, staged } from "./stage.ts";

const SECRET = "s3cr3t-t0k3n";
const BASIC = btoa(`reader:${SECRET}`);
const IMPORT = 'python -c "import onlypypi; print(onlypypi.__version__)"';

/** Lets nobody without the password to the channel, the index and its wheels, or the index alone. */
function guard({ server }: Stage, path = /noarch|linux|simple|wheels/): void {
  server.faults.splice(0, Infinity, { path, kind: "auth", words: `Basic ${BASIC}` });
}

/** Whether a text has the secret, plainly or as it goes over the wire. */
function tells(text: string | Uint8Array): boolean {
  const bytes = Buffer.from(text);
  return [SECRET, encodeURIComponent(SECRET), BASIC].some((form) => bytes.includes(form));
}

/** Files below a folder that hold the secret. */
function leaks(dir: string): string[] {
  return fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => tells(fs.readFileSync(path)));
}

/** An address with the password in it. */
function keyed({ server }: Stage): string {
  return server.url.replace("://", `://reader:${SECRET}@`);
}

/** Writes the project's requirements, and forgets what pip was told of earlier ones. */
function asks({ world }: Stage, requirements: string): void {
  for (const path of ["home/.cache/mambaenv/wheels", "home/.cache/pip", "work/conda-lock.yml"]) {
    world.remove(`${world.top}/${path}`);
  }
  world.write(`${world.cwd}/requirements.txt`, requirements);
}

/** All that prints something of a project, and a change that is made behind. */
const COMMANDS = [
  `source <("$M" -v) && ${IMPORT}`,
  '"$M" --shell bash',
  '"$M" lock -v',
  '"$M" lock --check; "$M" explain onlypypi; "$M" explain hello',
  'for form in explicit environment requirements; do "$M" export --format $form; done',
  '"$M" status; "$M" status --json; "$M" list; "$M" list --json',
  '"$M" doctor -v; "$M" doctor --json',
  '"$M" fetch -v',
  `source <("$M" --locked -v --name two) && ${IMPORT}`,
  'echo click >>requirements.txt; MAMBAENV_BACKGROUND=1 "$M" --shell bash -v; "$M" sync -v --lock-timeout 60',
  "cat ~/.local/share/mambaenv/envs/.mambaenv/*.log",
];

async function everywhere(stage: Stage): Promise<void> {
  const { bash, world } = stage;
  guard(stage);
  asks(stage, "--index-url ${INDEX}\nhello\nonlypypi\n");
  const env = { MAMBAENV_CHANNEL: keyed(stage), INDEX: `${keyed(stage)}/simple/`, PIP_INDEX_URL: "" };
  for (const code of COMMANDS) {
    const { status, out, err } = await bash(code, env);
    // `doctor` finds what to mend on many machines.
    if (!code.includes("doctor")) assert.equal(status, 0, `${code}: ${err}`);
    assert.notEqual(out + err, "", code);
    assert.equal(tells(out + err), false, `${code}: ${out}${err}`);
  }
  assert.deepEqual(leaks(world.top), []);
  for (const path of ["noarch/repodata.json", "simple/"]) {
    const answer = await fetch(`${stage.server.url}/${path}`);
    assert.equal(answer.status, 401, "nothing is had without");
    await answer.body?.cancel();
  }
}

/** Where else the password can be: a file of the home, or a variable, `URL` being the index's with it. */
const PLACES: { [where: string]: { file?: [path: string, text: string]; env?: Record<string, string> } } = {
  "in ~/.netrc": { file: [".netrc", `machine 127.0.0.1 login reader password ${SECRET}\n`] },
  "in PIP_INDEX_URL": { env: { PIP_INDEX_URL: "URL" } },
  "in pip.conf": {
    file: [".config/pip/pip.conf", "[global]\nindex-url = URL\n"],
    env: { PIP_INDEX_URL: "" },
  },
};

async function place(where: string, stage: Stage): Promise<void> {
  const { bash, world } = stage;
  const { file, env = {} } = PLACES[where]!;
  const filled = (text: string) => text.replace("URL", `${keyed(stage)}/simple/`);
  guard(stage, /simple|wheels/);
  asks(stage, "onlypypi\n");
  const path = `${world.top}/home/${file?.[0]}`;
  if (file) {
    fs.mkdirSync(join(path, ".."), { recursive: true });
    fs.writeFileSync(path, filled(file[1]), { mode: 0o600 });
  }
  const more = Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filled(text)]));
  const name = where.replaceAll(/\W/g, "");
  // What stands in a file of the project is locked above; the lock's bare addresses need netrc's word, too.
  const make = where.includes("netrc") ? '"$M" lock -v && source <("$M" --locked -v)' : 'source <("$M" -v)';
  const code = `${make} && ${IMPORT}`;
  const { status, out, err } = await bash(code, { ...more, MAMBAENV_NAME: name });
  assert.deepEqual([status, out], [0, "1.0\n"], err);
  assert.equal(tells(err), false, err);
  if (file) fs.rmSync(path);
  assert.deepEqual(leaks(world.top), []);
}

/** A password that is wrong, and none. */
async function refused(stage: Stage): Promise<void> {
  const { bash, server, store, world } = stage;
  server.faults.splice(0, Infinity, { path: /simple|wheels/, kind: "auth", words: "Basic other" });
  asks(stage, "onlypypi\n");
  const before = store();
  for (const url of [keyed(stage), server.url]) {
    const env = { PIP_INDEX_URL: `${url}/simple/`, MAMBAENV_NAME: "refused" };
    const { out, err } = await bash('source <("$M"); echo "$?"', env);
    assert.equal(out, "1\n");
    assert.match(err, /pip could not install onlypypi[^]*onlypypi/);
    assert.equal(tells(err), false, err);
  }
  assert.deepEqual([store(), leaks(world.top)], [before, []]);
}

const PYPROJECT = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n';

/** A repository's state: made, locked by its commit, the same when the branch went on. */
async function repository(stage: Stage): Promise<void> {
  const { bash, world } = stage;
  asks(stage, "ours @ git+file://${REPO}@main\n");
  const repo = `${world.top}/repo`;
  const git = (...words: string[]) =>
    call(["git", "-C", repo, "-c", "user.name=x", "-c", "user.email=x@y", ...words], { HOME: world.top });
  const version = (text: string) => {
    world.write(`${repo}/ours.py`, `__version__ = "${text}"\n`);
    world.write(`${repo}/pyproject.toml`, `${PYPROJECT}[project]\nname = "ours"\nversion = "${text}"\n`);
    git("add", "-A");
    git("commit", "-qm", text);
  };
  world.mkdir(repo);
  git("init", "-qb", "main");
  version("1.0");
  const env = { REPO: repo, MAMBAENV_NAME: "repository" };
  const show = 'python -c "import ours; print(ours.__version__)"';
  const made = await bash(`source <("$M") && ${show} && "$M" lock -q`, env);
  assert.deepEqual([made.status, made.out], [0, "1.0\n"], made.err);
  const commit = git("rev-parse", "HEAD").trim();
  assert.match(world.read(`${world.cwd}/conda-lock.yml`)!, new RegExp(`url: git\\+file://.*@${commit}\n`));
  version("2.0");
  const locked = await bash(`source <("$M" --locked --name other) && ${show}; "$M" explain ours`, env);
  assert.match(locked.out, /^1\.0\n.*\nfrom PyPI: it is a URL, when conda-lock.yml was made\n/, locked.err);
  const gone = { ...env, REPO: `${world.top}/nowhere` };
  const wrong = await bash('rm conda-lock.yml; source <("$M" --name third); echo $?', gone);
  assert.equal(wrong.out, "1\n");
  assert.match(wrong.err, /pip could not install ours[^]*nowhere/);
}

const C = `#include <Python.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "cext", 0, -1, 0};
PyMODINIT_FUNC PyInit_cext(void) {
  PyObject *module = PyModule_Create(&def);
  PyModule_AddIntConstant(module, "answer", 42);
  return module;
}
`;

/** A source archive with C code: built in isolation; without a compiler pip's own words. */
async function compiled(stage: Stage): Promise<void> {
  const { bash, world } = stage;
  asks(stage, "--find-links .\ncext\n");
  const folder = `${world.top}/cext-1.0`;
  const setup =
    'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("cext", ["cext.c"])])\n';
  const files = {
    "PKG-INFO": "Metadata-Version: 2.1\nName: cext\nVersion: 1.0\n",
    "pyproject.toml": `${PYPROJECT}[project]\nname = "cext"\nversion = "1.0"\n`,
    "setup.py": setup,
    "cext.c": C,
  };
  world.mkdir(folder);
  for (const [name, text] of Object.entries(files)) world.write(`${folder}/${name}`, text);
  call(["tar", "-C", world.top, "-czf", `${world.cwd}/cext-1.0.tar.gz`, "cext-1.0"]);
  const env = { MAMBAENV_NAME: "compiled" };
  const none = await bash('source <("$M"); echo $?', { ...env, CC: "/nowhere/cc" });
  assert.equal(none.out, "1\n");
  assert.match(none.err, /pip could not install cext[^]*\/nowhere\/cc/);
  const made = await bash('source <("$M") && python -c "import cext; print(cext.answer)"', env);
  assert.deepEqual([made.status, made.out], [0, "42\n"], made.err);
}

const STEPS: [what: string, act: (stage: Stage) => Promise<void>, needs?: string][] = [
  ["a password of channel and index: every command works, and none prints or keeps it", everywhere],
  ...Object.keys(PLACES).map((where): (typeof STEPS)[number] => [
    `the index's password ${where}: made; kept nowhere`,
    (stage) => place(where, stage),
  ]),
  ["a wrong password, or none: pip's words, no secret, exit 1, nothing half-made", refused],
  ["a repository's state: made, locked by its commit, the same when the branch went on", repository, "git"],
  ["a source archive with C code: built in isolation; without a compiler pip's own words", compiled, "cc"],
];

Deno.test(
  { name: "private: indexes with a password, repositories, sources", ignore: !(await oracle()) },
  (test) =>
    staged("", async (stage) => {
      for (const [name, act, needs] of STEPS) {
        const fn = async () => {
          stage.server.faults.splice(0);
          await act(stage);
        };
        await test.step({ name, fn, ignore: needs !== undefined && !tool(needs) });
      }
    }),
);
