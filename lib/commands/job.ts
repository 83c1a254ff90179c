// What is told in a batch job, by the first of its processes: one line on what is entered and what was inherited.
import { active, nameOf } from "../activation.ts";
import type { Request } from "../args.ts";
import type { Facts } from "../facts.ts";
import { plain } from "../progress.ts";
import { foreign } from "../scope.ts";
import type { World } from "../world.ts";

/** Says which environment a job takes; nothing with `--quiet`, or where one is to be made first. */
export function tell(facts: Facts, { flags }: Request, world: World): void {
  const { environment, settings: { job }, stale } = facts;
  if (flags.quiet || environment.kind === "missing" || environment.kind === "damaged") return;
  const made = environment.kind === "generation" ? `, made ${day(environment.stamp.made)}` : "";
  const words = [
    `job ${job!.value}: ${JSON.stringify(environment.place.label)} in ${environment.prefix}${made}`,
    ...stale === undefined || facts.settings.create ? [] : [`taken as it is, though ${stale}`],
    ...inherited(facts, environment.prefix, world),
  ];
  world.err(`mambaenv: ${plain(words.join("; "))}\n`);
}

/** What of the login shell's state is put in order. */
function inherited({ settings }: Facts, prefix: string, { env }: World): string[] {
  const now = active(env);
  const left = now.level > 0 && now.prefix !== prefix ? [`${nameOf(now.prefix)} is left`] : [];
  const others = settings.pythonpath.value === "prepend" ? foreign(prefix, env) : [];
  const gone = ["VIRTUAL_ENV", "PYTHONHOME"].filter((name) => env[name]);
  return [
    ...left,
    ...others.length > 0 ? [`out of PYTHONPATH: ${others.join(", ")}`] : [],
    ...gone.length > 0 ? [`unset: ${gone.join(", ")}`] : [],
  ];
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ") + " UTC";
}
