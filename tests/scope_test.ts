// What a project adds, and that all of it can be undone.
import assert from "node:assert/strict";
import { activate, apply, deactivate, type Prefix } from "../lib/activation.ts";
import { enter, leave } from "../lib/scope.ts";
import type { Env } from "../lib/world.ts";

function prefix(path: string): Prefix {
  return { path, activate: [`${path}/a.sh`], deactivate: [], vars: new Map([["X", "1"]]), warnings: [] };
}
const E = prefix("/r/envs/e");
const BASE: Env = { PATH: "/usr/bin:/bin" };

function entered(env: Env, root: string | undefined = "/p", at = E): Env {
  return apply(env, enter(activate(env, at, undefined), at.path, root, env));
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
    const changes = enter(activate(env, E, undefined), E.path, "/p", env);
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
