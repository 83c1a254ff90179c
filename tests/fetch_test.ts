// `mambaenv fetch`: what it gets is all that a machine without a network needs.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { spawnSync } from "node:child_process";
import { oracle, tool } from "./oracle.ts";
import { peer } from "./peer/peer.ts";
import { staged } from "./stage.ts";

const ignore = !(await oracle());
/** A shell in a network namespace without a network, where this machine allows one. */
const UNSHARE = ["unshare", "--map-root-user", "--net"];
const apart = tool("unshare") !== "" && spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), "true"]).status === 0;
if (!apart && process.env["CI"]) throw new Error("this machine allows no network namespace");
if (!apart) console.error("skipped: this machine allows no network namespace");

Deno.test({
  name:
    "fetch: fills the caches, then --offline creates without a network, beside mamba too; exit 5 names what is missing",
  ignore: ignore || !apart,
}, () =>
  staged("requests\nhello\nonlypypi\nclick==8.2.1\n", async (stage) => {
    const { bash, world, server } = stage;
    const root = `${world.top}/home/miniforge3`;
    const made = () => world.list(`${root}/envs/.mambaenv`) ?? [];
    await peer(root, ["mamba"]);
    const none = await bash('"$M" fetch');
    assert.equal(none.status, 4, none.err);
    assert.equal((await bash('"$M" lock -q')).status, 0);
    for (const path of [`${root}/pkgs`, `${world.top}/home/.cache`]) world.remove(path);
    const net = `${UNSHARE.join(" ")} bash -c`;
    const enter =
      'source <("$M" --locked --offline); echo $?; python -c "import requests, hello, onlypypi, click"';
    const lacking = await bash(`${net} '${enter}'`);
    assert.match(lacking.out, /^5\n/, lacking.err);
    const names = [
      /^ {4}requests-.*\.(conda|tar\.bz2)$/m,
      /^ {4}hello-/m,
      /^ {4}python-/m,
      /^ {4}onlypypi 1.0 \(PyPI\)$/m,
    ];
    for (const name of [...names, /click 8.2.1 \(PyPI\)/, /try: .*mambaenv fetch/]) {
      assert.match(lacking.err, name);
    }
    const asked = await bash('"$M" fetch --offline');
    assert.equal(asked.status, 5, asked.err);

    const got = await bash('"$M" fetch');
    assert.deepEqual([got.status, got.out], [0, ""], got.err);
    assert.match(got.err, /\d+ packages? at hand: mambaenv --locked --offline\n/);
    assert.deepEqual(made(), [], "no environment stays");
    const count = server.requests.length;
    assert.equal((await bash('"$M" fetch -q --offline')).status, 0);
    for (const words of ["", " --engine builtin --name other"]) {
      const entered = await bash(`${net} '${enter.replace("--offline", `--offline${words}`)}'`);
      assert.deepEqual([entered.status, entered.out], [0, "0\n"], entered.err);
    }
    assert.equal(server.requests.length, count);
    const stamp = `${root}/envs/work/conda-meta/mambaenv.json`;
    assert.equal(JSON.parse(world.read(stamp)!).engine, "mamba");

    world.remove(`${root}/envs`);
    for (const path of fs.globSync(`${root}/pkgs/hello-*`)) world.remove(path);
    const some = await bash(`${net} '${enter}'`);
    assert.match(some.out, /^5\n/);
    assert.match(some.err, /OfflineError[^]*no cache has:\n {4}hello-.*\n {2}try/);
    for (const path of fs.globSync(`${world.top}/home/.cache/mambaenv/wheels/*/onlypypi*`)) fs.rmSync(path);
    const half = await bash(`${net} '${enter}'`);
    assert.match(half.out, /^5\n/);
    assert.match(half.err, /no cache has:\n {4}hello-.*\n {4}onlypypi 1.0 \(PyPI\)\n {2}try/);

    assert.equal((await bash('"$M" fetch -q')).status, 0);
    const wheels = fs.globSync(`${world.top}/home/.cache/mambaenv/wheels/*/onlypypi*`);
    for (const path of wheels) fs.truncateSync(path, 100);
    const mended = await bash('"$M" sync --locked -q');
    assert.equal(mended.status, 0, mended.err);
    assert.match(mended.err, /warning: "onlypypi.*" in .* is damaged: it is downloaded again\n/);
  }));
