// Room on a disk: told before the first byte, and only where it is certain that there is too little.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { left, quotaIn } from "../../lib/builtin/quota.ts";
import type { Record } from "../../lib/builtin/record.ts";
import { checkRoom, type Free, freeIn } from "../../lib/builtin/room.ts";
import { Problem } from "../../lib/problem.ts";
import type { World } from "../../lib/world.ts";
import { testWorld } from "../world.ts";

const record = (size?: number) => ({ name: "a", size }) as Record;

Deno.test("checkRoom: bytes and files that cannot be enough; what nobody tells is no reason", () => {
  const rows: [records: Record[], free: Free | undefined, words?: RegExp][] = [
    [[record(1e6)], { bytes: 2e6, files: 8 }],
    [[record(1e6)], { bytes: 2e6 - 1 }, /1 package needs .* "\/c" for 2.0 MB or more, and 2.0 MB are free$/],
    [
      [record(1e9), record(1e6)],
      { bytes: 5e8 },
      /2 packages need .* 2.00 GB or more, and 500.0 MB are free$/,
    ],
    [[record(1), record()], { bytes: 1e9, files: 15 }, /for 16 files or more, and 15 can be made$/],
    [[record()], { bytes: 0 }],
    [[], { bytes: 0, files: 0 }],
    [[record(1e15)], undefined],
  ];
  for (const [records, free, words] of rows) {
    const act = () => checkRoom(records, "/c", free);
    // A parameter that is undefined would be asked of the disk.
    if (free === undefined) assert.equal(freeIn("/no such folder"), undefined);
    else if (words === undefined) act();
    else {assert.throws(act, (error) =>
        error instanceof Problem && words.test(error.message) && error.hint !== "");}
  }
  checkRoom([record(1e15)], "/no such folder");
  assert.ok(freeIn(tmpdir())!.bytes > 0);
});

Deno.test("left: of quota's and lfs quota's lines, with and without grace, limits, stars", () => {
  const head =
    "Disk quotas for user u (uid 1):\n     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n";
  const table: [text: string, expected: ReturnType<typeof left>][] = [
    ["", undefined],
    ["Disk quotas for user u (uid 1): none\n", undefined],
    [`${head}      /dev/sda1      20   40   50              5       0       0        \n`, {
      bytes: 30 * 1024,
    }],
    [`${head}      srv:/home     60*   40   50   6days      5       7       9        \n`, {
      bytes: 0,
      files: 4,
    }],
    [`${head}      srv:/home      10   40    0              9*      7       8   none\n`, {
      bytes: 30 * 1024,
      files: 0,
    }],
    ["   /lustre 100 0 300 - 7 0 9 -\n", { bytes: 200 * 1024, files: 2 }],
    ["   /lustre 100 0 0 - 7 0 0 -\n", undefined],
  ];
  for (const [text, expected] of table) assert.deepEqual(left(text), expected, text);
});

Deno.test("quotaIn: asks the tool of the file system, and the packages have to fit", async () => {
  const world = testWorld({
    "bin/quota": "#!/bin/sh\necho srv 10 0 20 1 0 0\n",
    "bin/lfs": "#!/bin/sh\necho / 10 0 12 - 1 0 0 -\n",
  });
  for (const name of ["quota", "lfs"]) fs.chmodSync(`${world.top}/bin/${name}`, 0o755);
  const env = { ...world.env, PATH: `${world.top}/bin:/usr/bin:/bin` };
  const on = (kind: string, env: World["env"]): World => ({
    ...world,
    env,
    read: (path) => path === "/proc/self/mounts" ? `srv ${world.top} ${kind} rw 0 0\n` : world.read(path),
    run: (words, options) => world.run(words, { env, ...options }),
  });
  assert.deepEqual(await quotaIn(world.top, on("lustre", env)), { bytes: 2048 });
  assert.deepEqual(await quotaIn(world.top, on("ext4", env)), { bytes: 10240 });
  assert.equal(await quotaIn(world.top, on("ext4", { ...env, PATH: "/nothing" })), undefined);
  const free = await quotaIn(world.top, on("lustre", env));
  assert.throws(
    () => checkRoom([record(1025)], "/c", free, "quota"),
    /^Problem: The quota is too small: 1 package needs/,
  );
  checkRoom([record(1024)], "/c", free, "quota");
});
