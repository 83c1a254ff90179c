// install.sh as tests run it: a folder of its own, a program and its sum, and which programs it finds.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const SCRIPT = join(import.meta.dirname!, "..", "install.sh");
export const PROGRAM = "#!/bin/sh\necho mambaenv 9.9.9\n";
export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
export const SUMS = `${sha256(PROGRAM)}  mambaenv\n`;
export const MACHINE = `${process.platform}-${process.arch}`;

export interface Result {
  status: number | null;
  said: string;
}
export type Files = { [path: string]: string };

/** A folder with `files`, HOME at `home`; removed afterwards. */
export async function place(files: Files, test: (top: string) => Promise<void> | void): Promise<void> {
  const top = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "install-")));
  try {
    fs.mkdirSync(`${top}/home`);
    for (const [path, text] of Object.entries(files)) {
      fs.mkdirSync(join(top, path, ".."), { recursive: true });
      fs.writeFileSync(join(top, path), text, { mode: path.startsWith("bin/") ? 0o755 : 0o644 });
    }
    await test(top);
  } finally {
    fs.rmSync(top, { recursive: true });
  }
}

export interface Options {
  shell?: string;
  PATH?: string;
  env?: { [name: string]: string };
  started?: (pid: number) => void;
}

/** Runs install.sh in a group of processes of its own; programs in `bin` of the folder come first. */
export function install(top: string, words: string[], options: Options = {}): Promise<Result> {
  const { shell = "sh", PATH = `${top}/bin:/usr/local/bin:/usr/bin:/bin`, env = {} } = options;
  const [program = "", ...first] = shell.split(" ");
  const child = spawn(program, [...first, SCRIPT, ...words], {
    cwd: top,
    env: { HOME: `${top}/home`, PATH, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => said += text);
  options.started?.(child.pid!);
  return new Promise((settle) => child.on("close", (status) => settle({ status, said })));
}

/** What is below a folder: files with their text, folders with a final slash. */
export function tree(dir: string): string[] {
  return fs.readdirSync(dir, { recursive: true, encoding: "utf8" }).sort();
}

/** The programs that install.sh uses, and `more`, alone in a folder. */
export function tools(top: string, ...more: string[]): string {
  const dir = `${top}/tools`;
  fs.mkdirSync(dir);
  const usual = ["sh", "uname", "dirname", "sed", "mkdir", "tr", "cat", "mv", "rm", "chmod", "cp", "sleep"];
  for (const name of [...usual, ...more]) {
    const path = ["/usr/bin", "/bin"].map((dir) => `${dir}/${name}`).find((path) => fs.existsSync(path));
    if (path) fs.symlinkSync(path, `${dir}/${name === "busybox" ? "wget" : name}`);
  }
  return dir;
}
