// Frozen at a call that changes the disk, for so long that another takes the lock over and builds: when it goes on,
// it spoils nothing, and ends with what is there.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { ENTER, Lab, type Scene } from "./crash/lab.ts";
import { points, traced } from "./crash/trace.ts";
import { tool } from "./oracle.ts";
import { PROGRAM, start } from "./program.ts";

const SCENE: Scene = { name: "frozen", had: ["tool"], has: "tool, more", words: ENTER, locked: true };
const ignore = process.platform !== "linux" || !tool("strace");
/** Every so many calls. */
const STEP = 8;

/** The process that strace runs, once it stands still; undefined where it ended before. */
async function still(tracer: number, ended: () => boolean): Promise<number | undefined> {
  for (let i = 0; i < 2000 && !ended(); i++) {
    const [pid] = read(`/proc/${tracer}/task/${tracer}/children`).split(" ").filter(Boolean).map(Number);
    if (pid && /\) [Tt] /.test(read(`/proc/${pid}/stat`)) && frozen(pid)) return pid;
    await new Promise((wake) => setTimeout(wake, 10));
  }
  return undefined;
}

/** Whether all its threads stand still, and do so a little later: strace itself stops each one for moments. */
function frozen(pid: number): boolean {
  const look = () =>
    read(`/proc/${pid}/stat`) + threads(pid).map((id) => read(`/proc/${pid}/task/${id}/stat`));
  const stopped = () => threads(pid).every((id) => /\) [Tt] /.test(read(`/proc/${pid}/task/${id}/stat`)));
  for (let i = 0; i < 5; i++) {
    const before = look();
    if (!stopped()) return false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    if (look() !== before) return false;
  }
  return true;
}

/** Lets it go on, if it is still there. */
function go(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function threads(pid: number): string[] {
  try {
    return fs.readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (error instanceof Error && "code" in error) return [];
    throw error;
  }
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}

Deno.test({
  name: "frozen: at calls all over the way, another builds meanwhile: both end with what is whole",
  ignore,
}, async () => {
  const lab = await Lab.open(SCENE);
  let tried = 0, lost = 0;
  try {
    const log = `${lab.top}/log`, dir = `${lab.top}/home/.local/share/mambaenv/envs/.mambaenv`;
    assert.equal((await lab.call(ENTER, traced(log))).status, 0);
    const all = points(fs.readFileSync(log, "utf8"), `${lab.top}/home`).filter((_, i) => i % STEP === 0);
    for (const point of all) {
      lab.reset();
      const words = [...traced(log, { point, harm: "signal=STOP" }), PROGRAM, ...ENTER, "--no-fallback"];
      const first = start(words, { cwd: `${lab.top}/work`, env: lab.env });
      let over = false;
      const ended = first.ended.finally(() => over = true);
      const pid = await still(first.pid, () => over);
      if (pid !== undefined) {
        tried++;
        // As those of another host do after two minutes without a heartbeat.
        for (const name of fs.existsSync(`${dir}/work.lock`) ? fs.readdirSync(`${dir}/work.lock`) : []) {
          fs.rmSync(`${dir}/work.lock/${name}`);
        }
        lab.entered(await lab.call([...ENTER, "--no-fallback"]), SCENE.has);
        // It is stopped anew where another of its threads makes that call for the same time.
        for (; !over; await new Promise((wake) => setTimeout(wake, 20))) go(pid);
      }
      const { status, out, err } = await ended;
      const where = `${point.call} ${point.nth} ${point.path}: ${err}`;
      assert.equal(status, 0, where);
      lab.entered({ status, out, err }, SCENE.has);
      if (err.includes("took over the lock")) lost++;
      await lab.recovers().catch((error) => {
        throw new Error(where, { cause: error });
      });
    }
  } finally {
    lab.close();
  }
  console.log(`frozen: at ${tried} calls, ${lost} times it lost the lock and said so`);
  assert.ok(tried > 5 && lost > 0, `${tried} ${lost}`);
});
