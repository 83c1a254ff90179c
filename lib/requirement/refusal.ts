// Why pip could not install something, in its own words, with what mends it.
import type { PipOrder } from "../pip.ts";
import { EXIT, Problem } from "../problem.ts";
import { secretless } from "../secret.ts";
import type { Ended } from "../world.ts";
import { called } from "./decide.ts";
import { Refused } from "./demand.ts";
import { normalize } from "./parse.ts";

/** What mends a want of the network. */
export const ONLINE = "leave out --offline once";
/** pip's option for what is not too new; pip 26 knows it. */
export const PRIOR = "--uploaded-prior-to";

/** The reasons of a conflict, which pip tells on stdout, among its progress. */
export function conflictOf({ stdout }: Ended): string {
  return /^The conflict is caused by:[^]*/m.exec(stdout)?.[0] ?? "";
}

/** Whether a run of pip ended with a conflict. */
export function conflicting({ stderr }: Ended): boolean {
  return stderr.includes("ResolutionImpossible");
}

/** The Problem for a run of pip that failed. */
export function refusal(order: PipOrder, ended: Ended): Problem {
  const { status, stdout, stderr } = ended;
  const conflict = conflictOf(ended);
  const words = secretless([stderr.trim() || stdout.trim(), conflict.trim()].filter(Boolean).join("\n"));
  const names = order.requirements.map(called).join(", ");
  if (words.includes(`no such option: ${PRIOR}`)) {
    return new Problem(
      `pip in ${order.prefix} is too old for exclude-newer, and ${names} would come from PyPI`,
      'a line "# conda: pip >=26" in requirements.txt, or no --exclude-newer',
    );
  }
  const wanted = /No matching distribution found for ([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(words)?.[1];
  if (order.offline && wanted) {
    return new Problem(`Offline, and no wheel of ${wanted} is at hand\n${words}`, ONLINE, EXIT.offline);
  }
  const at = order.requirements.find(({ name }) => wanted !== undefined && name === normalize(wanted));
  const hint = at
    ? `correct ${JSON.stringify(at.file)} line ${at.line}: ${secretless(at.text)}`
    : conflicting(ended)
    ? "what conda installed is held fixed: ask for versions that go together"
    : "";
  return new Refused(`pip could not install ${names} (status ${status})\n${words}`, hint);
}
