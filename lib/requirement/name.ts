// What conda may call a project of PyPI: the table of those whose names differ, and the spellings of the others.
import { normalize } from "./parse.ts";

/** Names to look for in a channel, the likeliest first. */
export interface Candidates {
  /** The name by the table: if the channel has it, it is the project. */
  known?: string;
  /** The project's own name as conda may spell it. */
  spellings: string[];
}

/** What conda may call the project. */
export async function candidates(written: string): Promise<Candidates> {
  const { default: { names } } = await import("./names.json", { with: { type: "json" } });
  const table: Readonly<Record<string, string>> = names;
  const name = normalize(written);
  const spellings = [written.toLowerCase(), name, name.replaceAll("-", "_"), name.replaceAll("-", ".")];
  return {
    known: Object.hasOwn(table, name) ? table[name] : undefined,
    spellings: [...new Set(spellings)],
  };
}

/** The conda packages that hold a project with these extras, where that is known. */
export async function extrasOf(written: string, extras: readonly string[]): Promise<string[] | undefined> {
  const { default: { extras: all } } = await import("./names.json", { with: { type: "json" } });
  const table: Readonly<Record<string, Readonly<Record<string, string>>>> = all;
  const name = normalize(written);
  const own = Object.hasOwn(table, name) ? table[name]! : {};
  const found = extras.map((extra) =>
    Object.hasOwn(own, normalize(extra)) ? own[normalize(extra)] : undefined
  );
  return found.every((each) => each !== undefined) ? [...new Set(found)] : undefined;
}
