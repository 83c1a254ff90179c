// Folders that others could change: a store, a cache, a configuration of somebody else is refused, a group's is not.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { ENTER, Lab } from "./crash/lab.ts";
import { distrust } from "../lib/trust.ts";
import { testWorld } from "./world.ts";

const ROOT = process.getuid!() === 0;
const OTHER = 43210;

Deno.test("trust: by owner, mode and the links on the way", () => {
  const world = testWorld();
  // Who is not root cannot give a folder away: then it is we who are another.
  const strange = ROOT ? world : { ...world, uid: OTHER };
  const given = (path: string) => ROOT && fs.lchownSync(path, OTHER, OTHER);
  const table: [title: string, mode: number, theirs: boolean, words: RegExp | undefined][] = [
    ["ours", 0o755, false, undefined],
    ["a group's", 0o2775, false, undefined],
    ["a group's, made by another", 0o2775, true, undefined],
    ["another's", 0o755, true, undefined],
    ["everybody's, with the sticky bit", 0o1777, false, undefined],
    ["everybody's", 0o777, false, /^everybody may write to it$/],
    ["everybody's, made by another", 0o777, true, /^it belongs to user \d+, and everybody may write to it$/],
    ["everybody's, made by another, with the sticky bit", 0o1777, true, /^it belongs to user \d+/],
  ];
  for (const [title, mode, theirs, words] of table) {
    const path = `${world.top}/${title}`;
    fs.mkdirSync(path);
    fs.chmodSync(path, mode);
    if (theirs) given(path);
    const found = distrust(path, theirs ? strange : world);
    if (words) assert.match(found ?? "", words, title);
    else assert.equal(found, undefined, title);
  }
  for (const [mode, bad] of [[0o1777, true], [0o755, false]] as const) {
    const dir = `${world.top}/links${mode}`;
    fs.mkdirSync(`${dir}/real/envs`, { recursive: true });
    fs.symlinkSync("real", `${dir}/planted`);
    fs.chmodSync(dir, mode);
    given(`${dir}/planted`);
    const found = distrust(`${dir}/planted/envs`, strange);
    if (bad) {
      assert.match(found ?? "", /planted" is a link of user \d+, in a folder that everybody may write to/);
    } else assert.equal(found, undefined);
  }
  assert.equal(distrust(`${world.top}/nothing/there`, world), undefined);
});

const SCENE = { name: "trust", had: [], has: "tool", words: ENTER, locked: true };

Deno.test("trust: a root, a cache and a configuration that everybody may write to are refused, and nothing is made", async () => {
  const lab = await Lab.open(SCENE);
  try {
    const root = `${lab.top}/home/.local/share/mambaenv`, config = `${lab.top}/home/.config/mambaenv`;
    for (const dir of [root, `${root}/envs`, `${root}/envs/.mambaenv`, `${root}/pkgs`]) {
      fs.mkdirSync(dir, { recursive: true });
      fs.chmodSync(dir, 0o777);
      const { status, err, out } = await lab.call(ENTER);
      assert.deepEqual([status, out.includes("exit 1")], [1, true], err);
      assert.ok(err.includes(`Not using "${dir}": everybody may write to it`), err);
      fs.chmodSync(dir, 0o2775);
    }
    assert.deepEqual(lab.left(), []);
    fs.mkdirSync(config, { recursive: true });
    fs.writeFileSync(`${config}/config.toml`, "");
    fs.chmodSync(`${config}/config.toml`, 0o666);
    assert.match(
      (await lab.call(ENTER)).err,
      /Not using ".*config\.toml": everybody may write to it\n.*chmod o-w/,
    );
    fs.chmodSync(`${config}/config.toml`, 0o664);
    // A group's: what is made in it has the modes that the umask says.
    const made = await lab.call(ENTER, ["/bin/sh", "-c", 'umask 002; exec "$@"', "sh"]);
    lab.entered(made);
    for (const path of ["envs/.mambaenv", "pkgs", "pkgs/tool-1.0-0", "pkgs/tool-1.0-0/share/tool"]) {
      assert.equal(fs.statSync(`${root}/${path}`).mode & 0o777, 0o775, path);
    }
    assert.equal(fs.statSync(`${root}/pkgs/tool-1.0-0.conda`).mode & 0o777, 0o664);
  } finally {
    lab.close();
  }
});

Deno.test("trust: an installation that everybody may write to is no place for environments", async () => {
  const lab = await Lab.open(SCENE);
  try {
    const conda = `${lab.top}/conda`;
    for (const dir of ["", "/bin", "/conda-meta", "/envs"]) {
      fs.mkdirSync(`${conda}${dir}`);
      fs.chmodSync(`${conda}${dir}`, 0o777);
    }
    fs.writeFileSync(`${conda}/bin/conda`, "#!/bin/sh\n", { mode: 0o755 });
    const found = ["/usr/bin/env", `CONDA_EXE=${conda}/bin/conda`, "MAMBAENV_ENGINE=builtin"];
    const { status, err } = await lab.call(ENTER, found);
    assert.equal(status, 0, err);
    assert.deepEqual(fs.readdirSync(`${conda}/envs`), []);
    assert.ok(fs.existsSync(`${lab.top}/home/.local/share/mambaenv/envs/work`));
    for (const dir of ["", "/envs"]) fs.chmodSync(`${conda}${dir}`, 0o755);
    await lab.call(["--name", "other", ...ENTER], found);
    assert.ok(fs.readdirSync(`${conda}/envs`).includes("other"), "nobody else may write to it any more");
  } finally {
    lab.close();
  }
});
