// Every write to the disk is a short one: what is made is whole all the same.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { ENTER, Lab } from "./crash/lab.ts";
import { tool } from "./oracle.ts";

const ignore = process.platform !== "linux" || process.arch !== "x64" || !tool("gcc");

for (const locked of [true, false]) {
  const title = locked ? "from a lock" : "solved";
  Deno.test({
    name: `short: each write writes half of what it should: ${title}, the environment is whole`,
    ignore,
  }, async () => {
    const lab = await Lab.open({ name: "short", had: [], has: "tool, more", words: ENTER, locked });
    try {
      const [short, log] = [`${lab.top}/short`, `${lab.top}/log`];
      execFileSync(tool("gcc"), ["-O1", "-o", short, new URL("crash/short.c", import.meta.url).pathname]);
      const made = await lab.call(ENTER, [short, `${lab.top}/home`, log]);
      assert.equal(made.status, 0, made.err);
      lab.entered(made);
      const count = Number(fs.readFileSync(log, "utf8"));
      console.log(`short: ${title}: ${count} writes were short`);
      assert.ok(count > 30, `${count}`);
      await lab.recovers();
    } finally {
      lab.close();
    }
  });
}
