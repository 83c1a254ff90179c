// A change that is made behind: the last good environment is entered at once, a process of its own makes the new one.
import { COMMANDS, type Request } from "./args.ts";
import { building } from "./building.ts";
import type { Facts } from "./facts.ts";
import { holder } from "./lock.ts";
import { plain } from "./progress.ts";
import { awaitedOf, generations, lockOf, type Place, stem } from "./store.ts";
import { typed } from "./typed.ts";
import type { World } from "./world.ts";

/** What the process says. */
export function logOf(place: Place): string {
  return `${generations(place)}/${stem(place)}.log`;
}

/** Starts the process unless somebody builds already; returns the facts with what there is. Throws Problem. */
export async function defer(reason: string, facts: Facts, request: Request, world: World): Promise<Facts> {
  const { place } = building(facts, world);
  const log = logOf(place);
  const busy = holder(lockOf(place), world) ?? starting(log, world);
  const failed = busy === undefined ? lastWords(world.read(log)) : undefined;
  world.mkdir(generations(place));
  world.write(awaitedOf(place), "");
  if (busy === undefined) {
    const { name, flags } = COMMANDS.find(({ name }) => name === "sync")!;
    await world.launch([name, ...typed(request, flags)], { cwd: world.cwd, env: world.env, log });
  }
  if (!request.flags.quiet) {
    const why = failed === undefined ? "" : `\n  the last try failed: ${failed}`;
    world.err(
      plain(
        `mambaenv: ${reason}: the new environment is made behind (${busy ?? log}), this is the last good one`,
      ) +
        `${why}\n`,
    );
  }
  return { ...facts, stale: undefined, awaited: awaitedOf(place) };
}

/** Milliseconds that a process may take to its lock. */
const START = 3000;

/** The log of a process that was started just now and has no lock yet. */
function starting(log: string, world: World): string | undefined {
  const stat = world.stat(log);
  return stat?.size === 0 && Math.abs(world.now() - stat.mtime) < START ? log : undefined;
}

/** What a failed try said last; undefined where there was none, or it made its environment. */
function lastWords(log: string | undefined): string | undefined {
  const lines = (log ?? "").trimEnd().split("\n");
  if (/^(Made|Nothing changed): /.test(lines.at(-1)!)) return undefined;
  const said = lines.findLast((line) => line.startsWith("mambaenv: "));
  return said && plain(said.slice("mambaenv: ".length));
}
