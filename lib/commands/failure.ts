// How a failure reaches the user: words on stderr, and for a shell the code that ends with its status.
import type { Command, Request } from "../args.ts";
import { type Change, render } from "../code.ts";
import { INPUTS, resolve } from "../project.ts";
import { EXIT, Problem, reason, refusal, Unknown } from "../problem.ts";
import { plain } from "../progress.ts";
import { secretless } from "../secret.ts";
import { detect, shellNamed } from "../shells.ts";
import { nearest } from "../suggest.ts";
import type { World } from "../world.ts";

/** Says what went wrong; returns the exit code. Nobody sees a stack trace unless they ask for it. */
export function explain(
  thrown: unknown,
  command: Command,
  request: Request | undefined,
  world: World,
): number {
  const error = refusal(thrown) ?? thrown;
  const exit = error instanceof Problem ? error.exit : EXIT.failed;
  world.err(words(error, world));
  if (command.code && !world.tty(1)) world.out(failure(exit, request?.flags.shell, world));
  return exit;
}

function words(error: unknown, world: World): string {
  const shown = (text: string) => secretless(text).split("\n").map(plain).join("\n");
  if (error instanceof Problem) {
    const meant = error instanceof Unknown && nearest(error.choice.word, error.choice.known);
    const lines = [meant && `did you mean ${meant}?`, error.hint && `try: ${shown(error.hint)}`].filter(
      Boolean,
    );
    return [`mambaenv: ${shown(error.message)}`, ...lines].join("\n  ") + "\n";
  }
  const stack = world.env["MAMBAENV_VERBOSE"] && error instanceof Error ? `\n${error.stack}` : "";
  return `mambaenv: internal error: ${shown(reason(error))}${stack}
  this is a bug: please report it with what MAMBAENV_VERBOSE=1 says\n`;
}

/** Code that sets the status in the reader's shell; the POSIX spelling where the shell is not known. */
export function failure(exit: number, name: string | undefined, world: World): string {
  const shell = (name ? shellNamed(name) : undefined) ?? detected(world) ?? shellNamed("sh")!;
  // direnv reads us again when what is wrong was mended.
  const files = world.env["DIRENV_IN_ENVRC"] ? INPUTS.map((path) => resolve(world.cwd, path)) : [];
  const watch: Change[] = files.length > 0 && shell.watch ? [{ kind: "watch", files }] : [];
  return render([...watch, { kind: "status", code: exit }], shell);
}

function detected(world: World) {
  try {
    return detect(world)?.shell;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
