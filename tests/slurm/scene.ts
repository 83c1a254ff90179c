// A cluster, and a project whose small environment is on the disk that all nodes share.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { small } from "../crash/small.ts";
import { type Called, PROGRAM } from "../program.ts";
import { put } from "../root.ts";
import { type TestWorld, testWorld } from "../world.ts";
import { type Cluster, cluster } from "./slurm.ts";

export interface Scene {
  slurm: Cluster;
  world: TestWorld;
  /** Whose shell submits; `M` is the program. */
  where: { cwd: string; env: { [name: string]: string } };
  /** The environment on the shared disk. */
  shared: string;
  /** What is on the nodes' own disks, node by node, but for the folder `limited`. */
  left(): Promise<string>;
  /** Runs code on each of some nodes at once, outside of jobs that are looked at. */
  each(nodes: string, code: string): Promise<Called>;
  /** Forgets the archives that were made. */
  forget(): void;
  close(): void;
}

/** Sets it; \`code\` in jobs stages to the nodes' own disks. */
export async function scene(size?: string): Promise<Scene> {
  const slurm = cluster(size);
  const world = testWorld();
  const env = {
    HOME: `${world.top}/home`,
    MAMBAENV_CHANNEL: small(`${world.top}/channel`),
    MAMBAENV_ROOT: `${world.top}/root`,
    MAMBAENV_TO: slurm.local,
    M: PROGRAM,
  };
  put(`${world.cwd}/environment.yml`, "name: work\ndependencies: [python, tool, more]\n");
  const made = await slurm.login('"$M" sync -q', world.cwd, env);
  assert.equal(made.status, 0, made.err);
  const envs = `${world.top}/root/envs`;
  const each = (nodes: string, code: string) => {
    const count = nodes === "n[1-3]" ? 3 : 1;
    const words = `srun -Q -w '${nodes}' -N${count} -n${count} --ntasks-per-node=1`;
    return slurm.login(`${words} bash -c "$CODE"`, world.top, { CODE: code, L: slurm.local });
  };
  return {
    slurm,
    world,
    where: { cwd: world.cwd, env },
    shared: `${envs}/${fs.readlinkSync(`${envs}/work`)}`,
    each,
    left: async () =>
      (await each("n[1-3]", 'find "$L" -mindepth 1 -not -path "$L/limited*" | head -3000')).out.slice(
        0,
        1000,
      ),
    forget: () => world.remove(`${world.top}/home/.cache`),
    close: () => {
      slurm.close();
      world.remove(world.top);
    },
  };
}

/** How often a word is in a text. */
export function count(text: string, word: string): number {
  return text.split(word).length - 1;
}
