// Ctrl-C on a terminal at many moments of entering: the prompt comes back, the environment is as it was or wholly
// entered, and no process of ours is left.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { tool } from "./oracle.ts";
import { lend } from "./program.ts";
import { put } from "./root.ts";
import { installed } from "./shells/run.ts";
import { type TestWorld, testWorld } from "./world.ts";

const FORMS: { [form: string]: { argv: string; line: string } } = {
  "bash, source <(…)": { argv: "bash --norc --noprofile -i", line: 'source <("$M")' },
  'bash, eval "$(…)"': { argv: "bash --norc --noprofile -i", line: 'eval "$("$M")"' },
  "zsh, source <(…)": { argv: "zsh -f -i", line: 'source <("$M")' },
  'zsh, eval "$(…)"': { argv: "zsh -f -i", line: 'eval "$("$M")"' },
};

/** Milliseconds between the line and Ctrl-C: the program takes about 10 on an idle machine. */
const MOMENTS = [...Array(18).keys()].map((i) => i * 1.5).concat([30, 40, 50, 70, 100, 1500]);
const PROMPT = "READY";

/** A project, with its environment unless a channel is to be asked; `fresh` starts the shell anew, `check` writes its environment to a file. */
function place(argv: string, channel?: string): TestWorld {
  const world = testWorld({
    ...channel === undefined && { "root/envs/work/conda-meta/history": "", "root/envs/work/bin/": "" },
    "work/requirements.txt": "numpy\n",
    "left/": "",
  });
  const T = world.top;
  lend(`${T}/mambaenv`);
  const env = `HOME=${T}/home PATH=/usr/bin:/bin TERM=dumb MAMBAENV_ROOT=${T}/root M=${T}/mambaenv` +
    (channel === undefined ? "" : ` MAMBAENV_CHANNEL=${channel}`);
  put(`${T}/fresh`, `exec env -i ${env} PS1="${PROMPT}$1> " ${argv}\n`);
  put(`${T}/check`, `env -0 >${T}/left/.part && mv ${T}/left/.part ${T}/left/$1\n`);
  return world;
}

/** A shell on a terminal of its own. */
function terminal(world: TestWorld) {
  const words = ["-qc", `exec sh ${world.top}/fresh`, "/dev/null"];
  const child = spawn(tool("script"), words, { cwd: world.cwd, stdio: ["pipe", "pipe", "ignore"] });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => shown += text);
  const type = (text: string) => void child.stdin.write(text);
  const until = async (what: string, met: () => boolean, limit = 15_000) => {
    const end = Date.now() + limit;
    for (; !met(); await world.sleep(5)) {
      if (Date.now() > end) throw new Error(`${what} is not to be seen:\n${shown}`);
    }
  };
  /** Types and waits for the prompt behind what that shows. */
  const prompted = async (text: string) => {
    shown = "";
    type(text);
    await until("the prompt", () => shown.includes(PROMPT));
  };
  /** Ctrl-C until the prompt: bash alone (with `true` for us) loses one in forty while it takes or draws a line. */
  const interrupt = async () => {
    type("\x03");
    const end = Date.now() + 2000;
    while (!shown.includes(PROMPT) && Date.now() < end) await world.sleep(5);
    if (!shown.includes(PROMPT)) await prompted("\x03");
  };
  const ended = new Promise<void>((done) => child.on("close", () => done()));
  return {
    type,
    until,
    prompted,
    interrupt,
    ended,
    clear: () => void (shown = ""),
    shows: (text: string) => shown.includes(text),
    end: () => child.stdin.end(),
  };
}

/** What the shell left; without what it counts and remembers for itself. */
function left(world: TestWorld, name: string): string[] {
  return world.read(`${world.top}/left/${name}`)!.replace(/READY\d*/g, "READY").split("\0")
    .filter((entry) => entry !== "" && !/^(_|SHLVL|OLDPWD|PWD)=/.test(entry)).sort();
}

/** Processes that are the program of this folder. */
function ours(world: TestWorld): string[] {
  return readdirSync("/proc").filter((pid) =>
    /^\d+$/.test(pid) && world.readlink(`/proc/${pid}/exe`) === `${world.top}/mambaenv`
  );
}

async function interrupted(argv: string, line: string): Promise<void> {
  const world = place(argv);
  const shell = terminal(world);
  const { prompted, interrupt, until, type } = shell;
  const checked = async (name: string) => {
    const there = () => world.stat(`${world.top}/left/${name}`) !== undefined;
    // The terminal throws away what is typed while Ctrl-C is at work, so a line may have to be typed again.
    for (let i = 0; i < 5 && !there(); i++) {
      type(`sh ${world.top}/check ${name}\n`);
      await until("", there, 2000).catch(() => {});
    }
    await until(`the environment behind "${name}"`, there, 5000);
    return left(world, name);
  };
  let count = 0;
  const anew = async () => {
    await world.sleep(30);
    // A number of its own, since a prompt that is seen late must not be taken for the new shell's.
    shell.clear();
    type(`exec sh ${world.top}/fresh ${++count}\n`);
    await until("the new shell", () => shell.shows(`${PROMPT}${count}> `));
  };
  try {
    await prompted("");
    const outside = await checked("outside");
    await anew();
    type(`${line}\n`);
    await world.sleep(500);
    const inside = await checked("inside");
    assert.ok(inside.includes("CONDA_DEFAULT_ENV=work"), inside.join("\n"));
    assert.notDeepEqual(inside, outside);
    const met = new Set<boolean>();
    for (const moment of MOMENTS) {
      await anew();
      type(`${line}\n`);
      await world.sleep(moment);
      shell.clear();
      await interrupt();
      await world.sleep(100);
      const now = await checked(String(moment));
      const entered = JSON.stringify(now) === JSON.stringify(inside);
      assert.ok(
        entered || JSON.stringify(now) === JSON.stringify(outside),
        `after ${moment} ms: ${now.join("\n")}`,
      );
      met.add(entered);
      await until("the end of our processes", () => ours(world).length === 0, 1000);
    }
    assert.equal(met.size, 2, "some moments are before the end of it, some behind");
  } finally {
    type("exit\n");
    shell.end();
    await shell.ended;
  }
}

/** Ctrl-Z and Ctrl-C while a channel does not answer. */
async function waiting(argv: string, line: string): Promise<void> {
  const channel = createServer(() => {});
  await new Promise<void>((done) => channel.listen(0, "127.0.0.1", done));
  const world = place(argv, `http://127.0.0.1:${(channel.address() as AddressInfo).port}/c`);
  const shell = terminal(world);
  try {
    await shell.prompted("");
    shell.clear();
    shell.type(`${line}\n`);
    await shell.until("the channel's name", () => shell.shows("reading channels"));
    shell.type("\x1a");
    await world.sleep(300);
    shell.clear();
    shell.type("\x03");
    await shell.until("the prompt", () => shell.shows(PROMPT), 5000);
    await shell.until("the end of our processes", () => ours(world).length === 0, 5000);
    shell.type(`sh ${world.top}/check after\n`);
    await shell.until("the environment", () => world.stat(`${world.top}/left/after`) !== undefined, 5000);
    assert.ok(!left(world, "after").some((entry) => /^(CONDA|MAMBAENV_(UNDO|ACTIVE))/.test(entry)));
    assert.deepEqual(world.list(`${world.top}/root/envs/.mambaenv`), []);
  } finally {
    for (const pid of ours(world)) process.kill(Number(pid), "SIGKILL");
    channel.closeAllConnections();
    channel.close();
    shell.type("exit\n");
    shell.end();
    await shell.ended;
  }
}

for (const [form, { argv, line }] of Object.entries(FORMS)) {
  const program = argv.split(" ")[0]!;
  Deno.test({
    name: `interrupt: ${form}: Ctrl-Z and Ctrl-C while a channel is waited for`,
    ignore: (!installed(program) || !installed("script")) && !Deno.env.get("CI"),
  }, () => waiting(argv, line));
  Deno.test({
    name: `interrupt: ${form}: the prompt comes back, all or nothing, no process left`,
    ignore: (!installed(program) || !installed("script")) && !Deno.env.get("CI"),
  }, () => interrupted(argv, line));
}
