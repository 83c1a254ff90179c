// Where hard links cannot be made, packages are copied, and why is said once.
import assert from "node:assert/strict";
import { ENTER, Lab } from "./crash/lab.ts";
import { tool } from "./oracle.ts";

const SCENE = { name: "copied", had: [], has: "tool", words: ENTER, locked: true };
const inject = (error: string) =>
  ["link,linkat", "ioctl"].flatMap((calls) => ["-e", `inject=${calls}:error=${error}`]);

Deno.test({
  name: "copied: no hard links, no reflinks: the environment is whole, a note says so once",
  ignore: !tool("strace"),
}, async () => {
  const lab = await Lab.open(SCENE);
  try {
    const before = [tool("strace"), "-f", "-qq", "-o", `${lab.top}/log`, ...inject("EXDEV")];
    const made = await lab.call(ENTER, before);
    assert.equal(made.status, 0, made.err);
    const notes = made.err.match(/note: the packages in ".*" are copied, not linked: no hard links/g);
    assert.equal(notes?.length, 1, made.err);
    const again = await lab.call(["sync", "--force"]);
    assert.doesNotMatch(again.err, /copied/);
  } finally {
    lab.close();
  }
});
