// `mambaenv export`: the lock for programs that do not read conda-lock.yml.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { FORMS } from "../lockfile/export.ts";
import { EXIT, Problem } from "../problem.ts";
import { basename } from "../project.ts";
import type { World } from "../world.ts";
import { held } from "./locked.ts";

/** Prints the packages of one platform in the form that is asked for. Throws Problem with exit 4 without a lock. */
export async function run(request: Request, world: World): Promise<Answer> {
  const { facts: { settings }, project, wanted, lock, platform, packages } = await held(request, world);
  const form = request.flags.format ?? "explicit";
  const name = basename(settings.prefix?.value ?? settings.name?.value ?? project.root);
  const task = { name, platform, channels: lock.channels, packages, options: wanted.options };
  const write = FORMS[form];
  if (write === undefined) {
    const hint = `mambaenv export --format ${Object.keys(FORMS).join("|")}`;
    throw new Problem(`Cannot export as ${form}`, hint, EXIT.usage);
  }
  const out = await write(task);
  const states = packages.filter(({ manager, sha256 }) => manager === "pip" && sha256 === undefined);
  if (form === "requirements" && states.length > 0) {
    const names = states.map((each) => each.name).sort().join(", ");
    world.err(`mambaenv: warning: pip has no checksum for the state of a repository: ${names}\n`);
  }
  return { out, exit: EXIT.ok };
}
