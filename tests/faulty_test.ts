// Whole commands over a World whose disk refuses a call, makes half of it, or sees no more: old or new works then.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { testWorld } from "./world.ts";

Deno.test("faulty: each call that changes the disk killed, refused, cut short: what is there works, the next run succeeds", async () => {
  const home = join(import.meta.dirname!, ".."), here = pathToFileURL(import.meta.dirname!).href;
  const { imports } = JSON.parse(readFileSync(join(home, "deno.json"), "utf8"));
  const faulty = `${here}/crash/faulty.ts`;
  const map = join(testWorld().top, "map.json");
  writeFileSync(
    map,
    JSON.stringify({
      imports: { ...imports, "node:fs": faulty },
      scopes: { [faulty]: { "node:fs": "node:fs" } },
    }),
  );
  const words = ["run", "-A", "--no-check", "--import-map", map, join(home, "tests/crash/harness.ts")];
  const child = spawn(Deno.execPath(), words, { cwd: home, stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  const status = await new Promise((ended) => child.on("close", ended));
  assert.equal(status, 0, out);
  const { killed, refused, short } = JSON.parse(out.trim().split("\n").at(-1)!);
  console.log(`faulty: ${killed} calls were the last, ${refused} refused, ${short} short`);
  assert.ok(killed > 100 && refused > 50 && short > 1);
});
