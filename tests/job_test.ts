// In a batch job nothing is made unless somebody says so, and one line tells what is entered.
import assert from "node:assert/strict";
import { call, PROGRAM } from "./program.ts";
import { put } from "./root.ts";
import { tool } from "./oracle.ts";
import { compare, DEED } from "./warm.ts";
import { type TestWorld, testWorld } from "./world.ts";

type Vars = { [name: string]: string };

/** A project whose environment `work` is there, made by hand. */
function place(name = "work"): TestWorld {
  const world = testWorld({ "work/requirements.txt": "", [`root/envs/${name}/conda-meta/history`]: "" });
  put(`${world.top}/root/envs/${name}/bin/python`, "#!/bin/sh\n", 0o755);
  return world;
}

function variables(world: TestWorld, more: Vars): Vars {
  const own = { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin", MAMBAENV_ROOT: `${world.top}/root` };
  // A channel that is not there: whoever tries to build fails in another way.
  return { ...own, M: PROGRAM, MAMBAENV_CHANNEL: "file:///nowhere", ...more };
}

function bash(world: TestWorld, code: string, more: Vars) {
  return call(["/bin/bash", "-c", code], { cwd: world.cwd, env: variables(world, more) });
}

const JOBS = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"];

Deno.test("job: none is made, unless a flag, a variable or a file says so", () => {
  const world = place("other");
  const absent = /^mambaenv: No environment "work", and in a batch job \((\w+)=7\) none is made\n {2}try: /;
  const tried = /nowhere/;
  for (const name of JOBS) {
    const { err, out } = bash(world, 'source <("$M"); echo $?', { [name]: "7" });
    assert.match(err, absent);
    assert.equal(out, "3\n");
  }
  const rows: [string, Vars, RegExp][] = [
    ["", { SLURM_JOB_ID: "" }, tried],
    ["--create", {}, tried],
    ["", { MAMBAENV_CREATE: "1" }, tried],
    ["", { MAMBAENV_NO_CREATE: "0" }, tried],
    ["--create", { MAMBAENV_NO_CREATE: "1" }, tried],
    ["--no-create", { MAMBAENV_CREATE: "1" }, absent],
    ["", { MAMBAENV_BACKGROUND: "1" }, absent],
    ["", { XDG_CONFIG_HOME: `${world.top}/yes` }, tried],
    ["--no-create", { XDG_CONFIG_HOME: `${world.top}/yes` }, absent],
    ["", { XDG_CONFIG_HOME: `${world.top}/yes`, MAMBAENV_CREATE: "0" }, absent],
  ];
  put(`${world.top}/yes/mambaenv/config.toml`, "create = true\n");
  for (const [words, more, expected] of rows) {
    const { err } = bash(world, `"$M" ${words} --shell bash >/dev/null`, { SLURM_JOB_ID: "7", ...more });
    assert.match(err, expected, `${words} ${JSON.stringify(more)}`);
  }
  const { err } = bash(world, '"$M" run true', { PBS_JOBID: "7" });
  assert.match(err, absent);
  assert.match(bash(world, '"$M" sync', { PBS_JOBID: "7" }).err, tried);
});

Deno.test("job: what the login shell had is put in order, and one process of many says so in one line", () => {
  const world = place();
  const lib = `${world.top}/module/lib/python3.9/site-packages`;
  const more = {
    SLURM_JOB_ID: "7",
    PATH: `${world.top}/old/bin:${world.top}/venv/bin:/usr/bin:/bin`,
    CONDA_PREFIX: `${world.top}/old`,
    CONDA_SHLVL: "1",
    VIRTUAL_ENV: `${world.top}/venv`,
    PYTHONHOME: "/usr",
    PYTHONPATH: `${lib}:/own/modules`,
  };
  const code = 'source <("$M"); echo "$PATH|$PYTHONPATH|${PYTHONHOME-}|${VIRTUAL_ENV-}|$CONDA_PREFIX"';
  const { out, err } = bash(world, code, more);
  const prefix = `${world.top}/root/envs/work`;
  assert.equal(out, `${world.cwd}/bin:${prefix}/bin:/usr/bin:/bin|${world.cwd}:/own/modules|||${prefix}\n`);
  assert.equal(
    err,
    `mambaenv: job 7: "work" in ${prefix}; ${world.top}/old is left; out of PYTHONPATH: ${lib}; ` +
      "unset: VIRTUAL_ENV, PYTHONHOME\n",
  );
  const back = bash(world, 'source <("$M" -q); source <("$M" deactivate); echo "$PATH|$PYTHONPATH"', more);
  assert.equal(back.out, `${more.PATH}|${more.PYTHONPATH}\n`);
  assert.equal(back.err, "");
  for (const rank of ["SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"]) {
    assert.equal(bash(world, code, { ...more, [rank]: "1" }).err, "", rank);
    assert.match(bash(world, code, { ...more, [rank]: "0" }).err, /^mambaenv: job 7/, rank);
  }
});

Deno.test({
  name: "job: entering costs no more file operations than elsewhere, and changes nothing",
  ignore: !tool("strace"),
}, () => {
  const world = place();
  const env = variables(world, {});
  // On the shared disk: what the runtime asks /proc when it needs memory is the node's own.
  const files = (more: Vars) => {
    const { calls } = compare({ cwd: world.cwd, env: { ...env, ...more } });
    assert.deepEqual(calls.filter((line) => DEED.test(line) || /O_(WRONLY|RDWR|CREAT)/.test(line)), []);
    return calls.filter((line) => line.includes(`"${world.top}`)).length;
  };
  const elsewhere = files({});
  for (const rank of ["0", "1"]) assert.equal(files({ SLURM_JOB_ID: "7", SLURM_PROCID: rank }), elsewhere);
});
