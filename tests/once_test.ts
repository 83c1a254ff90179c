// What tests share is made once, whoever asks at the same time, and whoever died while making it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { HOME, once } from "./once.ts";

/** A program that wants the folder, and takes `pause` milliseconds to make it. */
const WANT = `
import { once } from ${JSON.stringify(join(HOME, "tests", "once.ts"))};
import { appendFileSync } from "node:fs";
const [name, log, pause] = Deno.args;
await once(name, "key", async (dir) => {
  appendFileSync(log, "made\\n");
  await new Promise((wake) => setTimeout(wake, Number(pause)));
  appendFileSync(dir + "/done", "done");
});
`;

async function within(use: (name: string, want: (pause: number) => Wanted, log: string) => Promise<void>) {
  fs.mkdirSync(join(HOME, ".cache"), { recursive: true });
  const top = fs.mkdtempSync(join(HOME, ".cache", "once-"));
  const name = join(basename(top), "thing");
  const log = join(top, "log");
  fs.writeFileSync(log, "");
  fs.writeFileSync(join(top, "want.ts"), WANT);
  try {
    await use(name, (pause) => {
      const words = ["run", "-A", "--no-check", join(top, "want.ts"), name, log, String(pause)];
      const child = spawn(Deno.execPath(), words, { stdio: "inherit" });
      return { child, status: new Promise((ended) => child.on("close", (code) => ended(code))) };
    }, log);
  } finally {
    fs.rmSync(top, { recursive: true, force: true });
  }
}
interface Wanted {
  child: ReturnType<typeof spawn>;
  status: Promise<number | null>;
}

Deno.test("once: four that want it at the same time make it once", () =>
  within(async (name, want, log) => {
    const all = [1, 2, 3, 4].map(() => want(300).status);
    assert.deepEqual(await Promise.all(all), [0, 0, 0, 0]);
    assert.equal(fs.readFileSync(log, "utf8"), "made\n");
    assert.equal(fs.readFileSync(join(await once(name, "key", assert.fail), "done"), "utf8"), "done");
  }));

Deno.test("once: one that was killed at work leaves nothing that counts as made", () =>
  within(async (name, want, log) => {
    const first = want(60_000);
    while (fs.readFileSync(log, "utf8") === "") await new Promise((wake) => setTimeout(wake, 20));
    const second = want(0);
    first.child.kill("SIGKILL");
    assert.deepEqual([await first.status, await second.status], [null, 0]);
    assert.equal(fs.readFileSync(log, "utf8"), "made\nmade\n");
    const dir = await once(name, "key", assert.fail);
    assert.deepEqual(fs.readdirSync(dirname(dir)).filter((name) => name.endsWith(".lock")), []);
  }));

Deno.test("once: a build that fails is tried again, another key is another folder", () =>
  within(async (name) => {
    await assert.rejects(once(name, "a", () => assert.fail("no")), /no/);
    const a = await once(name, "a", () => undefined);
    assert.notEqual(a, await once(name, "b", () => undefined));
    assert.equal(a, await once(name, "a", assert.fail));
  }));
