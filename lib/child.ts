// Child processes: in a group of their own, ended with us, with clear statuses. Loaded when one is needed.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Ended, RunOptions } from "./world.ts";

const living = new Set<number>();

/** Ends every child that is still alive, with its children. */
export function endChildren(): void {
  for (const pid of living) signal(pid, "SIGTERM");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Runs a program without a shell and waits for it. Never throws: see `Ended`. */
export function run(argv: readonly string[], options: RunOptions): Promise<Ended> {
  const [program = "", ...words] = argv;
  const { stdout = "stderr", stderr = "inherit", timeout } = options;
  return new Promise((settle) => {
    const child = spawn(program, words, {
      cwd: options.cwd,
      env: options.env as NodeJS.ProcessEnv | undefined,
      detached: true,
      stdio: [
        options.input === undefined ? "ignore" : "pipe",
        stdout === "capture" ? "pipe" : 2,
        stderr === "capture" ? "pipe" : 2,
      ],
    });
    const { pid } = child;
    if (pid !== undefined) living.add(pid);
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => texts[name] += text);
    }
    child.stdin?.on("error", () => undefined).end(options.input);
    let late = false;
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      late = true;
      if (pid !== undefined) signal(pid, "SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, timeout);
    const end = (status: number, words = "") => {
      clearTimeout(timer);
      if (pid !== undefined) living.delete(pid);
      settle({ status, stdout: texts.stdout, stderr: texts.stderr + words });
    };
    child.on("error", (error) => end(127, error.message));
    child.on("close", (code, name) => end(late ? 124 : code ?? 128 + (name ? constants.signals[name] : 0)));
  });
}
