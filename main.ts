// The program: the real world, the words, the command, one write, and the one place where errors end.
import { COMMANDS, parse, type Request } from "./lib/args.ts";
import type { Answer } from "./lib/code.ts";
import * as enter from "./lib/commands/enter.ts";
import { createWorld } from "./lib/system.ts";
import type { World } from "./lib/world.ts";

type Run = { run(request: Request, world: World): Promise<Answer> };
/** One literal import for each command, so that only what is called is loaded. */
const LOAD: { [command: string]: () => Run | Promise<Run> } = {
  enter: () => enter,
  activate: () => import("./lib/commands/activate.ts"),
  reactivate: () => import("./lib/commands/activate.ts"),
  deactivate: () => import("./lib/commands/deactivate.ts"),
  run: () => import("./lib/commands/run.ts"),
  shell: () => import("./lib/commands/subshell.ts"),
  status: () => import("./lib/commands/status.ts"),
  lock: () => import("./lib/commands/lock.ts"),
  doctor: () => import("./lib/commands/doctor.ts"),
  init: () => import("./lib/commands/init.ts"),
  sync: () => import("./lib/commands/sync.ts"),
  stage: () => import("./lib/commands/stage.ts"),
  modulefile: () => import("./lib/commands/modulefile.ts"),
  kernel: () => import("./lib/commands/kernel.ts"),
  list: () => import("./lib/commands/list.ts"),
  rollback: () => import("./lib/commands/rollback.ts"),
  remove: () => import("./lib/commands/remove.ts"),
  clean: () => import("./lib/commands/clean.ts"),
  explain: () => import("./lib/commands/explain.ts"),
  fetch: () => import("./lib/commands/fetch.ts"),
  export: () => import("./lib/commands/export.ts"),
  completions: () => import("./lib/commands/completions.ts"),
  man: () => import("./lib/commands/man.ts"),
  help: () => import("./lib/commands/help.ts"),
};

/** Commands that end before machine code would pay; where one of them makes an environment, that says so itself. */
const QUICK = ["enter", "activate", "reactivate", "deactivate", "run", "shell", "completions", "help"];

async function main(world: World): Promise<number> {
  let request: Request | undefined;
  try {
    request = parse(world.argv, world.env);
    const name = request.flags.help || request.flags.version ? "help" : request.command.name;
    if (!QUICK.includes(name)) world.longer();
    const { out, exit } = await (await LOAD[name]!()).run(request, world);
    world.out(out);
    return exit;
  } catch (error) {
    const { explain } = await import("./lib/commands/failure.ts");
    const command = request?.command ?? COMMANDS.find(({ name }) => name === world.argv[0]) ?? COMMANDS[0]!;
    return explain(error, command, request, world);
  }
}

process.exit(await main(createWorld(process.argv.slice(2))));
