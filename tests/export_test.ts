// `mambaenv export`: what other programs make of it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { type Locked } from "../lib/lockfile.ts";
import { type Export, FORMS } from "../lib/lockfile/export.ts";
import { parseLock } from "../lib/lockfile/parse.ts";
import { channel, SUBDIR } from "./channel/channel.ts";
import { call, oracle } from "./oracle.ts";
import { type Stage, staged } from "./stage.ts";

const ignore = !(await oracle());
const SUM = { md5: "0123456789abcdef".repeat(2), sha256: "01234567".repeat(8) };

function locked(name: string, version: string, more: Partial<Locked> = {}): Locked {
  const url = `https://conda.example/forge/noarch/${name}-${version}-py_0.conda`;
  const platform = "linux-64";
  return { manager: "conda", name, version, platform, dependencies: {}, url, ...SUM, direct: false, ...more };
}

const pip = (name: string, more: Partial<Locked> = {}) =>
  locked(name, "1.0", { manager: "pip", md5: undefined, url: `https://p.example/${name}-1.0.whl`, ...more });

const TASK: Export = {
  name: "yes",
  platform: "linux-64",
  channels: ["https://me:hunter2@conda.example/forge"],
  packages: [
    locked("app", "1!2.0", { dependencies: { zlib: ">=1" }, md5: undefined }),
    locked("zlib", "1.3"),
    pip("wheel-only"),
    pip("direct", { direct: true }),
    pip("state", { sha256: undefined, url: `git+https://h/a.git@${"0".repeat(40)}`, direct: true }),
  ],
  options: [
    { file: "r.txt", line: 1, flags: [], text: "--pre" },
    { file: "r.txt", line: 2, flags: [], text: "--extra-index-url https://me:hunter2@h/simple" },
  ],
};

Deno.test("export: dependencies first, sums as conda has them, URLs and states as pip has them, no secrets", async () => {
  const expected: { [form: string]: string[] } = {
    explicit: [
      "# platform: linux-64",
      "@EXPLICIT",
      `https://conda.example/forge/noarch/zlib-1.3-py_0.conda#${SUM.md5}`,
      `https://conda.example/forge/noarch/app-1!2.0-py_0.conda#sha256:${SUM.sha256}`,
      `# pip direct @ https://p.example/direct-1.0.whl --hash=sha256:${SUM.sha256}`,
      `# pip state @ git+https://h/a.git@${"0".repeat(40)}`,
      `# pip wheel-only==1.0 --hash=sha256:${SUM.sha256}`,
    ],
    environment: [
      'name: "yes"',
      "channels:",
      "  - https://conda.example/forge",
      "  - nodefaults",
      "dependencies:",
      "  - app=1!2.0=py_0",
      "  - zlib=1.3=py_0",
      "  - pip",
      "  - pip:",
      "      - direct @ https://p.example/direct-1.0.whl",
      `      - state @ git+https://h/a.git@${"0".repeat(40)}`,
      "      - wheel-only==1.0",
    ],
    requirements: [
      "# platform: linux-64",
      "--pre",
      "# left out, since there is a secret in it: --extra-index-url https://***@h/simple",
      `direct @ https://p.example/direct-1.0.whl --hash=sha256:${SUM.sha256}`,
      `state @ git+https://h/a.git@${"0".repeat(40)}`,
      `wheel-only==1.0 --hash=sha256:${SUM.sha256}`,
      "# conda app=1!2.0=py_0",
      "# conda zlib=1.3=py_0",
    ],
  };
  assert.deepEqual(Object.keys(FORMS), Object.keys(expected));
  for (const [form, lines] of Object.entries(expected)) {
    const text = await FORMS[form]!(TASK);
    assert.deepEqual(text.trimEnd().split("\n").slice(1), lines, form);
    assert.ok(!text.includes("hunter2"));
  }
});

/** What rattler reads in an explicit file, and what it would install. */
const EXPLICIT = `import sys; from rattler import *
from rattler.explicit_environment import ExplicitEnvironmentSpec as E
spec = E.from_path(sys.argv[1])
print(spec.platform)
for p in spec.packages: print(p.url)`;

/** What rattler's solver makes of an environment.yml's specs: URLs. */
const SOLVE = `import os, sys, asyncio; from rattler import *
lines = open(sys.argv[1]).read().split("dependencies:")[1].split("  - pip:")[0].split("\\n")
specs = [MatchSpec(line.strip()[2:]) for line in lines if line.strip()]
records = asyncio.run(solve([Channel(sys.argv[2])], specs, platforms=[sys.argv[3], "noarch"],
                            virtual_packages=VirtualPackage.detect()))
print(*sorted(r.url for r in records), sep="\\n", flush=True)
os._exit(0)  # rattler's threads may outlive the interpreter, which then crashes`;

const lockFile = ({ world }: Stage) => fs.readFileSync(`${world.cwd}/conda-lock.yml`, "utf8");

Deno.test({
  name:
    "export: rattler reads the explicit list and solves environment.yml to the lock, pip takes the hashes",
  ignore,
}, () =>
  staged("requests\nhello\nonlypypi\nclick==8.2.1\n", async (stage) => {
    const { bash, world } = stage;
    const none = await bash('"$M" export');
    assert.deepEqual([none.status, none.out], [4, ""]);
    assert.match(none.err, /No conda-lock.yml in .*\n {2}try: mambaenv lock/);
    const made = await bash(
      '"$M" lock -q && for f in explicit environment requirements; do ' +
        '"$M" export --format $f > ../$f || exit; done; "$M" export | cmp - ../explicit',
    );
    assert.deepEqual([made.status, made.out, made.err], [0, "", ""]);
    const { packages } = await parseLock(lockFile(stage));
    const conda = packages.filter(({ manager }) => manager === "conda").map(({ url }) => url).sort();
    const python = await oracle();

    const [platform, ...urls] = call([python, "-c", EXPLICIT, `${world.top}/explicit`]).trim().split("\n");
    assert.match(platform!, new RegExp(SUBDIR));
    assert.deepEqual(urls.map((url) => url.replace(/#.*/, "")).sort(), conda);
    const solved = call([python, "-c", SOLVE, `${world.top}/environment`, (await channel()).url, SUBDIR]);
    const short = (url: string) => url.split("/").slice(-2).join("/");
    assert.deepEqual(solved.trim().split("\n").map(short).sort(), conda.map(short).sort());

    const words = "-q install --no-deps --require-hashes --target ../there -r";
    const pip = `"${python}" -m pip ${words} ../requirements && ls ../there`;
    const taken = await bash(pip, { PIP_DISABLE_PIP_VERSION_CHECK: "1" });
    assert.equal(taken.status, 0, taken.err);
    for (const name of ["onlypypi-1.0.dist-info", "click-8.2.1.dist-info"]) {
      assert.ok(taken.out.includes(`${name}\n`), taken.out);
    }
    const wrong = await bash(`sed -i 's/sha256:......../sha256:00000000/' ../requirements; ${pip}`);
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.err, /DO NOT MATCH THE HASHES/);

    // Our own reading of it, in another project.
    fs.mkdirSync(`${world.top}/other`);
    fs.copyFileSync(`${world.top}/environment`, `${world.top}/other/environment.yml`);
    const other = await bash('cd ../other && "$M" lock -q -n other', { MAMBAENV_CHANNEL: "" });
    assert.equal(other.status, 0, other.err);
    const again = await parseLock(fs.readFileSync(`${world.top}/other/conda-lock.yml`, "utf8"));
    assert.deepEqual(again.packages.map(({ url }) => url).sort(), packages.map(({ url }) => url).sort());

    fs.appendFileSync(`${world.cwd}/requirements.txt`, "six\n");
    const rows: [words: string, exit: number, said: RegExp][] = [
      ["", 0, /warning: conda-lock.yml does not fit: it has no six; .*: mambaenv lock/],
      ["--frozen", 0, /^$/],
      ["--locked", 4, /conda-lock.yml does not fit: it has no six\n/],
      ["--platform osx-64", 4, /no packages for osx-64/],
      [`--platform ${SUBDIR},osx-64`, 2, /one platform at a time/],
      ["--format exlicit", 2, /did you mean explicit\?/],
    ];
    for (const [words, exit, said] of rows) {
      const { status, err, out } = await bash(`"$M" export ${words}`);
      assert.equal(status, exit, err);
      assert.match(err, said);
      assert.equal(out, exit === 0 ? fs.readFileSync(`${world.top}/explicit`, "utf8") : "");
    }
  }));
