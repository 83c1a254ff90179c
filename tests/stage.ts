// A project with a home of its own, whose channel and index are on loopback.
import { channel } from "./channel/channel.ts";
import { type Called, PROGRAM, start } from "./program.ts";
import { type Fault, serve, type Server } from "./server.ts";
import { type TestWorld, testWorld } from "./world.ts";

/** The project, and the server that its channel and its index are on. */
export interface Stage {
  world: TestWorld;
  server: Server;
  env: { [name: string]: string };
  /** Runs bash code in the project; `M` is the program. */
  bash(code: string, more?: { [name: string]: string }): Promise<Called>;
  /** The names of what is in the store of generations. */
  store(): string[];
}

async function stage(requirements: string, faults: readonly Fault[] = []): Promise<Stage> {
  const { dir, wheels } = await channel();
  const server = await serve(dir, faults, wheels);
  const world = testWorld({ "work/requirements.txt": requirements });
  const env = {
    HOME: `${world.top}/home`,
    PATH: "/usr/bin:/bin",
    TMPDIR: world.top,
    M: PROGRAM,
    MAMBAENV_CHANNEL: server.url,
    PIP_INDEX_URL: `${server.url}/simple/`,
    PIP_TRUSTED_HOST: "127.0.0.1",
  };
  const folder = `${world.top}/home/.local/share/mambaenv/envs/.mambaenv`;
  return {
    world,
    server,
    env,
    bash: (code, more = {}) =>
      start(["/bin/bash", "-c", code], { cwd: world.cwd, env: { ...env, ...more } }).ended,
    store: () => (world.list(folder) ?? []).sort(),
  };
}

/** Sets the stage, acts on it, and clears it away. */
export async function staged(
  requirements: string,
  act: (stage: Stage) => Promise<void>,
  faults: readonly Fault[] = [],
): Promise<void> {
  const set = await stage(requirements, faults);
  try {
    await act(set);
  } finally {
    await set.server.close();
    set.world.remove(set.world.top);
  }
}
