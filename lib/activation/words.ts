// What the words behind `activate`, `deactivate`, `reactivate` ask for, as conda understands them.
import { EXIT, Problem } from "../problem.ts";

export type Verb = "activate" | "deactivate" | "reactivate";

/** What was asked for; without a `target`, `activate` means the project's environment. */
export interface Wanted {
  verb: Verb;
  help: boolean;
  /** A name or a path. */
  target?: string;
  /** undefined: as conda's `auto_stack` says. */
  stack?: boolean;
  /** conda's `--dev`: its functions run it from its sources. */
  dev: boolean;
}

/** Understands conda's words: any unknown option is a name. Throws Problem with exit 2. */
export function understand(verb: Verb, words: readonly string[]): Wanted {
  const rest = words.filter((word) => word !== "" && word !== verb && !HELP.includes(word));
  const help = words.some((word) => HELP.includes(word));
  const wanted: Wanted = { verb, help, dev: take(rest, "--dev") };
  if (help) return wanted;
  if (verb === "activate") {
    const [stack, flat] = [take(rest, "--stack"), take(rest, "--no-stack")];
    if (stack && flat) throw usage("Cannot both --stack and --no-stack", verb);
    if (stack || flat) wanted.stack = stack;
    wanted.target = rest.shift();
  }
  if (rest.length > 0) throw usage(`Unexpected ${JSON.stringify(rest[0])} after "${verb}"`, verb);
  return wanted;
}

const HELP = ["-h", "--help", "/?"];

/** Takes the first such word out; conda looks for one only. */
function take(words: string[], word: string): boolean {
  const at = words.indexOf(word);
  if (at >= 0) words.splice(at, 1);
  return at >= 0;
}

function usage(words: string, verb: Verb): Problem {
  return new Problem(words, `mambaenv help ${verb}`, EXIT.usage);
}
