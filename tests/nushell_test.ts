// README's lines for nushell, in the real one.
import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";
import { put } from "./root.ts";
import { NASTY } from "./shells/nasty.ts";
import { testWorld } from "./world.ts";

const nu = tool("nu");
const README = readFileSync(join(import.meta.dirname!, "..", "README.md"), "utf8");

function variables(file: string): { [name: string]: string } {
  const entries = readFileSync(file, "utf8").split("\0").filter(Boolean).map((entry) => {
    const cut = entry.indexOf("=");
    return [entry.slice(0, cut), entry.slice(cut + 1)] as const;
  });
  return Object.fromEntries(
    entries.filter(([name]) => !/^(_|CMD_DURATION_MS|LAST_EXIT_CODE)$/.test(name)),
  );
}

Deno.test({
  name: "nushell: README's menv enters, activates another, leaves; every value as it is",
  ignore: !nu,
}, () => {
  const [, snippet = ""] = /```nu\n([^]*?)```/.exec(README) ?? [];
  const world = testWorld({
    "work/requirements.txt": "",
    "menv.nu": snippet,
    "root/envs/work/conda-meta/history": "",
    "root/envs/work/conda-meta/state": JSON.stringify({ env_vars: NASTY }),
    "root/envs/other/conda-meta/history": "",
  });
  put(`${world.top}/root/envs/work/bin/python`, "#!/bin/sh\necho project\n", 0o755);
  put(`${world.top}/root/envs/other/bin/python`, "#!/bin/sh\necho other\n", 0o755);
  put(`${world.top}/tools/keep`, "");
  symlinkSync(PROGRAM, `${world.top}/tools/mambaenv`);
  const script = `source ${world.top}/menv.nu
def dump [name] { ^/usr/bin/env -0 | save --raw ([${world.top} $name] | path join) }
dump before
menv
dump inside
^python
menv activate other
^python
menv deactivate
^python
menv deactivate
try { menv activate nope; print entered } catch { print failed }
dump after
`;
  put(`${world.top}/script.nu`, script);
  const { status, out, err } = call([nu, "--no-config-file", `${world.top}/script.nu`], {
    cwd: world.cwd,
    env: {
      HOME: `${world.top}/home`,
      PATH: `${world.top}/tools:/usr/bin:/bin`,
      MAMBAENV_ROOT: `${world.top}/root`,
      PYTHONPATH: "/else where",
    },
  });
  assert.deepEqual([status, out], [0, "project\nother\nproject\nfailed\n"], err);
  const [before, inside, after] = ["before", "inside", "after"].map((name) =>
    variables(`${world.top}/${name}`)
  );
  assert.deepEqual(after, before);
  for (const [name, value] of Object.entries(NASTY)) assert.equal(inside![name], value, name);
  assert.equal(inside!["PATH"], `${world.cwd}/bin:${world.top}/root/envs/work/bin:${before!["PATH"]}`);
  world.remove(world.top);
});
