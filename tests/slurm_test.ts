// Jobs on a real Slurm cluster of three nodes.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { PROGRAM } from "./program.ts";
import { put } from "./root.ts";
import { count, type Scene, scene } from "./slurm/scene.ts";
import { type Cluster, possible } from "./slurm/slurm.ts";
import { staged } from "./stage.ts";
import { type TestWorld, testWorld } from "./world.ts";

const ignore = !possible();
let set: Scene;
let slurm: Cluster;
let world: TestWorld;
let env: { [name: string]: string };
/** A job that runs into its time limit of a minute, the least there is, while the others are looked at. */
let limited: string;

/** An environment made by hand, whose Python tells where it is. */
function place(): TestWorld {
  const world = testWorld({ "work/requirements.txt": "", "root/envs/work/conda-meta/history": "" });
  put(`${world.top}/root/envs/work/bin/where`, "#!/bin/sh\necho $SLURMD_NODENAME\n", 0o755);
  return world;
}

Deno.test.beforeAll(async () => {
  if (ignore) return;
  set = await scene();
  slurm = set.slurm;
  world = place();
  env = { HOME: `${world.top}/home`, MAMBAENV_ROOT: `${world.top}/root`, M: PROGRAM };
  const stage = 'srun -N2 -n2 mkdir "$MAMBAENV_TO"; "$M" stage && echo staged; sleep 300';
  const where = { ...set.where, env: { ...set.where.env, MAMBAENV_TO: `${slurm.local}/limited` } };
  // Not on the node that is to fail.
  limited = await slurm.submit(stage, ["-N2", "-w", "n1,n3", "--time=1"], where);
});

Deno.test.afterAll(() => {
  set?.close();
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

/** One rank on each node tells which environment it is in. */
const ENTER =
  `srun -N3 -n3 --ntasks-per-node=1 bash -c 'source <("$M" --staged) && echo "in $CONDA_PREFIX"'\n`;

const REQUIREMENTS = `numpy\ncowsay\nrequests\n${
  ["prefixed", "texts", "hello", "hooks", "links"].map((name) => `${name} # conda: ${name}\n`).join("")
}`;

/** Runs on every node: what names the shared prefix, what is broken, and what runs. */
const CHECK = `
cd /
bad=$(grep -rlF "$SHARED" "$CONDA_PREFIX" | grep -v conda-meta/ || true)
found=$(find "$CONDA_PREFIX" -xtype l | sed "s|$CONDA_PREFIX/||" | sort | md5sum)
python - <<'END'
import sys, numpy, cowsay, requests, compileall, sysconfig
assert sys.prefix == numpy.__file__.split("/lib/")[0] == sysconfig.get_config_var("prefix") == __import__("os").environ["CONDA_PREFIX"], (sys.prefix, numpy.__file__)
assert cowsay.__spec__.cached and __import__("os").path.exists(cowsay.__spec__.cached)
assert cowsay.get_output_string.__code__.co_filename.startswith(sys.prefix)
END
echo "$SLURMD_NODENAME|$CONDA_PREFIX|$(prefixed | sed "s/ [0-9]*$//" | tr "\\n" " ")|$(hello)|$(cowsay -t hi | grep -c hi)|\${bad:-clean}|$found"
`;

Deno.test({
  name:
    "slurm: stage: one archive by sbcast, a copy on each node that names itself, gone after the job; killed while unpacking",
  ignore,
}, () =>
  staged(REQUIREMENTS, async ({ env, world, bash }) => {
    const made = await bash('source <("$M") && echo "$CONDA_PREFIX"');
    const shared = made.out.trim();
    assert.equal(made.status, 0, made.err);
    const home = { ...env, MAMBAENV_TO: slurm.local, SHARED: shared };
    const where = { cwd: world.cwd, env: home };
    const expected = (await bash(`source <("$M"); ${CHECK}`, { SHARED: "/nowhere" })).out.trim().split("|");
    assert.equal(expected.length, 7, expected.join("|"));
    const code = `"$M" stage -v || exit 1
srun -N3 --ntasks-per-node=1 "$M" run --staged bash -c '${CHECK.replaceAll("'", "'\\''")}'
source <("$M" --staged); echo "script $CONDA_PREFIX"
srun -N3 --ntasks-per-node=1 python -c 'import sys; print("rank", sys.prefix)'
`;
    const said = await slurm.batch(code, ["-N3"], where);
    const lines = said.split("\n").filter((line) => /^n[123]\|/.test(line)).sort();
    assert.equal(lines.length, 3, said);
    lines.forEach((line, i) => {
      const [node, prefix, prefixed, hello, cow, bad, links] = line.split("|");
      assert.equal(node, `n${i + 1}`);
      assert.match(prefix!, new RegExp(`^${slurm.local}/mambaenv-0/\\d+/work-[0-9a-f]{8}$`));
      assert.equal(prefixed, expected[2]!.replaceAll(shared, prefix!), said);
      assert.deepEqual([hello, cow, bad, links], [expected[3], expected[4], "clean", expected[6]], said);
      assert.ok(said.includes(`script ${prefix}`) && said.split(`rank ${prefix}`).length === 4, said);
    });
    assert.equal(said.split(": packed").length, 2, said);
    assert.equal(await set.left(), "", said);
    const killed = `"$M" stage; echo "status $?"; ${ENTER}`;
    const task = await slurm.submit(killed, ["-N3"], where);
    process.kill(await unpacking(task, "n2"), "SIGKILL");
    const without = await slurm.ended(task);
    assert.match(without, /Not every node has a copy/);
    assert.match(without, /^status 1$/m);
    assert.deepEqual(
      [count(without, `\nin ${slurm.local}/`), count(without, `\nin ${shared}`)],
      [2, 1],
      without,
    );
    assert.equal(await set.left(), "", without);
    // A node that fails takes the job with it.
    const node = await slurm.submit(killed, ["-N3", "--no-requeue"], where);
    await unpacking(node, "n2");
    await slurm.login("scontrol update nodename=n2 state=down reason=test", world.cwd);
    const failed = await slurm.ended(node);
    assert.match(failed, /DUE TO NODE FAILURE/);
    await slurm.login("scontrol update nodename=n2 state=resume", world.cwd);
    await slurm.batch('"$M" stage', ["-N3"], where);
    assert.equal(await set.left(), "", failed);
  }));

/** Who unpacks on a node, as soon as there is something of it on the node's own disk. */
async function unpacking(id: string, node: string): Promise<number> {
  for (let i = 0; i < 3000; i++) {
    for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const words = fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
        if (words[1] !== "stage" || !/^[0-9a-f]{64}$/.test(words.at(-2)!)) continue;
        const env = fs.readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
        if (!env.includes(`SLURMD_NODENAME=${node}`) || !env.includes(`SLURM_JOB_ID=${id}`)) continue;
        const folder = `/proc/${pid}/root${slurm.local}/mambaenv-0/${id}`;
        if (fs.readdirSync(folder).some((name) => name.endsWith(".part"))) return Number(pid);
      } catch (error) {
        if (!(error instanceof Error && "code" in error)) throw error;
      }
    }
    await new Promise((wake) => setTimeout(wake, 10));
  }
  throw new Error("nobody unpacks");
}

const RANKS =
  `srun -N3 --ntasks-per-node=16 bash -c '"$M" stage -v; source <("$M" --staged -q) && echo "in $CONDA_PREFIX"'\n`;

Deno.test({
  name: "slurm: stage from 48 ranks and from two jobs at once: packed once, unpacked once a node and job",
  ignore,
}, async () => {
  const { where } = set;
  set.forget();
  const said = await slurm.batch(RANKS, ["-N3", "--ntasks-per-node=16"], where);
  assert.equal(count(said, `in ${slurm.local}/`), 48, said);
  assert.deepEqual([count(said, ": packed "), count(said, ": unpacked ")], [1, 3], said);
  // The rank that unpacks has it guarded, so that it goes with the job as what the job's script stages.
  assert.equal(await set.left(), "", said);
  set.forget();
  const code = `"$M" stage -v && source <("$M" --staged) && srun -N3 -n3 tool`;
  const ids = await Promise.all([0, 1].map(() => slurm.submit(code, ["-N3", "--overcommit"], where)));
  const both = await Promise.all(ids.map((id) => slurm.ended(id)));
  for (const one of both) assert.equal(count(one, "\ntool"), 3, one);
  assert.equal(count(both.join(""), "mambaenv: packed "), 1, both.join(""));
  assert.equal(await set.left(), "", both.join(""));
});

Deno.test({
  name:
    "slurm: stage: a full disk, a planted folder, an allocation that is over: told, the shared one is entered",
  ignore,
}, async () => {
  const { where, shared } = set;
  const rows: [nodes: string, string, string, RegExp, number][] = [
    [
      "n3",
      'cat /dev/zero >"$L/fill" 2>/dev/null || true',
      'rm -f "$L/fill"',
      /No space left|disk is (too )?full/,
      1,
    ],
    ["n[1-3]", 'ln -sfn /etc "$L/mambaenv-0"', 'rm -f "$L/mambaenv-0"', /not this user's|cannot start/, 3],
  ];
  for (const [nodes, before, after, words, shareds] of rows) {
    assert.equal((await set.each(nodes, before)).status, 0);
    const said = await slurm.batch(`"$M" stage; echo "status $?"\n${ENTER}`, ["-N3"], where);
    await set.each(nodes, after);
    assert.match(said, words);
    assert.match(said, /status 1/);
    assert.equal(count(said, `\nin ${shared}`), shareds, said);
    assert.equal(count(said, "warning: no copy is staged"), shareds, said);
    assert.equal(await set.left(), "", said);
  }
  const code = 'SLURM_JOB_ID=99999 SLURM_JOB_NODELIST="n[1-3]" "$M" stage';
  const over = await slurm.login(code, where.cwd, where.env);
  assert.equal(over.status, 1);
  assert.match(over.err, /Slurm cannot start it on the job's nodes: .*\n {2}try: squeue/);
});

Deno.test({
  name: "slurm: stage --nodes: these have copies, the others enter the shared one; others' nodes are told",
  ignore,
}, async () => {
  const { where, shared } = set;
  const code =
    `"$M" stage --nodes 'n[1-2]'; echo "status $?"\n${ENTER}"$M" stage --nodes n9; echo "status $?"\n`;
  const said = await slurm.batch(code, ["-N3"], where);
  assert.match(said, /staged on 2 nodes/);
  assert.deepEqual(said.match(/status \d/g), ["status 0", "status 1"], said);
  assert.deepEqual([count(said, `\nin ${slurm.local}/`), count(said, `\nin ${shared}`)], [2, 1], said);
  assert.match(said, /Slurm cannot start it on the job's nodes: .*node configuration is not available/);
  assert.equal(await set.left(), "", said);
});

Deno.test({
  name: "slurm: stage: cancelled at any time, nothing stays on the nodes; what dead jobs left is swept",
  ignore,
}, async () => {
  const { where } = set;
  for (const wait of [0.3, 0.6, 1]) {
    const id = await slurm.submit('"$M" stage -v; sleep 60', ["-N3"], where);
    await new Promise((wake) => setTimeout(wake, wait * 1000));
    await slurm.login(`scancel ${id}`, where.cwd);
    const said = await slurm.ended(id);
    assert.equal(await set.left(), "", `${wait} s: ${said}`);
  }
  // Of jobs that Slurm does not know any more.
  await set.each("n[1-3]", 'umask 077; mkdir -p "$L/mambaenv-0/77777/work"');
  assert.equal(count(await set.left(), "77777/work"), 3);
  const said = await slurm.batch('"$M" stage', ["-N3"], where);
  assert.match(said, /staged on 3 nodes/);
  assert.equal(await set.left(), "", said);
});

Deno.test({
  name: "ranks: 256 processes enter one environment at once, on a disk that is mounted read-only",
  ignore,
}, async () => {
  const top = world.top;
  const code = `mount --bind ${top} ${top} && mount -o remount,bind,ro ${top} || exit 1
touch ${world.cwd}/x 2>/dev/null && exit 1
for i in $(seq 256); do (source <("$M") && where >/dev/null && echo "$CONDA_PREFIX") & done; wait`;
  const more = { ...env, SLURM_JOB_ID: "7", SLURMD_NODENAME: "n0", CODE: code };
  const { out, err, status } = await slurm.login(
    'exec unshare -m --propagation private bash -c "$CODE"',
    world.cwd,
    more,
  );
  assert.equal(status, 0, err);
  assert.deepEqual(out.trim().split("\n"), Array(256).fill(`${top}/root/envs/work`), err.slice(0, 500));
});

Deno.test(
  { name: "slurm: stage: a job that runs into its time limit leaves nothing on the nodes", ignore },
  async () => {
    const said = await slurm.ended(limited, 150);
    assert.match(said, /^staged$/m);
    assert.match(said, /CANCELLED AT .* DUE TO TIME LIMIT/);
    const { out, status } = await set.each("n[1-3]", 'find "$L" -mindepth 2 -path "$L/limited/*"');
    assert.deepEqual([status, out], [0, ""], said);
  },
);
