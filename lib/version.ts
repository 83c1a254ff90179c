// The program's version, and what it was built of; CHANGELOG says what is in it.

export const VERSION = "0.1.0";

/** What tasks/compile.ts puts in: the commit (none without git), versions of the built-in solver and the runtime. */
declare const MAMBAENV_BUILD: { commit: string; rattler: string; bun: string } | undefined;

/** Version of the solver; `""` where the program is not compiled. */
export const SOLVER = typeof MAMBAENV_BUILD === "undefined" ? "" : MAMBAENV_BUILD.rattler;

/** The version in full: `mambaenv 0.1.0 (commit 0123456789ab, rattler 0.3.5, bun 1.4.5)`. */
export function about(): string {
  if (typeof MAMBAENV_BUILD === "undefined") return `mambaenv ${VERSION} (not compiled)`;
  const parts = Object.entries(MAMBAENV_BUILD).filter(([, text]) => text !== "").map((pair) =>
    pair.join(" ")
  );
  return `mambaenv ${VERSION} (${parts.join(", ")})`;
}
