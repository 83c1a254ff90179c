// The manual page and the topics of help: what the tables say, in a form that groff and mandoc take without a word.
import assert from "node:assert/strict";
import { COMMANDS, FLAGS } from "../lib/args.ts";
import { TOPICS } from "../lib/commands/topics.ts";
import { tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";

const GROFF = tool("groff"), MANDOC = tool("mandoc");
const ENV = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };

function ran(argv: readonly string[], input = "") {
  return call(argv, { cwd: "/", env: ENV, input });
}

/** A page as it is read: no bold, no line breaks, no blanks that only fill lines. */
function text(shown: string): string {
  return shown.replace(/.\x08/g, "").replace(/\s+/g, " ");
}

Deno.test({
  name: "man: groff and mandoc find nothing wrong, and show every word",
  ignore: !GROFF || !MANDOC,
}, () => {
  const { out, status, err } = ran([PROGRAM, "man"]);
  assert.deepEqual([status, err], [0, ""]);
  const judged = ran([MANDOC, "-T", "lint", "-W", "warning"], out);
  // The day would be another each time that the program is compiled.
  const words = judged.out.split("\n").filter((line) => line !== "" && !line.includes("missing date"));
  assert.deepEqual(words, []);
  const rows = Object.values(TOPICS).flatMap(({ text, rows }) => [`${text}.`, ...rows.flat()]);
  const told = [
    'eval "$(mambaenv)"',
    ...COMMANDS.flatMap(({ name, words, text }) => [`${name} ${words}`.trim(), text]),
    ...FLAGS.flatMap(({ name, text }) => [`--${name}`, text]),
    ...rows,
  ];
  const formatters = {
    groff: [GROFF, "-man", "-ww", "-Tutf8", "-P-c", "-rHY=0", "-rLL=500n"],
    mandoc: [MANDOC, "-T", "utf8", "-O", "width=500"],
  };
  for (const [name, argv] of Object.entries(formatters)) {
    const page = ran(argv, out);
    assert.deepEqual([page.status, page.err], [0, ""], name);
    const shown = text(page.out);
    for (const word of told) assert.ok(shown.includes(text(word.replace("…", "..."))), `${name}: ${word}`);
  }
});

Deno.test("help TOPIC: shows all of its rows; a word like a topic is answered with it", () => {
  const overview = ran([PROGRAM, "help"]).out;
  for (const [name, { text, rows }] of Object.entries(TOPICS)) {
    const { out, status } = ran([PROGRAM, "help", name]);
    assert.equal(status, 0);
    for (const word of [text, ...rows.flat()]) assert.ok(out.includes(word), `${name}: ${word}`);
    assert.ok(overview.includes(name), name);
    assert.ok(!COMMANDS.some((command) => command.name === name), `${name} is a command, too`);
  }
  const near = ran([PROGRAM, "help", "confg"]);
  assert.equal(near.status, 2);
  assert.match(near.err, /did you mean config\?/);
  assert.equal(ran([PROGRAM, "help", "toString"]).status, 2);
});
