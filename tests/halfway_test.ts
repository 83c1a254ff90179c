// Entering and leaving interrupted between any two commands of the code: the environment is as it was, or wholly
// entered, or `deactivate` brings back what was.
import assert from "node:assert/strict";
import { apply } from "../lib/activation.ts";
import type { Change } from "../lib/code.ts";
import { entering, out } from "../lib/commands/enter.ts";
import { gather } from "../lib/facts.ts";
import { parse } from "../lib/args.ts";
import { shellNamed } from "../lib/shells.ts";
import { call, PROGRAM } from "./program.ts";
import { installed } from "./shells/run.ts";
import { type TestWorld, testWorld } from "./world.ts";

type Vars = { [name: string]: string };

const CONDA = "an environment of conda's";
const BARE = "nothing, no scripts";

/** What is there before; `E` stands for the folder of environments. */
const BEFORE: { [title: string]: Vars } = {
  "nothing": {},
  "a venv, and lists with odd parts": {
    PATH: "/v/bin:/usr/bin:/bin:/x//y/",
    VIRTUAL_ENV: "/v",
    PYTHONPATH: ":/x:",
    SAME: "1",
  },
  [CONDA]: {
    PATH: "E/other/bin:/usr/bin:/bin",
    CONDA_SHLVL: "1",
    CONDA_PREFIX: "E/other",
    CONDA_DEFAULT_ENV: "other",
    CONDA_PROMPT_MODIFIER: "(other) ",
    OTHER: "1",
    HIDDEN: "before",
  },
  "the environment in PATH, not active": { PATH: "E/work/bin:/usr/bin:/bin" },
  [BARE]: { BARE: "1" },
  "the environment itself": {
    PATH: "/new:E/work/bin:/usr/bin:/bin",
    CONDA_SHLVL: "1",
    CONDA_PREFIX: "E/work",
    CONDA_DEFAULT_ENV: "work",
    CONDA_PROMPT_MODIFIER: "(work) ",
    SAME: "1",
    HIDDEN: "work",
  },
};

/** What scripts did is undone by scripts, which where the environment was active before nobody is to run. */
function scripted({ CONDA_PREFIX, BARE }: Vars): boolean {
  return CONDA_PREFIX !== "E/work" && BARE === undefined;
}

function place(vars: Vars): TestWorld {
  const E = "root/envs";
  return testWorld({
    [`${E}/work/conda-meta/state`]: JSON.stringify({
      env_vars: { SAME: "1", HIDDEN: "work", ...vars["BARE"] ? {} : { GONE: null } },
    }),
    [`${E}/other/conda-meta/state`]: '{"env_vars": {"OTHER": "1"}}',
    "work/requirements.txt": "",
    "left/": "",
    ...scripted(vars) && {
      [`${E}/work/etc/conda/activate.d/a.sh`]: "export SCRIPT=1\nPATH=/script:$PATH\n",
      [`${E}/work/etc/conda/deactivate.d/a.sh`]: "unset SCRIPT\nPATH=${PATH#/script:}\n",
    },
  });
}

function given(world: TestWorld, vars: Vars): Vars {
  const inside = (value: string) => value.replace(/\bE\//g, `${world.top}/root/envs/`);
  const env = {
    HOME: `${world.top}/home`,
    PATH: "/usr/bin:/bin",
    MAMBAENV_ROOT: `${world.top}/root`,
    MAMBAENV_HOOK: "off",
  };
  return {
    ...env,
    ...Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, inside(value)])),
  };
}

const SHELL = shellNamed("fish")!;

for (const [title, vars] of Object.entries(BEFORE)) {
  Deno.test(`halfway: after any number of the changes, leaving brings back what was: ${title}`, async () => {
    const world = place(vars);
    for (const more of [{}, { PS1: `${vars["CONDA_PROMPT_MODIFIER"] ?? ""}$ ` }] as Vars[]) {
      const env = given(world, { ...vars, ...more });
      const here = { ...world, env };
      const facts = await gather(parse(["--no-create"], env), here);
      const changes = await entering(facts, { shell: SHELL, hook: false }, here);
      const back = (env: Vars) => out(env, SHELL, { ...world, env });
      for (let i = 0; i <= changes.length; i++) {
        const half = apply(env, changes.slice(0, i)) as Vars;
        const leaving: readonly Change[] = back(half);
        assert.deepEqual(apply(half, leaving), env, `entering, ${i} of ${changes.length}`);
        for (let j = 0; j <= leaving.length; j++) {
          const now = apply(half, leaving.slice(0, j)) as Vars;
          const after = apply(now, back(now)) as Vars;
          // Interrupted within the one statement that sets all, and once more within the prompt's, the prompt is not.
          const whole = i === changes.length ? after : { ...after, ...more };
          assert.deepEqual(whole, env, `entering, ${i}, and leaving, ${j}`);
        }
      }
    }
  });
}

const SHELLS: { [name: string]: { argv: readonly string[]; pid: string; start: string } } = {
  bash: { argv: ["bash", "--norc", "--noprofile", "-i"], pid: "$BASHPID", start: "set -T" },
  zsh: { argv: ["zsh", "-f", "-i"], pid: "$sysparams[pid]", start: "zmodload zsh/system" },
};
const FORMS = { "source <(…)": ["source <(", ")"], 'eval "$(…)"': ['eval "$(', ')"'] } as const;

/** Enters and leaves once for each number of commands, and Ctrl-C comes in front of the command of that number. */
function interrupted(name: string, form: keyof typeof FORMS, vars: Vars, exported: boolean): void {
  const { argv, pid, start } = SHELLS[name]!;
  const world = place(vars);
  const env = { ...given(world, vars), M: PROGRAM, LEFT: `${world.top}/left` };
  const ours = (words: string) => `${FORMS[form][0]}"$M"${words}${FORMS[form][1]}`;
  const dump = (file: string) =>
    `{ /usr/bin/env -0; printf 'PS1=%s\\0N=%s\\0' "$PS1" "$n"; } >"$LEFT/${file}"`;
  const trapped = (k: number, code: string) => [
    "n=0",
    `trap '[ "$((n++))" = ${k} ] && [ "${pid}" = $$ ] && kill -INT $$' DEBUG; ${code}`,
    "trap - DEBUG",
  ];
  const run = (lines: string[]) => {
    const ps1 = `${exported ? "export " : ""}PS1="${vars["CONDA_PROMPT_MODIFIER"] ?? ""}$ "`;
    const input = [start, ps1, ...lines, ""].join("\n");
    return call(argv, { cwd: world.cwd, env, input, timeout: 60_000 });
  };
  const left = (file: string) => {
    const text = world.read(`${world.top}/left/${file}`) ?? "";
    return text.split("\0").filter((entry) => entry && !/^(_|SHLVL|OLDPWD|N)=/.test(entry)).sort();
  };
  const leave = `[ -z "\${MAMBAENV_UNDO-}" ] || ${ours(" deactivate")}`;
  const whole = run([
    dump("before"),
    ...trapped(-1, ours("")),
    dump("inside"),
    ...trapped(-1, ours(" deactivate")),
    dump("outside"),
  ]);
  const count = (file: string) =>
    Number(/\0N=(\d+)/.exec(world.read(`${world.top}/left/${file}`) ?? "")?.[1]);
  const [enters, leaves] = [count("inside"), count("outside")];
  assert.ok(enters > 2 && leaves > 2, whole.err);
  const [before, inside] = [left("before"), left("inside")];
  assert.deepEqual(left("outside"), before);
  assert.ok(inside.some((entry) => entry.startsWith("MAMBAENV_ACTIVE=")));
  const said = run([
    ...Array.from({ length: enters }, (_, k) => [
      ...trapped(k, ours("")),
      dump(`half-${k}`),
      leave,
      dump(`back-${k}`),
    ]).flat(),
    ...Array.from({ length: leaves }, (_, k) => [
      ours(""),
      ...trapped(k, ours(" deactivate")),
      dump(`leaving-${k}`),
      leave,
      dump(`left-${k}`),
    ]).flat(),
  ]).err;
  // A prompt that is not exported cannot be in the one statement.
  const proved = (entry: string) => exported || !entry.startsWith("PS1=");
  const kinds = new Set<string>();
  for (let k = 0; k < enters; k++) {
    const half = left(`half-${k}`);
    const is = (other: string[]) => JSON.stringify(half) === JSON.stringify(other);
    kinds.add(is(before) ? "before" : is(inside) ? "inside" : "between");
    const proof = half.some((entry) => entry.startsWith("MAMBAENV_ACTIVE="));
    if (proof) {
      assert.deepEqual(half.filter(proved), inside.filter(proved), `MAMBAENV_ACTIVE proves success, ${k}`);
    }
    assert.deepEqual(left(`back-${k}`), before, `entering, ${k}: ${said}`);
  }
  // Without scripts and what is to be unset, all of it is one statement.
  const between = scripted(vars) || (vars["BARE"] && !exported) ? ["between"] : [];
  assert.deepEqual([...kinds].sort(), ["before", ...between, "inside"]);
  for (let k = 0; k < leaves; k++) assert.deepEqual(left(`left-${k}`), before, `leaving, ${k}: ${said}`);
}

for (const name of Object.keys(SHELLS)) {
  for (const [title, vars] of Object.entries(BEFORE)) {
    for (const form of Object.keys(FORMS) as (keyof typeof FORMS)[]) {
      // The code is the same, and so one row tells whether the form matters.
      if (form !== "source <(…)" && title !== CONDA) continue;
      for (const exported of [false, ...title === BARE ? [true] : []]) {
        const prompt = exported ? ", PS1 exported" : "";
        Deno.test({
          name: `halfway: ${name}, ${form}: Ctrl-C in front of any command: ${title}${prompt}`,
          ignore: !installed(name) && !Deno.env.get("CI"),
        }, () => interrupted(name, form, vars, exported));
      }
    }
  }
}
