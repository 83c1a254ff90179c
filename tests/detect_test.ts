// Who reads our output: found below real shells, and told from a few answers where that cannot be had here.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instruct } from "../lib/commands/status.ts";
import { ask, detect, shellNamed } from "../lib/shells.ts";
import { installed } from "./shells/run.ts";
import { testWorld } from "./world.ts";

/** Runs `who.ts` below a shell; the second command keeps the shell from becoming it. */
const WHO = `${Deno.execPath()} run -A --no-check ${join(import.meta.dirname!, "shells", "who.ts")}; true`;

const ABOVE: readonly [how: string, argv: string[], shell: string, needs?: string][] = [
  ["bash -c", ["bash", "-c", WHO], "bash"],
  ["a login shell", ["bash", "-c", `(exec -a -zsh zsh -fc '${WHO}'); true`], "zsh", "zsh"],
  ["bash called sh", ["bash", "-c", `(exec -a sh bash -c '${WHO}'); true`], "bash"],
  ["busybox sh", ["busybox", "sh", "-c", WHO], "sh", "busybox"],
  ["fish", ["fish", "--no-config", "-c", WHO.replace("; true", "; builtin true")], "fish", "fish"],
  ["tcsh", ["tcsh", "-fc", WHO], "tcsh", "tcsh"],
  ["ksh93", ["ksh93", "-c", WHO], "ksh", "ksh93"],
  ["mksh", ["mksh", "-c", WHO], "mksh", "mksh"],
  ["yash", ["yash", "-c", WHO], "yash", "yash"],
  ["xonsh, a program of Python's", ["xonsh", "--no-rc", "-c", WHO.replace("; true", "")], "xonsh", "xonsh"],
  ["elvish", ["elvish", "-norc", "-c", WHO.replace("; true", "")], "elvish", "elvish"],
  ["Python in bash", [
    "bash",
    "-c",
    `python3 -c 'import os; os.system("${WHO.replace("; true", "")} & wait")' sh; true`,
  ], "sh"],
  ["under timeout and env in zsh", ["zsh", "-fc", `timeout 60 env A=1 ${WHO}`], "zsh", "zsh"],
  ["under make", ["make", "-s", "-f", "-", "all"], "sh", "make"],
  ["SHELL is wrong", ["env", "SHELL=/bin/fish", "bash", "-c", WHO], "bash"],
  ["env -i", ["env", "-i", "HOME=/", "/bin/bash", "-c", WHO], "bash"],
  ["busybox's timeout in bash", ["bash", "-c", `busybox timeout 60 ${WHO}`], "bash", "busybox"],
];

for (const [how, argv, shell, needs = "bash"] of ABOVE) {
  const there = installed(needs);
  Deno.test({
    name: `detect: ${how}`,
    ignore: !there && !Deno.env.get("CI"),
    fn: () => {
      const [program = "", ...words] = argv;
      const input = `SHELL=/bin/dash\nall:\n\t${WHO}\n`;
      const { stdout, stderr } = spawnSync(program, words, { encoding: "utf8", input });
      assert.equal(stdout.trim(), shell, stderr);
    },
  });
}

Deno.test("detect: a shell whose file is gone, since it was upgraded", () => {
  const dir = mkdtempSync(join(tmpdir(), "gone-"));
  try {
    // By another process: what this one has open for writing, its other children have, too, and it cannot be run.
    assert.equal(spawnSync("/bin/cp", ["/bin/bash", dir]).status, 0);
    const { stdout } = spawnSync(join(dir, "bash"), ["-c", `/bin/rm ${dir}/bash; ${WHO}`], {
      encoding: "utf8",
    });
    assert.equal(stdout.trim(), "bash");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

Deno.test("detect: one question where the parent is a shell; ask: ps, direnv, then SHELL as a guess", async () => {
  const asked: string[] = [];
  const world = testWorld({}, { ppid: 42, env: { SHELL: "/bin/zsh" } });
  const files: { [path: string]: string } = { "/proc/42/exe": "/usr/bin/bash" };
  const readlink = (path: string) => (asked.push(path), files[path]);
  assert.equal(detect({ ...world, readlink })?.shell.names[0], "bash");
  assert.deepEqual(asked, ["/proc/42/exe"]);
  const blind = { ...world, readlink: () => undefined, read: () => undefined };
  assert.equal(detect(blind), undefined);
  const ps = (lines: { [pid: string]: string }) => ({
    ...blind,
    run: (argv: readonly string[]) => {
      const line = lines[argv.at(-1)!];
      return Promise.resolve({ status: line ? 0 : 1, stdout: line ?? "", stderr: "" });
    },
  });
  const found = await ask(ps({ 42: " 41 timeout\n", 41: "    1 -fish\n" }));
  assert.deepEqual([found?.shell.names[0], found?.sure], ["fish", true]);
  const direnv = { ...ps({}), env: { SHELL: "/bin/zsh", DIRENV_IN_ENVRC: "1" } };
  assert.deepEqual([(await ask(direnv))?.shell.names[0], (await ask(direnv))?.sure], ["bash", true]);
  assert.deepEqual([(await ask(ps({})))?.shell.names[0], (await ask(ps({})))?.sure], ["zsh", false]);
  assert.equal(await ask({ ...ps({}), env: {} }), undefined);
});

Deno.test("shellNamed: names, paths, versions, login shells; strangers are nobody", () => {
  const cases: [string, string | undefined][] = [
    ["bash", "bash"],
    ["/bin/zsh-5.9", "zsh"],
    ["-bash", "bash"],
    ["/opt/x y/bash5.2 (deleted)", "bash"],
    ["ksh93", "ksh"],
    ["csh", "tcsh"],
    ["BASH.EXE", "bash"],
    ["dash", "sh"],
    ["bashful", undefined],
    ["", undefined],
    ["/", undefined],
    ["constructor", undefined],
  ];
  for (const [name, shell] of cases) assert.equal(shellNamed(name)?.names[0], shell, name);
});

Deno.test("instruct: the line of this shell, and one that bash 3.2 of macOS can read", () => {
  const table: [platform: string, exe: string | undefined, line: string][] = [
    ["linux", "/usr/bin/bash", "source <(mambaenv)"],
    ["linux", undefined, "source <(mambaenv)"],
    ["darwin", "/bin/bash", 'eval "$(mambaenv)"'],
    ["darwin", undefined, 'eval "$(mambaenv)"'],
    ["darwin", "/bin/zsh", "source <(mambaenv)"],
    ["darwin", "/opt/homebrew/bin/fish", "mambaenv | source"],
  ];
  for (const [platform, exe, line] of table) {
    const world = testWorld({}, { platform, ppid: 42, env: {}, readlink: () => exe, read: () => undefined });
    assert.equal(instruct("activate", world).out, `To activate it: ${line}\n`, `${platform} ${exe}`);
  }
});
