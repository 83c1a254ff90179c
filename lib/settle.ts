// The split that a solve accepts: where conda finds no way, the packages that it names go to pip, then all of them.
import { Conflict, Impossible } from "./engines/engine.ts";
import type { Record } from "./builtin/record.ts";
import type { Wanted } from "./inputs.ts";
import { heldPython } from "./lockfile/held.ts";
import { dependency } from "./requirement/conda.ts";
import { type Demand, demanded, Refused, Rejected } from "./requirement/demand.ts";
import { normalize } from "./requirement/parse.ts";
import { type Packaged, untangle } from "./requirement/whole.ts";
import { type Decision, type Index, type Split, split, type Target } from "./split.ts";
import type { World } from "./world.ts";

/** What is to be split, for whom, and from which channels. */
export interface Unsettled {
  wanted: Wanted;
  target: Target;
  index: Index;
  /** Packages of a lock that are to stay where they can, their Python first of all. */
  stay?: readonly Record[];
}

/** Solves with named packages away before all go. */
const TRIES = 3;

/** Told of the packages of a solve before they are installed, or after; throws Conflict. */
export type Check = (packages: readonly Packaged[]) => Promise<void>;
/** Does with conda's part of a split what it does, which throws Conflict where that finds no way. */
export type Act<T> = (made: Split, check: Check) => Promise<T>;

/** A solve that brings along what is to come from PyPI: what needs it has to come from there, too. */
class Torn extends Conflict {
  constructor(readonly away: ReadonlyMap<string, string>) {
    super([...away].map(([name, why]) => `${name} goes to pip, since ${why}`).join("\n"));
  }
}

/**
 * Splits, and acts. Where conda finds no way, the requirements that the reasons name are pip's, each with all that it
 * needs, and `act` is called again; after three times, or where no name is told, all are. Throws Problem where that
 * does not help either.
 */
export async function settle<T>(
  { wanted, target, index, stay = [] }: Unsettled,
  act: Act<T>,
  world: World,
): Promise<{ made: Split; done: T }> {
  const python = heldPython(target.python, stay);
  if (python !== undefined) {
    const made = await split(wanted, { ...target, python }, index);
    const found = await attempt(made, wanted, act).catch(unlessConflict);
    if (found) return found;
  }
  const away = new Map<string, string>();
  for (let tries = 1;;) {
    const made = await split(wanted, { ...target, away }, index);
    try {
      return await attempt(made, wanted, act);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (error instanceof Torn) {
        world.err(`mambaenv: warning: ${error.message.replaceAll("\n", "\nmambaenv: warning: ")}\n`);
        for (const [name, why] of error.away) away.set(name, why);
        continue;
      }
      if (!made.why.some(({ by }) => by === "conda")) throw impossible(error, made);
      const movable = movables(made, wanted);
      const named = blamed(error, movable);
      if (tries++ > TRIES || named.length === 0 || named.length === movable.length) {
        return await surrender(error, { wanted, target, index }, act, world);
      }
      const names = named.map(({ name }) => name).sort();
      world.err(
        `mambaenv: warning: conda finds no way, so ${names.join(", ")} go to pip:\n${indent(error)}\n`,
      );
      for (const name of names) away.set(normalize(name), `conda found no way with ${names.join(", ")}`);
    }
  }
}

/** Where what was locked is in the way, the solve is done without. */
function unlessConflict(error: unknown): undefined {
  if (!(error instanceof Conflict)) throw error;
}

/** Acts once; what conda brings along is its own in the split that is returned. Throws Conflict. */
async function attempt<T>(
  made: Split,
  wanted: Wanted,
  act: Act<T>,
): Promise<{ made: Split; done: T }> {
  let whole = made;
  const done = await act(made, async (packages) => {
    const found = await untangle(made, packages, movables(made, wanted));
    if (found.away.size > 0) throw new Torn(found.away);
    whole = found.made;
  });
  return { made: whole, done };
}

/** All requirements go to pip; only Python and what was asked of conda alone stay. */
async function surrender<T>(
  error: Conflict,
  { wanted, target, index }: Unsettled,
  act: Act<T>,
  world: World,
): Promise<{ made: Split; done: T }> {
  world.err(`mambaenv: warning: conda finds no way, so all requirements go to pip:\n${indent(error)}\n`);
  const made = await split(wanted, { ...target, away: "conda found no way" }, index);
  return await attempt(made, wanted, act).catch((error) => {
    throw error instanceof Conflict ? impossible(error, made) : error;
  });
}

/** What conda was to provide and pip can: requirements, not the specs that are conda's alone. */
function movables({ why }: Split, { requirements, specs }: Wanted): Decision[] {
  const names = new Set(requirements.map(({ name }) => name));
  const held = new Set(specs.map(({ spec }) => dependency(spec).name));
  return why.filter(({ name, by, conda = "" }) =>
    by === "conda" && names.has(normalize(name)) && !held.has(conda)
  );
}

/** Those that the solver's reasons name. */
function blamed({ message }: Conflict, decisions: readonly Decision[]): Decision[] {
  const words = new Set(message.toLowerCase().match(/[\w.-]+/g));
  return decisions.filter(({ conda }) => conda !== undefined && words.has(conda));
}

function indent({ message }: Error): string {
  return message.trim().split("\n").map((line) => `    ${line}`).join("\n");
}

function impossible(error: Conflict, { conda }: Split): Impossible {
  return new Impossible(
    `Cannot satisfy ${conda.join(", ")}:\n${indent(error)}`,
    "ask for another version: mambaenv --python VERSION, or another channel: --channel NAME",
  );
}

/** Solves after pip found no way with what conda installed. */
const AGAIN = 2;

/**
 * Acts with what is wanted, conda's part and then pip's; where pip finds no way with what conda installed, once more
 * with what pip asks for, conda deciding as for any requirement who provides it. Throws pip's Problem where that does
 * not help.
 */
export async function reconcile<T>(
  { wanted }: Pick<Unsettled, "wanted">,
  act: (wanted: Wanted, asked: readonly Demand[]) => Promise<T>,
  world: World,
): Promise<T> {
  const asked: Demand[] = [];
  let first: Rejected | undefined;
  for (let tries = 0;; tries++) {
    const requirements = [...wanted.requirements, ...asked.map(demanded)];
    try {
      return await act({ ...wanted, requirements }, asked);
    } catch (error) {
      const more = error instanceof Rejected
        ? error.demands.filter(({ text }) => !asked.some((each) => each.text === text))
        : [];
      if (tries === AGAIN || more.length === 0) {
        throw first !== undefined && (error instanceof Refused || error instanceof Impossible)
          ? first
          : error;
      }
      first ??= error as Rejected;
      const reasons = more.map(({ text, by }) => `\n    ${by} needs ${text}`).join("");
      world.err(
        `mambaenv: warning: pip finds no way with conda's versions, so it is solved once more:${reasons}\n`,
      );
      asked.push(...more);
    }
  }
}
