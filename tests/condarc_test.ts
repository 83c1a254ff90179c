// conda's configuration files: which are read, what the quick reader understands, how they are merged.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { parent } from "../lib/project.ts";
import { type Condarc, loadCondarc, readCondarc } from "../lib/condarc.ts";
import { outline } from "../lib/condarc/outline.ts";
import { parse } from "../lib/condarc/yaml.ts";
import { Problem } from "../lib/problem.ts";
import { createWorld } from "../lib/system.ts";
import type { Env, World } from "../lib/world.ts";

/** A machine whose `/` is a scratch folder: HOME /home/u, a root /root, an active prefix /env, XDG /xdg. */
function machine(files: { [path: string]: string }, env: Env, test: (world: World, calls: string[]) => void) {
  const top = fs.mkdtempSync(`${tmpdir()}/condarc-`);
  const calls: string[] = [];
  const inside = <R>(deed: (path: string) => R) => (path: string) => {
    calls.push(path);
    return deed(top + path);
  };
  const { read, list, stat } = createWorld([]);
  try {
    for (const [path, text] of Object.entries(files)) {
      fs.mkdirSync(parent(top + path), { recursive: true });
      fs.writeFileSync(top + path, text);
    }
    const world = { ...createWorld([]), read: inside(read), list: inside(list), stat: inside(stat) };
    test({ ...world, env: { HOME: "/home/u", ...env }, cwd: "/work" }, calls);
  } finally {
    fs.rmSync(top, { recursive: true });
  }
}

/** Without what is undefined. */
function defined(condarc: object): unknown {
  return JSON.parse(JSON.stringify(condarc));
}
const EMPTY: Condarc = {
  changeps1: undefined,
  env_prompt: undefined,
  envs_dirs: [],
  pkgs_dirs: [],
  channels: [],
  channel_alias: undefined,
  custom_channels: {},
  mirrored_channels: {},
  ssl_verify: undefined,
  proxy_servers: {},
  auto_stack: undefined,
  warnings: [],
  unread: [],
};
const RC = "/home/u/.condarc";

const TABLE: { title: string; files?: { [path: string]: string }; env?: Env; says: Partial<Condarc> }[] = [
  { title: "nothing there says nothing", says: {} },
  {
    title: "every key",
    files: {
      [RC]: `# a comment
changeps1: no
env_prompt: '({name}) '
envs_dirs:
  - ~/envs
  - /data/envs
pkgs_dirs: [/data/pkgs, "/with space"]
channels:
- conda-forge  # first
- https://host/with#no-comment
channel_alias: https://mirror.example/conda
custom_channels:
  internal: https://repo.example
mirrored_channels:
  conda-forge:
    - https://one.example/conda-forge
    - https://two.example/conda-forge
ssl_verify: /etc/ca.pem
proxy_servers:
  http: http://user:pass@corp.com:8080
  https: http://corp.com:8080
auto_stack: 2
default_channels: [{ odd: [1, 2] }]
`,
    },
    says: {
      changeps1: false,
      env_prompt: "({name}) ",
      envs_dirs: ["/home/u/envs", "/data/envs"],
      pkgs_dirs: ["/data/pkgs", "/with space"],
      channels: ["conda-forge", "https://host/with#no-comment"],
      channel_alias: "https://mirror.example/conda",
      custom_channels: { internal: "https://repo.example" },
      mirrored_channels: {
        "conda-forge": ["https://one.example/conda-forge", "https://two.example/conda-forge"],
      },
      ssl_verify: "/etc/ca.pem",
      proxy_servers: { http: "http://user:pass@corp.com:8080", https: "http://corp.com:8080" },
      auto_stack: 2,
    },
  },
  {
    title: "files in conda's order, the last first in lists",
    files: Object.fromEntries([
      "/etc/conda/.condarc",
      "/etc/conda/condarc",
      "/etc/conda/condarc.d/a.yml",
      "/etc/conda/condarc.d/b.yaml",
      "/var/lib/conda/condarc",
      "/root/.condarc",
      "/root/condarc",
      "/root/condarc.d/a.yml",
      "/xdg/conda/.condarc",
      "/home/u/.config/conda/condarc",
      "/home/u/.conda/.condarc",
      "/home/u/.condarc",
      "/env/.condarc",
      "/env/condarc.d/a.yml",
      "/extra.yml",
      "/etc/conda/condarc.d/no.txt",
      "/etc/conda/other.yml",
    ].map((path) => [path, `channels: [${path}]\nauto_stack: ${path.length}\n`])),
    env: { CONDA_PREFIX: "/env", XDG_CONFIG_HOME: "/xdg", CONDARC: "/extra.yml", CONDA_CHANNELS: "x, y," },
    says: {
      auto_stack: 10,
      channels: [
        "x",
        "y",
        "/extra.yml",
        "/env/condarc.d/a.yml",
        "/env/.condarc",
        "/home/u/.condarc",
        "/home/u/.conda/.condarc",
        "/home/u/.config/conda/condarc",
        "/xdg/conda/.condarc",
        "/root/condarc.d/a.yml",
        "/root/condarc",
        "/root/.condarc",
        "/var/lib/conda/condarc",
        "/etc/conda/condarc.d/b.yaml",
        "/etc/conda/condarc.d/a.yml",
        "/etc/conda/condarc",
        "/etc/conda/.condarc",
      ],
    },
  },
  {
    title: "#!final stops what comes later, in lists, maps and single values",
    files: {
      "/etc/conda/.condarc": `channels: #!final
  - a
changeps1: false #!final
proxy_servers: #!final
  http: a
`,
      [RC]: "channels: [b]\nchangeps1: true\nproxy_servers:\n  http: b\n  https: b\n",
    },
    env: { CONDA_CHANGEPS1: "true" },
    says: { channels: ["a"], changeps1: false, proxy_servers: { http: "a" } },
  },
  {
    title: "#!top and #!bottom",
    files: {
      "/etc/conda/.condarc": "channels:\n  - a #!top\n  - b\n  - c #!bottom\n",
      [RC]: "channels:\n  - d\n  - e #!bottom\n  - b\n",
    },
    says: { channels: ["a", "d", "b", "e", "c"] },
  },
  {
    title: "maps are merged by name, the later file wins",
    files: {
      "/root/.condarc": "custom_channels:\n  a: one\n  b: one\n",
      [RC]: "custom_channels:\n  b: two\n",
    },
    says: { custom_channels: { a: "one", b: "two" } },
  },
  {
    title: "variables: CONDA_ENVS_PATH before CONDA_ENVS_DIRS, with a warning",
    env: { CONDA_ENVS_PATH: "/a:~/b: ", CONDA_ENVS_DIRS: "/c", CONDA_PKGS_DIRS: "/p,$HOME/q" },
    says: {
      envs_dirs: ["/a", "/home/u/b"],
      pkgs_dirs: ["/p", "/home/u/q"],
      warnings: ["CONDA_ENVS_PATH is used, CONDA_ENVS_DIRS says the same and is ignored"],
    },
  },
  {
    title: "variables of single values",
    env: {
      CONDA_CHANGEPS1: "0",
      CONDA_ENV_PROMPT: "",
      CONDA_AUTO_STACK: "true",
      CONDA_SSL_VERIFY: " False!important",
      CONDA_CHANNEL_ALIAS: "https://${WHERE}/$GONE",
      WHERE: "here",
    },
    says: {
      changeps1: false,
      env_prompt: "",
      auto_stack: 1,
      ssl_verify: false,
      channel_alias: "https://here/$GONE",
    },
  },
  {
    title: "null values and empty files say nothing",
    files: {
      [RC]: "channels:\nenv_prompt: ~\nssl_verify:\nproxy_servers: null\n",
      "/root/.condarc": "",
      "/env/.condarc": "# x\n",
    },
    env: { CONDA_PREFIX: "/env" },
    says: {},
  },
  {
    title: "changeps1 without a value is no, as in conda",
    files: { [RC]: "changeps1:\n" },
    says: { changeps1: false },
  },
  {
    title: "values of the wrong form are ignored with a warning that names file and key",
    files: { [RC]: "channels: conda-forge\nchangeps1: perhaps\nauto_stack: [1]\nenvs_dirs: [~other/envs]\n" },
    says: {
      warnings: [
        `changeps1 in "${RC}" says "perhaps", which is ignored`,
        'envs_dirs names "~other/envs", which is ignored: write the whole path',
        `channels in "${RC}" is ignored: it should be a list`,
        `auto_stack in "${RC}" is ignored: it should be a single value`,
      ],
    },
  },
  {
    title: "CONDARC may be a folder; a file of another name is not read, as in conda",
    files: { "/extra/a.yml": "auto_stack: 3\n", "/extra/b.conf": "auto_stack: 4\n" },
    env: { CONDARC: "/extra" },
    says: { auto_stack: 3 },
  },
  {
    title: "CONDARC of another name",
    files: { "/b.conf": "auto_stack: 4\n" },
    env: { CONDARC: "/b.conf" },
    says: {},
  },
  { title: "CONDARC as a device is not read", env: { CONDARC: "/dev/zero" }, says: {} },
];
for (const { title, files = {}, env = {}, says } of TABLE) {
  Deno.test(`readCondarc: ${title}`, () =>
    machine(
      files,
      env,
      (world) => assert.deepEqual(defined(readCondarc(world, "/root")), defined({ ...EMPTY, ...says })),
    ));
}

Deno.test("loadCondarc: reads what is beyond the quick reader", async () => {
  const text =
    'channels: [\n  "a\\tb",\n  &x c\n]\nenvs_dirs: &e\n  - /e\npkgs_dirs: *e\nenv_prompt: >-\n  folded\n  text\n';
  const ready: Promise<void>[] = [];
  machine({ [RC]: text }, {}, (world) => {
    assert.deepEqual(readCondarc(world).unread, [RC]);
    const calls = loadCondarc(world).then((condarc) =>
      assert.deepEqual(condarc, {
        ...EMPTY,
        channels: ["a\tb", "c"],
        envs_dirs: ["/e"],
        pkgs_dirs: ["/e"],
        env_prompt: "folded text",
      })
    );
    ready.push(calls);
  });
  await Promise.all(ready);
});

const BROKEN: { text: string; line: number }[] = [
  { text: "channels: [a, b\n", line: 1 },
  { text: "channels:\n  - a\n - b\n", line: 3 },
  { text: "channels:\n\t- a\n", line: 2 },
  { text: "a: 1\nenv_prompt: 'x\n", line: 2 },
  { text: "changeps1: yes\nchangeps1: no\n", line: 2 },
  { text: "- a\n", line: 1 },
  { text: "channels\n", line: 1 },
  { text: "channels: a: b\n", line: 1 },
];
for (const { text, line } of BROKEN) {
  Deno.test(`loadCondarc: ${JSON.stringify(text)} is a Problem with file and line`, () => {
    assert.equal(outline(text, new Set(["channels", "env_prompt", "changeps1"])), undefined);
    assert.throws(() => parse("/f", text), (error) => {
      assert.ok(error instanceof Problem);
      assert.ok(error.message.startsWith(`Cannot parse "/f" line ${line}: `), error.message);
      return true;
    });
  });
}

/** Every way of writing that the quick reader takes must mean the same to the real parser. */
const WRITINGS = [
  "k: v",
  "k:    v   ",
  "k: 'it''s'  # c",
  'k: "a # b"',
  "k: a#b",
  "k: a: b",
  "k: a:b",
  "k: -x",
  "k: - x",
  "k: @x",
  "k: %x",
  "k: {a: b}",
  "k: [a, b",
  "k: []",
  "k: [ ]",
  "k: [a,b]",
  "k: ['a, b', \"c\" , d e,]",
  "k: [a: b]",
  "k: [a, [b]]",
  "k: [a #b, c]",
  "k: [a#b, c]",
  "k: [,]",
  "k: [http://h:8/x, ~]",
  "k:\n- a\n- 'b'",
  "k:\n  - a\n  - b # c\n\n# d\n  - ~",
  "k:\n  - a: b",
  "k:\n  -\n  - b",
  "k:\n  - - a",
  "k:\n    x: 1\n    y:\n    - 2\n    - 3\n    z: ''",
  "k:\n  x: 1\n y: 2",
  "k: a\n  b",
  "k: |\n  a\n  b",
  "k:\n  a\n  b",
  "k: 'a'b",
  "k: 'a",
  'k: "a\\n"',
  "k: *a",
  "k: !!str a",
  "k: ? a",
  "? k\n: v",
  "'k': v",
  "k : v",
  "k:v",
  "---\nk: v",
  "---\nk: v\n---\nk: w",
  "k: v\n...",
  "\ufeffk: v",
  "k: v\r\nother: w\r\n",
  "other:\n  - {a: [b]}\nk: v",
  "other: |\n  k: w\nk: v",
  "k: Null",
  "k: a,b]c",
  "k: a\tb",
  "k:\tv",
  "k: v\t# c",
  "k: caf\u00e9 \u{1f40d}",
  "k: $HOME/${X}/~",
  "k: v #!final",
  "k: #!final\n  - a #!top\n  - b #!bottom",
  "k: [a, b] #!final",
];
for (const text of WRITINGS) {
  Deno.test(`outline: ${JSON.stringify(text)} means what YAML says, or is left to it`, () => {
    const quick = outline(text, new Set(["k"]));
    if (quick !== undefined) assert.deepEqual(quick.get("k"), parse("/f", text).get("k"));
  });
}

Deno.test("outline: understands the usual ways of writing", () => {
  const usual = WRITINGS.filter((text) => outline(text, new Set(["k"])) !== undefined);
  assert.ok(usual.length >= 30, `${usual.length} of ${WRITINGS.length}`);
});

Deno.test("outline: a hostile line takes no time", () => {
  for (
    const text of [`k: ${"a ".repeat(50_000)}"`, `k: [${"a,".repeat(50_000)}`, `k: '${"''".repeat(50_000)}`]
  ) {
    const start = performance.now();
    outline(text, new Set(["k"]));
    assert.ok(performance.now() - start < 2000);
  }
});

Deno.test("readCondarc: costs 5 file operations where there is nothing, 8 with a root, 11 with a prefix", () => {
  const cost = (env: Env, root?: string) => {
    let count = 0;
    machine({}, env, (world, calls) => {
      readCondarc(world, root);
      count = calls.length;
    });
    return count;
  };
  assert.deepEqual([cost({}), cost({}, "/root"), cost({ CONDA_PREFIX: "/env" }, "/root")], [5, 8, 11]);
});
