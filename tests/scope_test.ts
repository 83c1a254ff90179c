// What a project adds, and that all of it can be undone.
import assert from "node:assert/strict";
import { activate, apply, deactivate, type Prefix } from "../lib/activation.ts";
import { enter, type Entry, foreign } from "../lib/scope.ts";
import { leave } from "../lib/scope/undo.ts";
import type { Env } from "../lib/world.ts";

function prefix(path: string): Prefix {
  return { path, activate: [`${path}/a.sh`], deactivate: [], vars: new Map([["X", "1"]]), warnings: [] };
}
const E = prefix("/r/envs/e");
const BASE: Env = { PATH: "/usr/bin:/bin" };

function entry(more: Partial<Entry> = {}): Entry {
  return { prefix: E.path, root: "/p", pythonpath: "prepend", userSite: false, ...more };
}

function entered(env: Env, root: string | undefined = "/p", at = E): Env {
  return apply(env, enter(activate(env, at, undefined), entry({ prefix: at.path, root }), env));
}

Deno.test("enter: bin and root in front, once, no empty parts, MAMBAENV_ACTIVE last", () => {
  const rows: [string | undefined, string][] = [
    [undefined, "/p"],
    ["", "/p"],
    [":/x::/p:", "/p:/x"],
    ["/x:/y", "/p:/x:/y"],
  ];
  for (const [before, after] of rows) {
    const env = { ...BASE, PATH: "/p/bin:/usr/bin", PYTHONPATH: before };
    const changes = enter(activate(env, E, undefined), entry(), env);
    const now = apply(env, changes);
    assert.equal(now["PYTHONPATH"], after);
    assert.equal(now["PATH"], "/p/bin:/r/envs/e/bin:/usr/bin");
    assert.deepEqual(changes.at(-1), { kind: "set", name: "MAMBAENV_ACTIVE", value: E.path });
    const kinds = changes.map(({ kind }) => kind);
    assert.ok(kinds.indexOf("path") < kinds.indexOf("source"), "scripts see the whole PATH");
  }
});

Deno.test("leave: the environment is as it was", () => {
  const rows: Env[] = [
    BASE,
    {},
    { PATH: "" },
    { PATH: "/a/:/b//c:.::/a/", PYTHONPATH: ":/x:" },
    { ...BASE, CONDA_SHLVL: "0", X: "before", PYTHONPATH: "" },
    { ...BASE, PATH: "/b\udcff:/bin", PYTHONPATH: "quote'\"\n$x" },
  ];
  for (const env of rows) {
    const inside = entered(env);
    assert.deepEqual(apply(inside, leave(deactivate(inside, E, undefined), inside)), env);
  }
});

Deno.test("leave: what was changed since stays, our parts go", () => {
  const inside = entered({ ...BASE, PYTHONPATH: "/x" });
  const changed = { ...inside, PATH: `/new:${inside["PATH"]}`, PYTHONPATH: "/n:/p:/x", X: "2" };
  const after = apply(changed, leave(deactivate(changed, E, undefined), changed));
  assert.equal(after["PATH"], "/new:/usr/bin:/bin");
  assert.equal(after["PYTHONPATH"], "/n:/x");
  assert.equal(after["MAMBAENV_ACTIVE"], undefined);
});

Deno.test("leave and enter: another project leaves nothing of the first", () => {
  const inside = entered(BASE);
  const left = apply(inside, leave(deactivate(inside, E, undefined), inside));
  const other = entered(left, "/q", prefix("/r/envs/f"));
  assert.ok(!JSON.stringify(other).includes("/p/") && !JSON.stringify(other).includes("envs/e"));
});

Deno.test("leave: a foreign MAMBAENV_UNDO sets nothing it should not", () => {
  for (const undo of ["", "{", "[]", "null", '{"A;rm":["x",null]}', '{"PATH":[1,2]}', '{"B":["x"]}', '"x"']) {
    const env = { ...BASE, MAMBAENV_ACTIVE: "/r/envs/e", MAMBAENV_UNDO: undo };
    for (const change of leave([], env)) {
      assert.ok(
        change.kind === "unset" && change.name.startsWith("MAMBAENV_"),
        `${undo}: ${JSON.stringify(change)}`,
      );
    }
  }
});

/** What a job may inherit, and the PATH that it is to have inside. */
const INHERITED: [string, Env, Partial<Entry>, string][] = [
  ["shims first", { PATH: "/pyenv/shims:/usr/bin" }, {}, "/p/bin:/r/envs/e/bin:/pyenv/shims:/usr/bin"],
  [
    "an environment active, its folder not the first",
    { PATH: "/mod/bin:/r/envs/o/bin:/usr/bin", CONDA_SHLVL: "1", CONDA_PREFIX: "/r/envs/o" },
    {},
    "/p/bin:/r/envs/e/bin:/mod/bin:/usr/bin",
  ],
  [
    "two levels, PATH reordered",
    {
      PATH: "/r/bin/:/usr/bin:/r//envs/o/bin",
      CONDA_SHLVL: "2",
      CONDA_PREFIX: "/r/envs/o",
      CONDA_PREFIX_1: "/r",
    },
    {},
    "/p/bin:/r/envs/e/bin:/usr/bin",
  ],
  [
    "a level without a prefix, a prefix without a level",
    { PATH: "/r/envs/o/bin:/usr/bin", CONDA_SHLVL: "3", CONDA_PREFIX_2: "/r/envs/o", CONDA_PREFIX: "" },
    {},
    "/p/bin:/r/envs/e/bin:/usr/bin",
  ],
  [
    "a venv around Python's home",
    { PATH: "/v/bin:/usr/bin", VIRTUAL_ENV: "/v", VIRTUAL_ENV_PROMPT: "v", PYTHONHOME: "/h" },
    {},
    "/p/bin:/r/envs/e/bin:/usr/bin",
  ],
  [
    "the same environment, behind",
    { PATH: "/pyenv/shims:/r/envs/e/bin", CONDA_SHLVL: "1", CONDA_PREFIX: "/r/envs/e" },
    {},
    "/p/bin:/r/envs/e/bin:/pyenv/shims",
  ],
  [
    "stacked on another",
    { PATH: "/r/envs/o/bin:/usr/bin", CONDA_SHLVL: "1", CONDA_PREFIX: "/r/envs/o" },
    { stack: true },
    "/p/bin:/r/envs/e/bin:/r/envs/o/bin:/usr/bin",
  ],
  [
    "prefixes that are the system's own, or nothing",
    { PATH: "/usr/bin:/bin", CONDA_PREFIX_1: "", CONDA_PREFIX_2: "/usr", VIRTUAL_ENV: "/" },
    {},
    "/p/bin:/r/envs/e/bin:/usr/bin:/bin",
  ],
  [
    "the same environment, all as it would be",
    { PATH: "/r/envs/e/bin", CONDA_SHLVL: "1", CONDA_PREFIX: "/r/envs/e", CONDA_DEFAULT_ENV: "e" },
    { root: undefined, userSite: true },
    "/r/envs/e/bin",
  ],
  ["no project", { PATH: "/usr/bin" }, { root: undefined }, "/r/envs/e/bin:/usr/bin"],
];

Deno.test("enter: of what is inherited, PATH has no other environment's folder; leave brings all back", () => {
  for (const [title, env, more, path] of INHERITED) {
    const above = env["CONDA_PREFIX"] ? prefix(env["CONDA_PREFIX"]) : undefined;
    const options = { stack: more.stack };
    const changes = enter(activate(env, E, above, options), entry(more), env);
    const inside = apply(env, changes);
    assert.equal(inside["PATH"], path, title);
    for (const name of ["VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME", "LD_LIBRARY_PATH"]) {
      assert.equal(inside[name], undefined, `${title}: ${name}`);
    }
    const out = apply(inside, leave(deactivate(inside, E, above), inside));
    assert.deepEqual(out, env, title);
    const moved = { ...inside, PATH: `/new:${inside["PATH"]}:/last` };
    const left = apply(moved, leave(deactivate(moved, E, above), moved));
    assert.equal(left["PATH"], `/new:${env["PATH"]}:/last`, `${title}, and PATH longer since`);
  }
});

Deno.test("enter: the user site is out, unless it is wanted or the environment itself decides", () => {
  const own = {
    ...E,
    vars: new Map([["PYTHONNOUSERSITE", "0"], ["PYTHONPATH", "/own"], ["VIRTUAL_ENV", "/w"]]),
  };
  const rows: [Prefix, Partial<Entry>, Env, string | undefined][] = [
    [E, {}, BASE, "1"],
    [E, { userSite: true }, BASE, undefined],
    [E, { userSite: true }, { ...BASE, PYTHONNOUSERSITE: "yes" }, "yes"],
    [own, {}, BASE, "0"],
  ];
  for (const [at, more, env, expected] of rows) {
    const inside = apply(env, enter(activate(env, at, undefined), entry(more), env));
    assert.equal(inside["PYTHONNOUSERSITE"], expected);
    assert.equal(inside["PYTHONPATH"], at === own ? "/p:/own" : "/p");
    assert.equal(inside["VIRTUAL_ENV"], at === own ? "/w" : undefined);
    assert.deepEqual(apply(inside, leave(deactivate(inside, at, undefined), inside)), env);
  }
});

Deno.test("enter: PYTHONPATH by policy; other Pythons' packages in it are named", () => {
  const env = { ...BASE, PYTHONPATH: "/x:/o/lib/python3.9/site-packages:/r/envs/e/lib/site-packages:" };
  const rows: [Entry["pythonpath"], string, string[]][] = [
    [
      "prepend",
      "/p:/x:/o/lib/python3.9/site-packages:/r/envs/e/lib/site-packages",
      ["/o/lib/python3.9/site-packages"],
    ],
    ["replace", "/p", []],
    ["off", env.PYTHONPATH, ["/o/lib/python3.9/site-packages"]],
  ];
  for (const [pythonpath, expected, others] of rows) {
    const inside = apply(env, enter(activate(env, E, undefined), entry({ pythonpath }), env));
    assert.equal(inside["PYTHONPATH"], expected);
    assert.deepEqual(foreign(E.path, inside), others);
    assert.deepEqual(apply(inside, leave(deactivate(inside, E, undefined), inside)), env);
  }
});
