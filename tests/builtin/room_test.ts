// Room on a disk: told before the first byte, and only where it is certain that there is too little.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { colons, columns, commas, quotaIn } from "../../lib/builtin/quota.ts";
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

Deno.test("columns: of quota's and lfs quota's lines, with and without grace, limits, stars", () => {
  const head =
    "Disk quotas for user u (uid 1):\n     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n";
  const table: [text: string, expected: ReturnType<typeof columns>][] = [
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
    ["/lustre/of/a/long/name\n          100 0 300 - 7 0 9 -\n", { bytes: 200 * 1024, files: 2 }],
  ];
  for (const [text, expected] of table) assert.deepEqual(columns(text), expected, text);
});

Deno.test("colons, commas: of what mmlsquota and beegfs-ctl print for programs", () => {
  const head =
    "mmlsquota::HEADER:version:reserved:reserved:filesystemName:quotaType:id:name:blockUsage:blockQuota:" +
    "blockLimit:blockInDoubt:blockGrace:filesUsage:filesQuota:filesLimit:filesInDoubt:filesGrace:remarks:quota:" +
    "defQuota:fid:filesetname:\n";
  const row = (type: string, blocks: string, files: string) =>
    `mmlsquota::0:1:::gpfs0:${type}:1001:u:${blocks}:none:${files}:none:i:on:off:0:root:\n`;
  const table: [text: string, expected: ReturnType<typeof columns>][] = [
    ["", undefined],
    [head, undefined],
    [head + row("USR", "100:200:300:20", "5:0:10:1"), { bytes: 180 * 1024, files: 4 }],
    [head + row("USR", "100:0:0:0", "5:0:0:0"), undefined],
    [head + row("GRP", "100:0:110:0", "5:0:6:0") + row("USR", "1:0:9:0", "5:0:0:0"), { bytes: 8 * 1024 }],
    [head + row("USR", "1:0:9:0", "5:0:8:0") + row("USR", "400:0:300:0", "5:0:0:0"), { bytes: 0, files: 3 }],
  ];
  for (const [text, expected] of table) assert.deepEqual(colons(text), expected, text);
  const names = "name,id,size,hard,files,hard\n";
  const rows: typeof table = [
    ["", undefined],
    [names, undefined],
    [`${names}u,1001,2048,10240,7,unlimited\n`, { bytes: 8192 }],
    [`${names}u,1001,20480,10240,7,10\n`, { bytes: 0, files: 3 }],
    [`${names}u,1001,20480,unlimited,7,unlimited\n`, undefined],
    [`${names}u,1001,20480,0,7,0\n`, undefined],
  ];
  for (const [text, expected] of rows) assert.deepEqual(commas(text), expected, text);
});

Deno.test("quotaIn: asks the tool of the file system, and the packages have to fit", async () => {
  const world = testWorld({
    "bin/quota": "#!/bin/sh\necho srv 10 0 20 1 0 0\n",
    "bin/lfs": "#!/bin/sh\necho / 10 0 12 - 1 0 0 -\n",
    "bin/mmlsquota": `#!/bin/sh
[ "$*" = "-Y -u $(id -u) srv" ] && echo "mmlsquota::HEADER:quotaType:blockUsage:blockQuota:blockLimit:
mmlsquota::0:USR:1:0:2:"\n`,
    "bin/beegfs-ctl": "#!/bin/sh\ncase $1 in --mount=/*) echo u,1,1,4,1,0 ;; esac\n",
  });
  for (const name of ["quota", "lfs", "mmlsquota", "beegfs-ctl"]) {
    fs.chmodSync(`${world.top}/bin/${name}`, 0o755);
  }
  const env = { ...world.env, PATH: `${world.top}/bin:/usr/bin:/bin` };
  const on = (kind: string, env: World["env"]): World => ({
    ...world,
    env,
    read: (path) => path === "/proc/self/mounts" ? `srv ${world.top} ${kind} rw 0 0\n` : world.read(path),
    run: (words, options) => world.run(words, { env, ...options }),
  });
  const rows: [kind: string, bytes: number, tool: string][] = [
    ["lustre", 2048, "lfs quota"],
    ["ext4", 10240, "quota"],
    ["gpfs", 1024, "mmlsquota"],
    ["beegfs", 3, "beegfs-ctl"],
  ];
  for (const [kind, bytes, tool] of rows) {
    assert.deepEqual(await quotaIn(world.top, on(kind, env)), { at: world.top, tool, bytes });
  }
  assert.equal(await quotaIn(world.top, on("ext4", { ...env, PATH: "/nothing" })), undefined);
  const free = await quotaIn(world.top, on("lustre", env));
  assert.throws(
    () => checkRoom([record(1025)], "/c", free, "quota"),
    /^Problem: The quota is too small: 1 package needs/,
  );
  checkRoom([record(1024)], "/c", free, "quota");
});
