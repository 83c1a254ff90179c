// Progress: one line in a terminal, plain lines in a log, with bytes, rate and files; nothing on stdout.
import assert from "node:assert/strict";
import type { Progress } from "../lib/engines/engine.ts";
import { createReport, type Loudness } from "../lib/progress.ts";
import { oracle, tool } from "./oracle.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

/** What is said of a download of 40 MB that takes 20 s, and of linking. */
function said(terminal: boolean, loudness: Loudness): string {
  let now = 1000;
  const world = testWorld({}, { tty: () => terminal, now: () => now });
  const { report, clear } = createReport(world, loudness);
  const at = (time: number, progress: Progress) => {
    now = 1000 + time;
    report(progress);
  };
  for (const k of [0, 0.01, 1, 2, 4, 11, 15, 20]) {
    at(k * 1000, { stage: "download", what: `p${k < 2 ? 1 : 2}.conda`, done: k * 2e6, total: 40e6 });
  }
  at(20_010, { stage: "link", what: "p1", done: 5, total: 12 });
  at(20_020, { stage: "link", what: "p2", done: 12, total: 12 });
  at(20_030, { stage: "compile", done: 0, total: 3 });
  at(20_200, { stage: "compile", done: 2, total: 3 });
  clear();
  world.remove(world.top);
  return world.said();
}

Deno.test("progress: a terminal has one line, with bytes, rate and files; a log has plain lines", () => {
  const line = "\r\x1b[K";
  assert.equal(
    said(true, {}),
    [
      "mambaenv: downloading 0.0/40.0 MB p1.conda",
      "mambaenv: downloading 2.0/40.0 MB, 2.0 MB/s p1.conda",
      "mambaenv: downloading 4.0/40.0 MB, 2.0 MB/s p2.conda",
      "mambaenv: downloading 8.0/40.0 MB, 2.0 MB/s p2.conda",
      "mambaenv: downloading 22.0/40.0 MB, 2.0 MB/s p2.conda",
      "mambaenv: downloading 30.0/40.0 MB, 2.0 MB/s p2.conda",
      "mambaenv: downloading 40.0 MB, 2.0 MB/s p2.conda",
      "mambaenv: linking 5/12 files p1",
      "mambaenv: compiling 0/3",
      "mambaenv: compiling 2/3",
      "",
    ].map((text) => line + text).join(""),
  );
  assert.equal(
    said(false, {}).split("\n").join("|"),
    [
      "mambaenv: downloading 40.0 MB",
      "mambaenv: downloading 22.0/40.0 MB, 2.0 MB/s",
      "mambaenv: linking 12 files",
      "mambaenv: compiling",
      "",
    ].join("|"),
  );
  assert.deepEqual(said(false, { verbose: true }).match(/(downloading|linking) p\S+/g), [
    "downloading p1.conda",
    "downloading p2.conda",
    "linking p1",
    "linking p2",
  ]);
  for (const terminal of [true, false]) assert.equal(said(terminal, { quiet: true }), "");
});

/** Makes the environment in a terminal of 200 columns; what the terminal got, and stdout. */
const TERMINAL = "script -qec '\"$M\" $W --shell bash >out' /dev/null";

Deno.test({
  name:
    "progress: in a real terminal it is one line that goes away, in a log no control characters, -q none, -v more",
  ignore: !(await oracle()) || tool("script") === "",
}, () =>
  staged("requests\nnumpy\nonlypypi\n", async ({ bash, server }) => {
    server.faults.push({ path: /numpy-.*conda$/, kind: "slow", wait: 6, times: 1 });
    const run = async (words: string) => {
      const { out, err } = await bash(
        `rm -rf "$HOME/.local/share/mambaenv/envs"; export W=${words}; ${TERMINAL}; echo "@@"; cat out`,
      );
      const [screen = "", stdout = ""] = (out + err).split("@@");
      return { screen, stdout };
    };
    const { screen, stdout } = await run("");
    assert.match(stdout, /MAMBAENV_ACTIVE/);
    assert.doesNotMatch(stdout, /downloading|linking|solving/);
    const shown = screen.split("\r\x1b[K");
    for (
      const form of [
        /^mambaenv: solving/,
        /^mambaenv: downloading \d+\.\d\/\d+\.\d MB, [\d.]+ MB\/s numpy/,
        /^mambaenv: linking \d+(\/\d+)? files \S/,
        /^mambaenv: pip onlypypi/,
      ]
    ) assert.ok(shown.some((text) => form.test(text)), `${form}: ${JSON.stringify(shown.slice(0, 40))}`);
    // What stays on the screen: every line but the last of those that were rewritten.
    const stays = screen.split("\n").map((text) => text.split("\r\x1b[K").at(-1)!);
    assert.ok(stays.every((text) => !/downloading|linking|solving|unpacking/.test(text)), stays.join("\n"));
    assert.ok(stays.some((text) => /^ {2}numpy +[\d.]+ +conda/.test(text)), "the table stays");
    const quiet = await run("-q");
    assert.equal(quiet.screen.trim(), "");
    assert.match(quiet.stdout, /MAMBAENV_ACTIVE/);

    const log = await bash('rm -rf "$HOME"; "$M" -v --shell bash >/dev/null');
    assert.doesNotMatch(log.err, /[\r\x1b]/);
    assert.match(log.err, /^mambaenv: downloading \d+\.\d MB\n/m);
    assert.match(log.err, /^mambaenv: linking \d+ files\n/m);
    assert.match(log.err, /^mambaenv: downloading numpy-\S+\n/m);
    assert.match(log.err, /^mambaenv: linking requests\n/m);
    assert.match(log.err, /Successfully installed onlypypi/);
  }));
