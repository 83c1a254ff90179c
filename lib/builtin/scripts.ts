// Runs the scripts that packages bring to be run once their files are linked.
import type { World } from "../world.ts";
import { Problem } from "../problem.ts";
import type { Plan } from "./link.ts";
import { parent } from "./path.ts";

/** Runs each package's `bin/.NAME-post-link.sh`, in order, and shows what it leaves in `.messages.txt`. */
export async function runScripts(
  plans: readonly Plan[],
  { prefix, target }: { prefix: string; target: string },
  world: World,
): Promise<void> {
  for (const { record, paths } of plans) {
    const script = `bin/.${record.name}-post-link.sh`;
    if (!paths.some(({ to }) => to === script)) continue;
    const path = `${prefix}/${script}`;
    const { status, stdout, stderr } = await world.run(["bash", path], {
      cwd: parent(path),
      env: {
        ...world.env,
        PREFIX: target,
        ROOT_PREFIX: target,
        PKG_NAME: record.name,
        PKG_VERSION: record.version,
        PKG_BUILDNUM: String(record.build_number),
        PATH: `${parent(path)}:${world.env["PATH"] ?? ""}`,
      },
      stdout: "capture",
      stderr: "capture",
    });
    const messages = world.read(`${prefix}/.messages.txt`);
    world.remove(`${prefix}/.messages.txt`);
    if (messages) world.err(messages.endsWith("\n") ? messages : messages + "\n");
    if (status === 0) continue;
    const words = (stderr + stdout).trim().split("\n").slice(-20).join("\n");
    throw new Problem(
      `${JSON.stringify(script)} of ${record.fn} ended with ${status}${words && `:\n${words}`}`,
    );
  }
}
