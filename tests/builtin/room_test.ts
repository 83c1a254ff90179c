// Room on a disk: told before the first byte, and only where it is certain that there is too little.
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import type { Record } from "../../lib/builtin/record.ts";
import { checkRoom, type Free, freeIn } from "../../lib/builtin/room.ts";
import { Problem } from "../../lib/problem.ts";

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
