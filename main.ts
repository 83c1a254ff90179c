// The program: the real world, the words, the command, one write, and the one place where errors end.
import { COMMANDS, type Command, parse, type Request } from "./lib/args.ts";
import type { Answer } from "./lib/code.ts";
import * as enter from "./lib/commands/enter.ts";
import { EXIT, Problem } from "./lib/problem.ts";
import { createWorld } from "./lib/system.ts";
import type { World } from "./lib/world.ts";

/** One literal import for each command, so that only what is called is loaded. */
const LOAD: { [name: string]: () => Promise<Run> | Run } = {
  enter: () => enter,
  deactivate: () => import("./lib/commands/deactivate.ts"),
  status: () => import("./lib/commands/status.ts"),
  help: () => import("./lib/commands/help.ts"),
};
interface Run {
  run(request: Request, world: World): Promise<Answer>;
}

async function main(world: World): Promise<number> {
  let command: Command | undefined = COMMANDS.find(({ name }) => name === world.argv[0]) ?? COMMANDS[0];
  try {
    const request = parse(world.argv, world.env);
    if (request.flags.help || request.flags.version) command = COMMANDS.find(({ name }) => name === "help")!;
    else command = request.command;
    const { out, exit } = await (await LOAD[command.name]!()).run(request, world);
    world.out(out);
    return exit;
  } catch (error) {
    const { explain } = await import("./lib/commands/explain.ts");
    return explain(error, command, world);
  }
}

process.exitCode = await main(createWorld(process.argv.slice(2)));
