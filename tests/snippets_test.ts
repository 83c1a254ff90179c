// The job scripts of README.md, as they are printed, on a Slurm cluster; for PBS its variables only.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { HOME } from "./once.ts";
import { cluster as jupyter, tool } from "./oracle.ts";
import { lend } from "./program.ts";
import { lodge, put } from "./root.ts";
import { type Cluster, cluster, possible } from "./slurm/slurm.ts";
import { type TestWorld, testWorld } from "./world.ts";

const python = await jupyter();
const ignore = !python || !possible();
let slurm: Cluster;
let world: TestWorld;
let where: { cwd: string; env: { [name: string]: string } };

/** Tells where it runs, on which disk, and as whom. */
const TRAIN = `import os, sys
names = ["SLURMD_NODENAME", "PMI_RANK", "PMI_SIZE", "PBS_JOBID"]
print("in", sys.prefix, os.stat(sys.prefix).st_dev, *(os.environ.get(name, "-") for name in names), *sys.argv[1:], flush=True)
`;

Deno.test.beforeAll(() => {
  if (ignore) return;
  slurm = cluster();
  world = testWorld({ "work/requirements.txt": "" });
  lodge(`${world.top}/root/envs/work`, python);
  fs.mkdirSync(`${world.top}/bin`);
  lend(`${world.top}/bin/mambaenv`);
  put(`${world.cwd}/train.py`, TRAIN);
  const env = {
    HOME: `${world.top}/home`,
    PATH: `${world.top}/bin:/usr/bin:/bin:/usr/sbin`,
    MAMBAENV_ROOT: `${world.top}/root`,
    TMPDIR: slurm.local,
  };
  where = { cwd: world.cwd, env };
});
Deno.test.afterAll(() => {
  slurm?.close();
  if (world) world.remove(world.top);
});

/** The block of README.md that has these words in it. */
function snippet(words: string): string {
  const blocks = fs.readFileSync(join(HOME, "README.md"), "utf8").matchAll(/```sh\n([^]*?)```/g);
  const found = [...blocks].map(([, code]) => code!).filter((code) => code.includes(words));
  assert.equal(found.length, 1, words);
  return found[0]!;
}

/** What the ranks said: each one's prefix, its disk, and the rest, sorted. */
function ranks(said: string) {
  const lines = said.split("\n").filter((line) => line.startsWith("in ")).map((line) =>
    line.slice(3).split(" ")
  );
  const of = (i: number) => new Set(lines.map((words) => words[i]!));
  return { prefixes: of(0), disks: of(1), rest: lines.map((words) => words.slice(2).join(" ")).sort() };
}

const SHARED = () => new Set([`${world.top}/root/envs/work`]);
const nodes = (times: number, tail: string) =>
  ["n1", "n2", "n3"].flatMap((node) => Array(times).fill(`${node} ${tail}`));

function copied({ prefixes, disks }: ReturnType<typeof ranks>, said: string): void {
  assert.deepEqual([prefixes.size, disks.size], [1, 3], said);
  assert.match([...prefixes][0]!, new RegExp(`^${slurm.local}/mambaenv-0/\\d+/work-[0-9a-f]{8}$`), said);
}

Deno.test({ name: "README: sbatch: every node has a copy, which the ranks run on", ignore }, async () => {
  const said = await slurm.batch(snippet("srun mambaenv run --staged"), [], where);
  const seen = ranks(said);
  copied(seen, said);
  assert.deepEqual(seen.rest, nodes(1, "- - -"), said);
});

Deno.test({ name: "README: srun from the login node: 16 ranks on each node", ignore }, async () => {
  const { out, err } = await slurm.login(snippet("# from the login node"), where.cwd, where.env);
  const { prefixes, rest } = ranks(out);
  assert.deepEqual(prefixes, SHARED(), err);
  assert.deepEqual(rest, nodes(16, "- - -"), err);
});

Deno.test({ name: "README: an array job: each task has its number", ignore }, async () => {
  const said = await slurm.batch(snippet("SLURM_ARRAY_TASK_ID"), ["--array=0-5"], where);
  const { prefixes, rest } = ranks(said);
  assert.deepEqual(prefixes, SHARED(), said);
  assert.deepEqual(
    rest.map((line) => line.slice(3)).sort(),
    [0, 1, 2, 3, 4, 5].map((task) => `- - - ${task}`),
    said,
  );
});

Deno.test(
  { name: "README: MPI: mpirun's ranks run on the copies", ignore: ignore || !tool("mpirun") },
  async () => {
    const said = await slurm.batch(snippet("mpirun mambaenv"), [], where);
    const seen = ranks(said);
    copied(seen, said);
    const numbers = seen.rest.map((line) => line.split(" ").slice(1).join(" ")).sort();
    assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5].map((rank) => `${rank} 6 -`), said);
  },
);

Deno.test({ name: "README: PBS, by its variables: the copy is in $PBS_JOBFS", ignore }, async () => {
  const jobfs = `${world.top}/jobfs`;
  fs.mkdirSync(jobfs);
  const pbs = { PBS_JOBID: "7.server", PBS_JOBFS: jobfs, PBS_O_WORKDIR: world.cwd };
  const { out, err, status } = await slurm.login(snippet("#PBS"), "/", { ...where.env, ...pbs });
  assert.equal(status, 0, err);
  const { prefixes, rest } = ranks(out);
  assert.deepEqual(rest, ["- - - 7.server"], err);
  assert.match([...prefixes][0]!, new RegExp(`^${jobfs}/mambaenv-0/7\\.server/work-[0-9a-f]{8}$`));
});
