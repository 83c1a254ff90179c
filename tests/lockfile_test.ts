// conda-lock.yml: written by `mambaenv lock`, read by conda-lock and rattler, and what an environment is made from.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { readWanted } from "../lib/inputs.ts";
import type { Lock, Locked } from "../lib/lockfile.ts";
import { contentHash } from "../lib/lockfile/content.ts";
import { diff } from "../lib/lockfile/diff.ts";
import { formatLock } from "../lib/lockfile/format.ts";
import { misfit } from "../lib/lockfile/judge.ts";
import { differs, lacks } from "../lib/lockfile/machine.ts";
import { parseLock } from "../lib/lockfile/parse.ts";
import { heard, kept, told } from "../lib/lockfile/why.ts";
import type { Decision } from "../lib/requirement/decide.ts";
import { Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { channel, SUBDIR } from "./channel/channel.ts";
import { call, oracle, venv } from "./oracle.ts";
import { peer } from "./peer/peer.ts";
import { PROGRAM, start } from "./program.ts";
import { chance } from "./reference.ts";
import { serve } from "./server.ts";
import { type Stage, staged } from "./stage.ts";
import { testWorld } from "./world.ts";

const ignore = !(await oracle());
const DATA = join(import.meta.dirname!, "data");
const SUM = { md5: "0123456789abcdef".repeat(2), sha256: "01234567".repeat(8) };

/** A package of a lock, conda's unless said otherwise. */
function locked(name: string, version: string, more: Partial<Locked> = {}): Locked {
  const url = `https://conda.example/forge/noarch/${name}-${version}-py_0.conda`;
  const platform = "linux-64";
  return { manager: "conda", name, version, platform, dependencies: {}, url, ...SUM, direct: false, ...more };
}

function lockOf(packages: Locked[]): Lock {
  const platforms = [...new Set(packages.map(({ platform }) => platform))].sort();
  const channels = ["https://conda.example/forge"];
  return { hashes: {}, assumed: {}, why: {}, channels, platforms, sources: [], packages };
}

/** As it is read back: in the order of the file, without lines. */
function plain({ packages }: Lock): Locked[] {
  return packages.map(({ line: _, ...rest }) => rest);
}

/** conda-lock's own Python. */
const condaLock = (...words: string[]) =>
  venv("condalock", "conda-lock.txt").then((python) => call([python, join(DATA, "locks.py"), ...words]));

Deno.test(
  { name: "format: parse gives it back, and conda-lock reads the same; 400 odd packages", ignore },
  async () => {
    const { pick, below, often } = chance(7);
    const odd = [
      "1.10",
      "1e3",
      "0x1f",
      "1_000",
      "0o17",
      "2024.1",
      "12.30.59",
      "1",
      "00",
      "3.0e5",
      "1!2.0",
      "1.0+l.1",
    ];
    const names = ["no", "yes", "on", "y", "null", "true", "x1e5", "0x10", "1e1", "a.b", "_openmp_mutex"];
    const packages = Array.from({ length: 400 }, (_, i) => {
      const version = pick(odd);
      const needs = {
        [pick(names)]: pick(["", "*", ">=1.0,<2", "1.0.* *_cpython", "=1", "3.1"]),
        python: "",
      };
      const hash = { md5: createHash("md5").update(`${i}`).digest("hex"), sha256: SUM.sha256 };
      const digits = { md5: `${below(10)}e${"0123456789".repeat(3)}`, sha256: SUM.sha256 };
      return locked(`${pick(names)}-${i}`, version, {
        dependencies: often(50) ? needs : {},
        ...often(30) ? digits : hash,
        platform: pick(["linux-64", "osx-arm64", "win-64"]),
        ...often(30) && {
          manager: "pip" as const,
          name: `n${i}`,
          url: `https://files.example/p/n${i}-${encodeURIComponent(version)}.tar.gz`,
          direct: often(30),
          md5: undefined,
        },
      });
    });
    const text = await formatLock({ ...lockOf(packages), assumed: { cuda: "12.4", glibc: "2.17" } });
    const again = await parseLock(text);
    assert.equal(
      await formatLock(again),
      text.replace(/metadata:[^]*?package:/, /metadata:[^]*?package:/.exec(await formatLock(again))![0]),
    );
    const key = ({ manager, name, platform }: Locked) => `${manager} ${name} ${platform}`;
    const clean = (list: Locked[]) =>
      list.map((each) =>
        JSON.parse(JSON.stringify({ ...each, dependencies: Object.entries(each.dependencies).sort() }))
      )
        .sort((a, b) => key(a) < key(b) ? -1 : 1);
    assert.deepEqual(clean(plain(again)), clean(packages));

    const world = testWorld({ "l.yml": text });
    const rows = JSON.parse(await condaLock("read", join(world.top, "l.yml"))) as unknown[][];
    const own = packages.map((each) => [
      each.manager,
      each.name,
      each.version,
      each.platform,
      each.url,
      each.md5 ?? null,
      each.sha256,
      each.dependencies,
    ]);
    const sort = (list: unknown[][]) => list.map((row) => JSON.stringify(row.map(sorted))).sort();
    assert.deepEqual(sort(rows), sort(own));
    world.remove(world.top);
  },
);

function sorted(value: unknown): unknown {
  return typeof value === "object" && value !== null ? Object.entries(value).sort() : value;
}

/** One package of a lock file that is put wrong: what is replaced by what, and what is said. */
const WRONG: { [title: string]: [RegExp | string, string, RegExp] } = {
  "no YAML": ["platform: linux-64", "platform: [", /line \d+: /],
  "an unknown version": ["version: 1\n", "version: 9\n", /line 1: its version is "9"/],
  "an alias": ["dependencies: {}", "dependencies: *a", /[Aa]lias/],
  "an alias that grows": ["sources: []", "sources: &a [x, x]\n  more: [*a, *a]", /[Aa]lias/],
  "no checksum": [/hash:\n.*\n.*\n/, "hash: {}\n", /line 13: six 1.0 has no sha256 or md5/],
  "a checksum that is none": [/sha256: .*/, "sha256: 12", /the sha256 of six 1.0 is "12"/],
  "another package's URL": ["six-1.0-py_0", "sax-1.0-py_0", /"sax-1.0-py_0.conda" is no package of six 1.0/],
  "another version's URL": ["six-1.0-py_0", "six-1.1-py_0", /is no package of six 1.0/],
  "another platform's URL": ["/noarch/", "/osx-64/", /is for linux-64, and its URL for "osx-64"/],
  "a URL that leaves": ["/forge/", "/forge/../x/", /the URL of six 1.0/],
  "a URL that leaves, hidden": ["/forge/", "/forge/%2e%2E/", /the URL of six 1.0/],
  "a file name with a slash": ["noarch/six-1", "noarch/..%2fsix-1", /the URL of six 1.0/],
  "a kind of URL that none is": [/url: https(.*six)/, "url: javascript$1", /the URL of six 1.0/],
  "a variable in a URL": ["/forge/", "/${HOME}/", /the URL of six 1.0/],
  "a name that is a path": ["name: six", "name: ../six", /is no name and version/],
  "a version with a line's end": [
    'version: "1.0"',
    'version: "1.0\\n--index-url=x"',
    /is no name and version/,
  ],
  "an unknown manager": ["manager: conda", "manager: npm", /of the manager "npm"/],
  "a platform that is a path": ["platform: linux-64", "platform: ../x", /for the platform/],
  "an archive of PyPI by md5 alone": [/manager: conda([^]*)sha256: .*/, "manager: pip$1", /has no sha256/],
  "nothing at all": [/[^]*/, "", /it is no lock file/],
  "ten thousand brackets": [/[^]*/, "[".repeat(30_000), /^.{1,300}$/s],
  "a build that commands the terminal": ["py_0.conda", "%1b%5b31m.conda", /is no package of six/],
  "a list": [/[^]*/, "- 1\n", /it is no lock file/],
  "no packages": [/package:[^]*/, "", /no list of packages/],
  "a package that is a word": [/package:[^]*/, "package:\n  - six\n", /line 13: expected a package/],
};

for (const [title, [what, by, said]] of Object.entries(WRONG)) {
  Deno.test(`parse: ${title}: a Problem with the line, and that mambaenv lock makes it anew`, async () => {
    const text = await formatLock(lockOf([locked("six", "1.0")]));
    const wrong = text.replace(what, by);
    assert.notEqual(wrong, text);
    await assert.rejects(parseLock(wrong), (error) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.message, /^Cannot use "conda-lock.yml" line \d+: /);
      assert.match(error.message, said);
      assert.match(error.hint, /mambaenv lock/);
      return true;
    });
  });
}

Deno.test("parse: the same package twice names both lines; other categories and virtual packages are left out", async () => {
  const text = await formatLock(
    lockOf([locked("six", "1.0"), locked("dev", "1"), locked("__glibc", "2.17")]),
  );
  const other = text.replace(/(name: dev[^]*?category: )main/, "$1dev");
  assert.deepEqual((await parseLock(other)).packages.map(({ name }) => name), ["six"]);
  const twice = text + / {2}- name: six[^]*$/.exec(text)![0];
  await assert.rejects(parseLock(twice), /line \d+: six is there twice for linux-64, first in line \d+/);
});

Deno.test("why: told, read back, odd ones left out; what did not move keeps its reason", () => {
  const reasons: Decision[] = [
    { name: "Rich", by: "pypi", why: "it needs mdurl, of https://u:pw@h" },
    { name: "torch", by: "conda", conda: "pytorch", why: "conda calls it pytorch" },
    { name: "numpy", by: "conda", conda: "numpy", why: "" },
    { name: "x", by: "nobody", why: "its marker is false here" },
    { name: "https://h/x.whl", by: "pypi", why: "it is a URL" },
  ];
  const custom = told({ "linux-64": reasons });
  assert.deepEqual(custom, {
    "mambaenv_why_linux-64_rich": "PyPI: it needs mdurl, of https://***@h",
    "mambaenv_why_linux-64_torch": "conda as pytorch: conda calls it pytorch",
  });
  const odd = {
    "mambaenv_why_linux-64_a": "PyPI: \u001b[2J",
    "mambaenv_why_linux-64_b": "nobody: x",
    "mambaenv_why_linux-64_../c": "PyPI: x",
    "mambaenv_why_linux-64_d": `PyPI: ${"x".repeat(501)}`,
    "mambaenv_why___proto___e": "PyPI: x",
    "other": "PyPI: x",
  };
  const found = heard({ ...custom, ...odd });
  assert.deepEqual(Object.keys(found), ["linux-64"]);
  assert.deepEqual(found["linux-64"]!.map(({ name }) => name), ["rich", "torch"]);

  const before = { ...lockOf([locked("rich", "1.0", { manager: "pip" })]), why: found };
  const newer = { "linux-64": [{ name: "rich", by: "pypi", why: "today's reason" } as const] };
  assert.equal(kept({ ...before, why: newer }, before)["linux-64"]![0]!.why, found["linux-64"]![0]!.why);
  const moved = { ...lockOf([locked("rich", "2.0", { manager: "pip" })]), why: newer };
  assert.equal(kept(moved, before)["linux-64"]![0]!.why, "today's reason");
});

Deno.test("diff: what comes, goes, changes; the platform where there are several", () => {
  const before = [
    locked("a", "1"),
    locked("b", "1"),
    locked("c", "1"),
    locked("d", "1"),
    locked("same", "1"),
  ];
  const after = [
    locked("b", "2"),
    locked("c", "1", { url: "https://conda.example/forge/noarch/c-1-py_1.conda" }),
    locked("d", "1", { sha256: "f".repeat(64) }),
    locked("e", "3", { manager: "pip" }),
    locked("same", "1"),
  ];
  assert.deepEqual(diff(before, after), [
    "- a 1",
    "~ b 1 → 2",
    "~ c 1: c-1-py_0 → c-1-py_1",
    "~ d 1: other content",
    "+ e 3 (PyPI)",
  ]);
  assert.deepEqual(diff([], [locked("a", "1"), locked("a", "1", { platform: "osx-64" })]), [
    "+ a 1 [linux-64]",
    "+ a 1 [osx-64]",
  ]);
});

Deno.test("contentHash: comments, order and secrets do not count; what is asked for does", async () => {
  const hash = async (files: { [name: string]: string }, python?: string, platform = "linux-64") => {
    const work = Object.entries(files).map(([name, text]) => [`work/${name}`, text]);
    const world = testWorld(Object.fromEntries(work));
    const wanted = await readWanted(findProject({}, world), world);
    const settings = { python: python ? { value: python, from: "" } : undefined, channels: undefined };
    const found = await contentHash({ wanted, settings, platform }, world);
    world.remove(world.top);
    return found;
  };
  const base = { "requirements.txt": "a>=1\nb\n" };
  const same = await hash(base);
  const url = (pw: string) => ({ "requirements.txt": `a>=1\nb\n--extra-index-url https://u:${pw}@h/s/\n` });
  assert.equal(await hash({ "requirements.txt": "# words\nb\na>=1  # why\n" }), same);
  assert.equal(await hash(url("one")), await hash(url("two")));
  const others = [
    await hash({ "requirements.txt": "a>=2\nb\n" }),
    await hash({ "requirements.txt": "a>=1\nb  # pip\n" }),
    await hash({ "requirements.txt": "a>=1\nb  # conda: c\n" }),
    await hash({ "requirements.txt": "a>=1\nb\n-c c.txt\n", "c.txt": "z<2\n" }),
    await hash({ "requirements.txt": "a>=1\nb\n-c c.txt\n", "c.txt": "z<3\n" }),
    await hash({ "requirements.txt": "a>=1\nb\n--pre\n" }),
    await hash({ ...base, "environment.yml": "channels: [bioconda]\n" }),
    await hash({ ...base, "environment.yml": "dependencies: [c]\n" }),
    await hash(base, "3.11"),
    await hash(base, undefined, "osx-64"),
    await hash({
      "requirements.txt": "a>=1\nb\n-e .\n",
      "pyproject.toml": "[project]\nname='x'\nversion='1'\n",
    }),
    await hash({
      "requirements.txt": "a>=1\nb\n-e .\n",
      "pyproject.toml": "[project]\nname='x'\nversion='2'\n",
    }),
  ];
  assert.equal(new Set([same, ...others]).size, others.length + 1);
});

Deno.test("misfit: another tool's lock is compared package by package; conda's versions as conda has them", async () => {
  const world = testWorld();
  const packages = [
    locked("python", "3.11.7"),
    locked("tzdata", "2024a"),
    locked("numpy", "1.26.4"),
    locked("pytorch", "2.1.0"),
    locked("onlypypi", "1.0", { manager: "pip" }),
  ];
  const lock = { ...lockOf(packages), hashes: { "linux-64": "0".repeat(64) } };
  const rows: [string, string | undefined, RegExp | undefined][] = [
    ["tzdata\nnumpy>=1.26\nonlypypi\ntorch==2.1.*\n", undefined, undefined],
    ['numpy\nother; sys_platform == "win32"\n', ">=3.10,<3.12", undefined],
    ["numpy>=2\n", undefined, /it has no numpy>=2/],
    ["onlypypi>1\n", undefined, /it has no onlypypi>1/],
    ["six\n", undefined, /it has no six/],
    ["# conda: numpy >=2\n", undefined, /it has no numpy >=2/],
    ["numpy\n", "3.12", /it has Python 3.11.7, and 3.12 is asked for/],
  ];
  for (const [text, version, expected] of rows) {
    fs.writeFileSync(`${world.cwd}/requirements.txt`, text);
    const wanted = await readWanted(findProject({}, world), world);
    const settings = { python: version ? { value: version, from: "" } : undefined, channels: undefined };
    const found = await misfit(lock, { wanted, settings, platform: "linux-64" }, world);
    if (expected) assert.match(found ?? "", expected);
    else assert.equal(found, undefined, text);
    const elsewhere = await misfit(lock, { wanted, settings, platform: "osx-64" }, world);
    assert.equal(elsewhere, "it has no packages for osx-64");
  }
  world.remove(world.top);
});

Deno.test("lacks: what the packages need and this machine has not, once each", async () => {
  const env = { CONDA_OVERRIDE_GLIBC: "2.17", CONDA_OVERRIDE_CUDA: "" };
  const world = testWorld({}, { env });
  const packages = [
    locked("new", "1", { dependencies: { __glibc: ">=2.28,<3.0.a0", __linux: "" } }),
    locked("old", "1", { dependencies: { __glibc: ">=2.17", __unix: "" } }),
    locked("also", "1", { dependencies: { __glibc: ">=2.28,<3.0.a0" } }),
    locked("gpu", "1", { dependencies: { __cuda: "" } }),
  ];
  assert.deepEqual(await lacks(packages, "linux-64", world), [
    "gpu may not work here: needs __cuda, and this machine has none",
    "also, new may not work here: needs __glibc >=2.28,<3.0.a0, and this machine has 2.17",
  ]);
  world.remove(world.top);
});

Deno.test("differs: what the lock was made for and this machine lacks, or has older", async () => {
  const world = testWorld({}, { env: { CONDA_OVERRIDE_GLIBC: "2.17", CONDA_OVERRIDE_CUDA: "" } });
  assert.deepEqual(await differs({ glibc: "2.28", cuda: "12.4", archspec: "x86_64_v4" }, "linux-64", world), [
    "conda-lock.yml was made for cuda 12.4, and this machine has none",
    "conda-lock.yml was made for glibc 2.28, and this machine has 2.17",
  ]);
  assert.deepEqual(await differs({ glibc: "2.12" }, "linux-64", world), []);
  world.remove(world.top);
});

const REQUIREMENTS = "requests>=2.31\nhello\nonlypypi\nclick==8.2.1\n";
const IMPORT = 'python -c "import requests, hello, onlypypi, click"';
const lockFile = ({ world }: Stage) => fs.readFileSync(`${world.cwd}/conda-lock.yml`, "utf8");

Deno.test({
  name:
    "lock: creation installs exactly that without a solve, offline from the caches, and the lock is stable",
  ignore,
}, () =>
  staged(REQUIREMENTS, async (stage) => {
    const { bash, server, world } = stage;
    const made = await bash('"$M" lock');
    assert.deepEqual([made.status, made.out], [0, ""], made.err);
    assert.match(made.err, /^ {2}\+ requests 2[\d.]+$/m);
    assert.match(made.err, /^ {2}\+ onlypypi 1.0 \(PyPI\)$/m);
    assert.deepEqual(stage.store(), [], "the environment that pip was asked in is gone");
    const text = lockFile(stage);
    const { packages, platforms } = await parseLock(text);
    assert.ok(packages.every(({ sha256 }) => sha256) && platforms.length === 1);

    const again = await bash('"$M" lock && "$M" lock --check');
    assert.equal(again.status, 0, again.err);
    assert.match(again.err, /no package changes/);
    assert.equal(lockFile(stage), text);

    const before = server.requests.length;
    const entered = await bash(`source <("$M" --locked) && ${IMPORT} && echo "$CONDA_PREFIX"`);
    assert.equal(entered.status, 0, entered.err);
    const asked = server.requests.slice(before).map(({ path }) => path);
    assert.deepEqual(asked.filter((path) => /repodata|simple/.test(path)), []);
    const prefix = entered.out.trim();
    assert.deepEqual(installed(prefix), packages.map(({ name, version }) => `${name} ${version}`).sort());
    const direct = fs.globSync(`${prefix}/lib/python*/site-packages/*.dist-info/direct_url.json`);
    assert.deepEqual(direct, [], "what came from an index is not written down as a URL");
    assert.equal((await bash('source <("$M" --locked)')).err, "", "the second time there is nothing to do");

    world.remove(`${world.top}/home/.local/share/mambaenv/envs`);
    const count = server.requests.length;
    const offline = await bash(`source <("$M" --locked --offline) && ${IMPORT}`);
    assert.equal(offline.status, 0, offline.err);
    assert.equal(server.requests.length, count);
  }));

/** What conda-meta and the `dist-info` folders of PyPI's say is there. */
function installed(prefix: string): string[] {
  const conda = fs.globSync(`${prefix}/conda-meta/*-*-*.json`).map((path) =>
    JSON.parse(fs.readFileSync(path, "utf8"))
  );
  const owned = new Set(conda.flatMap(({ files }) => files as string[]));
  const pip = fs.globSync(`${prefix}/lib/python*/site-packages/*.dist-info/METADATA`)
    .filter((path) => !owned.has(path.slice(prefix.length + 1)))
    .map((path) => fs.readFileSync(path, "utf8"))
    .map((text) => `${/^Name: (.*)$/m.exec(text)![1]} ${/^Version: (.*)$/m.exec(text)![1]}`);
  return [...conda.map(({ name, version }) => `${name} ${version}`), ...pip].sort();
}

Deno.test({
  name: "lock: inputs changed: anew and said so, exit 4 under --locked, as it is under --frozen",
  ignore,
}, () =>
  staged("hello\n", async (stage) => {
    const { bash, world, store } = stage;
    for (const mode of ["locked", "frozen"]) {
      const { out, err } = await bash(`source <("$M" --${mode}); echo $?`);
      assert.equal(out, "4\n");
      assert.match(err, new RegExp(`No conda-lock.yml, and --${mode} asks for one\\n {2}try: mambaenv lock`));
    }
    assert.equal((await bash('"$M" lock --check')).status, 4);
    const made = await bash('"$M" lock -q && source <("$M") && echo "$CONDA_PREFIX"');
    assert.equal(made.status, 0, made.err);
    const text = lockFile(stage);

    fs.writeFileSync(`${world.cwd}/requirements.txt`, "hello\nsix\n");
    const check = await bash('"$M" lock --check');
    assert.equal(check.status, 4);
    assert.match(
      check.err,
      /conda-lock.yml does not fit \([\w-]+\): it has no six\n {2}try: mambaenv lock/,
    );
    const strict = await bash('source <("$M" --locked); echo $?');
    assert.equal(strict.out, "4\n");
    assert.match(strict.err, /does not fit: it has no six/);
    assert.deepEqual(store(), [made.out.trim().split("/").at(-1)], "nothing half-made");
    assert.equal((await bash('source <("$M" --locked --no-create); echo $?')).out, "4\n");

    const six = "python -c 'import six' 2> /dev/null";
    const frozen = await bash(`source <("$M" --frozen) && echo "$CONDA_PREFIX"; ${six} || echo none`);
    assert.equal(frozen.out, `${made.out}none\n`, "the environment made of the lock is the one");
    const free = await bash(`source <("$M") && ${six} && echo "$CONDA_PREFIX"`);
    assert.match(free.err, /warning: conda-lock.yml does not fit: it has no six; .*mambaenv lock/);
    assert.notEqual(free.out, made.out);
    assert.equal(lockFile(stage), text, "nothing is written to the project unasked");
    assert.equal((await bash(`source <("$M") && echo "$CONDA_PREFIX"`)).out, free.out);
    const back = await bash(`source <("$M" --frozen) && ${six} || echo none`);
    assert.equal(back.out, "none\n", back.err);
    const forth = await bash(`source <("$M") && ${six} && echo there`);
    assert.equal(forth.out, "there\n", forth.err);
    const relocked = await bash(`"$M" lock && source <("$M" --locked) && ${six} && echo there`);
    assert.equal(relocked.out, "there\n", relocked.err);
    assert.match(relocked.err, /^ {2}\+ six [\d.]+\n/m);
    assert.equal((await bash('"$M" --locked --frozen --shell bash')).status, 2);
  }));

Deno.test(
  { name: "lock: what was locked stays; --upgrade takes the newest, of all or of one", ignore },
  () =>
    staged("six  # conda: core ==1.0\nhello ==1.0\n", async (stage) => {
      const { bash, world } = stage;
      const version = async (name: string) =>
        (await parseLock(lockFile(stage))).packages.find((each) => each.name === name)!.version;
      const steps: [string, string, string][] = [
        ["", "1.0", "1.0"],
        ["", "1.0", "1.0"],
        ["--upgrade six", "2.0", "1.0"],
        ["--upgrade", "2.0", "1.1"],
      ];
      for (const [i, [words, core, hello]] of steps.entries()) {
        if (i === 1) fs.writeFileSync(`${world.cwd}/requirements.txt`, "six  # conda: core\nhello\n");
        const { status, err } = await bash(`"$M" lock ${words}`);
        assert.equal(status, 0, err);
        assert.deepEqual([await version("core"), await version("hello")], [core, hello], `${words}\n${err}`);
      }
      const unknown = await bash('"$M" lock --upgrade nosuch');
      assert.equal(unknown.status, 2);
      assert.match(unknown.err, /"nosuch" is not in conda-lock.yml/);
      assert.equal((await bash('"$M" lock six')).status, 2);
      fs.writeFileSync(`${world.cwd}/requirements.txt`, "six  # conda: core\nhello\n# conda: left ==1.0\n");
      const other = await bash('"$M" lock');
      assert.equal(other.status, 0, other.err);
      assert.match(other.err, /~ core 2.0 → 1.5\n/, "what is locked gives way where it has to");
      assert.equal(await version("hello"), "1.1");
    }),
);

Deno.test(
  { name: "lock: conda-lock renders it, rattler reads it; what conda-lock writes is installed", ignore },
  () =>
    staged(REQUIREMENTS, async (stage) => {
      const { bash, world } = stage;
      assert.equal((await bash('"$M" lock')).status, 0);
      const file = `${world.cwd}/conda-lock.yml`;
      const { packages, why } = await parseLock(lockFile(stage));
      assert.ok(why[SUBDIR]!.length > 0, "there are reasons in it");
      const python = await venv("condalock", "conda-lock.txt");
      const words = [python, "-m", "conda_lock", "render", "-p", SUBDIR, "--kind", "explicit"];
      call([...words, "--filename-template", `${world.top}/{platform}.txt`, file]);
      const rendered = fs.readFileSync(`${world.top}/${SUBDIR}.txt`, "utf8");
      for (const { manager, url, md5, sha256 } of packages) {
        assert.ok(rendered.includes(manager === "conda" ? `${url}#${md5}` : `${url}#sha256=${sha256}`), url);
      }
      const names = call([await oracle(), "-c", RATTLER, file]).trim().split("\n");
      const expected = packages.map(({ name, version }) => `${name} ${version}`).sort();
      assert.deepEqual(names, expected);

      await condaLock("write", file);
      assert.match(lockFile(stage), /generated by conda-lock/);
      assert.match(lockFile(stage), new RegExp(`${SUBDIR}: '?0{64}`));
      const entered = await bash(`source <("$M" --locked) && ${IMPORT} && echo "$CONDA_PREFIX"`);
      assert.equal(entered.status, 0, entered.err);
      assert.deepEqual(installed(entered.out.trim()), expected);
      fs.writeFileSync(`${world.cwd}/requirements.txt`, REQUIREMENTS.replace(">=2.31", ">=99"));
      const stale = await bash('source <("$M" --locked); echo $?');
      assert.equal(stale.out, "4\n");
      assert.match(stale.err, /it has no requests>=99/);
    }),
);

/** rattler's reading of a lock file. */
const RATTLER = `import sys; from rattler.lock import LockFile
e = LockFile.from_path(sys.argv[1]).default_environment()
print(*sorted(f"{p.name} {p.version}" for k in e.platforms() for p in e.packages(k)), sep="\\n")`;

Deno.test({
  name: "lock: two creations from one, in other folders with other caches, have the same files and bytes",
  ignore,
}, () =>
  staged(`${REQUIREMENTS}numpy\nfromsource\n# conda: prefixed\n# conda: links\n`, async (stage) => {
    const { bash, world } = stage;
    assert.equal((await bash('"$M" lock -q')).status, 0);
    // Of the same length, which a compiled file has in it with each path.
    const trees = [];
    for (const name of ["one", "two"]) {
      const home = `${world.top}/${name}`;
      fs.mkdirSync(home);
      const env = { HOME: home };
      const { status, out, err } = await bash('source <("$M" --locked) && echo "$CONDA_PREFIX"', env);
      assert.equal(status, 0, err);
      trees.push(tree(out.trim(), home));
    }
    const [one, other] = trees;
    assert.ok(one!.size > 1000);
    assert.deepEqual([...one!].filter(([path, sum]) => other!.get(path) !== sum), []);
    assert.equal(one!.size, other!.size);
  }));

/** Sums of all files, as if the prefix and the home were elsewhere. When it was made is in two of them. */
function tree(prefix: string, home: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of fs.readdirSync(prefix, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const short = path.slice(prefix.length + 1);
    if (["conda-meta/history", "conda-meta/mambaenv.json"].includes(short)) continue;
    if (entry.isSymbolicLink()) found.set(short, fs.readlinkSync(path));
    if (!entry.isFile()) continue;
    const whole = fs.readFileSync(path, "latin1");
    // The source of this one has the prefix in it, so that it is new: the compiled file has its time.
    const text = /_sysconfigdata[^/]*\.pyc$/.test(path) ? whole.slice(16) : whole;
    // A binary file's prefix is filled up with zeros; the sums of files with the prefix differ with it.
    const same = text.replaceAll(prefix, "PREFIX").replaceAll(home, "HOME").replace(/\0+/g, "\0")
      .replace(short.startsWith("conda-meta/") ? /"(sha256|sha256_in_prefix|size_in_bytes)": .*/g : /$^/, "")
      .replace(/^(\.\.\/\.\.\/\.\.\/bin\/.*),sha256=.*$/gm, "$1");
    found.set(short, createHash("sha256").update(same, "latin1").digest("hex"));
  }
  return found;
}

Deno.test({
  name: "lock: an archive that changed, and a platform that is missing: nothing half-made",
  ignore,
}, () =>
  staged("hello\nonlypypi\n", async (stage) => {
    const { bash, world, server, store } = stage;
    assert.equal((await bash('"$M" lock -q')).status, 0);
    const text = lockFile(stage);
    const write = (changed: string) => fs.writeFileSync(`${world.cwd}/conda-lock.yml`, changed);
    const fresh = () => world.remove(`${world.top}/home`);
    const enter = async (words: string, exit: number, said: RegExp) => {
      fresh();
      const { out, err } = await bash(`source <("$M" ${words}); echo "$? alive"`);
      assert.equal(out, `${exit} alive\n`, err);
      assert.match(err, said);
      assert.ok(!/internal error/.test(err), err);
      assert.deepEqual(store(), []);
    };
    const wrong = (name: string) =>
      write(text.replace(new RegExp(`(/${name}-[^]*?sha256: )[0-9a-f]{8}`), "$100000000"));
    wrong("hello");
    await enter("", 1, /hello-1.*its sha256 is [0-9a-f]{64}, expected 00000000/);
    wrong("onlypypi");
    await enter("", 1, /DO NOT MATCH THE HASHES|hash/i);
    write(text.replaceAll(SUBDIR, "osx-64").replaceAll("/osx-64/", "/noarch/"));
    for (const mode of ["--locked", "--frozen"]) await enter(mode, 4, /no packages for linux-/);
    write(text.slice(0, text.length / 2) + "\n  }{");
    await enter("", 1, /Cannot use "conda-lock.yml" line \d+/);
    const mended = await bash('"$M" lock && source <("$M" --locked) && echo fine');
    assert.equal(mended.out, "fine\n", mended.err);
    assert.match(mended.err, /warning: Cannot use "conda-lock.yml"/);
    fresh();
    server.faults.push({ path: /\/hello-1/, kind: "status", code: 404 });
    await enter("", 1, /hello-1/);
    server.faults.length = 0;
    await enter("--offline", 5, /[Oo]ffline/);
  }));

for (const name of ["conda", "mamba", "micromamba"] as const) {
  Deno.test(
    {
      name: `lock: ${name} gets an explicit list, pip the rest, and no record has the channel's password`,
      ignore,
    },
    () =>
      staged("hello\nrequests\nonlypypi\n", async (stage) => {
        const { bash, world, server } = stage;
        const root = `${world.top}/home/miniforge3`;
        await peer(root, [name]);
        const env = { MAMBAENV_CHANNEL: server.url.replace("//", "//me:hunter2@") };
        server.faults.push({ path: /noarch|linux/, kind: "auth", words: `Basic ${btoa("me:hunter2")}` });
        assert.equal((await bash('"$M" lock -q', env)).status, 0);
        const before = server.requests.length;
        const code =
          'source <("$M" --locked) && python -c "import requests, onlypypi" && echo "$CONDA_PREFIX"';
        const made = await bash(code, env);
        assert.equal(made.status, 0, made.err);
        const prefix = made.out.trim();
        assert.equal(JSON.parse(world.read(`${prefix}/conda-meta/mambaenv.json`)!).engine, name);
        assert.equal((await bash(`grep -rl hunter2 ${prefix}`)).out + /hunter2/.exec(made.err), "null");
        assert.deepEqual(
          server.requests.slice(before).filter(({ path }) => /repodata|simple/.test(path)),
          [],
        );
        const { packages } = await parseLock(lockFile(stage));
        assert.deepEqual(installed(prefix), packages.map(({ name, version }) => `${name} ${version}`).sort());
        const generations = `${root}/envs/.mambaenv`;
        assert.deepEqual(world.list(generations), [prefix.split("/").at(-1)], "the list is gone");
      }),
  );
}

/** A channel that has its packages for other platforms, too; and an index with what only those need. */
async function elsewhere(top: string): Promise<{ dir: string; wheels: string }> {
  const own = await channel();
  const [dir, wheels] = [join(top, "channel"), join(top, "wheels")];
  fs.cpSync(own.wheels, wheels, { recursive: true });
  const wheel = (name: string, version: string, ...lines: string[]) =>
    call(["python3", join(DATA, "wheel.py"), wheels, name, version, ...lines]);
  wheel("colorama", "0.4.6", 'Requires-Dist: deep; python_version > "3"');
  wheel("deep", "2.0", "Requires-Dist: six", 'Requires-Dist: never; sys_platform == "linux"');
  fs.cpSync(join(own.dir, "noarch"), join(dir, "noarch"), { recursive: true });
  const index = fs.readdirSync(own.dir).find((name) => name.startsWith("linux-"))!;
  fs.cpSync(join(own.dir, index), join(dir, index), { recursive: true });
  const repodata = JSON.parse(fs.readFileSync(join(own.dir, index, "repodata.json"), "utf8"));
  for (const platform of ["osx-arm64", "win-64"]) {
    const python = (entries: { [fn: string]: { name: string; subdir: string } }) =>
      Object.fromEntries(
        Object.entries(entries ?? {}).filter(([, { name }]) => name === "python")
          .map(([fn, entry]) => [fn, { ...entry, subdir: platform }]),
      );
    fs.mkdirSync(join(dir, platform));
    const other = { ...repodata, info: { subdir: platform }, packages: python(repodata.packages) };
    const conda = python(repodata["packages.conda"]);
    fs.writeFileSync(
      join(dir, platform, "repodata.json"),
      JSON.stringify({ ...other, "packages.conda": conda }),
    );
  }
  return { dir, wheels };
}

Deno.test({
  name: "lock --platform: conda's packages for each, PyPI's with that platform's markers, doubts are said",
  ignore,
}, () =>
  staged('requests\nsix\nclick==8.2.1\nonlypypi==1.1; sys_platform == "darwin"\n', async (stage) => {
    const { bash, world } = stage;
    const { dir, wheels } = await elsewhere(world.top);
    const server = await serve(dir, [], wheels);
    const env = { MAMBAENV_CHANNEL: server.url, PIP_INDEX_URL: `${server.url}/simple/` };
    const made = await bash('"$M" lock --platform ' + `${SUBDIR},osx-arm64 --platform win-64`, env);
    assert.equal(made.status, 0, made.err);
    const { packages, platforms } = await parseLock(lockFile(stage));
    assert.deepEqual(platforms, [SUBDIR, "osx-arm64", "win-64"]);
    const pip = (platform: string) =>
      packages.filter((each) => each.platform === platform && each.manager === "pip").map(({ name }) => name);
    assert.deepEqual(pip(SUBDIR), ["click"]);
    assert.deepEqual(
      pip("osx-arm64"),
      ["click", "onlypypi"],
    );
    assert.deepEqual(
      pip("win-64"),
      ["click", "colorama", "deep"],
    );
    for (const platform of platforms) assert.ok(has(packages, platform, "requests"), platform);
    assert.match(made.err, /warning: win-64: it is not known whether PyPI's packages work there: .*linux-/);
    const rows = JSON.parse(await condaLock("read", `${world.cwd}/conda-lock.yml`)) as unknown[];
    assert.equal(rows.length, packages.length);

    const again = await bash('"$M" lock && "$M" lock --check && source <("$M" --locked) && echo fine', env);
    assert.equal(again.out, "fine\n", again.err);
    assert.match(again.err, /no package changes/, "the platforms of the last lock are those of the next");
    const unknown = await bash('"$M" lock --platform ../x', env);
    assert.notEqual(unknown.status, 0);
    assert.match(unknown.err, /[Pp]latform "..\/x"/);
    await server.close();
  }));

function has(packages: readonly Locked[], platform: string, name: string): boolean {
  return packages.some((each) =>
    each.platform === platform && each.name === name && each.manager === "conda"
  );
}

Deno.test(
  { name: "lock: a project of this machine is no part of it, and is installed beside it", ignore },
  () =>
    staged("-e .\n", async (stage) => {
      const { bash, world } = stage;
      const head = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n';
      const own =
        '[project]\nname = "mine"\nversion = "1.0"\ndependencies = ["onlypypi"]\n[tool.setuptools]\npy-modules = ["mine"]\n';
      fs.writeFileSync(`${world.cwd}/mine.py`, "import onlypypi\n");
      fs.writeFileSync(`${world.cwd}/pyproject.toml`, head + own);
      const made = await bash('"$M" lock && source <("$M" --locked) && python -c "import mine" && echo fine');
      assert.equal(made.out, "fine\n", made.err);
      const { packages } = await parseLock(lockFile(stage));
      const pip = packages.filter(({ manager }) => manager === "pip").map(({ name }) => name);
      assert.deepEqual(pip, ["onlypypi"]);
      assert.ok(!lockFile(stage).includes(world.top));
    }),
);

Deno.test(
  { name: "lock: interrupted in pip: nothing left, no lock file", ignore },
  () =>
    staged("onlypypi\n", async (stage) => {
      const { env, world, store, bash, server } = stage;
      server.faults.push({ path: /simple/, kind: "hang" });
      const running = start([PROGRAM, "lock"], { cwd: world.cwd, env });
      await running.says(/mambaenv: pip/);
      await world.sleep(300);
      process.kill(running.pid, "SIGINT");
      assert.equal((await running.ended).status, 130);
      assert.deepEqual(store(), []);
      assert.deepEqual(world.list(world.cwd), ["requirements.txt"]);
      server.faults.length = 0;
      assert.equal((await bash('"$M" lock -q && source <("$M" --locked) && echo fine')).out, "fine\n");
    }),
);

Deno.test({
  name: "lock --cuda --glibc: for another machine, written down, kept, and told where it is not so",
  ignore,
}, () =>
  staged("# conda: gpu\nhello\n", async (stage) => {
    const { bash } = stage;
    const none = { CONDA_OVERRIDE_CUDA: "" };
    const wrong = await bash('"$M" lock --cuda new; echo $?', none);
    assert.deepEqual([wrong.out, /Cannot use cuda = "new" in --cuda: no version/.test(wrong.err)], [
      "2\n",
      true,
    ]);
    const without = await bash('"$M" lock; echo $?', none);
    assert.equal(without.out, "1\n", without.err);
    const made = await bash('"$M" lock --cuda 12.4 --glibc 2.40', none);
    assert.equal(made.status, 0, made.err);
    const { assumed } = await parseLock(lockFile(stage));
    assert.deepEqual(assumed, { cuda: "12.4", glibc: "2.40" });
    const again = await bash('"$M" lock --glibc 2.17', none);
    assert.equal(again.status, 0, again.err);
    assert.deepEqual((await parseLock(lockFile(stage))).assumed, { cuda: "12.4", glibc: "2.17" });
    const here = await bash('source <("$M") && hello', none);
    assert.match(here.err, /conda-lock.yml was made for cuda 12.4, and this machine has none/);
    assert.match(here.err, /gpu may not work here: needs __cuda >=12, and this machine has none/);
    assert.equal(here.status, 0, here.err);
    fs.writeFileSync(`${stage.world.cwd}/requirements.txt`, "# conda: accel\n");
    fs.rmSync(`${stage.world.cwd}/conda-lock.yml`);
    const show = 'cat "$CONDA_PREFIX/share/accel/version"';
    const slow = await bash(`source <("$M") && ${show}`, none);
    assert.equal(slow.out, "1.0 cpu_0\n", slow.err);
    assert.match(slow.err, /without graphics card: accel; for a machine that has one: --cuda 12.4\n/);
    const fast = await bash(`source <("$M" --cuda 12.4) && ${show}`, none);
    assert.equal(fast.out, "1.0 cuda12_1\n", fast.err);
    assert.doesNotMatch(fast.err, /without graphics card/);
  }));
