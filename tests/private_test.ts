// What pip does besides taking wheels of an open index: indexes with a password, repositories, sources with C code.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { call, oracle, tool } from "./oracle.ts";
import { type Stage, staged } from "./stage.ts";

const ignore = !(await oracle());
const SECRET = "s3cr3t-t0k3n";
const WORDS = `Basic ${Buffer.from(`reader:${SECRET}`).toString("base64")}`;
const IMPORT = 'python -c "import onlypypi; print(onlypypi.__version__)"';

/** Lets nobody without the password to the index and its wheels. */
function guard({ server }: Stage, words = WORDS): void {
  server.faults.push({ path: /^\/(simple|wheels)\//, kind: "auth", words });
}

/** Files below a folder that hold the secret. */
function leaks(dir: string): string[] {
  return fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => fs.readFileSync(path).includes(SECRET));
}

/** Where the password is: files of the project and the home, and variables, `URL` being the index's with it. */
const PLACES: { [where: string]: { files?: Record<string, string>; env?: Record<string, string> } } = {
  "in ~/.netrc": { files: { "home/.netrc": `machine 127.0.0.1 login reader password ${SECRET}\n` } },
  "in PIP_INDEX_URL": { env: { PIP_INDEX_URL: "URL" } },
  "in pip.conf": { files: { "home/.config/pip/pip.conf": "[global]\nindex-url = URL\n" } },
  "as a variable in requirements.txt": {
    files: { "work/requirements.txt": "--index-url ${INDEX}\nonlypypi\n" },
    env: { INDEX: "URL" },
  },
};

for (const [where, { files = {}, env = {} }] of Object.entries(PLACES)) {
  Deno.test({
    name: `private index: the password ${where}: made, locked, made of the lock; kept nowhere`,
    ignore,
  }, () =>
    staged("onlypypi\n", async (stage) => {
      const { server, world, bash } = stage;
      guard(stage);
      const url = server.url.replace("://", `://reader:${SECRET}@`) + "/simple/";
      const filled = (text: string) => text.replaceAll("URL", url);
      const own = new Set<string>();
      const put = () => {
        for (const [path, text] of Object.entries(files)) {
          fs.mkdirSync(join(world.top, path, ".."), { recursive: true });
          fs.writeFileSync(join(world.top, path), filled(text), { mode: 0o600 });
          own.add(join(world.top, path));
        }
      };
      put();
      const more = Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filled(text)]));
      const given: Record<string, string> = Object.keys(files).some((path) => path.endsWith("pip.conf"))
        ? { PIP_INDEX_URL: "" }
        : {};
      let words = "";
      const run = async (code: string) => {
        const { status, out, err } = await bash(code, { ...given, ...more });
        words += out + err;
        assert.equal(status, 0, err);
        return out;
      };
      assert.equal(await run(`source <("$M" -v) && ${IMPORT}`), "1.0\n");
      await run(
        '"$M" lock && "$M" explain onlypypi && "$M" export --format requirements',
      );
      world.remove(`${world.top}/home`);
      put();
      assert.equal(await run(`source <("$M" --locked -v) && ${IMPORT}`), "1.0\n");
      assert.equal(words.includes(SECRET), false, words);
      assert.deepEqual(leaks(world.top).filter((path) => !own.has(path)), []);
    }));
}

Deno.test({
  name: "private index: a wrong password, or none: pip's words, no secret, exit 1, nothing half-made",
  ignore,
}, () =>
  staged("onlypypi\n", async (stage) => {
    const { bash, server, store, world } = stage;
    guard(stage, "Basic other");
    const url = server.url.replace("://", `://reader:${SECRET}@`);
    for (
      const [PIP_INDEX_URL, said] of [[`${url}/simple/`, /onlypypi/], [
        `${server.url}/simple/`,
        /onlypypi/,
      ]] as const
    ) {
      const { out, err } = await bash('source <("$M"); echo "$?"', { PIP_INDEX_URL });
      assert.equal(out, "1\n");
      assert.match(err, said);
      assert.match(err, /pip could not install onlypypi/);
      assert.equal(err.includes(SECRET), false, err);
    }
    assert.deepEqual([store(), leaks(world.top)], [[], []]);
  }));

const PYPROJECT = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n';

Deno.test({
  name: "a repository's state: made, locked by its commit, the same when the branch went on",
  ignore: ignore || !tool("git"),
}, () =>
  staged("ours @ git+file://${REPO}@main\n", async ({ bash, world }) => {
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
    const env = { REPO: repo };
    const show = 'python -c "import ours; print(ours.__version__)"';
    const made = await bash(`source <("$M") && ${show} && "$M" lock -q`, env);
    assert.deepEqual([made.status, made.out], [0, "1.0\n"], made.err);
    const commit = git("rev-parse", "HEAD").trim();
    assert.match(world.read(`${world.cwd}/conda-lock.yml`)!, new RegExp(`url: git\\+file://.*@${commit}\n`));
    version("2.0");
    world.remove(`${world.top}/home/.local/share/mambaenv/envs`);
    const locked = await bash(`source <("$M" --locked) && ${show}; "$M" explain ours`, env);
    assert.match(locked.out, /^1\.0\n.*\nfrom PyPI: it is a URL\n/, locked.err);
    const wrong = await bash('rm conda-lock.yml; source <("$M" --name other); echo $?', {
      REPO: `${world.top}/nowhere`,
    });
    assert.equal(wrong.out, "1\n");
    assert.match(wrong.err, /pip could not install ours[^]*nowhere/);
  }));

Deno.test({
  name: "a source archive with C code: built in isolation; without a compiler pip's own words",
  ignore: ignore || !tool("cc"),
}, () =>
  staged("--find-links .\ncext\n", async ({ bash, world }) => {
    const folder = `${world.top}/cext-1.0`;
    world.mkdir(folder);
    world.write(`${folder}/PKG-INFO`, "Metadata-Version: 2.1\nName: cext\nVersion: 1.0\n");
    world.write(`${folder}/pyproject.toml`, `${PYPROJECT}[project]\nname = "cext"\nversion = "1.0"\n`);
    world.write(
      `${folder}/setup.py`,
      'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("cext", ["cext.c"])])\n',
    );
    world.write(
      `${folder}/cext.c`,
      `#include <Python.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "cext", 0, -1, 0};
PyMODINIT_FUNC PyInit_cext(void) {
  PyObject *module = PyModule_Create(&def);
  PyModule_AddIntConstant(module, "answer", 42);
  return module;
}
`,
    );
    call(["tar", "-C", world.top, "-czf", `${world.cwd}/cext-1.0.tar.gz`, "cext-1.0"]);
    const none = await bash('source <("$M"); echo $?', { CC: "/nowhere/cc" });
    assert.equal(none.out, "1\n");
    assert.match(none.err, /pip could not install cext[^]*\/nowhere\/cc/);
    const made = await bash('source <("$M") && python -c "import cext; print(cext.answer)"');
    assert.deepEqual([made.status, made.out], [0, "42\n"], made.err);
  }));
