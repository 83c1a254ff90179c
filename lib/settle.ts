// The split that a solve accepts: where conda finds no way, the packages that it names go to pip, then all of them.
import { Conflict } from "./engines/engine.ts";
import type { Wanted } from "./inputs.ts";
import { Problem } from "./problem.ts";
import { normalize } from "./requirement/parse.ts";
import { type Decision, type Index, type Split, split, type Target } from "./split.ts";
import type { World } from "./world.ts";

/** What is to be split, for whom, and from which channels. */
export interface Unsettled {
  wanted: Wanted;
  target: Target;
  index: Index;
  /** Takes the progress line away, for words that stay. */
  clear: () => void;
}

/** Solves with named packages away before all go. */
const TRIES = 3;

/**
 * Splits, and has `act` do with conda's part what it does, which throws Conflict where that finds no way. Then the
 * requirements that the reasons name are pip's, each with all that it needs, and `act` is called again; after three
 * times, or where no name is told, all are. Throws Problem where that does not help either.
 */
export async function settle<T>(
  { wanted, target, index, clear }: Unsettled,
  act: (made: Split) => Promise<T>,
  world: World,
): Promise<{ made: Split; done: T }> {
  const away = new Map<string, string>();
  for (let tries = 1;; tries++) {
    const made = await split(wanted, { ...target, away }, index);
    try {
      return { made, done: await act(made) };
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (!made.why.some(({ by }) => by === "conda")) throw impossible(error, made);
      const movable = movables(made, wanted);
      const named = blamed(error, movable);
      clear();
      if (tries > TRIES || named.length === 0 || named.length === movable.length) {
        return await surrender(error, { wanted, target, index, clear }, act, world);
      }
      const names = named.map(({ name }) => name).sort();
      world.err(
        `mambaenv: warning: conda finds no way, so ${names.join(", ")} go to pip:\n${indent(error)}\n`,
      );
      for (const name of names) away.set(normalize(name), `conda found no way with ${names.join(", ")}`);
    }
  }
}

/** All requirements go to pip; only Python and what was asked of conda alone stay. */
async function surrender<T>(
  error: Conflict,
  { wanted, target, index }: Unsettled,
  act: (made: Split) => Promise<T>,
  world: World,
): Promise<{ made: Split; done: T }> {
  world.err(`mambaenv: warning: conda finds no way, so all requirements go to pip:\n${indent(error)}\n`);
  const made = await split(wanted, { ...target, away: "conda found no way" }, index);
  const done = await act(made).catch((error) => {
    throw error instanceof Conflict ? impossible(error, made) : error;
  });
  return { made, done };
}

/** What conda was to provide and pip can: requirements, not the specs that are conda's alone. */
function movables({ why }: Split, { requirements }: Wanted): Decision[] {
  const names = new Set(requirements.map(({ name }) => name));
  return why.filter(({ name, by }) => by === "conda" && names.has(normalize(name)));
}

/** Those that the solver's reasons name. */
function blamed({ message }: Conflict, decisions: readonly Decision[]): Decision[] {
  const words = new Set(message.toLowerCase().match(/[\w.-]+/g));
  return decisions.filter(({ conda }) => conda !== undefined && words.has(conda));
}

function indent({ message }: Error): string {
  return message.trim().split("\n").map((line) => `    ${line}`).join("\n");
}

function impossible(error: Conflict, { conda }: Split): Problem {
  return new Problem(
    `Cannot satisfy ${conda.join(", ")}:\n${indent(error)}`,
    "ask for another version: mambaenv --python VERSION, or another channel: --channel NAME",
  );
}
