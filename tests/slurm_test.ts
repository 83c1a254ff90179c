// Jobs on a real Slurm cluster of three nodes.
import assert from "node:assert/strict";
import { PROGRAM } from "./program.ts";
import { put } from "./root.ts";
import { type Cluster, cluster, possible } from "./slurm/slurm.ts";
import { type TestWorld, testWorld } from "./world.ts";

const ignore = !possible();
let slurm: Cluster;
let world: TestWorld;
let env: { [name: string]: string };

/** An environment made by hand, whose Python tells where it is. */
function place(): TestWorld {
  const world = testWorld({ "work/requirements.txt": "", "root/envs/work/conda-meta/history": "" });
  put(`${world.top}/root/envs/work/bin/where`, "#!/bin/sh\necho $SLURMD_NODENAME\n", 0o755);
  return world;
}

Deno.test.beforeAll(() => {
  if (ignore) return;
  slurm = cluster();
  world = place();
  env = { HOME: `${world.top}/home`, MAMBAENV_ROOT: `${world.top}/root`, M: PROGRAM };
});

Deno.test.afterAll(() => {
  slurm?.close();
  if (world) world.remove(world.top);
});

/** What the login shell leaves to its jobs. */
const LEFT = { CONDA_PREFIX: "/old", CONDA_SHLVL: "1", PYTHONHOME: "/nowhere", VIRTUAL_ENV: "/venv" };

Deno.test(
  { name: "slurm: sbatch with --export=ALL and NONE, array jobs: entered, one line told", ignore },
  async () => {
    const setting = `export MAMBAENV_ROOT=${env["MAMBAENV_ROOT"]} HOME=${env["HOME"]}\n`;
    const code = `${setting}source <(${PROGRAM}) && [ -n "\${MAMBAENV_ACTIVE-}" ] || exit 1
echo "in $CONDA_PREFIX \${PYTHONHOME-} \${VIRTUAL_ENV-} \${PATH%%:*} $(where)"\n`;
    const where = { cwd: world.cwd, env: { ...env, ...LEFT } };
    const prefix = `${world.top}/root/envs/work`;
    const rows: [string[], RegExp, number][] = [
      [["--export=ALL"], /; \/old is left; unset: VIRTUAL_ENV, PYTHONHOME$/, 1],
      [["--export=NONE"], /work$/, 1],
      [["--array=0-5"], /PYTHONHOME$/, 6],
    ];
    for (const [words, told, times] of rows) {
      const said = (await slurm.batch(code, words, where)).trim().split("\n");
      const lines = said.filter((line) => line.startsWith("mambaenv: job "));
      assert.equal(lines.length, times, said.join("\n"));
      for (const line of lines) assert.match(line, told);
      const entered = said.filter((line) => line.startsWith("in "));
      assert.equal(entered.length, times, said.join("\n"));
      for (const line of entered) assert.match(line, new RegExp(`^in ${prefix}   ${world.cwd}/bin n[123]$`));
    }
  },
);

Deno.test({ name: "slurm: srun -N3 with 16 ranks a node: all enter, one says so", ignore }, async () => {
  const { out, err, status } = await slurm.login(
    `srun -N3 --ntasks-per-node=16 bash -c 'source <("$M") && where'`,
    world.cwd,
    env,
  );
  assert.equal(status, 0, err);
  const nodes = out.trim().split("\n").sort();
  assert.deepEqual(nodes, ["n1", "n2", "n3"].flatMap((node) => Array(16).fill(node)), err);
  assert.equal(err.split("\n").filter((line) => line.startsWith("mambaenv: job ")).length, 1, err);
});
