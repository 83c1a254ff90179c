// `mambaenv sync`: the environment as the project asks for it, without entering it; `--force` makes it anew.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { gather } from "../facts.ts";
import { perform } from "../perform.ts";
import { plan, type Step } from "../plan.ts";
import { EXIT, Problem } from "../problem.ts";
import type { World } from "../world.ts";

/** Builds where need be. Throws Problem where that fails: nobody asked to enter what was before. */
export async function run(request: Request, world: World): Promise<Answer> {
  const strict = {
    ...request,
    flags: { ...request.flags, "no-fallback": true, background: false, create: true },
  };
  const facts = await gather(strict, world);
  const { environment } = facts;
  if (environment.kind === "plain") {
    throw new Problem(
      `${JSON.stringify(environment.prefix)} is no environment of mambaenv's`,
      "mambaenv list",
    );
  }
  const planned = plan(facts);
  const force: Step = { kind: "build", reason: "asked for (--force)", force: true };
  const steps = request.flags.force && planned.length === 0 ? [force] : planned;
  const after = await perform(steps, facts, strict, world);
  const { prefix } = after.environment.kind === "missing" ? { prefix: "" } : after.environment;
  return { out: `${steps.length === 0 ? "Nothing changed" : "Made"}: ${prefix}\n`, exit: EXIT.ok };
}
