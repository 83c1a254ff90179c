// Damaged packages in a cache are never linked but unpacked again, and `doctor` says what is damaged.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { ENTER, Lab } from "./crash/lab.ts";
import { tool } from "./oracle.ts";
import type { Finding } from "../lib/commands/doctor/finding.ts";

const SCENE = { name: "damage", had: ["tool"], has: "tool, more", words: ENTER, locked: false };
const TOOL = "tool-1.0-0";

async function within(act: (lab: Lab, pkgs: string) => Promise<void>): Promise<void> {
  const lab = await Lab.open(SCENE);
  try {
    await act(lab, `${lab.top}/home/.local/share/mambaenv/pkgs`);
  } finally {
    lab.close();
  }
}

/** What may happen to a package that lies in a cache, and what is said of it. */
const DAMAGE: { [title: string]: [act: (dir: string) => void, words: RegExp] } = {
  "a file is cut": [(dir) => fs.truncateSync(`${dir}/bin/tool`, 3), /"bin\/tool" has 3 bytes, expected 20/],
  "a file is gone": [(dir) => fs.rmSync(`${dir}/share/tool/a`), /it has no "share\/tool\/a"/],
  "a folder is gone": [(dir) => fs.rmSync(`${dir}/share`, { recursive: true }), /it has no "share\/tool\/a"/],
  "a file is another of the same size": [
    (dir) => fs.writeFileSync(`${dir}/share/tool/a`, "b"),
    /"share\/tool\/a" is another file: its sha256 differs/,
  ],
  "its record is cut": [(dir) => fs.truncateSync(`${dir}/info/repodata_record.json`, 9), /^/],
  "its list is cut": [(dir) => fs.truncateSync(`${dir}/info/paths.json`, 9), /info\/paths\.json/],
  "its list is gone": [(dir) => fs.rmSync(`${dir}/info/paths.json`), /neither info\/paths\.json/],
};

for (const [title, [act, words]] of Object.entries(DAMAGE)) {
  Deno.test(`damage: ${title} in a cache: it is told, the package unpacked again, the environment whole`, () =>
    within(async (lab, pkgs) => {
      act(`${pkgs}/${TOOL}`);
      const made = await lab.call([...ENTER, "--no-fallback"]);
      assert.equal(made.status, 0, made.err);
      if (!title.startsWith("its record")) {
        assert.match(
          made.err,
          /warning: The package in "\S+tool-1\.0-0" is damaged: .*: it is unpacked again\n/,
        );
      }
      assert.match(made.err, words);
      lab.entered(made, SCENE.has);
      const again = await lab.call(["sync", "--force"]);
      assert.deepEqual([again.status, /damaged/.test(again.err)], [0, false], again.err);
      assert.deepEqual(lab.left(), []);
    }));
}

Deno.test({
  name: "damage: in a cache of others it is passed over, and stays as it is",
  ignore: !tool("setpriv"),
}, () =>
  within(async (lab, pkgs) => {
    const far = `${lab.top}/far/pkgs`;
    fs.mkdirSync(`${lab.top}/far`);
    fs.renameSync(pkgs, far);
    fs.truncateSync(`${far}/${TOOL}/bin/tool`, 3);
    fs.chmodSync(far, 0o555);
    // Root is stopped by no mode, unless it gives that up.
    const bound = process.getuid!() === 0 ? [tool("setpriv"), "--bounding-set=-dac_override"] : [];
    const made = await lab.call([...ENTER, "--no-fallback"], [
      "/usr/bin/env",
      `CONDA_PKGS_DIRS=${pkgs},${far}`,
      ...bound,
    ]);
    fs.chmodSync(far, 0o755);
    assert.equal(made.status, 0, made.err);
    assert.match(made.err, /is damaged: "bin\/tool" has 3 bytes/);
    lab.entered(made, SCENE.has);
    assert.equal(fs.statSync(`${far}/${TOOL}/bin/tool`).size, 3);
    const kept = fs.readdirSync(pkgs).filter((name) => !name.startsWith("more"));
    assert.deepEqual(kept, [TOOL], "its archive is good, and stays where it is");
  }));

Deno.test("damage: a package whose list is wrong from the start is unpacked twice, then used in silence", async () => {
  const lab = await Lab.open({ ...SCENE, has: "tool, liar" });
  try {
    const first = await lab.call([...ENTER, "--no-fallback"]);
    lab.entered(first, "tool, liar");
    const second = await lab.call(["sync", "--force"]);
    assert.match(second.err, /"share\/liar" has 4 bytes, expected 5: it is unpacked again/);
    for (let i = 0; i < 2; i++) {
      const { status, err } = await lab.call(["sync", "--force"]);
      assert.deepEqual([status, /damaged/.test(err)], [0, false], err);
    }
  } finally {
    lab.close();
  }
});

Deno.test("damage: doctor names what is damaged and what mends it; contents with --verbose", () =>
  within(async (lab, pkgs) => {
    const entered = await lab.call([...ENTER, "--no-fallback"]);
    const prefix = lab.entered(entered, SCENE.has);
    const look = async (...words: string[]) => {
      const { out, status } = await lab.call(["doctor", "--json", ...words]);
      const all: Finding[] = JSON.parse(out).findings;
      return { status, found: all.filter(({ topic }) => topic === "damage") };
    };
    const well = await look();
    assert.deepEqual(well.found.map(({ level }) => level), ["ok"]);
    assert.match(
      well.found[0]!.text,
      /^2 environments, 3 packages in caches: \d+ files compared by size and time/,
    );

    // Of the same size, in all that it is linked into; without its new time only its content tells.
    const altered = `${pkgs}/${TOOL}/share/tool/a`;
    fs.writeFileSync(altered, "b");
    for (const words of [[], ["--verbose"]]) {
      if (words.length > 0) fs.utimesSync(altered, 1, 1);
      const { found, status } = await look(...words);
      assert.equal(status, 1);
      assert.deepEqual(found.map(({ level }) => level), ["error", "warning", "warning", "ok"]);
      for (const { text } of found.slice(0, 3)) {
        assert.match(text, /is damaged: "share\/tool\/a" is another file: its sha256 differs$/);
      }
    }
    assert.deepEqual((await look()).found.map(({ level }) => level), ["ok"]);

    fs.truncateSync(`${prefix}/share/more/named`, 4);
    fs.rmSync(`${prefix}/bin/more`);
    const { found, status } = await look();
    assert.equal(status, 1);
    const [first] = found;
    assert.equal(first!.level, "error");
    assert.match(first!.text, /^"work" \(\S+\) is damaged: it has no "bin\/more", and 1 more$/);
    assert.equal(first!.fix, `mambaenv sync --force --project ${lab.top}/work`);
    const words = first!.fix!.split(" ").slice(1);
    assert.equal((await lab.call(words)).status, 0);
    assert.deepEqual((await look()).found.map(({ level }) => level), ["warning", "ok"]);
  }));
