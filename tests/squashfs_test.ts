// Images instead of archives: mounted on a node, unpacked where nothing mounts, and gone with the job.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tool } from "./oracle.ts";
import { count, type Scene, scene } from "./slurm/scene.ts";
import { possible } from "./slurm/slurm.ts";

const ignore = !possible() || !["mksquashfs", "unsquashfs", "squashfuse"].map(tool).every(Boolean);
let set: Scene;
/** Whether squashfuse may mount on this machine: where not, images are unpacked, which is all that can be looked at. */
let able = false;

Deno.test.beforeAll(async () => {
  if (ignore) return;
  set = await scene();
  able = tried(set.world.top);
  if (!able) console.error("squashfuse cannot mount here: only the unpacking of images is tested");
});
Deno.test.afterAll(() => set?.close());

function tried(top: string): boolean {
  const code = `cd "$1" && mkdir -p one at && mksquashfs one one.squashfs -quiet -no-progress >/dev/null &&
squashfuse one.squashfs at && { fusermount -u at || umount at; }`;
  return spawnSync("sh", ["-c", code, "sh", top]).status === 0;
}

/** A PATH that has all but these programs. */
function without(names: readonly string[]): string {
  const dir = `${set.world.top}/without-${names.join("-")}`;
  fs.mkdirSync(dir);
  for (const from of ["/usr/bin", "/usr/sbin"]) {
    for (const name of fs.readdirSync(from)) {
      if (!names.includes(name) && !fs.existsSync(`${dir}/${name}`)) {
        fs.symlinkSync(`${from}/${name}`, `${dir}/${name}`);
      }
    }
  }
  return dir;
}

const RANKS = `srun -N3 --ntasks-per-node=2 "$M" run --staged bash -c \
  'echo "in $SLURMD_NODENAME|$CONDA_PREFIX|$(tool)|$(more)|$(cat "$CONDA_PREFIX/share/more/named")|$(stat -f -c %T "$CONDA_PREFIX")"'
`;

Deno.test({
  name: "squashfs: one image, mounted on each node at the path that it names, unmounted after the job",
  ignore,
}, async () => {
  const { slurm, where } = set;
  const point = new RegExp(`^${slurm.local}/mambaenv-0/mounts/work-[0-9a-f]{8}$`);
  for (const made of [1, 0]) {
    const said = await slurm.batch(`"$M" stage --format squashfs -v || exit 1\n${RANKS}`, [
      "-N3",
      "--ntasks-per-node=2",
    ], where);
    const lines = said.split("\n").filter((line) => line.startsWith("in ")).sort();
    assert.equal(lines.length, 6, said);
    lines.forEach((line, i) => {
      const [node, prefix, tool, more, named, kind] = line.slice(3).split("|");
      assert.match(prefix!, point);
      assert.deepEqual([node, tool, more, named], [`n${1 + (i >> 1)}`, "tool", "more", `in ${prefix}`], said);
      if (able) assert.match(kind!, /fuse/, said);
    });
    assert.equal(count(said, able ? ": mounted " : ": unpacked "), 3, said);
    // The second job takes the image of the first one.
    assert.equal(count(said, ": made an image"), made, said);
    assert.equal(await set.left(), "", said);
  }
  const mounts = fs.readFileSync("/proc/mounts", "utf8");
  assert.equal(mounts.includes(`${slurm.local}/mambaenv-0`), false, mounts);
});

Deno.test({
  name:
    "squashfs: without squashfuse it is unpacked, without either, or beside another job's, the archive is",
  ignore,
}, async () => {
  const { slurm, where } = set;
  const job = `"$M" stage --format squashfs -v || exit 1\n${RANKS}`;
  const rows: [string[], string, string, number][] = [
    [["squashfuse"], ": unpacked ", "/mounts/", 0],
    [["squashfuse", "unsquashfs"], ": unpacked ", "/", 3],
  ];
  for (const [names, deed, place, warned] of rows) {
    const PATH = without(names);
    const said = await slurm.batch(job, ["-N3", "--ntasks-per-node=2"], {
      ...where,
      env: { ...where.env, PATH },
    });
    assert.equal(count(said, deed), 3, said);
    assert.equal(
      count(said, "warning: the image is not mounted (neither squashfuse nor unsquashfs can)"),
      warned,
      said,
    );
    assert.equal(count(said, "|tool|more|in "), 6, said);
    assert.equal(said.includes(`${slurm.local}/mambaenv-0${place}`), true, said);
    assert.equal(await set.left(), "", said);
  }
  const bare = await slurm.batch('"$M" stage --format squashfs', ["-N1"], {
    ...where,
    env: { ...where.env, PATH: without(["mksquashfs"]), XDG_CACHE_HOME: `${set.world.top}/none` },
  });
  assert.match(bare, /Cannot make an image: there is no mksquashfs here/);

  // The first job goes on until the second one is over.
  const [go, there] = [`${set.world.top}/go`, `${set.world.top}/there`];
  const first = await slurm.submit(
    `"$M" stage --format squashfs -v && touch ${there}; until [ -e ${go} ]; do sleep 0.1; done`,
    ["-N3", "--ntasks-per-node=2"],
    where,
  );
  for (let i = 0; i < 600 && !fs.existsSync(there); i++) await new Promise((wake) => setTimeout(wake, 50));
  const second = await slurm.batch(job, ["-N3", "--ntasks-per-node=2", "--overcommit"], where);
  fs.writeFileSync(go, "");
  const said = await slurm.ended(first);
  assert.equal(count(second, "(another job has its place)"), 3, second + said);
  assert.equal(count(second, "|tool|more|in "), 6, second);
  assert.equal(await set.left(), "", said + second);
});
