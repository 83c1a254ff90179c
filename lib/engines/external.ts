// The user's own mamba, micromamba or conda: a row of words each.
import { Problem } from "../problem.ts";
import type { World } from "../world.ts";
import { Conflict, type Engine, type Order, type Tools } from "./engine.ts";

/** How one program is asked to create a prefix. */
interface Row {
  /** Words in front of what all of them share. */
  words: readonly string[];
  /** Variables that keep it quiet and on its own. */
  env: { [name: string]: string };
}

const ROWS: { [name in External]: Row } = {
  mamba: { words: ["create"], env: { CONDA_ALWAYS_YES: "1" } },
  micromamba: { words: ["create"], env: { MAMBA_ALWAYS_YES: "1" } },
  conda: { words: ["create"], env: { CONDA_ALWAYS_YES: "1", CONDA_NOTIFY_OUTDATED_CONDA: "false" } },
};
export const EXTERNAL = ["mamba", "micromamba", "conda"] as const;
export type External = (typeof EXTERNAL)[number];

/** What they print when no set of packages satisfies the specs, or a package is not there. */
const UNSOLVABLE =
  /could not solve|unsatisfiable|packagesnotfound|package not found|nothing provides|cannot be installed/i;

/** An engine that runs `program`, with its progress on stderr and stdin closed. */
export function external(name: External, program: string): Engine {
  return {
    name,
    async install(order: Order, { world }: Tools): Promise<void> {
      const argv = [program, ...words(name, order)];
      const env = { ...clean(world), ...ROWS[name].env };
      const { status, stderr } = await world.run(argv, { env, stderr: "tee" });
      if (status === 0) return;
      if (UNSOLVABLE.test(stderr)) throw new Conflict(stderr.trim());
      throw new Problem(
        `${program} ended with status ${status}`,
        "see its words above, or let mambaenv do it: mambaenv --engine builtin",
      );
    },
  };
}

function words(name: External, order: Order): string[] {
  return [
    ...ROWS[name].words,
    "--yes",
    "--prefix",
    order.prefix,
    "--override-channels",
    ...order.channels.flatMap((channel) => ["--channel", channel]),
    ...order.offline ? ["--offline"] : [],
    ...order.specs,
  ];
}

/** The environment without what would lead their own Python astray. */
function clean({ env }: World): { [name: string]: string | undefined } {
  const { PYTHONPATH: _path, PYTHONHOME: _home, ...rest } = env;
  return rest;
}
