// The words for users, held against the tables they come from.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { COMMANDS, FLAGS, parse, variable } from "../lib/args.ts";
import { run as help } from "../lib/commands/help.ts";
import { NAMES } from "../lib/condarc/merge.ts";
import { createWorld } from "../lib/system.ts";
import { OURS, STANDING } from "../lib/vars.ts";
import { readme } from "../tasks/tables.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const text = (file: string) => readFileSync(ROOT + file, "utf8");

function sources(dir: string): string[] {
  return readdirSync(ROOT + dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(`${dir}/${entry.name}`) : [`${dir}/${entry.name}`]
  );
}
const CODE = sources("lib").map(text).join("\n");

Deno.test("README: its tables are the program's (else run deno task tables)", () => {
  assert.equal(text("README.md"), readme());
});

Deno.test("help: names every command, flag, and variable", async () => {
  const { out } = await help(parse(["help"], {}), createWorld([]));
  for (const { name } of [...COMMANDS, ...STANDING, ...OURS]) assert.ok(out.includes(name), name);
  for (const flag of FLAGS) assert.ok(out.includes(`--${flag.name}`), flag.name);
});

Deno.test("help COMMAND: shows its own flags and no others", async () => {
  for (const command of COMMANDS) {
    const { out } = await help(parse(["help", command.name], {}), createWorld([]));
    for (const { name } of FLAGS) {
      assert.equal(
        new RegExp(`--${name}( |$)`, "m").test(out),
        command.flags.includes(name),
        `${command.name} ${name}`,
      );
    }
  }
});

Deno.test("vars: every documented variable is read or set somewhere", () => {
  const condarc = Object.values(NAMES).flat().map((name) => `CONDA_${name.toUpperCase()}`);
  const known = ["PIP_INDEX_URL", "HTTPS_PROXY", "CONDA_OVERRIDE_GLIBC", ...condarc];
  for (const { name } of [...STANDING, ...OURS]) {
    assert.ok(
      known.includes(name) || CODE.split(name).length > 2,
      `${name} is documented and nothing reads it`,
    );
  }
});

Deno.test("vars: every variable that the code reads is documented", () => {
  const documented = new Set([...[...STANDING, ...OURS].map(({ name }) => name), ...FLAGS.map(variable)]);
  const ambient =
    /^(HOME|PATH|PWD|SHELL|ENV|HOSTNAME|PYTHON.*|PS1|SLURM_.*|PBS_JOBFS|PBS_JOBID|LSB_JOBID|CONDA_.*|_CE_.*|_CONDA_.*|MAMBAENV_VERBOSE|PIP_.*|TMPDIR|COLUMNS|VIRTUAL_ENV|NETRC|.*_proxy|.*_PROXY|LD_LIBRARY_PATH|LOADEDMODULES|NODE_TLS_REJECT_UNAUTHORIZED|REQUEST_METHOD)$/;
  for (const match of CODE.matchAll(/env\["([A-Za-z_0-9]+)"\]/g)) {
    assert.ok(documented.has(match[1]!) || ambient.test(match[1]!), `${match[1]} is read and not documented`);
  }
});

Deno.test("README: every link to a file leads somewhere", () => {
  for (const match of text("README.md").matchAll(/\]\(([^)#:]+)\)/g)) assert.ok(text(match[1]!).length > 0);
});
