// Every shell for real: values come through as they are, the shell is left as it was, nothing is printed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "../lib/bytes.ts";
import { activate, apply, deactivate, type Prefix } from "../lib/activation.ts";
import { type Change, render } from "../lib/code.ts";
import { shellNamed, shells } from "../lib/shells.ts";
import { NASTY } from "./shells/nasty.ts";
import { installed, run, type Runner, RUNNERS } from "./shells/run.ts";

const INVALID = "a\udcff\udcfeb\udcc3";

function each(title: string, test: (runner: Runner) => void): void {
  for (const runner of RUNNERS) {
    const there = installed(runner.argv[0]!);
    if (!there && !Deno.env.get("CI")) console.log(`skipped: ${runner.name} is not installed`);
    Deno.test({
      name: `${runner.name}: ${title}`,
      ignore: !there && !Deno.env.get("CI"),
      fn: () => test(runner),
    });
  }
}

function sets(values: { [name: string]: string }): Change[] {
  return Object.entries(values).map(([name, value]) => ({ kind: "set", name, value }));
}

function quiet({ stdout, stderr }: { stdout: string; stderr: string }): void {
  assert.equal(stdout + stderr, "");
}

each("word: nasty values come through as literals, in the form for users", (runner) => {
  const left = run(runner, sets(NASTY));
  quiet(left);
  for (const [name, value] of Object.entries(NASTY)) assert.equal(left.env?.[name], value, name);
  assert.equal(left.status, "0");
});

each("word: bytes that are no UTF-8 come through, yash aside, which cannot hold them", (runner) => {
  const left = run(runner, sets({ BYTES: INVALID, AFTER: "1" }));
  quiet(left);
  assert.equal(left.env?.["BYTES"], runner.name === "yash" ? "a\ufffd\ufffdb\ufffd" : INVALID);
  assert.equal(left.env?.["AFTER"], "1");
});

each("path: folders with nasty names are entries, in order", (runner) => {
  const dirs = ["/a b", "/it's", "/$x`y`", "/new\nline", "/!bang", "/back\\slash", "/usr/bin", "/bin"];
  const left = run(runner, [{ kind: "path", dirs }]);
  quiet(left);
  assert.equal(left.env?.["PATH"], dirs.join(":"));
});

each("unset: gone, once or twice", (runner) => {
  const left = run(runner, [{ kind: "unset", name: "GONE" }, { kind: "unset", name: "GONE" }], {
    env: { GONE: "1" },
  });
  quiet(left);
  assert.deepEqual(Object.keys(left.env ?? {}), ["HOME", "LANG", "PATH"]);
});

each("status: the shell sees it and lives", (runner) => {
  for (const code of [0, 1, 2, 3, 130]) {
    const left = run(runner, [{ kind: "status", code }]);
    quiet(left);
    assert.equal(left.status, String(code));
  }
});

/** Two environments with scripts and variables, in a folder of their own. */
function withPrefixes<T>(runner: Runner, test: (one: Prefix, two: Prefix, dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "prefix-"));
  const { scripts } = shellNamed(runner.name)!;
  const make = (name: string, vars: [string, string][]): Prefix => {
    const path = join(dir, "envs", name);
    for (const folder of ["activate.d", "deactivate.d"]) {
      mkdirSync(join(path, folder), { recursive: true });
      const say = runner.name === "tcsh" ? "true" : runner.name === "fish" ? "builtin true" : ":";
      writeFileSync(join(path, folder, `a'b${scripts}`), `${say}\n`);
    }
    const files = (folder: string) => [join(path, folder, `a'b${scripts}`)];
    return {
      path,
      activate: files("activate.d"),
      deactivate: files("deactivate.d"),
      vars: new Map(vars),
      warnings: [],
    };
  };
  try {
    const common: [string, string] = ["COMMON", "it's\n`x` $y !z \\"];
    return test(make("one", [common, ["ONE", "1"]]), make("it's $two", [common, ["KEPT", "inner"]]), dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const START = { KEPT: "outer's\tvalue!", CONDA_SHLVL: "0", EMPTY: "" };

/** Activate, switch, go back twice: the changes, and the environment that they should lead to. */
function there(one: Prefix, two: Prefix): { changes: Change[]; back: Change[] } {
  const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", ...START };
  const first = activate(env, one, undefined);
  const inOne = apply(env, first);
  const second = activate(inOne, two, one);
  const inTwo = apply(inOne, second);
  const third = deactivate(inTwo, two, one);
  const again = apply(inTwo, third);
  return { changes: [...first, ...second], back: [...third, ...deactivate(again, one, undefined)] };
}

each(
  "activate, activate, deactivate, deactivate: the identical environment",
  (runner) =>
    withPrefixes(runner, (one, two) => {
      const { changes, back } = there(one, two);
      const before = run(runner, [], { env: START });
      const within = run(runner, changes, { env: START });
      quiet(within);
      assert.equal(within.env?.["CONDA_PREFIX"], two.path);
      assert.equal(within.env?.["COMMON"], two.vars.get("COMMON"));
      assert.equal(within.env?.["KEPT"], "inner");
      assert.equal(within.env?.["ONE"], undefined);
      const after = run(runner, [...changes, ...back], { env: START });
      quiet(after);
      assert.deepEqual(after.env, before.env);
      assert.equal(after.status, "0");
    }),
);

each("changes: under the shell's strict options", (runner) =>
  withPrefixes(runner, (one, two) => {
    const { changes, back } = there(one, two);
    const left = run(runner, [...changes, ...back], { env: START, before: runner.strict });
    quiet(left);
    assert.deepEqual(left.env, run(runner, [], { env: START }).env);
  }));

each(
  "changes: with aliases and functions over the common commands, and a hostile IFS",
  (runner) =>
    withPrefixes(runner, (one, two) => {
      const { changes, back } = there(one, two);
      const form = (file: string) => runner.source(file);
      const left = run(runner, [...changes, ...back], { env: START, before: runner.hostile, form });
      quiet(left);
      assert.deepEqual(left.env, run(runner, [], { env: START }).env);
    }),
);

each(
  "source: a failing, dangling, unreadable or broken script is a warning that names it; the others run",
  (runner) => {
    const dir = mkdtempSync(join(tmpdir(), "scripts-"));
    const { scripts } = shellNamed(runner.name)!;
    const [fish, csh] = [runner.name === "fish", runner.name === "tcsh"];
    const set = (name: string) => csh ? `setenv ${name} 1` : fish ? `set -gx ${name} 1` : `export ${name}=1`;
    const texts: { [name: string]: string } = {
      fails: "false\n",
      returns: csh ? "false\n" : "return 3\n",
      broken: csh ? 'echo "\n' : fish ? "if true\n" : "if then fi (\n",
      "it's fine": `${set("FINE")}\n`,
    };
    const names = ["fails", "returns", "broken", "dangling", "missing", "it's fine"];
    try {
      for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, name + scripts), text);
      symlinkSync("/nonexistent", join(dir, "dangling" + scripts));
      const changes = names.map((name): Change => ({ kind: "source", file: join(dir, name + scripts) }));
      for (const before of ["", runner.strict]) {
        const left = run(runner, [...changes, { kind: "set", name: "AFTER", value: "1" }], { before });
        assert.equal(left.env?.["FINE"], "1");
        assert.equal(left.env?.["AFTER"], "1");
        assert.equal(left.status, "0");
        const warned = left.stderr.split("\n").filter((line) => line.startsWith("mambaenv: warning:"));
        assert.deepEqual(
          warned,
          names.slice(0, -1).map((name) =>
            `mambaenv: warning: this script failed: ${join(dir, name + scripts)}`
          ),
        );
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
);

each("source: errexit and nounset are off in the script and as before after it", (runner) => {
  if (runner.name === "fish" || runner.name === "tcsh") return;
  const dir = mkdtempSync(join(tmpdir(), "options-"));
  const file = join(dir, "a.sh");
  try {
    writeFileSync(file, "false\nX=$NOT_SET_ANYWHERE\nset -eu\nexport RAN=1\n");
    for (const options of ["", "set -e", "set -u", "set -eu"]) {
      const after =
        "FLAGS=; case $- in *e*) FLAGS=e;; esac; case $- in *u*) FLAGS=${FLAGS}u;; esac; export FLAGS";
      const left = run(runner, [{ kind: "source", file }], { before: options, after });
      quiet(left);
      assert.equal(left.env?.["RAN"], "1");
      assert.equal(left.env?.["FLAGS"], options.replace(/set -?/, ""), options);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

const PROMPTS: readonly [ps1: string | undefined, remove: string, add: string, after: string][] = [
  ["\\u$ ", "", "(demo) ", "(demo) \\u$ "],
  ["(base) (base) x(base) $ ", "(base) ", "(it's!) ", "(it's!) x$ "],
  ["(ba(base) se) $ ", "(base) ", "", "(base) $ ".replace("(base)", "(base)")],
  ["[b.*] $ ", "[b.*] ", "(demo) ", "(demo) $ "],
  ["(BASE) $ ", "(base) ", "(demo) ", "(demo) (BASE) $ "],
  ["%~ $x `y` \\! $ ", "(base) ", "(demo) ", "(demo) %~ $x `y` \\! $ "],
  ["*$ ", "*", "", "$ "],
  [undefined, "(base) ", "(demo) ", "(demo) "],
];

each("prompt: every old modifier goes, the new one is in front; not with powerline", (runner) => {
  if (runner.name === "fish") return;
  const shell = shellNamed(runner.name)!;
  const tcsh = runner.name === "tcsh";
  const cases = tcsh ? PROMPTS.filter(([ps1]) => ps1 !== undefined) : [
    ...PROMPTS,
    ["$(POWERLINE_COMMAND) (base) $ ", "(base) ", "(demo) ", "$(POWERLINE_COMMAND) (base) $ "] as const,
  ];
  for (const [ps1, remove, add, expected] of cases) {
    const word = ps1 === undefined ? undefined : shell.word(ps1);
    for (const strict of ["", runner.strict]) {
      const set = tcsh ? `set prompt=${word}` : word === undefined ? "unset PS1" : `PS1=${word}`;
      const after = tcsh ? 'setenv SEEN "$prompt:q"' : 'export SEEN="$PS1"';
      const left = run(runner, [{ kind: "prompt", remove, add }], { before: `${strict}\n${set}`, after });
      quiet(left);
      assert.equal(left.env?.["SEEN"], expected, JSON.stringify(ps1));
    }
  }
});

each("functions: sourced where the shell is interactive and has no conda, nowhere else", (runner) => {
  const dir = mkdtempSync(join(tmpdir(), "functions-"));
  const [fish, csh] = [runner.name === "fish", runner.name === "tcsh"];
  const set = (name: string) => csh ? `setenv ${name} 1` : fish ? `set -gx ${name} 1` : `export ${name}=1`;
  const known = csh ? "alias conda true" : fish ? "function conda; end" : "conda() { :; }";
  try {
    for (const name of ["conda", "mamba"]) writeFileSync(join(dir, name), `${set(name.toUpperCase())}\n`);
    writeFileSync(join(dir, "hook"), `#!/bin/sh\necho '${set("HOOK")}${csh ? ";" : ""}'\n`, { mode: 0o755 });
    const both = [join(dir, "conda"), join(dir, "mamba")];
    const seen = (change: Change, before: string, interactive: boolean) => {
      const words = interactive && runner.interactive ? [runner.interactive] : [];
      const prompt = interactive && csh ? "set prompt='> '\n" : "";
      const left = run(runner, [change], { before: prompt + before, words });
      return ["CONDA", "MAMBA", "HOOK"].filter((name) => left.env?.[name] === "1").join(" ");
    };
    const files: Change = { kind: "functions", files: both, hook: [join(dir, "hook")] };
    const hook: Change = {
      kind: "functions",
      files: [join(dir, "nothing")],
      hook: [join(dir, "hook"), "a b"],
    };
    assert.equal(seen(files, "", false), "");
    assert.equal(seen(hook, "", false), "");
    if (!runner.interactive && !csh) return;
    assert.equal(seen(files, "", true), "CONDA MAMBA");
    assert.equal(seen(hook, "", true), "HOOK");
    assert.equal(seen(files, known, true), "");
    const failing: Change = { kind: "functions", files: [], hook: [join(dir, "nothing")] };
    assert.equal(seen(failing, "", true), "");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

/** One of every change. */
const EVERY: readonly Change[] = [
  { kind: "functions", files: ["/a b", "/it's"], hook: ["/opt/it's/conda", "shell", "hook"] },
  { kind: "source", file: "/it's/a.sh" },
  { kind: "prompt", remove: "(base) ", add: "(it's) " },
  { kind: "prompt", remove: "", add: "" },
  { kind: "path", dirs: ["/a b", "/bin"] },
  { kind: "set", name: "X", value: NASTY["QUOTES"]! },
  { kind: "unset", name: "X" },
  { kind: "unset", name: "Y" },
  { kind: "verbatim", code: "export X=1" },
  { kind: "status", code: 0 },
];

each("render: the shell's own syntax check passes", (runner) => {
  if (runner.check === undefined) return;
  const dir = mkdtempSync(join(tmpdir(), "syntax-"));
  try {
    writeFileSync(join(dir, "code"), encode(render(EVERY, shellNamed(runner.name)!)));
    const [program = "", ...words] = runner.check;
    const { status, stdout, stderr } = spawnSync(program, [...words, join(dir, "code")], {
      encoding: "utf8",
    });
    assert.equal(stdout + stderr, "");
    assert.equal(status, 0);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

Deno.test("render: shellcheck is content with bash, sh and ksh", {
  ignore: !installed("shellcheck") && !Deno.env.get("CI"),
}, () => {
  for (const name of ["bash", "dash", "ksh93", "sh"]) {
    const dialect = { bash: "bash", dash: "dash", ksh93: "ksh", sh: "sh" }[name]!;
    const { stdout } = spawnSync("shellcheck", ["-s", dialect, "-f", "gcc", "-"], {
      input: render(EVERY, shellNamed(name)!),
      encoding: "utf8",
    });
    assert.equal(stdout, "", name);
  }
});

Deno.test("render: neighbours are one statement in bash's family, in order, and no more than neighbours", () => {
  const set = (name: string, value: string): Change => ({ kind: "set", name, value });
  const changes: Change[] = [
    set("A", "1"),
    { kind: "path", dirs: ["/it's", "/bin"] },
    set("A", "2"),
    { kind: "unset", name: "B" },
    { kind: "unset", name: "C" },
    set("B", "$x"),
    { kind: "status", code: 0 },
    set("D", ""),
  ];
  const expected = `\\builtin export "A="'1' "PATH="'/it'\\''s:/bin' "A="'2'
\\builtin unset -v B C
\\builtin export "B="'$x'
(\\builtin exit 0)
\\builtin export "D="''
`;
  for (const name of ["bash", "zsh"]) assert.equal(render(changes, shellNamed(name)!), expected);
  for (const name of ["dash", "ksh93", "mksh", "yash"]) {
    assert.equal(render(changes, shellNamed(name)!), expected.replaceAll("builtin", "command"));
  }
});

Deno.test("render: a name that is no variable is refused", () => {
  for (const name of ["A-B", "1A", "A B", "A;B", "", "Ä", "A\n"]) {
    for (const shell of shells) {
      assert.throws(() => render([{ kind: "set", name, value: "" }], shell), RangeError);
      assert.throws(() => render([{ kind: "unset", name }], shell), RangeError);
    }
  }
});
