// A job array starts on one missing environment: one process builds, all enter the same, nothing is fetched twice.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { parent } from "../lib/project.ts";
import { oracle, tool } from "./oracle.ts";
import { call, PROGRAM, start } from "./program.ts";
import { type Stage, staged } from "./stage.ts";

const ignore = !(await oracle());
const MANY = 64;
const MOUNT = "/bin/mount";
/** What a disk across a network takes its time for. */
const SLOW = ["mkdir", "rename", "link", "symlink", "unlink", "unlinkat", "rmdir", "utimensat", "fsync"];

/** Where it is tried, and whether processes are killed: what runs before each program, and what is to be done behind. */
const ROWS: {
  [title: string]: { killed: number; disk?: (stage: Stage) => { before?: string[]; after?(): void } };
} = {
  "all succeed": { killed: 0 },
  "the one that builds and 7 more are killed": { killed: 8 },
  "on a slow disk, 8 killed": {
    killed: 8,
    disk: ({ world }) => {
      const calls = SLOW.map((name) => `?${name}`).join();
      const how = ["-f", "-qq", "--seccomp-bpf", "-o", `${world.top}/log`, "-e", `trace=${calls}`];
      return { before: [tool("strace"), ...how, "-e", `inject=${calls}:delay_enter=2000`] };
    },
  },
  "on a disk that is mounted with -o sync, 8 killed": {
    killed: 8,
    disk: ({ world }) => {
      // In memory where there is room, since each call waits for it.
      const { bavail, bsize } = fs.statfsSync("/dev/shm");
      const image = `${
        fs.mkdtempSync(`${bavail * bsize > 1 << 30 ? "/dev/shm" : world.top}/mambaenv-`)
      }/image`;
      const home = `${world.top}/home`;
      fs.writeFileSync(image, "");
      fs.truncateSync(image, 400 << 20);
      assert.equal(call([tool("mkfs.ext4"), "-q", "-F", image], { cwd: "/" }).status, 0);
      const { status, err } = call([MOUNT, "-o", "loop,sync", image, home], { cwd: "/" });
      if (status !== 0) console.log(`crowd: not on a disk with -o sync: ${err.trim()}`);
      const after = () => {
        call(["/bin/umount", home], { cwd: "/" });
        world.remove(parent(image));
      };
      return { after };
    },
  },
};
const root = process.getuid!() === 0;
if (!root) console.log("crowd: not on a disk with -o sync: only root can mount one");

for (const [title, { killed, disk }] of Object.entries(ROWS)) {
  Deno.test(
    {
      name: `crowd: ${MANY} at once, ${title}: one environment, no download twice`,
      ignore: ignore || (title.includes("-o sync") && !(root && tool("mkfs.ext4"))) ||
        (title.includes("slow") && !tool("strace")),
    },
    () =>
      staged("hello\n", async (stage) => {
        const { before = [], after } = disk?.(stage) ?? {};
        try {
          await crowd(title, killed, before, stage);
        } finally {
          after?.();
        }
      }, killed ? [{ path: /hello-1/, kind: "hang" }] : []),
  );
}

async function crowd(title: string, killed: number, before: readonly string[], stage: Stage): Promise<void> {
  const { env, world, server, store, bash } = stage;
  const options = { cwd: world.cwd, env };
  const dies = () => start([...before, PROGRAM, "--shell", "bash"], options);
  const dying = killed ? [dies()] : [];
  await dying[0]?.says(/downloading/);
  for (let i = 1; i < killed; i++) dying.push(dies());
  const enter = `source <(${before.join(" ")} "$M" --lock-timeout 300) && hello >&2; echo "$? $CONDA_PREFIX"`;
  const all = Array.from({ length: MANY }, () => start(["/bin/bash", "-c", enter], options));
  for (const one of dying) process.kill(-one.pid, "SIGKILL");
  await Promise.all(dying.map(({ ended }) => ended));
  server.faults.length = 0;
  const ended = await Promise.all(all.map(({ ended }) => ended));
  assert.equal(new Set(ended.map(({ out }) => out)).size, 1, JSON.stringify(ended.slice(0, 3)));
  assert.match(ended[0]!.out, /^0 \/\S+\n$/);
  const built = ended.filter(({ err }) => err.includes("making the environment")).length;
  const archives = () =>
    server.requests.map((request) => JSON.stringify(request)).filter((text) =>
      /\.conda|\.tar\.bz2/.test(text)
    );
  const fetched = archives();
  assert.equal(built, 1);
  // What a killed one had asked for is asked for once more, and nothing else.
  assert.ok(fetched.length - new Set(fetched).size <= killed, fetched.join("\n"));
  assert.equal(store().length, 1, store().join());
  // Every file in the environment and in the cache by its content, and the cache is all that another one needs.
  const { findings } = JSON.parse((await bash('"$M" doctor --verbose --json')).out);
  const damage = findings.filter(({ topic }: { topic: string }) => topic === "damage");
  assert.deepEqual(damage.map(({ level }: { level: string }) => level), ["ok"], JSON.stringify(damage));
  assert.equal((await bash('"$M" sync --force -q')).status, 0);
  assert.equal(archives().length, fetched.length);
  console.log(
    `crowd: ${title}: ${
      MANY + killed
    } processes, ${killed} killed, ${built} built, ${fetched.length} archives fetched`,
  );
}
