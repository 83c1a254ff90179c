// Under the real direnv: read again when an input changes, also one that was not there, and never by itself.
import assert from "node:assert/strict";
import { appendFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";
import { testWorld } from "./world.ts";

const direnv = tool("direnv");

/** A project whose environment was made by hand, with direnv allowed; `export` says what direnv would do now. */
function allowed(requirements: string) {
  const world = testWorld({
    "root/envs/work/conda-meta/history": "",
    "root/envs/work/bin/": "",
    "work/requirements.txt": requirements,
    "work/.envrc": `source <("${PROGRAM}")\n`,
  });
  let env: { [name: string]: string } = {
    HOME: `${world.top}/home`,
    PATH: "/usr/bin:/bin",
    MAMBAENV_ROOT: `${world.top}/root`,
  };
  call([direnv, "allow", "."], { cwd: world.cwd, env });
  /** Whether direnv read the .envrc again; the shell takes over what it says. */
  const reads = (more: { [name: string]: string } = {}) => {
    const { out, err } = call([direnv, "export", "json"], { cwd: world.cwd, env: { ...env, ...more } });
    const changes = JSON.parse(out || "{}") as { [name: string]: string | null };
    const next = Object.entries({ ...env, ...changes }).filter(([, value]) => value !== null);
    env = Object.fromEntries(next) as typeof env;
    return { again: out !== "", err, prefix: env["CONDA_PREFIX"] };
  };
  return { world, reads };
}

const ignore = !direnv;

Deno.test({ name: "direnv: no loop; every input is watched, also before it is there", ignore }, () => {
  const { world, reads } = allowed("");
  const first = reads();
  assert.equal(first.prefix, `${world.top}/root/envs/work`, first.err);
  for (let i = 0; i < 3; i++) assert.equal(reads().again, false, "by itself");
  for (const name of [".python-version", "environment.yml", "pyproject.toml"]) {
    writeFileSync(`${world.cwd}/${name}`, name.startsWith(".") ? "3.12\n" : "");
    assert.equal(reads().again, true, `${name} is new`);
    assert.equal(reads().again, false, name);
    rmSync(`${world.cwd}/${name}`);
    assert.equal(reads().again, true, `${name} is gone`);
  }
  const soon = new Date(Date.now() + 5000);
  appendFileSync(`${world.cwd}/requirements.txt`, "# more\n");
  utimesSync(`${world.cwd}/requirements.txt`, soon, soon);
  assert.equal(reads().again, true, "requirements.txt changed");
  assert.equal(reads().again, false);
});

Deno.test({ name: "direnv: what failed is tried again once an input is mended", ignore }, () => {
  const { world, reads } = allowed("six = 1\n");
  rmSync(`${world.top}/root`, { recursive: true });
  assert.match(reads().err, /Cannot parse "requirements.txt" line 1/);
  assert.equal(reads().again, false);
  world.mkdir(`${world.top}/root/envs/work/conda-meta`);
  const soon = new Date(Date.now() + 5000);
  writeFileSync(`${world.cwd}/requirements.txt`, "");
  utimesSync(`${world.cwd}/requirements.txt`, soon, soon);
  assert.equal(reads().prefix, `${world.top}/root/envs/work`);
});
