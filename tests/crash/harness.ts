// Whole commands in this process over `faulty.ts`: harm at each call that changes the disk, then a look at what is there.
import assert from "node:assert/strict";
import { parse } from "../../lib/args.ts";
import { Problem, refusal } from "../../lib/problem.ts";
import { createWorld } from "../../lib/system.ts";
import type { World } from "../../lib/world.ts";
import { arm, count, type Harm, type Plan } from "./faulty.ts";
import { ENTER, Lab, type Scene } from "./lab.ts";

const LOAD: { [command: string]: () => Promise<typeof import("../../lib/commands/enter.ts")> } = {
  enter: () => import("../../lib/commands/enter.ts"),
  clean: () => import("../../lib/commands/clean.ts") as ReturnType<typeof LOAD[string]>,
  rollback: () => import("../../lib/commands/rollback.ts") as ReturnType<typeof LOAD[string]>,
};
const SCENES: readonly Scene[] = [
  { name: "create", had: [], has: "tool", words: ENTER, locked: true },
  { name: "change", had: ["tool"], has: "tool, more", words: ENTER, locked: true },
  { name: "clean", had: ["tool", "tool, more"], has: "tool, more", words: ["clean"], locked: true },
  { name: "rollback", had: ["tool", "tool, more"], has: "tool, more", words: ["rollback"], locked: true },
];
const REFUSALS = ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EMLINK", "EXDEV", "ESTALE"];
/** Each process has a number that no living one has, so that it is dead when the next looks. */
let pid = 900_000_000;

interface Outcome {
  status: number | null;
  out: string;
  err: string;
}

/** Runs a command; what it is refused is told or borne, what else is wrong is thrown. */
async function call(lab: Lab, words: readonly string[], plan?: Plan): Promise<Outcome> {
  let err = "";
  const world: World = {
    ...createWorld(words),
    env: lab.env,
    cwd: `${lab.top}/work`,
    pid: ++pid,
    err: (text) => void (err += text),
    out: () => undefined,
    tty: () => false,
    every: () => () => undefined,
    trap: () => () => undefined,
    longer: () => undefined,
    join: () => Promise.resolve(),
    sleep: () => Promise.resolve(),
    flush: (path) => Promise.resolve(void count("syncfs", path)),
  };
  arm(plan);
  try {
    const request = parse(words, lab.env);
    const { out, exit } = await (await LOAD[request.command.name]!()).run(request, world);
    return { status: exit, out, err };
  } catch (error) {
    if (plan?.dead) return { status: null, out: "", err };
    const problem = error instanceof Problem ? error : refusal(error);
    if (problem === undefined) throw error;
    return { status: problem.exit, out: "", err: `${err}${problem.message}` };
  } finally {
    arm(undefined);
  }
}

async function strike(lab: Lab, plan: Plan): Promise<boolean> {
  const { scene } = lab;
  lab.reset();
  const done = await call(lab, scene.words, plan);
  if (plan.struck === undefined) return false;
  if (scene.words === ENTER && done.status === 0) lab.entered(done);
  // Refused, the last good environment is entered; killed, nobody says anything.
  else if (scene.words === ENTER && plan.harm !== "killed") assert.equal(scene.had.length, 0, done.err);
  const last = await call(lab, ["--no-create", "--no-sync", ...ENTER]);
  if (scene.had.length > 0 || last.status === 0) lab.entered(last);
  const next = await call(lab, [...ENTER, "--no-fallback"]);
  assert.equal(next.status, 0, next.err);
  lab.entered(next, scene.has);
  return true;
}

const counts = { killed: 0, refused: 0, short: 0 };
for (const scene of SCENES) {
  const lab = await Lab.open(scene);
  try {
    const all: Plan = { top: `${lab.top}/home`, at: 0, harm: "", count: 0 };
    const calls: string[] = [];
    await call(lab, scene.words, { ...all, calls });
    for (let at = 1; at <= calls.length; at++) {
      const refused = at % 2 === 0 ? [REFUSALS[at / 2 % REFUSALS.length]!] : [];
      const harms: Harm[] = ["killed", ...refused, ...calls[at - 1] === "write" ? ["short"] : []];
      for (const harm of harms) {
        const plan: Plan = { ...all, at, harm, count: 0 };
        const done = await strike(lab, plan).catch((error) => {
          const what = `${scene.name}: ${harm} at call ${at} of ${calls.length}, ${plan.struck}`;
          throw new Error(what, { cause: error });
        });
        if (done) counts[harm === "killed" || harm === "short" ? harm : "refused"]++;
      }
    }
  } finally {
    lab.close();
  }
}
console.log(JSON.stringify(counts));
