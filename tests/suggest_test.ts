// Mistyped words: which one was meant, and that it is said.
import assert from "node:assert/strict";
import { FLAGS } from "../lib/args.ts";
import { distance, nearest } from "../lib/suggest.ts";
import { call, PROGRAM } from "./program.ts";
import { testWorld } from "./world.ts";

Deno.test("distance: inserted, left out, changed, swapped letters", () => {
  const table: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "abc", 0],
    ["abc", "ab", 1],
    ["abc", "axc", 1],
    ["statsu", "status", 1],
    ["kitten", "sitting", 3],
  ];
  for (const [a, b, away] of table) {
    assert.equal(distance(a, b), away, `${a} ${b}`);
    assert.equal(distance(b, a), away, `${b} ${a}`);
  }
});

Deno.test("nearest: one edit in three letters, two in all, and none for what is like nothing", () => {
  const commands = ["enter", "activate", "deactivate", "run", "status", "lock"];
  const flags = FLAGS.map(({ name }) => `--${name}`);
  const table: [string, readonly string[], string | undefined][] = [
    ["statsu", commands, "status"],
    ["Status", commands, "status"],
    ["activat", commands, "activate"],
    ["deactivte", commands, "deactivate"],
    ["rum", commands, "run"],
    ["xx", commands, undefined],
    ["frobnicate", commands, undefined],
    ["--nmae", flags, "--name"],
    ["--no-creat", flags, "--no-create"],
    ["--offlin", flags, "--offline"],
    ["--x", flags, undefined],
  ];
  for (const [word, known, meant] of table) assert.equal(nearest(word, known), meant, word);
});

Deno.test("suggestions: the program says them on stderr, exit 2, also where a shell reads stdout", () => {
  const world = testWorld();
  const table: [string[], RegExp, RegExp][] = [
    [["statsu"], /Unknown command "statsu"\n {2}did you mean status\?\n {2}try: mambaenv help\n$/, /exit 2/],
    [["status", "--jsno"], /did you mean --json\?/, /^$/],
    [["--pyhton=3.11"], /did you mean --python\?/, /exit 2/],
    [["--engine", "mmaba"], /did you mean mamba\?/, /exit 2/],
    [["help", "lokc"], /did you mean lock\?/, /^$/],
    [["frobnicate"], /^mambaenv: Unknown command "frobnicate"\n {2}try: mambaenv help\n$/, /exit 2/],
  ];
  for (const [words, said, printed] of table) {
    const { status, out, err } = call([PROGRAM, ...words], {
      cwd: world.cwd,
      env: { PATH: "/usr/bin:/bin" },
    });
    assert.equal(status, 2, words.join(" "));
    assert.match(err, said);
    assert.match(out, printed, words.join(" "));
  }
});
