// Prefixes as they are on disk, broken ones too, and what names and paths mean.
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { envsDirs, expand, locate, readPrefix } from "../lib/prefix.ts";
import { Problem } from "../lib/problem.ts";
import type { World } from "../lib/world.ts";
import { testWorld } from "./world.ts";

const SH = { scripts: ".sh" };

Deno.test("readPrefix: scripts in conda's order, variables, and a warning for each odd file", () => {
  const world = testWorld({
    "p/etc/conda/activate.d/b.sh": "",
    "p/etc/conda/activate.d/a.sh": "",
    "p/etc/conda/activate.d/a.fish": "",
    "p/etc/conda/deactivate.d/b.sh": "",
    "p/etc/conda/deactivate.d/a.sh": "",
    "p/etc/conda/env_vars.d/1.json":
      '{"A": "1", "N": null, "F": 1.0, "I": 12345678901234567890, "L": [true, 1.5, "it\'s"]}',
    "p/etc/conda/env_vars.d/2.json": '{"A": "2", "PATH": "/evil", "BAD-NAME": "1", "NUL": "a\\u0000b"}',
    "p/etc/conda/env_vars.d/3.json": "[1]",
    "p/etc/conda/env_vars.d/4.json": "{oops",
    "p/etc/conda/env_vars.d/5.json/": "",
    "p/conda-meta/state": '{"env_vars": {"A": "3", "U": "***unset***", "PATH": "***unset***"}}',
  });
  const path = `${world.top}/p`;
  const { activate, deactivate, vars, warnings } = readPrefix(path, SH, world);
  const base = (file: string) => file.slice(path.length + 11);
  assert.deepEqual(activate.map(base), ["activate.d/a.sh", "activate.d/b.sh"]);
  assert.deepEqual(deactivate.map(base), ["deactivate.d/b.sh", "deactivate.d/a.sh"]);
  assert.deepEqual(Object.fromEntries(vars), {
    A: "3",
    N: null,
    F: "1.0",
    I: "12345678901234567890",
    L: `[True, 1.5, "it's"]`,
    U: "***unset***",
  });
  const told = ["2.json", "2.json", "2.json", "3.json", "4.json", "5.json"];
  assert.deepEqual(warnings.map((words) => /\d\.json/.exec(words)?.[0]), told);
});

Deno.test("readPrefix: a broken state is a warning, whatever it is", () => {
  for (
    const text of [
      "",
      "[]",
      "null",
      "3",
      '"x"',
      '{"env_vars": []}',
      '{"env_vars": "x"}',
      "{",
      '{"env_vars": 1}',
    ]
  ) {
    const world = testWorld({ "p/conda-meta/state": text });
    const { vars, warnings } = readPrefix(`${world.top}/p`, SH, world);
    assert.equal(vars.size, 0);
    assert.equal(warnings.length, 1, text);
    assert.match(warnings[0]!, /conda-meta\/state/);
  }
  const folder = testWorld({ "p/conda-meta/state/": "" });
  assert.equal(readPrefix(`${folder.top}/p`, SH, folder).warnings.length, 1);
  const fine = testWorld({ "p/conda-meta/state": '{"version": 1, "env_vars": null}' });
  assert.deepEqual(readPrefix(`${fine.top}/p`, SH, fine).warnings, []);
});

Deno.test("readPrefix: five questions for a plain prefix, and nothing for one that is gone", () => {
  const world = testWorld({ "p/conda-meta/history": "" });
  let asked = 0;
  const counted = new Proxy<World>(world, {
    get: (target, name: keyof World) => {
      const value = target[name];
      if (typeof value !== "function") return value;
      asked++;
      return value;
    },
  });
  readPrefix(`${world.top}/p`, SH, counted);
  assert.ok(asked <= 5, `${asked} questions`);
  assert.deepEqual(readPrefix("/nonexistent", SH, world).warnings, []);
});

Deno.test("locate: names in order, paths expanded, and what is no environment is a Problem", () => {
  const world = testWorld({
    "home/env/conda-meta/": "",
    "one/a/": "",
    "two/a/": "",
    "two/b/": "",
    "two/file": "",
    "work/sub/conda-meta/": "",
    "plain/": "",
  });
  const at = (path: string) => `${world.top}/${path}`;
  const places = { dirs: ["/nonexistent", at("one"), at("two")], root: "/c" };
  const cases: [string, string][] = [
    ["a", at("one/a")],
    ["b", at("two/b")],
    ["base", "/c"],
    ["root", "/c"],
    ["~/env", at("home/env")],
    ["$HOME/env", at("home/env")],
    ["${HOME}//env/./", at("home/env")],
    ["./sub", at("work/sub")],
    [at("work/../work/sub"), at("work/sub")],
  ];
  for (const [word, path] of cases) assert.equal(locate(word, places, world), path, word);
  for (const word of ["nope", "file", "sub", at("plain"), "./nope", "~other/env", "$NOT_SET/env"]) {
    assert.throws(() => locate(word, places, world), Problem, word);
  }
  assert.throws(() => locate("base", { dirs: [] }, world), Problem);
  const linked = testWorld({ "envs/.mambaenv/a-3f9a1c02/conda-meta/": "" });
  symlinkSync(".mambaenv/a-3f9a1c02", `${linked.top}/envs/a`);
  for (const word of ["a", `${linked.top}/envs/a`]) {
    const found = locate(word, { dirs: [`${linked.top}/envs`] }, linked);
    assert.equal(found, `${linked.top}/envs/.mambaenv/a-3f9a1c02`);
  }
  assert.equal(expand("~", world), at("home"));
  assert.equal(expand("a$HOME", world), `${world.cwd}/a${world.env["HOME"]}`);
  assert.deepEqual(envsDirs(["~/x", "/y/"], "/c", world), [
    at("home/x"),
    "/y",
    at("home/.conda/envs"),
    "/c/envs",
  ]);
});
