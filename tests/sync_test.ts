// `mambaenv sync`: builds without entering, anew with --force, and fails where the change does.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { oracle } from "./oracle.ts";
import { staged } from "./stage.ts";

const ignore = !(await oracle());

Deno.test(
  { name: "sync: makes it, leaves it, makes it anew with --force; a failure is one", ignore },
  () =>
    staged("hello\n", async ({ world, bash, store }) => {
      const first = await bash('"$M" sync');
      assert.match(first.out, /^Made: \/\S+\n$/, first.err);
      const again = await bash('"$M" sync');
      assert.deepEqual([again.out, again.err], [first.out.replace("Made", "Nothing changed"), ""]);
      const forced = await bash('"$M" sync --force');
      assert.match(forced.err, /making the environment "work": asked for \(--force\)\n/);
      assert.match(forced.out, /^Made: \/\S+\n$/);
      assert.notEqual(forced.out, first.out);
      assert.equal(store().length, 2);
      writeFileSync(`${world.cwd}/requirements.txt`, "hello\nnowhere-at-all\n");
      const failed = await bash('"$M" sync');
      assert.equal(failed.status, 1);
      assert.doesNotMatch(failed.err, /last good/);
      assert.equal(store().length, 2);
    }),
);
