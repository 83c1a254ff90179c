// What real conda did, case by case (tests/data/conda-activation.json), against our changes in the same shell.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DIFFERENCES, settle } from "./golden/differences.ts";
import { type Case, type Outcome, play } from "./golden/play.ts";
import { PROGRAM } from "./program.ts";

const CASES: Case[] = JSON.parse(
  readFileSync(new URL("./data/conda-activation.json", import.meta.url), "utf8"),
);

/** What conda did, as far as it is compared. */
function recorded({ outcome }: Case): Outcome {
  return {
    set: outcome.env_after_diff?.set ?? {},
    unset: outcome.env_after_diff?.unset ?? [],
    scripts: outcome.scripts_saw ?? [],
    ps1: outcome.ps1_after ?? undefined,
    status: outcome.exit_code ?? "dead",
  };
}

/** Where the compiled program cannot do what its functions do. */
const LIMITS: { [name: string]: Partial<Outcome> } = {
  // Bun's runtime calls getcwd before any code of ours, and ends where the folder is gone.
  activate_cwd_deleted: { set: {}, unset: [], scripts: [], ps1: "", status: 0 },
};

for (const one of CASES) {
  Deno.test(`golden: ${one.name}: ${one.description}`, async () => {
    assert.deepEqual(await play(one), settle(one.name, recorded(one)));
  });
  Deno.test(`golden: ${one.name}, by the compiled program`, async () => {
    const expected = { ...settle(one.name, recorded(one)), ...LIMITS[one.name] };
    assert.deepEqual(await play(one, { kind: "program", path: PROGRAM }), expected);
  });
}

Deno.test("golden: every exception is a case, and each of its differences is one", () => {
  for (const [number, { cases }] of Object.entries(DIFFERENCES)) {
    for (const [name, patch] of Object.entries(cases)) {
      const one = CASES.find((one) => one.name === name);
      assert.ok(one, `${number}: no case is called ${name}`);
      const before = recorded(one);
      const alone = settle(name, before);
      assert.notDeepEqual(alone, before, `${number}: ${name} is no exception`);
      for (const [variable, value] of Object.entries(patch.set ?? {})) {
        if (value !== null || before.set[variable] !== undefined) continue;
        assert.ok(patch.unset?.includes(variable), `${number}: ${name} has no ${variable} to take out`);
      }
    }
  }
});
