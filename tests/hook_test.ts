// The hook chain, run: what the shell has afterwards is what it has after the old script's chain.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { activate, meta } from "../lib/activation.ts";
import { type Change, render, type Shell } from "../lib/code.ts";
import { fast, full } from "../lib/hook.ts";
import { type Found, installation } from "../lib/installation.ts";
import { readPrefix } from "../lib/prefix.ts";
import { shellNamed } from "../lib/shells.ts";
import type { Env } from "../lib/world.ts";
import { install, type Layout, put } from "./root.ts";
import { type TestWorld, testWorld } from "./world.ts";

interface Stage {
  world: TestWorld;
  found: Found;
  root: string;
}

/** A machine with an installation; the test is given a world whose MINICONDA3_PATH names it. */
async function stage(layout: Layout, env: Env, test: (stage: Stage) => Promise<void> | void): Promise<void> {
  const bare = testWorld();
  const root = `${bare.top}/a root`;
  try {
    install(root, layout);
    const world = { ...bare, env: { ...bare.env, ...env } };
    const found = installation({ ...world, env: { ...world.env, MINICONDA3_PATH: root } });
    assert.equal(found?.root, root);
    await test({ world, found: found!, root });
  } finally {
    rmSync(bare.top, { recursive: true });
  }
}

function shell(name: string): Shell {
  return shellNamed(name)!;
}

const BARE: { [name: string]: string[] } = {
  bash: ["--norc", "--noprofile"],
  zsh: ["-f"],
  fish: ["--no-config"],
};

/** Runs code in a shell; `interactive` as in a terminal. */
function run(
  name: string,
  code: string,
  env: Env,
  interactive = false,
): { out: string; err: string; status: number } {
  const words = [...BARE[name] ?? [], ...interactive ? ["-i"] : [], "-c", code];
  // Deno's spawnSync adds its own environment to the one it is given.
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value ?? ""}`);
  const { stdout, stderr, status } = spawnSync("/usr/bin/env", ["-i", ...pairs, name, ...words], {
    encoding: "utf8",
    timeout: 20_000,
  });
  return { out: stdout, err: stderr, status: status ?? -1 };
}

/** Everything that a shell knows: functions with their text, variables whether exported or not. */
const STATE: { [name: string]: string } = {
  bash: `printf '\\0'; builtin declare -f; printf '\\0'; builtin declare -p; printf '\\0'; /usr/bin/env -0`,
  zsh: `printf '\\0'; builtin functions; printf '\\0'; builtin typeset -p; printf '\\0'; /usr/bin/env -0`,
};
const CHANGING =
  /^(declare|typeset|export)( -\S+)* (BASH_(ARGC|ARGV|LINENO|SOURCE|EXECUTION_STRING|COMMAND)|BASHPID|EPOCH\w+|LINENO|PIPESTATUS|PPID|RANDOM|SECONDS|SRANDOM|SHLVL|TTYIDLE|_|ZSH_EXECUTION_STRING|history|historywords|TRY_\w+|jobstates|jobtexts|jobdirs|code|__mambaenv\w*|usertime|pipestatus|signals)\b/;

function state(name: string, code: string, env: Env) {
  const { out, err } = run(name, `${code}\n${STATE[name]}`, env);
  const [, functions = "", variables = "", ...exported] = out.split("\0");
  assert.ok(exported.length > 3, err);
  return {
    functions,
    variables: variables.split("\n").filter((line) => line !== "" && !CHANGING.test(line)).sort(),
    exported: exported.filter((entry) => entry !== "" && !/^(_|SHLVL)=/.test(entry)).sort(),
    path: exported.find((entry) => entry.startsWith("PATH=")),
  };
}

/** The old script's chain, in words of our own; `mamba` or `conda` activates afterwards. */
function chain(name: string, root: string, activator: string | undefined): string {
  const at = `'${root.replaceAll("'", "'\\''")}'`;
  return `
if code="$(${at}/bin/conda shell.${name} hook 2>/dev/null)"; then
  eval "$code"
elif [ -f ${at}/etc/profile.d/conda.sh ]; then
  . ${at}/etc/profile.d/conda.sh
else
  export PATH=${at}"/bin:$PATH"
fi
unset code
if [ -f ${at}/etc/profile.d/mamba.sh ]; then . ${at}/etc/profile.d/mamba.sh; fi
${activator ? `${activator} activate demo` : ""}`;
}

const LAYOUTS: { title: string; layout: Layout; activates: boolean }[] = [
  { title: "conda present", layout: { conda: "works", condaSh: true }, activates: true },
  { title: "hook broken", layout: { conda: "echo no >&2; exit 1", condaSh: true }, activates: true },
  { title: "conda.sh only", layout: { condaSh: true }, activates: false },
  { title: "nothing but bin/", layout: { conda: "exit 1" }, activates: false },
];
const ENVS: { [title: string]: Env } = {
  "a clean shell": { PS1: "$ " },
  "an active base": {
    PS1: "(base) $ ",
    CONDA_SHLVL: "1",
    CONDA_PREFIX: "%",
    CONDA_PROMPT_MODIFIER: "(base) ",
    PATH: "%/bin:/usr/bin:/bin",
  },
};
for (const name of ["bash", "zsh"]) {
  for (const { title, layout, activates } of LAYOUTS) {
    for (const mambaSh of [true, false]) {
      for (const [situation, env] of Object.entries(ENVS)) {
        Deno.test(`full: ${name}, ${title}, ${mambaSh ? "with" : "without"} mamba.sh, ${situation}: ends as the old chain`, () =>
          stage({ ...layout, mambaSh }, env, async ({ world, found, root }) => {
            for (const [name, value] of Object.entries(world.env)) {
              Object.assign(world.env, { [name]: value?.replaceAll("%", () => root) });
            }
            const activator = activates ? mambaSh ? "mamba" : "conda" : undefined;
            const { changes, env: after } = await full(found, shell(name), world);
            const next = activator ? native(after, root, name, world) : [];
            const ours = state(name, render([...changes, ...next], shell(name)), world.env);
            const theirs = state(name, chain(name, root, activator), world.env);
            // What activation is documented to do otherwise (D1) is not part of the chain.
            assert.deepEqual(ours, theirs);
            assert.equal(theirs.functions.includes("conda ()"), layout.condaSh === true);
          }));
      }
    }
  }
}

/** Our own activation of \`demo\`, computed from the environment that the chain is said to leave. */
function native(env: Env, root: string, name: string, world: TestWorld): Change[] {
  const prefix = readPrefix(`${root}/envs/demo`, shell(name), world);
  const current = env["CONDA_PREFIX"];
  const previous = current ? readPrefix(current, shell(name), world) : undefined;
  return activate(env, prefix, previous, { name: "demo", root, meta: meta(root) });
}

const SH = { condaSh: true, mambaSh: true };
/** Hooks that do not come through: what the user is told, and what is taken in their place. */
const BAD: { title: string; hook: string; said: RegExp }[] = [
  {
    title: "exits 1",
    hook: "echo oh >&2; echo no such module >&2; exit 1",
    said: /hook" failed with status 1: no such module$/m,
  },
  { title: "prints nothing", hook: "exit 0", said: /hook" printed nothing$/m },
  { title: "hangs", hook: "sleep 321", said: /hook" took more than 0\.7 s$/m },
  { title: "hangs with children", hook: "sleep 322 & sleep 323 & wait", said: /took more than 0\.7 s$/m },
  { title: "leaves a child with its output", hook: "sleep 324 & echo A=1", said: /took more than/ },
  { title: "is killed", hook: "kill -9 $$", said: /failed with status 137$/m },
  { title: "kills its group", hook: "kill -9 0", said: /failed with status 137$/m },
  {
    title: "prints a quote that never ends",
    hook: `echo "echo ( ' "`,
    said: /the hook does not work in bash/,
  },
  { title: "prints an exit", hook: "echo 'exit 0'", said: /the hook does not work in bash/ },
  {
    title: "prints an endless loop",
    hook: "echo 'while :; do :; done'",
    said: /the hook does not work in bash/,
  },
  { title: "prints an exec", hook: "echo 'exec true'", said: /the hook does not work in bash/ },
];
for (const { title, hook, said } of BAD) {
  Deno.test(`full: a hook that ${title} costs a warning, and conda.sh is taken`, () =>
    stage({ ...SH, conda: hook }, {}, async ({ world, found, root }) => {
      const start = performance.now();
      const { changes, env } = await full(found, shell("bash"), world, 700);
      assert.ok(performance.now() - start < 4000);
      assert.deepEqual(changes.map((change) => change.kind === "source" && change.file), [
        `${root}/etc/profile.d/conda.sh`,
        `${root}/etc/profile.d/mamba.sh`,
      ]);
      assert.match(world.said(), said);
      assert.equal(world.said().split("\n").length, 2);
      assert.equal(env["CONDA_EXE"], `${root}/bin/conda`);
      assert.doesNotMatch(run("sh", "ps -eo args", world.env).out, /^sleep 32\d$/m);
    }));
}

Deno.test("full: a hanging hook costs 5 seconds", () =>
  stage({ ...SH, conda: "sleep 325" }, {}, async ({ world, found }) => {
    const start = performance.now();
    await full(found, shell("bash"), world);
    const spent = performance.now() - start;
    assert.ok(spent > 4900 && spent < 6500, `${spent} ms`);
  }));

Deno.test("full: where no way works, ROOT/bin is in PATH and the user is told of each", () =>
  stage({ conda: "exit 1" }, {}, async ({ world, found, root }) => {
    for (const name of ["conda", "mamba"]) put(`${root}/etc/profile.d/${name}.sh`, "exit 1\n");
    const { changes, env } = await full(found, shell("bash"), world, 700);
    assert.deepEqual(changes, [{ kind: "path", dirs: [`${root}/bin`, "/usr/bin", "/bin"] }]);
    assert.equal(env["PATH"], `${root}/bin:/usr/bin:/bin`);
    assert.equal(world.said().match(/warning/g)?.length, 3);
  }));

Deno.test("full: words of a hook on stderr, and of its code on stdout, are not taken for code or variables", () =>
  stage(
    { conda: "echo 'a warning' >&2; echo 'echo X=1; export Y=\"1\n2\"'" },
    {},
    async ({ world, found }) => {
      const { changes, env } = await full(found, shell("bash"), world);
      assert.equal(changes.length, 1);
      assert.deepEqual({ ...world.env, Y: "1\n2" }, env);
      assert.equal(world.said(), "");
    },
  ));

Deno.test("full: a hook whose code is no shell code is a warning in the shell, and what follows is done", () =>
  stage({ conda: "echo 'if ( then ;;'" }, {}, async ({ world, found }) => {
    const { changes } = await full(found, shell("bash"), world);
    const code = render([...changes, { kind: "set", name: "AFTER", value: "done" }], shell("bash"));
    const { out, err } = run("bash", `set -eu\n${code}\necho $AFTER`, world.env);
    assert.equal(out, "done\n");
    assert.match(err, /mambaenv: warning: conda's own hook failed/);
  }));

Deno.test("full: a hook that reads its input finds none", () =>
  stage({ conda: "cat; echo A=1" }, {}, async ({ world, found }) => {
    assert.deepEqual((await full(found, shell("bash"), world)).changes, [{
      kind: "verbatim",
      code: "A=1\n",
    }]);
  }));

Deno.test("full: without HOME's and BASH_ENV's files, which the shell has read already", () =>
  stage({ conda: "echo export A=1" }, { BASH_ENV: "%" }, async ({ world, found }) => {
    put(`${world.top}/env.sh`, `touch '${world.top}/read'\n`);
    Object.assign(world.env, { BASH_ENV: `${world.top}/env.sh` });
    const { env } = await full(found, shell("bash"), world);
    assert.deepEqual(env, { ...world.env, A: "1" });
    assert.ok(!existsSync(`${world.top}/read`));
  }));

Deno.test("full: bytes in PATH that are no UTF-8 stay what they are", () =>
  stage({ condaSh: true }, { PATH: "/odd/\udcff:/usr/bin:/bin" }, async ({ world, found, root }) => {
    const { env } = await full(found, shell("bash"), world);
    assert.equal(env["PATH"], `${root}/condabin:/odd/\udcff:/usr/bin:/bin`);
  }));

Deno.test("full: with an environment of ours active, ROOT/bin is not put into PATH again", () =>
  stage({}, { MAMBAENV_ACTIVE: "/x" }, async ({ world, found, root }) => {
    Object.assign(world.env, { PATH: `/x/bin:${root}/bin:/usr/bin:/bin` });
    assert.deepEqual((await full(found, shell("bash"), world)).changes, []);
  }));

const STRICT = [
  "set -euo pipefail",
  "set -euo pipefail; set -o posix; IFS=abc",
  "set -o noclobber; alias eval=false",
];
for (const options of STRICT) {
  Deno.test(`full: the code of a hook that fails cannot end a shell under ${options}`, () =>
    stage(
      { conda: "echo 'export A=$never; false; alias_me() { return 3; }; alias_me'" },
      {},
      async ({ world, found }) => {
        const { changes } = await full(found, shell("bash"), world);
        const code = render(changes, shell("bash"));
        const { out, status } = run("bash", `${options}\n${code}\necho "alive $-"`, world.env);
        assert.match(out, options.includes("-e") ? /^alive .*e.*u/ : /^alive/);
        assert.equal(status, 0);
      },
    ));
}

Deno.test("full: fish takes conda's hook for fish", () =>
  stage(
    { conda: "echo 'set -gx A \"it is\"'; echo 'function conda; echo called $argv; end'" },
    {},
    async ({ world, found }) => {
      const { changes, env } = await full(found, shell("fish"), world);
      assert.equal(env["A"], "it is");
      const { out } = run("fish", `${render(changes, shell("fish"))}\nconda $A`, world.env);
      assert.equal(out, "called it is\n");
    },
  ));

const MICROMAMBA = `#!/bin/sh
printf '%s\\n' "$*" > "$0.args"
echo 'export MAMBA_EXE=here; micromamba() { :; }'
`;
Deno.test("full: micromamba alone prints its own hook", () =>
  stage({}, {}, async ({ world, found, root }) => {
    put(`${root}/bin/micromamba`, MICROMAMBA, 0o755);
    const { changes, env } = await full(found, shell("bash"), world);
    assert.deepEqual(changes.map(({ kind }) => kind), ["verbatim"]);
    assert.equal(env["MAMBA_EXE"], "here");
    assert.equal(readFileSync(`${root}/bin/micromamba.args`, "utf8"), `shell hook -s bash -r ${root}\n`);
  }));

const FAST: { title: string; layout: Layout; functions: string }[] = [
  {
    title: "the files where they are",
    layout: { conda: "exit 1", condaSh: true, mambaSh: true },
    functions: "conda mamba",
  },
  {
    title: "the hook where conda.sh is not",
    layout: { conda: "works", mambaSh: true },
    functions: "conda mamba",
  },
  { title: "only mamba.sh", layout: { mambaSh: true }, functions: "mamba" },
  { title: "nothing where nothing is", layout: {}, functions: "" },
  { title: "a broken hook is a warning", layout: { conda: "exit 1" }, functions: "" },
];
for (const { title, layout, functions } of FAST) {
  for (const name of ["bash", "zsh"]) {
    Deno.test(`fast: ${name}: ${title}`, () =>
      stage(layout, { CONDA_SHLVL: "1", CONDA_PREFIX: "/x", CONDA_DEFAULT_ENV: "x" }, ({ world, found }) => {
        const code = render(fast(found, shell(name), world).changes, shell(name));
        const list = name === "bash"
          ? "declare -F conda mamba"
          : "print -l \${(ok)functions[(I)(conda|mamba)]}";
        const show = `${list} | tr '\\n' ' '; echo "$CONDA_SHLVL $CONDA_DEFAULT_ENV"`;
        const lively = run(name, `${code}${show}`, world.env, true);
        assert.equal(
          lively.out.replaceAll("declare -f ", "").trim().replace(/^ /, ""),
          `${functions} 1 x`.trim(),
        );
        assert.equal(run(name, `${code}${show}`, world.env).out.trim(), "1 x");
      }));
  }
}

Deno.test("fast: costs one file operation where conda.sh is, starts nothing, changes no environment", () =>
  stage({ conda: "works", ...SH }, {}, ({ world, found, root }) => {
    const asked: string[] = [];
    const spy = {
      ...world,
      stat: (path: string) => (asked.push(path), world.stat(path)),
      executable: (path: string) => (asked.push(path), world.executable(path)),
      run: () => assert.fail("started something"),
    };
    const { env } = fast(found, shell("bash"), spy);
    assert.deepEqual(asked, [`${root}/etc/profile.d/conda.sh`]);
    assert.deepEqual(env, world.env);
  }));
