// Prompts as a person sees them, in a terminal: an environment's name is text, never a command.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { render } from "../lib/code.ts";
import { shellNamed } from "../lib/shells.ts";
import { installed } from "./shells/run.ts";

/** Shells that expand PS1 each time, with what makes them do so. */
const EXPANDING: readonly [name: string, argv: string, set: string][] = [
  ["bash", "bash --norc -i", "shopt -s promptvars"],
  ["zsh", "zsh -f -i", "setopt prompt_subst"],
  ["dash", "dash -i", ":"],
  ["ash", "busybox sh -i", ":"],
  ["ksh93", "ksh93 -i", ":"],
  ["mksh", "mksh -i", ":"],
  ["yash", "yash --norcfile -i", ":"],
];

for (const [name, argv, set] of EXPANDING) {
  const there = installed(argv.split(" ")[0]!) && installed("script");
  Deno.test({
    name: `${name}: prompt: a name that looks like a command does not run, and goes again`,
    ignore: !there && !Deno.env.get("CI"),
    fn: () => {
      for (const slashes of ["", "\\", "\\\\", "\\\\\\"]) {
        for (const mark of ["$(", "`"]) {
          evil(name, argv, set, (file) => `${slashes}${mark}touch ${file}${mark === "$(" ? ")" : "`"}`);
        }
      }
    },
  });
}

Deno.test({
  name: "zsh: prompt: a dollar sign shows as itself, whether the prompt is expanded or not",
  ignore: !installed("zsh") && !Deno.env.get("CI"),
  fn: () => {
    const change = { kind: "prompt", remove: "", add: "($dir $(x) ${y} a$) " } as const;
    for (const set of ["set", "unset"]) {
      const code = `${set}opt prompt_subst; PS1='> '; ${
        render([change], shellNamed("zsh")!)
      }print -rP -- "$PS1"`;
      const { stdout } = spawnSync("zsh", ["-fc", code], { encoding: "utf8" });
      assert.equal(stdout, "($dir $(x) ${y} a$) > \n");
    }
  },
});

function evil(name: string, argv: string, set: string, nameOf: (file: string) => string): void {
  const dir = mkdtempSync(join(tmpdir(), "prompt-"));
  try {
    const shell = shellNamed(name)!;
    const modifier = `(${nameOf(join(dir, "ran"))}) `;
    writeFileSync(join(dir, "in"), render([{ kind: "prompt", remove: "", add: modifier }], shell));
    writeFileSync(join(dir, "out"), render([{ kind: "prompt", remove: modifier, add: "" }], shell));
    const lines = [
      set,
      "PS1='> '",
      `. ${dir}/in`,
      "true",
      `. ${dir}/out`,
      `echo "[$PS1]" >${dir}/left`,
      "exit",
      "",
    ];
    const words = [
      "-i",
      "PATH=/usr/bin:/bin",
      "TERM=dumb",
      `HOME=${dir}`,
      "script",
      "-qec",
      argv,
      "/dev/null",
    ];
    const { stdout } = spawnSync("/usr/bin/env", words, {
      encoding: "utf8",
      input: lines.join("\n"),
      cwd: dir,
    });
    assert.ok(!existsSync(join(dir, "ran")), `${name} ran ${modifier}`);
    assert.ok(stdout.includes("touch"), `${name} did not show ${modifier}`);
    assert.equal(spawnSync("/bin/cat", [join(dir, "left")], { encoding: "utf8" }).stdout, "[> ]\n");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
