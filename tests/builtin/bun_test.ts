// The engine once more, under Bun: its fetch, zlib, workers are those of the released program.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { COMPILER } from "../../tasks/compiler.ts";

const HERE = import.meta.dirname!;

for (const name of ["repodata", "hostile", "solve", "fetch", "transport", "unpack", "link", "python"]) {
  Deno.test(`bun: ${name}_test passes there, too`, () => {
    const words = [join(HERE, "bun.ts"), join(HERE, `${name}_test.ts`)];
    const { status, stdout, stderr } = spawnSync(COMPILER, words, { encoding: "utf8", timeout: 300_000 });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^[1-9]\d* passed, 0 failed$/m);
  });
}
