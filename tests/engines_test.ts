// The user's own mamba, micromamba and conda: a peer with their command line does the real work.
import assert from "node:assert/strict";
import { readlinkSync, renameSync, writeFileSync } from "node:fs";
import { oracle } from "./oracle.ts";
import { type Name, peer } from "./peer/peer.ts";
import { staged } from "./stage.ts";

const ignore = !(await oracle());
const REQUIREMENTS = "hello\nrequests>=2.31\nonlypypi\n# conda: accel\n";

/**
 * PEP 668: what the program makes has a Python that is not for pip to change, as a distribution may have it. And conda
 * keeps its command line in the history.
 */
function mark(root: string, name: Name): void {
  const program = `${root}/bin/${name}`;
  renameSync(program, `${program}.own`);
  const loop = `for dir in '${root}'/envs/.mambaenv/*/lib/python3*; do
  echo "[externally-managed]" >"$dir/EXTERNALLY-MANAGED"
  echo "# cmd: $0 $*" >>"$dir/../../conda-meta/history"
done`;
  const script = `#!/bin/sh\n"$0.own" "$@" || exit\n${loop}\n`;
  writeFileSync(program, script, { mode: 0o755 });
}

for (const name of ["conda", "mamba", "micromamba"] as const) {
  Deno.test(
    {
      name:
        `external: ${name} makes the environment in its own root, pip adds the rest, also where PEP 668 forbids`,
      ignore,
    },
    () =>
      staged(REQUIREMENTS, async ({ world, bash, server }) => {
        const root = `${world.top}/home/miniforge3`;
        await peer(root, [name]);
        mark(root, name);
        const first = await bash(
          'source <("$M") && python -c "import hello, requests, onlypypi; print(1)" && echo "$CONDA_PREFIX"',
          { CONDA_OVERRIDE_CUDA: "", MAMBAENV_CHANNEL: server.url.replace("//", "//me:s3cr3t@") },
        );
        assert.equal(first.status, 0, first.err);
        const prefix = first.out.split("\n")[1]!;
        assert.ok(prefix.startsWith(`${root}/envs/.mambaenv/work-`), prefix);
        const kept = await bash(
          `grep -rl s3cr3t ${prefix}; grep -c "# cmd: .*${server.url}" ${prefix}/conda-meta/history`,
        );
        assert.deepEqual([kept.out, first.err.includes("s3cr3t")], ["1\n", false], "no secret");
        const own = await bash(`${prefix}/bin/python -m pip install --no-index cowsay`);
        assert.match(own.err, /externally-managed-environment/);
        assert.match(readlinkSync(`${root}/envs/work`), /^\.mambaenv\/work-/);
        assert.equal(JSON.parse(world.read(`${prefix}/conda-meta/mambaenv.json`)!).engine, name);
        assert.match(first.err, /without graphics card: accel; for a machine that has one: --cuda/);
        assert.match(first.err, /^ {2}requests +[\d.]+ +conda/m);
        assert.match(first.err, /^ {2}onlypypi +[\d.]+ +PyPI/m);
        const asked = server.requests.length;
        const again = await bash('source <("$M"); echo "$CONDA_PREFIX|$CONDA_EXE"');
        assert.deepEqual([again.out, again.err], [`${prefix}|${root}/bin/conda\n`, ""]);
        assert.equal(server.requests.length, asked);
      }),
  );
}

Deno.test(
  { name: "choose: mamba before micromamba before conda, --engine before all", ignore },
  () =>
    staged("", async ({ world, bash }) => {
      const order: [Name[], string, string][] = [
        [["conda", "mamba", "micromamba"], "", "mamba"],
        [["conda", "micromamba"], "", "micromamba"],
        [["conda", "mamba"], "--engine conda", "conda"],
        [["conda", "mamba"], "--engine builtin", "builtin"],
      ];
      for (const [i, [names, words, engine]] of order.entries()) {
        const root = `${world.top}/root${i}`;
        await peer(root, names);
        const code =
          `source <("$M" -q --name e${i} ${words}) && cat "$CONDA_PREFIX/conda-meta/mambaenv.json"`;
        const { out, err } = await bash(code, { MINICONDA3_PATH: root });
        assert.equal(JSON.parse(out || "{}").engine, engine, err);
        assert.equal(err, "", "quiet, whoever makes it");
      }
    }),
);

Deno.test(
  { name: "external: no such engine, one that fails, one that finds no way", ignore },
  () =>
    staged("onlypypi  # conda: left ==2.0\ncowsay  # conda: right\n", async ({ world, bash, env }) => {
      const root = `${world.top}/home/miniforge3`;
      await peer(root, ["mamba"]);
      const none = await bash('source <("$M" --engine micromamba); echo $?');
      assert.match(none.err, /No micromamba in .*miniforge3 \(--engine\)/);
      assert.equal(none.out, "3\n");
      const split = await bash('source <("$M") && python -c "import onlypypi, cowsay; print(7)"');
      assert.equal(split.out, "7\n", split.err);
      assert.match(split.err, /conda finds no way, so all requirements go to pip/);
      const gone = await bash('source <("$M" --name other --channel http://127.0.0.1:9/none); echo $?', env);
      assert.equal(gone.out, "1\n", gone.err);
      assert.deepEqual(
        world.list(`${root}/envs/.mambaenv`)?.filter((entry) => !entry.startsWith("work-")),
        [],
      );
    }),
);

Deno.test(
  { name: "building: an installation that cannot be written is not where environments go", ignore },
  () =>
    staged("", async ({ world, bash }) => {
      const root = `${world.top}/shared`;
      await peer(root, ["mamba"]);
      const { status } = await bash(`mkdir ${root}/envs && mount -t tmpfs -o ro none ${root}/envs`);
      try {
        const { out, err } = await bash('source <("$M") && echo "$CONDA_PREFIX"', {
          MAMBA_EXE: `${root}/bin/mamba`,
        });
        const own = `${world.top}/home/.local/share/mambaenv/envs`;
        assert.ok(out.startsWith(status === 0 ? own : root), err);
      } finally {
        await bash(`umount ${root}/envs`);
      }
    }),
);
