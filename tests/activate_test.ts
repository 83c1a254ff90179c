// `activate`, `deactivate`, `reactivate` and entering by the compiled program, where the golden cases do not look.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";
import { install, put } from "./root.ts";
import { type TestWorld, testWorld } from "./world.ts";

const FILES = {
  "root/envs/work/conda-meta/history": "",
  "root/envs/other/conda-meta/history": "",
  "work/requirements.txt": "",
};

function place(): TestWorld {
  const world = testWorld(FILES);
  for (const name of ["work", "other"]) {
    put(`${world.top}/root/envs/${name}/bin/python`, "#!/bin/sh\n", 0o755);
  }
  return world;
}

type Vars = { [name: string]: string };

/** Runs bash code in which `M` is the program, `E` the environments' folder, `dump` prints the environment. */
function bash(world: TestWorld, code: string, more: Vars = {}) {
  const env = {
    HOME: `${world.top}/home`,
    PATH: "/usr/bin:/bin",
    MAMBAENV_ROOT: `${world.top}/root`,
    M: PROGRAM,
    E: `${world.top}/root/envs`,
    ...more,
  };
  const dump = "dump() { env -0 | sort -z | grep -zv '^_=' | tr '\\0' '\\n'; }";
  return call(["/bin/bash", "-c", `${dump}\n${code}`], { cwd: world.cwd, env });
}

Deno.test("deactivate: one step back each time, ours with all that it brought, and then nothing", () => {
  const world = place();
  const code = `
show() { echo "$?|$CONDA_SHLVL|$CONDA_DEFAULT_ENV|\${PATH//$E/E}|$PYTHONPATH|\${MAMBAENV_ACTIVE##*/}"; }
A=$(dump)
source <("$M"); show
source <("$M" activate other); show
source <("$M" deactivate); show
source <("$M" deactivate); show
[ "$A" = "$(dump)" ] || diff <(echo "$A") <(dump)
"$M" deactivate
source <("$M" deactivate); show`;
  const { out, err } = bash(world, code);
  const inside = `${world.cwd}/bin:E/work/bin:/usr/bin:/bin|${world.cwd}|work`;
  assert.deepEqual(out.trim().split("\n"), [
    `0|1|work|${inside}`,
    `0|2|other|${inside.replace(":E/work", ":E/other")}`,
    `0|1|work|${inside}`,
    "0|||/usr/bin:/bin||",
    "0|||/usr/bin:/bin||",
  ], err);
});

Deno.test("deactivate: what others did to ours meanwhile", () => {
  const world = place();
  const rows: [string, string][] = [
    // conda's own deactivate leaves what is not conda's.
    [
      "conda_off() { export PATH=/usr/bin:/bin CONDA_SHLVL=0; unset CONDA_PREFIX CONDA_DEFAULT_ENV; }; conda_off",
      "CONDA_SHLVL=0\n",
    ],
    ['unset MAMBAENV_UNDO; export MAMBAENV_UNDO="{"', "CONDA_SHLVL=0\nPYTHONNOUSERSITE=1\n"],
    ["export PATH=/new:$PATH PYTHONPATH=/n:$PYTHONPATH:/m", "PATH=/new:/usr/bin:/bin\nPYTHONPATH=/n:/m\n"],
    ['rm -r "$E/work"', ""],
  ];
  for (const [deed, expected] of rows) {
    const code = `A=$(dump); source <("$M"); ${deed}; source <("$M" deactivate) || echo failed
diff <(echo "$A") <(dump) | sed -n 's/^> //p'`;
    const { out, err } = bash(place(), code);
    assert.equal(
      out.replaceAll(/\/tmp\/[^/]*\/work/g, "W").replaceAll(/PATH=W\/bin:/g, "PATH="),
      expected,
      deed + err,
    );
  }
  assert.ok(readdirSync(world.cwd).length === 1);
});

/** What a job may inherit; `E` stands for the folder of environments. */
const INHERITED: [string, Vars][] = [
  ["nothing", {}],
  ["pyenv's shims first", { PATH: "/pyenv/shims:/usr/bin:/bin" }],
  ["a level without PATH", { CONDA_SHLVL: "1", CONDA_PREFIX: "E/other", CONDA_DEFAULT_ENV: "other" }],
  ["PATH without a level", { PATH: "/mod/bin:E/other/bin:/usr/bin:/bin", CONDA_PREFIX: "E/other" }],
  ["an environment deleted meanwhile", {
    PATH: "E/gone/bin:/usr/bin:/bin",
    CONDA_SHLVL: "1",
    CONDA_PREFIX: "E/gone",
    CONDA_DEFAULT_ENV: "gone",
  }],
  ["two levels, PATH turned round by modules", {
    PATH: "/mod/bin:/usr/bin:/bin:E/other/bin:E/../bin",
    CONDA_SHLVL: "2",
    CONDA_PREFIX: "E/other",
    CONDA_PREFIX_1: "E/..",
  }],
  ["a level that makes no sense", { CONDA_SHLVL: "x y", CONDA_PREFIX: "/" }],
  ["a venv", { PATH: "E/other/bin:/usr/bin:/bin", VIRTUAL_ENV: "E/other", PYTHONHOME: "/opt/python" }],
  ["the same environment, behind", {
    PATH: "/pyenv/shims:E/other/bin:E/work/bin:/usr/bin:/bin",
    CONDA_SHLVL: "1",
    CONDA_PREFIX: "E/work",
    CONDA_DEFAULT_ENV: "work",
  }],
  ["ours of a job before, its PATH lost", {
    CONDA_SHLVL: "1",
    CONDA_PREFIX: "E/work",
    MAMBAENV_ACTIVE: "E/work",
    MAMBAENV_ACTIVE_PROJECT: "/gone/project",
    MAMBAENV_UNDO: '{"CONDA_SHLVL":[null,"1"],"CONDA_PREFIX":[null,"E/work"]}',
  }],
];

for (const [title, env] of INHERITED) {
  Deno.test(`enter: the right Python is first, twice, and leaving brings all back: ${title}`, () => {
    const world = place();
    const envs = `${world.top}/root/envs`;
    const given = Object.fromEntries(
      Object.entries(env).map(([k, v]) => [k, v.replace(/\bE\//g, `${envs}/`)]),
    );
    const code = `A=$(dump | grep -v ^MAMBAENV_)
for i in 1 2; do source <("$M"); echo "$(command -v python)|\${PATH//$E/E}|\${VIRTUAL_ENV-}\${PYTHONHOME-}\${LD_LIBRARY_PATH-}|$PYTHONNOUSERSITE"; done
source <("$M" deactivate); diff <(echo "$A") <(dump | grep -v ^MAMBAENV_) | grep '^[<>]' `;
    const { out, err } = bash(world, code, given);
    const [first, second, ...left] = out.trimEnd().split("\n");
    const [python, path, gone, site] = first!.split("|");
    assert.equal(second, first);
    assert.deepEqual([python, gone, site], [`${envs}/work/bin/python`, "", "1"], err);
    assert.match(path!, new RegExp(`^${world.cwd}/bin:E/work/bin:`));
    const others = title === "the same environment, behind" ? [] : path!.match(/E\/(other|gone)\/bin/g) ?? [];
    assert.deepEqual(others, []);
    // An earlier job's own entering is undone as far as it can be, and so is no part of what comes back.
    assert.deepEqual(
      left,
      title.startsWith("ours") ? [`< CONDA_PREFIX=${envs}/work`, "< CONDA_SHLVL=1"] : [],
    );
  });
}

Deno.test("enter: MAMBAENV_PYTHONPATH, MAMBAENV_USER_SITE; other Pythons' packages are named", () => {
  const world = place();
  const foreign = "/opt/py/lib/python3.9/site-packages";
  const rows: [Vars, string, RegExp][] = [
    [
      { PYTHONPATH: `/x:${foreign}:` },
      `${world.cwd}:/x:${foreign}|1`,
      /warning: PYTHONPATH .*\/opt\/py\/lib/,
    ],
    [{ PYTHONPATH: foreign, MAMBAENV_PYTHONPATH: "replace" }, `${world.cwd}|1`, /^$/],
    [{ PYTHONPATH: "/x:", MAMBAENV_PYTHONPATH: "off", MAMBAENV_USER_SITE: "1" }, "/x:|", /^$/],
    [{ MAMBAENV_PYTHONPATH: "of" }, "|", /Unknown MAMBAENV_PYTHONPATH "of"; known: prepend, replace, off/],
  ];
  for (const [env, expected, said] of rows) {
    const { out, err } = bash(world, 'source <("$M"); echo "$PYTHONPATH|$PYTHONNOUSERSITE"', env);
    assert.equal(out, `${expected}\n`);
    assert.match(err, said);
  }
  put(`${world.cwd}/pyproject.toml`, '[tool.mambaenv]\npythonpath = "off"\nuser-site = true\n');
  assert.equal(bash(world, 'source <("$M"); echo "$PYTHONPATH|$PYTHONNOUSERSITE"').out, "|\n");
});

Deno.test("activate: names of our own root; without a name the project's, stacked where that is asked", () => {
  const world = place();
  put(`${world.top}/home/.local/share/mambaenv/envs/mine/conda-meta/history`, "");
  const show =
    'echo "$?|$CONDA_DEFAULT_ENV|${CONDA_PREFIX//$E/E}|$CONDA_SHLVL|$CONDA_STACKED_2|${PATH//$E/E}"';
  const path = "/usr/bin:/bin";
  const [mine, root] = [`${world.top}/home/.local/share/mambaenv/envs/mine`, "E/other"];
  const rows: [string, string][] = [
    ['"$M" activate mine', `0|mine|${mine}|1||${mine}/bin:${path}`],
    ['"$M" activate other --shell bash', `0|other|${root}|1||${root}/bin:${path}`],
    ['env -u MAMBAENV_ROOT "$M" activate --root ../root other', `0|other|${root}|1||${root}/bin:${path}`],
    ['"$M" activate ""', `0|work|E/work|1||${world.cwd}/bin:E/work/bin:${path}`],
    ['"$M" activate --project ../home --no-create', `3|||||${path}`],
    ['"$M" activate --shell', `2|||||${path}`],
    ['"$M" activate -n other', `2|||||${path}`],
  ];
  for (const [command, expected] of rows) {
    const { out, err } = bash(world, `source <(${command}); ${show}`);
    assert.equal(out, `${expected}\n`, err);
  }
  for (const [how, env] of [["--stack", {}], ["", { MAMBAENV_STACK: "1" }]] as const) {
    const first = 'source <("$M" activate --no-stack other)';
    const project = bash(world, `${first}; source <("$M" activate ${how}); ${show}`, env).out;
    assert.equal(project, `0|work|E/work|2|true|${world.cwd}/bin:E/work/bin:E/other/bin:${path}\n`);
    const named = bash(world, `${first}; source <("$M" activate ${how} work); ${show}`, env).out;
    assert.equal(named, `0|work|E/work|2|true|E/work/bin:E/other/bin:${path}\n`);
  }
});

Deno.test("activate: help is for people, a terminal gets the line to type, an error comes first", () => {
  const world = place();
  const help = bash(world, 'eval "$("$M" activate --help)"; echo "$?"');
  assert.equal(help.out, "0\n");
  assert.match(help.err, /mambaenv activate .*\[NAME\|PATH\]/);
  assert.match(bash(world, '"$M" help activate').out, /mambaenv activate/);
  const rows: [string, RegExp][] = [
    ["activate other", /To activate it: source <\(mambaenv activate other\)/],
    ["deactivate", /To deactivate it: source <\(mambaenv deactivate\)/],
    ["activate nope", /No environment is called "nope"/],
    ["activate", /To activate it: source <\(mambaenv activate\)/],
    ["activate other --shell json", /"CONDA_DEFAULT_ENV": "other"/],
  ];
  for (const [words, expected] of rows) {
    const { out } = bash(world, `${tool("script")} -qec 'bash -c "\\"\\$M\\" ${words}; true"' /dev/null`);
    assert.match(out, expected);
    assert.ok(!out.includes("export "), out);
  }
});

Deno.test("reactivate: scripts again, PATH in order, an installation's functions stay conda's", () => {
  const world = place();
  put(`${world.top}/root/envs/work/etc/conda/activate.d/a.sh`, "echo in\n");
  put(`${world.top}/root/envs/work/etc/conda/deactivate.d/a.sh`, "echo out\n");
  const code =
    'source <("$M"); A=$(dump); source <("$M" reactivate); diff <(echo "$A") <(dump); echo "$CONDA_SHLVL"';
  assert.equal(bash(world, code).out, "in\nout\nin\n1\n");
  const root = `${world.top}/conda`;
  install(root, { conda: "works" });
  const base = bash(world, 'source <("$M" activate base); echo "$CONDA_EXE|$CONDA_DEFAULT_ENV|$PATH"', {
    MINICONDA3_PATH: root,
  });
  assert.equal(base.out, `${root}/bin/conda|base|${root}/bin:${root}/condabin:/usr/bin:/bin\n`);
});

Deno.test("--shell json: one object of what to set, unset and source; failures too", () => {
  const world = place();
  put(`${world.top}/root/envs/work/etc/conda/activate.d/a.sh`, "");
  put(`${world.top}/root/envs/work/conda-meta/state`, '{"env_vars": {"ODD": "a\\"b\\n\\u00e9$x"}}');
  const read = (words: string, more: Vars = {}) => {
    const { out, status } = bash(world, `"$M" ${words} --shell json`, more);
    return { ...JSON.parse(out), exit: status };
  };
  const inside = read("enter", { VIRTUAL_ENV: "/v", PATH: "/v/bin:/usr/bin:/bin" });
  const prefix = `${world.top}/root/envs/work`;
  assert.equal(inside.set.PATH, `${world.cwd}/bin:${prefix}/bin:/usr/bin:/bin`);
  assert.equal(inside.set.ODD, 'a"b\n\u00e9$x');
  assert.deepEqual(inside.unset, ["VIRTUAL_ENV"]);
  assert.deepEqual(inside.scripts, [`${prefix}/etc/conda/activate.d/a.sh`]);
  assert.deepEqual([inside.status, inside.exit], [0, 0]);
  const { PATH, ...rest } = inside.set;
  const back = read("deactivate", { ...rest, PATH });
  assert.equal(back.set.PATH, "/v/bin:/usr/bin:/bin");
  assert.equal(back.set.VIRTUAL_ENV, "/v");
  assert.deepEqual(back.unset.sort(), Object.keys(rest).sort());
  const failed = read("activate nope");
  assert.deepEqual(failed, { status: 1, set: {}, unset: [], scripts: [], exit: 1 });
  assert.equal(read("enter --hook full").exit, 0);
});
