// Child processes: each in a group of its own that ends with us. Loaded when one is needed.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { constants } from "node:os";
import { reason } from "./problem.ts";
import { effect, native } from "./system.ts";
import type { Ended, Env, RunOptions, World } from "./world.ts";

/** Signals a group of processes; false where nobody is left in it. */
function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** Ends a group: asked first, made to after half a second. */
function end(group: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  signal(group, "SIGTERM");
  for (let i = 0; i < 50 && signal(group, 0); i++) Atomics.wait(pause, 0, 0, 10);
  signal(group, "SIGKILL");
}

/** Runs a program without a shell and waits for it. Never throws: see `Ended`. */
export function run(argv: readonly string[], options: RunOptions, trap: World["trap"]): Promise<Ended> {
  const [program = "", ...words] = argv;
  const { stdout = "stderr", stderr = "inherit", timeout } = options;
  const ended = new Promise<Ended>((settle) => {
    const child = spawn(program, words, {
      cwd: options.cwd,
      env: options.env as NodeJS.ProcessEnv | undefined,
      detached: true,
      stdio: [
        options.input === undefined ? "ignore" : "pipe",
        stdout === "capture" ? "pipe" : 2,
        stderr === "inherit" ? 2 : "pipe",
      ],
    });
    const { pid } = child;
    const untrap = trap(() => pid && end(pid));
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => texts[name] += text);
    }
    if (stderr === "tee") child.stderr?.on("data", (text: string) => fs.writeSync(2, text));
    child.stdin?.on("error", () => undefined).end(options.input);
    let late = false;
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      late = true;
      if (pid !== undefined) signal(pid, "SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, timeout);
    const finish = (status: number, words = "") => {
      clearTimeout(timer);
      untrap();
      settle({ status, stdout: texts.stdout, stderr: texts.stderr + words });
    };
    child.on("error", (error) => finish(127, error.message));
    child.on(
      "close",
      (code, name) => finish(late ? 124 : code ?? 128 + (name ? constants.signals[name] : 0)),
    );
  });
  // Bun throws at once what Node tells later, such as ENOEXEC.
  return ended.catch((error) => ({ status: 127, stdout: "", stderr: reason(error) }));
}

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = fs.constants;

/** Starts a program, detached; see `World.launch`. */
export function launch(
  [program = "", ...words]: readonly string[],
  { cwd, env, log }: { cwd: string; env: Env; log: string },
): void {
  const out = effect(
    "write",
    log,
    () => fs.openSync(native(log), O_CREAT | O_NOFOLLOW | O_TRUNC | O_WRONLY, 0o600),
  );
  const stdio = ["ignore", out, out] as const;
  try {
    spawn(program, words, {
      cwd,
      env: env as NodeJS.ProcessEnv,
      detached: true,
      stdio: [...stdio],
    })
      .on(
        "error",
        (error) => fs.writeSync(2, `mambaenv: cannot start ${program}: ${reason(error)}\n`),
      )
      .unref();
  } finally {
    fs.closeSync(out);
  }
}
