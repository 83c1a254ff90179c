// No shell: the changes as one JSON object, for editors and for shells that have no family here, such as nushell.
import type { Change, Shell, Word } from "../code.ts";

/** What is to change, for a program to read. */
export interface Report {
  /** As the exit status of the program. */
  status: number;
  /** Variables to set, PATH among them, by name. */
  set: { [name: string]: string };
  /** Variables to take away. */
  unset: string[];
  /** Scripts for a POSIX shell, in the order in which they are to be sourced around all this. */
  scripts: string[];
}

const none = () => "";

/** JSON is spelled as a whole, so no change has a spelling of its own. */
export const json: Shell = {
  names: ["json"],
  scripts: ".sh",
  hook: "",
  form: "% --shell json",
  whole,
  word: (text) => JSON.stringify(text) as Word,
  set: none,
  unset: none,
  path: none,
  source: none,
  prompt: none,
  functions: none,
  verbatim: none,
  status: (code) => whole([{ kind: "status", code }]),
};

function whole(changes: readonly Change[]): string {
  const values = new Map<string, string | undefined>();
  const report: Report = { status: 0, set: {}, unset: [], scripts: [] };
  for (const change of changes) {
    if (change.kind === "set") values.set(change.name, change.value);
    else if (change.kind === "path") values.set("PATH", change.dirs.join(":"));
    else if (change.kind === "unset") values.set(change.name, undefined);
    else if (change.kind === "source") report.scripts.push(change.file);
    else if (change.kind === "status") report.status = change.code;
  }
  for (const name of [...values.keys()].sort()) {
    const value = values.get(name);
    if (value === undefined) report.unset.push(name);
    else report.set[name] = value;
  }
  return JSON.stringify(report, null, 2);
}
