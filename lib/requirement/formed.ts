// Values of settings that are versions or dates.
import { EXIT, Problem } from "../problem.ts";
import type { Setting } from "../sources.ts";
import { cutoff } from "./moment.ts";

const FORMS = {
  cuda: { what: "version", sample: "12.4", fits: isVersion },
  glibc: { what: "version", sample: "2.17", fits: isVersion },
  "exclude-newer": { what: "date", sample: "2025-06-30", fits: (text: string) => cutoff(text) !== undefined },
};

function isVersion(text: string): boolean {
  return /^\d+(\.\d+){0,3}$/.test(text);
}

/** The setting, if it has the form that its key asks for. Throws Problem with exit 2. */
export function formed(key: keyof typeof FORMS, setting: Setting<string>): Setting<string> {
  const { what, sample, fits } = FORMS[key];
  if (fits(setting.value)) return setting;
  const words = `Cannot use ${key} = ${JSON.stringify(setting.value)} in ${setting.from}: no ${what}`;
  throw new Problem(words, `mambaenv --${key} ${sample}`, EXIT.usage);
}
