// Dask's workers as jobs, by the example of docs/hpc.md.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { HOME } from "./once.ts";
import { cluster as jupyter } from "./oracle.ts";
import { lend } from "./program.ts";
import { lodge, put } from "./root.ts";
import { cluster, possible } from "./slurm/slurm.ts";
import { testWorld } from "./world.ts";

const python = await jupyter();

/** What a site would say of its nodes, for those of the test. */
const SITE = `jobqueue:
  slurm:
    cores: 1
    memory: 1GB
    interface: lo
    walltime: "00:05:00"
    death-timeout: 60
    job-directives-skip: ["--mem"]
    scheduler-options: {dashboard_address: null}
    worker-extra-args: ["--no-dashboard"]
`;

Deno.test({
  name: "dask: the example of docs/hpc.md: workers are jobs that run on copies of the environment",
  ignore: !python || !possible(),
}, async () => {
  const slurm = cluster();
  const world = testWorld({ "work/requirements.txt": "dask-jobqueue\n" });
  try {
    lodge(`${world.top}/root/envs/work`, python);
    fs.mkdirSync(`${world.top}/bin`);
    lend(`${world.top}/bin/mambaenv`);
    put(`${world.top}/home/.config/dask/jobqueue.yaml`, SITE);
    const [, code] = /```python\n(from dask_jobqueue[^]*?)```/.exec(
      fs.readFileSync(join(HOME, "docs/hpc.md"), "utf8"),
    )!;
    put(`${world.cwd}/workers.py`, code!);
    const env = {
      HOME: `${world.top}/home`,
      PATH: `${world.top}/bin:/usr/bin:/bin:/usr/sbin`,
      MAMBAENV_ROOT: `${world.top}/root`,
      MAMBAENV_TO: slurm.local,
    };
    const { out, err, status } = await slurm.login("mambaenv run python workers.py", world.cwd, env);
    assert.equal(status, 0, err);
    const [sum, ...prefixes] = out.trim().split("\n");
    assert.equal(sum, "5050", err);
    assert.equal(new Set(prefixes).size, 3, out);
    for (const prefix of prefixes) {
      assert.match(prefix, new RegExp(`^${slurm.local}/mambaenv-0/\\d+/work-[0-9a-f]{8}$`));
    }
  } finally {
    slurm.close();
    world.remove(world.top);
  }
});
