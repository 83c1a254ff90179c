// `noarch: python`: where files go, programs that start, compiled files made once, kept beside the package, and right.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import type { Unpacked } from "../../lib/builtin/link.ts";
import { destination, entryScript, pythonOf, readEntry } from "../../lib/builtin/python.ts";
import type { Record } from "../../lib/builtin/record.ts";
import { Problem } from "../../lib/problem.ts";
import { interpreter } from "../oracle.ts";
import { type File, linked, pack, PLACEHOLDER, temporary } from "./packed.ts";

const { path: PYTHON, version } = interpreter();
const SHORT = version.split(".").slice(0, 2).join(".");
const TAG = `cpython-${SHORT.replace(".", "")}`;
const SITE = `lib/python${SHORT}/site-packages`;

/** A package `python` that starts the machine's own. */
function python(pkgs: string, body = `#!/bin/sh\nexec "${PYTHON}" "$@"\n`): Unpacked {
  return pack(pkgs, { name: "python", version, files: { [`bin/python${SHORT}`]: { body, mode: 0o755 } } });
}

function hello(pkgs: string, more: { [path: string]: File } = {}): Unpacked {
  return pack(pkgs, {
    name: "hello",
    noarch: "python",
    depends: ["python"],
    files: {
      "site-packages/hello/__init__.py": "def main():\n    print('hi', __file__)\n    return 7\n",
      "site-packages/hello/sub/deep.py": "X = 1\n",
      "site-packages/single.py": "Y = 2\n",
      "site-packages/broken.py": "print 'old'\n",
      "site-packages/nul.py": "x = '\0'\n",
      "python-scripts/hello-script": "#!/bin/sh\n",
      "etc/hello.py": "not compiled\n",
      ...more,
    },
    info: {
      "link.json": JSON.stringify({ noarch: { type: "python", entry_points: ["hello = hello:main"] } }),
    },
  });
}

function meta(
  prefix: string,
  name = "hello",
): { files: string[]; paths_data: { paths: { [key: string]: unknown }[] } } {
  return JSON.parse(fs.readFileSync(join(prefix, `conda-meta/${name}-1.0-0.json`), "utf8"));
}

const PYCS = [
  `${SITE}/__pycache__/single.${TAG}.pyc`,
  `${SITE}/hello/__pycache__/__init__.${TAG}.pyc`,
  `${SITE}/hello/sub/__pycache__/deep.${TAG}.pyc`,
];

/** Runs Python so that it says of every module whether its compiled file served; it must write none. */
function imports(prefix: string, module: string): { traced: string; file: string } {
  const code = `import sys; sys.path.insert(0, ${JSON.stringify(join(prefix, SITE))})
import ${module}; print(${module}.main.__code__.co_filename if hasattr(${module}, "main") else "")`;
  const { status, stdout, stderr } = spawnSync(PYTHON, ["-I", "-B", "-v", "-c", code], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return { traced: stderr, file: stdout.trim() };
}

Deno.test("pythonOf: the modules' folder is the record's, or that of its version", () => {
  const record = (fields: Partial<Record>) => [{ name: "python", fn: "python", ...fields } as Record];
  assert.equal(pythonOf([]), undefined);
  assert.deepEqual(pythonOf(record({ version: "3.11.7" })), {
    version: "3.11",
    site: "lib/python3.11/site-packages",
    program: "bin/python3.11",
  });
  const threads = record({ version: "3.13.1", python_site_packages_path: "lib/python3.13t/site-packages" });
  assert.equal(pythonOf(threads)?.site, "lib/python3.13t/site-packages");
  for (const path of ["../x", "/x", ""]) {
    assert.throws(
      () => pythonOf(record({ version: "3.13.1", python_site_packages_path: path })),
      Problem,
      path,
    );
  }
  assert.throws(() => pythonOf(record({ version: "three" })), /three/);
});

Deno.test("destination: modules and scripts move, all else stays", () => {
  const at = (path: string) => destination(path, { version: "3.9", site: "S", program: "p" });
  assert.deepEqual(["site-packages/a/b.py", "python-scripts/x", "etc/c", "site-packages.txt"].map(at), [
    "S/a/b.py",
    "bin/x",
    "etc/c",
    "site-packages.txt",
  ]);
});

Deno.test("readEntry: plain names only, since they end up in a path and in code", () => {
  assert.deepEqual(readEntry(" a-b.c = m.n : f.g ", "p"), { command: "a-b.c", module: "m.n", call: "f.g" });
  const evil = [
    "a",
    "a = b",
    "= b:c",
    "../a = b:c",
    "/a = b:c",
    ".a = b:c",
    "a\nb = b:c",
    "a = b;x:c",
    "a = b:c()",
  ];
  for (const text of [...evil, "a = b:c\nimport os", "a = .b:c", "a = b:", "a\0 = b:c", "a = b c:d"]) {
    assert.throws(() => readEntry(text, "p"), Problem, JSON.stringify(text));
  }
});

Deno.test("entryScript: starts under any path, and gives back what the function returns", async () => {
  await temporary((dir) => {
    for (const name of ["plain", "sp ace", "quo'te", "d".repeat(140)]) {
      const bin = join(dir, name, "bin");
      fs.mkdirSync(bin, { recursive: true });
      fs.symlinkSync(PYTHON, join(bin, "python3"));
      const text = entryScript({ command: "x", module: "mod", call: "Main.run" }, join(bin, "python3"));
      fs.writeFileSync(join(bin, "x"), text, { mode: 0o755 });
      fs.writeFileSync(
        join(dir, "mod.py"),
        "import sys\nclass Main:\n  run = lambda: print(sys.argv) or 5\n",
      );
      const ended = spawnSync(join(bin, "x"), ["a b"], { env: { PYTHONPATH: dir }, encoding: "utf8" });
      assert.equal(ended.status, 5, ended.stderr);
      assert.equal(
        ended.stdout,
        spawnSync(PYTHON, ["-c", `print([${JSON.stringify(join(bin, "x"))}, "a b"])`]).stdout + "",
      );
    }
  });
});

Deno.test("link: a noarch package has its modules, its scripts, its programs and what is compiled", async () => {
  await temporary(async (dir) => {
    const prefix = join(dir, "env");
    const { started } = await linked({
      packages: [hello(join(dir, "pkgs")), python(join(dir, "pkgs"))],
      prefix,
    });
    assert.deepEqual(started.map((path) => path.replace(prefix, "")), [
      `/bin/python${SHORT}`,
      `/bin/python${SHORT}`,
    ]);
    const { files, paths_data } = meta(prefix);
    assert.deepEqual(files.filter((path) => path.endsWith(".pyc")), PYCS);
    assert.ok(
      files.includes("bin/hello") && files.includes("bin/hello-script") && files.includes("etc/hello.py"),
    );
    for (const path of files) assert.ok(fs.existsSync(join(prefix, path)), path);
    const kinds = Object.fromEntries(paths_data.paths.map(({ _path, path_type }) => [_path, path_type]));
    assert.equal(kinds["bin/hello"], "unix_python_entry_point");
    assert.equal(kinds[PYCS[0]!], "pyc_file");
    const ended = spawnSync(join(prefix, "bin/hello"), {
      env: { PYTHONPATH: join(prefix, SITE) },
      encoding: "utf8",
    });
    assert.equal(ended.status, 7, ended.stderr);
    assert.equal(ended.stdout, `hi ${prefix}/${SITE}/hello/__init__.py\n`);
  });
});

Deno.test("compile: what is compiled serves, names its own prefix, and is the same file in a second environment", async () => {
  await temporary(async (dir) => {
    const packages = [hello(join(dir, "pkgs")), python(join(dir, "pkgs"))];
    const [first, second] = [join(dir, "one"), join(dir, "two")];
    await linked({ packages, prefix: first });
    const { started } = await linked({ packages, prefix: second });
    assert.deepEqual(started.length, 1, "only to ask for the tag");
    for (const prefix of [first, second]) {
      const { traced, file } = imports(prefix, "hello");
      assert.match(traced, new RegExp(`code object from '${prefix}.*hello/__pycache__/__init__.${TAG}.pyc'`));
      assert.equal(file, join(prefix, SITE, "hello/__init__.py"));
    }
    for (const path of PYCS) {
      assert.equal(fs.statSync(join(first, path)).ino, fs.statSync(join(second, path)).ino, path);
      assert.ok(
        !fs.readFileSync(join(first, path), "latin1").includes(dir),
        `${path} names a folder of this machine`,
      );
    }
    assert.deepEqual(fs.readdirSync(join(dir, "pkgs/hello-1.0-0/.pyc")).length, 1);
  });
});

Deno.test("compile: the tag comes from a compiled file of Python's own where it has one: nothing is started", async () => {
  await temporary(async (dir) => {
    const pkgs = join(dir, "pkgs");
    const magic =
      spawnSync(PYTHON, ["-c", "import sys,importlib.util as u;sys.stdout.buffer.write(u.MAGIC_NUMBER)"])
        .stdout;
    const own = pack(pkgs, {
      name: "python",
      version,
      files: {
        [`bin/python${SHORT}`]: { body: `#!/bin/sh\nexec "${PYTHON}" "$@"\n`, mode: 0o755 },
        [`lib/python${SHORT}/__pycache__/os.${TAG}.pyc`]: Buffer.concat([magic, Buffer.alloc(12)]),
      },
    });
    const packages = [own, hello(pkgs)];
    assert.equal((await linked({ packages, prefix: join(dir, "one") })).started.length, 1);
    assert.equal((await linked({ packages, prefix: join(dir, "two") })).started.length, 0);
    assert.deepEqual(meta(join(dir, "two")).files, meta(join(dir, "one")).files);
  });
});

Deno.test("compile: a module that is edited later counts, in that environment and in the next", async () => {
  await temporary(async (dir) => {
    const packages = [hello(join(dir, "pkgs")), python(join(dir, "pkgs"))];
    await linked({ packages, prefix: join(dir, "one") });
    const source = join(dir, "one", SITE, "single.py");
    fs.writeFileSync(source, "Y = 3\n");
    await linked({ packages, prefix: join(dir, "two") });
    for (const name of ["one", "two"]) {
      const code = `import sys; sys.path.insert(0, ${
        JSON.stringify(join(dir, name, SITE))
      }); import single; print(single.Y)`;
      assert.equal(spawnSync(PYTHON, ["-I", "-c", code], { encoding: "utf8" }).stdout, "3\n");
    }
  });
});

Deno.test("compile: a module with the prefix in it is compiled in each environment", async () => {
  await temporary(async (dir) => {
    const more = { "site-packages/conf.py": { body: `P = "${PLACEHOLDER}"\n`, replace: "text" } } as const;
    const packages = [hello(join(dir, "pkgs"), more), python(join(dir, "pkgs"))];
    for (const name of ["one", "two"]) {
      const prefix = join(dir, name);
      await linked({ packages, prefix });
      const pyc = join(prefix, SITE, `__pycache__/conf.${TAG}.pyc`);
      assert.ok(fs.readFileSync(pyc, "latin1").includes(prefix));
      assert.match(imports(prefix, "conf").traced, /code object from '.*conf\..*\.pyc'/);
    }
  });
});

Deno.test("compile: what a package brings compiled is left as it is", async () => {
  await temporary(async (dir) => {
    const pkgs = join(dir, "pkgs");
    const own = { [`site-packages/__pycache__/single.${TAG}.pyc`]: "its own" };
    const prefix = join(dir, "env");
    await linked({ packages: [hello(pkgs, own), python(pkgs)], prefix });
    assert.equal(fs.readFileSync(join(prefix, PYCS[0]!), "utf8"), "its own");
    assert.equal(meta(prefix).files.filter((path) => path === PYCS[0]).length, 1);
  });
});

Deno.test("compile: several at once, in the same cache, all right", async () => {
  await temporary(async (dir) => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`site-packages/many/m${i}.py`, `X = ${i}\n`]),
    );
    const packages = [hello(join(dir, "pkgs"), many), python(join(dir, "pkgs"))];
    const prefixes = ["one", "two", "three"].map((name) => join(dir, name));
    await Promise.all(prefixes.map((prefix) => linked({ packages, prefix })));
    for (const prefix of prefixes) {
      assert.equal(meta(prefix).files.filter((path) => path.endsWith(".pyc")).length, PYCS.length + 300);
    }
    assert.equal(fs.readdirSync(join(dir, "pkgs/hello-1.0-0/.pyc")).length, 1);
  });
});

Deno.test("compile: where the cache cannot be written it is done in the prefix", async () => {
  await temporary(async (dir) => {
    const made = hello(join(dir, "pkgs"));
    fs.writeFileSync(join(made.dir, ".pyc"), "in the way");
    const prefix = join(dir, "env");
    await linked({ packages: [made, python(join(dir, "pkgs"))], prefix });
    assert.deepEqual(meta(prefix).files.filter((path) => path.endsWith(".pyc")), PYCS);
    assert.match(imports(prefix, "hello").traced, /code object from '.*__init__.*\.pyc'/);
  });
});

Deno.test("compile: nothing is written through a link that a package brings", async () => {
  await temporary(async (dir) => {
    const away = join(dir, "away");
    fs.mkdirSync(away);
    const more = { "site-packages/hello/__pycache__": { link: away } };
    const made = hello(join(dir, "pkgs"), more);
    fs.symlinkSync(away, join(made.dir, ".pyc"));
    const prefix = join(dir, "env");
    await linked({ packages: [made, python(join(dir, "pkgs"))], prefix });
    assert.deepEqual(fs.readdirSync(away), []);
    assert.deepEqual(meta(prefix).files.filter((path) => path.endsWith(".pyc")), [PYCS[0], PYCS[2]]);
  });
});

Deno.test("compile: what is kept serves an environment that wants more of it than the first", async () => {
  await temporary(async (dir) => {
    const pkgs = join(dir, "pkgs");
    const packages = [hello(pkgs), python(pkgs)];
    const other = pack(pkgs, {
      name: "other",
      depends: ["hello"],
      files: { [`${SITE}/single.py`]: "Y = 9\n" },
    });
    await linked({ packages: [...packages, other], prefix: join(dir, "one") });
    assert.ok(!fs.existsSync(join(dir, "one", PYCS[0]!)));
    await linked({ packages, prefix: join(dir, "two") });
    assert.deepEqual(meta(join(dir, "two")).files.filter((path) => path.endsWith(".pyc")), PYCS);
  });
});

/** What may happen to compiled modules that are kept. */
const HARM: { [title: string]: (kept: string, file: string) => void } = {
  "one is cut": (_, file) => fs.truncateSync(file, 20),
  "one is empty": (_, file) => fs.truncateSync(file, 0),
  "one is gone": (_, file) => fs.rmSync(file),
  "one is another of the same size": (_, file) => fs.writeFileSync(file, fs.readFileSync(file).fill(0)),
  "their list is cut": (kept) => fs.truncateSync(`${kept}/.list.json`, 5),
  "their list is gone": (kept) => fs.rmSync(`${kept}/.list.json`),
};
for (const [title, act] of Object.entries(HARM)) {
  Deno.test(`compile: ${title} of what is kept: all are made anew, and nothing damaged is linked`, () =>
    temporary(async (dir) => {
      const pkgs = join(dir, "pkgs"), packages = [hello(pkgs), python(pkgs)];
      await linked({ packages, prefix: join(dir, "one") });
      const good = PYCS.map((path) => fs.readFileSync(join(dir, "one", path)));
      const [kept] = fs.globSync(`${pkgs}/hello-1.0-0/.pyc/*`) as [string];
      const [file] = fs.globSync(`${kept}/site-packages/hello/__pycache__/*.pyc`) as [string];
      act(kept, file);
      await linked({ packages, prefix: join(dir, "two") });
      assert.deepEqual(PYCS.map((path) => fs.readFileSync(join(dir, "two", path))), good);
      assert.equal(fs.readdirSync(`${pkgs}/hello-1.0-0/.pyc`).length, 1);
      const { started } = await linked({ packages, prefix: join(dir, "three") });
      assert.ok(started.length < 2, "they are kept once more");
    }));
}

Deno.test("compile: what an interrupted run left in the cache is removed later", async () => {
  await temporary(async (dir) => {
    const made = hello(join(dir, "pkgs"));
    const left = join(made.dir, ".pyc", "cpython-39-610d.0123456789ab.tmp");
    fs.mkdirSync(join(left, "site-packages"), { recursive: true });
    fs.utimesSync(left, 0, 0);
    await linked({ packages: [made, python(join(dir, "pkgs"))], prefix: join(dir, "env") });
    assert.ok(!fs.existsSync(left));
    assert.equal(fs.readdirSync(join(made.dir, ".pyc")).length, 1);
  });
});

const BROKEN: readonly [title: string, body: string, words: RegExp][] = [
  ["it fails", "#!/bin/sh\necho no such library >&2\nexit 127\n", /ended with 127.*\n.*no such library/],
  ["it is no program", "", /bin\/python/],
  ["it is killed", "#!/bin/sh\nkill -9 $$\n", /ended with 137/],
  ["it says nonsense", "#!/bin/sh\necho ../../x\n", /does not say what it is: "..\/..\/x/],
];
for (const [title, body, words] of BROKEN) {
  Deno.test(`compile: where Python does not work, since ${title}, it is named`, () =>
    temporary(async (dir) => {
      const packages = [hello(join(dir, "pkgs")), python(join(dir, "pkgs"), body)];
      await assert.rejects(linked({ packages, prefix: join(dir, "env") }), (error) => {
        assert.ok(error instanceof Problem, String(error));
        assert.match(error.message, words);
        return true;
      });
      const kept = join(dir, "pkgs/hello-1.0-0/.pyc");
      assert.deepEqual(fs.existsSync(kept) ? fs.readdirSync(kept) : [], []);
    }));
}

Deno.test("compile: not for another machine, and not by a Python of this one's", async () => {
  await temporary(async (dir) => {
    const packages = [hello(join(dir, "pkgs")), python(join(dir, "pkgs"))];
    const { started } = await linked({ packages, prefix: join(dir, "env"), platform: "linux-s390x" });
    assert.deepEqual(started, []);
    assert.deepEqual(meta(join(dir, "env")).files.filter((path) => path.endsWith(".pyc")), []);
  });
});

Deno.test("link: noarch: python without python is a Problem", async () => {
  await temporary(async (dir) => {
    await assert.rejects(
      linked({ packages: [hello(join(dir, "pkgs"))], prefix: join(dir, "env") }),
      /needs Python/,
    );
  });
});
