// Inputs of all kinds, merged, and errors that name file and line.
import assert from "node:assert/strict";
import { parse } from "../lib/args.ts";
import { readWanted } from "../lib/inputs.ts";
import { Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { oracle } from "./oracle.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

async function read(files: { [path: string]: string }) {
  const world = testWorld(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`work/${name}`, text])),
  );
  try {
    return await readWanted(findProject(parse([], {}).flags, world), world);
  } finally {
    world.remove(world.top);
  }
}

const YML = `name: my-env
channels:
  - bioconda
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11   # pinned
  - numpy >=1.26,<2
  - pip
  - bioconda::samtools
  - pip:
      - requests[socks]>=2
      - rich
`;

Deno.test("readWanted: environment.yml gives specs, channels, Python, and pip's part to pip", async () => {
  const wanted = await read({ "environment.yml": YML, "requirements.txt": "six\n" });
  assert.deepEqual(wanted.specs.map(({ spec, line }) => [spec, line]), [
    ["numpy >=1.26,<2", 8],
    ["pip", 9],
    ["bioconda::samtools", 10],
  ]);
  assert.deepEqual(wanted.requirements.map(({ text, file, line, forced }) => [text, file, line, forced]), [
    ["six", "requirements.txt", 1, false],
    ["requests[socks]>=2", "environment.yml", 12, true],
    ["rich", "environment.yml", 13, true],
  ]);
  assert.deepEqual(wanted.channels, { value: ["bioconda", "conda-forge"], from: "environment.yml" });
  assert.deepEqual(wanted.python, { value: "3.11", from: "environment.yml" });
});

Deno.test("readWanted: the Python of environment.yml in conda's ways to say it", async () => {
  const rows: [spec: string, version: string, kept: string[]][] = [
    ["python", "", []],
    ["python=3.11", "3.11", []],
    ["python >=3.10,<3.13", ">=3.10,<3.13", []],
    ["python=3.11.7=h0_0_cpython", "3.11.7", ["python=3.11.7=h0_0_cpython"]],
    [`python[version='>=3.9']`, ">=3.9", ["python[version='>=3.9']"]],
    [`python[build=*cpython,version=3.12.*]`, "3.12.*", ["python[build=*cpython,version=3.12.*]"]],
    ["python-dateutil", "none", ["python-dateutil"]],
  ];
  for (const [spec, version, kept] of rows) {
    const world = testWorld({ "work/environment.yml": `dependencies:\n  - ${JSON.stringify(spec)}\n` });
    const wanted = await readWanted(findProject({}, world), world);
    assert.equal(wanted.python?.value ?? "none", version, spec);
    assert.deepEqual(wanted.specs.map(({ spec }) => spec), kept);
  }
});

Deno.test("readWanted: pyproject.toml gives dependencies and requires-python", async () => {
  const text =
    '[project]\nname = "x"\nrequires-python = ">=3.10"\ndependencies = [\n  "rich>=13",\n  "six",\n]\n';
  const wanted = await read({ "pyproject.toml": text });
  assert.deepEqual(wanted.requirements.map(({ text, line }) => [text, line]), [["rich>=13", 5], ["six", 6]]);
  assert.equal(wanted.python?.value, ">=3.10");
  assert.deepEqual((await read({ "pyproject.toml": "[tool.black]\n" })).requirements, []);
});

Deno.test("readWanted: what cannot be read is told with file and line", async () => {
  const rows: [string, string, RegExp][] = [
    ["environment.yml", "dependencies:\n  - a\n - b\n", /Cannot parse "environment.yml" line 3/],
    ["environment.yml", "variables: [A]\n", /line 1: variables is no map/],
    ["environment.yml", "variables:\n  A: 1\n  B C: x\n", /line 3: "B C" is no variable's name/],
    ["environment.yml", "variables:\n  A:\n    b: x\n", /line 2: A has no plain value/],
    ["environment.yml", "dependencies: 3\n", /environment.yml" line \d: dependencies is no list/],
    ["environment.yml", "dependencies:\n  - a\n  - x: y\n", /environment.yml" line 3: expected a spec/],
    ["environment.yml", "dependencies:\n  - pip:\n      - 'six; pyton<3'\n", /environment.yml" line 3/],
    ["pyproject.toml", "[project]\ndependencies = 3\n", /"pyproject.toml" line 2: dependencies is no list/],
    ["pyproject.toml", "[project\n", /pyproject.toml" line 1/],
    [
      "pyproject.toml",
      '[project]\ndependencies = [\n  "six = 1",\n]\n',
      /Cannot parse "pyproject.toml" line 3/,
    ],
  ];
  for (const [name, text, words] of rows) {
    await assert.rejects(
      read({ [name]: text }),
      (error) => error instanceof Problem && words.test(error.message),
      text,
    );
  }
});

Deno.test({
  name:
    "environment.yml: pip alone is installed, variables are set as conda sets them, and go with the environment",
  ignore: !(await oracle()),
}, () =>
  staged("", async ({ bash, world }) => {
    world.remove(`${world.cwd}/requirements.txt`);
    const words = ["A: it's $HOME", "B: 1.0", "C: true", "D: 'x y'"].map((line) => `  ${line}\n`).join("");
    world.write(`${world.cwd}/environment.yml`, `name: named\nvariables:\n${words}dependencies:\n  - pip\n`);
    const code =
      'source <("$M"); echo "$CONDA_DEFAULT_ENV|$A|$B|$C|$D"; "$CONDA_PREFIX/bin/python" -m pip -V | cut -c1-3';
    const { out, err } = await bash(`${code}; eval "$("$M" deactivate)"; echo "\${A-none}\${D-none}"`);
    assert.equal(out, "named|it's $HOME|1.0|True|x y\npip\nnonenone\n", err);
    const locked = await bash(`"$M" lock -q && rm -r "$HOME/.local" && ${code}`);
    assert.equal(locked.out, "named|it's $HOME|1.0|True|x y\npip\n", locked.err);
    world.write(`${world.cwd}/environment.yml`, `name: named\nvariables: {A: other}\ndependencies: [pip]\n`);
    assert.equal((await bash('source <("$M"); echo "$A\${B-}"')).out, "other\n");
  }));
