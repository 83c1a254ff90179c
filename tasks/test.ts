// Runs the tests, all or those that are named, after making what they share; ends with `N passed, N failed`.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { channel } from "../tests/channel/channel.ts";
import { oracle } from "../tests/oracle.ts";

/** What a developer's own shell may have active, and no test is to see. */
const FOREIGN = /^(CONDA|_?MAMBA|_CE_|DIRENV_|VIRTUAL_ENV|PYTHON|BASH_ENV|ENV$)/;
/** Of Deno's last line: `ok | 12 passed (3 steps) | 0 failed | 2 ignored (1s)`. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/gm;

if (await oracle()) await channel();
const temporary = fs.mkdtempSync(join(tmpdir(), "mt-"));
// Other users' processes are tried, too: they pass through, and see nothing.
fs.chmodSync(temporary, 0o711);
const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
const env = { ...Object.fromEntries(kept), TMPDIR: temporary, NO_COLOR: "1" };
const words = ["test", "-A", "--no-check", "--parallel", ...(Deno.args.length > 0 ? Deno.args : ["tests/"])];
const child = spawn(Deno.execPath(), words, { env, stdio: ["ignore", "pipe", "inherit"] });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));

let printed = "";
child.stdout.setEncoding("utf8").on("data", (text: string) => {
  printed += text;
  process.stdout.write(text);
});
const code = await new Promise<number>((ended) => child.on("close", (code) => ended(code ?? 1)));
await emptied(temporary);

const [, passed = "0", failed = "1", skipped = "0"] = [...printed.matchAll(SUMMARY)].at(-1) ?? [];
// A run that breaks off, or where a file does not load, has failed whatever its summary says.
const broken = code !== 0 && failed === "0" ? "1" : failed;
console.log(`${passed} passed, ${broken} failed${skipped === "0" ? "" : `, ${skipped} skipped`}`);
process.exitCode = code === 0 && broken === "0" && passed !== "0" ? 0 : 1;

/** Removes a folder; a program that a test ended may still be writing there. */
async function emptied(folder: string): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return fs.rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (tries === 40) return console.error(`left behind: ${folder}: ${error}`);
    }
    await new Promise((wake) => setTimeout(wake, 250));
  }
}
