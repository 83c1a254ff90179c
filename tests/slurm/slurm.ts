// A Slurm cluster of three nodes on this machine, for the tests of one file, and jobs on it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "../oracle.ts";
import { bare, type Called, start } from "../program.ts";

const SCRIPT = join(import.meta.dirname!, "cluster.sh");
export const NODES = 3;

export interface Cluster {
  /** Each node's own disk, at the same path on all. */
  local: string;
  /** Variables of who calls Slurm. */
  env: { [name: string]: string };
  /** Runs bash code outside of the nodes, where `srun` starts a job of its own. */
  login(code: string, cwd: string, env?: { [name: string]: string }): Promise<Called>;
  /** Submits a script; its number. */
  submit(code: string, words: readonly string[], where: Submit): Promise<string>;
  /** Submits a script and waits until nothing of it is left; what it said, on both streams. */
  batch(code: string, words: readonly string[], where: Submit): Promise<string>;
  /** Waits until nothing of a job is left, a minute unless said; what it said. */
  ended(id: string, seconds?: number): Promise<string>;
  close(): void;
}

/** Whose shell submits. */
interface Submit {
  cwd: string;
  env: { [name: string]: string };
}

/** Whether this machine can have a cluster: Slurm, munge, root and mount namespaces; an error where CI is set. */
export function possible(): boolean {
  const there = ["slurmctld", "slurmd", "munged", "srun", "strace"].map(tool).every(Boolean);
  if (!there) return false;
  const able = spawnSync("unshare", ["-m", "true"]).status === 0;
  if (!able && process.env["CI"]) throw new Error("Slurm's tests need root and mount namespaces");
  return able;
}

/** Starts the cluster; each node's disk has `size`. */
export function cluster(size = "400m"): Cluster {
  const top = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "slurm-")));
  fs.chmodSync(top, 0o755);
  const call = (words: readonly string[]) => {
    const ended = spawnSync(SCRIPT, words, { encoding: "utf8" });
    assert.equal(ended.status, 0, ended.stderr + ended.stdout);
  };
  // Below the kernel's own ports; another cluster of this machine is unlikely to have the same.
  const port = 12_000 + Math.floor(Math.random() * 1900) * 10;
  call(["up", top, String(NODES), String(port), size]);
  const env = { PATH: process.env["PATH"]!, HOME: "/root", SLURM_CONF: `${top}/slurm.conf` };
  const run = (code: string, cwd: string, more = {}) =>
    start(["/usr/bin/env", ...bare(["/bin/bash", "-c", code], { ...env, ...more })], { cwd, env: {} }).ended;
  const output = (id: string) => `${top}/out.${id}`;
  const made: Cluster = {
    local: `${top}/local`,
    env,
    login: run,
    submit: async (code, words, { cwd, env: theirs }) => {
      const file = `${top}/job-${Math.random()}.sh`;
      fs.writeFileSync(file, `#!/bin/bash\n${code}`);
      const form = words.some((word) => word.startsWith("--array")) ? "%A" : "%j";
      const all = ["sbatch", "--parsable", `--output=${output(form)}`, "--open-mode=append", ...words, file];
      const submitted = bare(all, { ...env, ...theirs });
      const { out, err } = await start(["/usr/bin/env", ...submitted], { cwd, env: {} }).ended;
      assert.match(out, /^\d+\n$/, err);
      return out.trim();
    },
    ended: async (id, seconds = 60) => {
      for (let i = 0; i < seconds * 20; i++) {
        const { out } = await run(`squeue -h -j ${id} 2>/dev/null`, top);
        if (out.trim() === "") break;
        await new Promise((wake) => setTimeout(wake, 50));
      }
      return fs.existsSync(output(id)) ? fs.readFileSync(output(id), "utf8") : "";
    },
    batch: async (code, words, where) => await made.ended(await made.submit(code, words, where)),
    close: () => {
      call(["down", top]);
      fs.rmSync(top, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  return made;
}
