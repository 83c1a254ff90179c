// conda's semantics where no recorded case goes: round trips, repairs, names, words.
import assert from "node:assert/strict";
import {
  activate,
  active,
  apply,
  conflicts,
  deactivate,
  type Env,
  nameOf,
  type Options,
  type Prefix,
} from "../lib/activation.ts";
import { normal } from "../lib/activation/path.ts";
import { understand } from "../lib/activation/words.ts";
import type { Change } from "../lib/code.ts";
import { Problem } from "../lib/problem.ts";

function prefix(path: string, vars: { [name: string]: string | null } = {}): Prefix {
  return {
    path,
    activate: [`${path}/a.sh`],
    deactivate: [`${path}/d.sh`],
    vars: new Map(Object.entries(vars)),
    warnings: [],
  };
}

const START: Env = { PATH: "/usr/bin:/bin", HOME: "/home/me", X: "outer", SAME: "same", E: "" };
const A = prefix("/c/envs/a", { X: "a", ONLY_A: "1", SAME: "same", E: "a" });
const B = prefix("/c/envs/b", { X: "b", ONLY_B: "1" });
const C = prefix("/elsewhere/c", { X: "c", NULL: null, SAME: "c" });
const ALL = new Map([A, B, C].map((one) => [one.path, one]));

/** Activates prefixes one after the other (`+` stacks), then deactivates as often. */
function trip(env: Env, names: string[], options: Options = {}): Env[] {
  const steps = [env];
  const known: { [name: string]: Prefix } = { a: A, b: B, c: C };
  for (const name of names) {
    const now = steps.at(-1)!;
    const previous = ALL.get(active(now).prefix);
    steps.push(
      apply(now, activate(now, known[name.at(-1)!]!, previous, { ...options, stack: name.startsWith("+") })),
    );
  }
  for (const _ of names) {
    const now = steps.at(-1)!;
    const { prefix, below } = active(now);
    steps.push(apply(now, deactivate(now, ALL.get(prefix)!, below && ALL.get(below.prefix), options)));
  }
  return steps;
}

Deno.test("activate … deactivate: any way there and back is the identical environment", () => {
  const before = { ...START, CONDA_SHLVL: "0", CONDA_PROMPT_MODIFIER: undefined };
  const ways = [
    ["a"],
    ["+a"],
    ["a", "b"],
    ["a", "+b"],
    ["a", "b", "c"],
    ["+a", "+b", "+c"],
    ["a", "+b", "c"],
    [
      "a",
      "b",
      "+c",
    ],
    ["c", "a", "b", "c"],
    ["a", "b", "a", "b"],
  ];
  for (const way of ways) {
    const after = trip({ ...START, CONDA_SHLVL: "0" }, way).at(-1)!;
    assert.deepEqual({ ...after, CONDA_PROMPT_MODIFIER: undefined }, before, way.join(" "));
  }
});

Deno.test("activate: only the active environment's variables are set, stacked ones too", () => {
  const [, a, b] = trip(START, ["a", "b"]);
  assert.deepEqual([a!["X"], a!["ONLY_A"], a!["E"]], ["a", "1", "a"]);
  assert.deepEqual([b!["X"], b!["ONLY_A"], b!["ONLY_B"], b!["E"], b!["SAME"]], [
    "b",
    undefined,
    "1",
    "",
    "same",
  ]);
  const [, , stacked] = trip(START, ["a", "+b"]);
  assert.deepEqual([stacked!["X"], stacked!["ONLY_A"], stacked!["ONLY_B"]], ["b", "1", "1"]);
});

Deno.test("activate: no state leaves a variable or a copy behind that nobody needs", () => {
  for (const env of trip(START, ["a", "b", "c"]).slice(-1)) {
    assert.deepEqual(Object.keys(env).filter((name) => /CONDA_(PREFIX|STACKED)|__CONDA/.test(name)), []);
  }
  const stale = { ...START, X: undefined, __CONDA_SHLVL_0_X: "stale" };
  const after = trip(stale, ["a"]);
  assert.equal(after[2]!["X"], undefined);
  assert.equal(after[2]!["__CONDA_SHLVL_0_X"], undefined);
});

Deno.test("activate: variables called like what every object has are variables", () => {
  const odd = prefix("/c/envs/odd", JSON.parse('{"constructor": "1", "toString": "2", "__proto__": "3"}'));
  for (const uppercase of [true, false]) {
    const into = activate(START, odd, undefined, { uppercase });
    const within = apply(START, into);
    assert.deepEqual(conflicts(START, odd, { uppercase }), []);
    const back = deactivate(within, odd, undefined, { uppercase });
    for (const change of [...into, ...back]) {
      if ("value" in change) assert.equal(typeof change.value, "string");
    }
    assert.deepEqual(apply(within, back), { ...START, CONDA_SHLVL: "0" });
  }
});

Deno.test("active: levels that make no sense are none", () => {
  const levels: [shlvl: string | undefined, prefix: string | undefined, level: number][] = [
    ["1", "/p", 1],
    [" 2 ", "/p", 2],
    ["+3", "/p", 3],
    ["", "/p", 0],
    ["-1", "/p", 0],
    ["abc", "/p", 0],
    ["1.5", "/p", 0],
    ["0x10", "/p", 0],
    ["1e3", "/p", 0],
    ["99999999999", "/p", 0],
    ["2", "", 0],
    ["2", undefined, 0],
    [undefined, "/p", 0],
  ];
  for (const [CONDA_SHLVL, CONDA_PREFIX, level] of levels) {
    assert.equal(active({ CONDA_SHLVL, CONDA_PREFIX }).level, level, `${CONDA_SHLVL} ${CONDA_PREFIX}`);
  }
});

Deno.test("deactivate: a gap in CONDA_PREFIX_n is stepped over, and nothing is left of it", () => {
  const env: Env = {
    PATH: "/elsewhere/c/bin:/usr/bin",
    CONDA_SHLVL: "4",
    CONDA_PREFIX: C.path,
    CONDA_PREFIX_1: A.path,
    CONDA_PREFIX_3: "",
  };
  const after = apply(env, deactivate(env, C, A));
  assert.equal(after["CONDA_PREFIX"], A.path);
  assert.equal(after["CONDA_SHLVL"], "1");
  assert.equal(after["PATH"], `${A.path}/bin:/usr/bin`);
  assert.deepEqual(Object.keys(after).filter((name) => name.startsWith("CONDA_PREFIX_")), []);
});

Deno.test("deactivate: PATH without the environment, last entry or only entry", () => {
  for (
    const [path, expected] of [["/usr/bin:/c/envs/a/bin", "/usr/bin"], ["/c/envs/a/bin", ""], [
      "",
      ".",
    ]] as const
  ) {
    const env = { PATH: path, CONDA_SHLVL: "1", CONDA_PREFIX: A.path };
    assert.equal(apply(env, deactivate(env, A, undefined))["PATH"], expected);
  }
});

Deno.test("activate: the meta variables are set where an installation is told, else left alone", () => {
  const meta = { CONDA_EXE: "/c/bin/conda", _CE_M: undefined };
  const told = apply({ ...START, _CE_M: "-m" }, activate(START, A, undefined, { meta: { ...meta } }));
  assert.equal(told["CONDA_EXE"], "/c/bin/conda");
  const env = { ...START, CONDA_EXE: "/mine", _CE_M: "-m" };
  assert.equal(apply(env, activate(env, A, undefined))["CONDA_EXE"], "/mine");
  assert.equal(apply(env, activate(env, A, undefined, { meta }))["_CE_M"], undefined);
});

Deno.test("activate: env_prompt is filled in as Python would, or a Problem", () => {
  const prompt = (envPrompt: string) =>
    apply(START, activate(START, A, undefined, { envPrompt }))["CONDA_PROMPT_MODIFIER"];
  assert.equal(prompt("{{{default_env}}} {prefix}|{name}|{stacked_env}"), "{a} /c/envs/a|a|a");
  for (
    const bad of [
      "{",
      "}",
      "{}",
      "{x}",
      "{0}",
      "{default_env",
      "{default_env!r}",
      "{constructor}",
      "{__proto__}",
    ]
  ) {
    assert.throws(() => prompt(bad), Problem, bad);
  }
});

Deno.test("nameOf: base, the name in envs, a generation's name, else the path", () => {
  const cases: [string, string][] = [
    ["/c", "base"],
    ["/c/", "base"],
    ["/c/envs/demo", "demo"],
    ["/x/envs/.mambaenv/demo-3f9a1c02", "demo"],
    ["/x/envs/.mambaenv/a-b-3f9a1c02", "a-b"],
    ["/x/envs/.mambaenv/demo", "/x/envs/.mambaenv/demo"],
    ["/x/.mambaenv/demo-3f9a1c02", "/x/.mambaenv/demo-3f9a1c02"],
    ["/other/demo", "/other/demo"],
  ];
  for (const [path, name] of cases) assert.equal(nameOf(path, "/c"), name);
});

Deno.test("normal: as os.path.normpath", () => {
  const cases: [string, string][] = [
    ["", "."],
    ["/", "/"],
    ["//", "//"],
    ["///", "/"],
    ["//a/", "//a"],
    ["///a", "/a"],
    [
      "a/../..",
      "..",
    ],
    ["/../a", "/a"],
    ["./a//b/.", "a/b"],
    ["a/..", "."],
    ["../../a", "../../a"],
    ["//..", "//"],
  ];
  for (const [path, expected] of cases) assert.equal(normal(path), expected, path);
});

Deno.test("conflicts: what is hidden and what activation needs is told, in order", () => {
  assert.deepEqual(conflicts(START, A), ["The environment at /c/envs/a overwrites E, X"]);
  const odd = prefix("/c/envs/odd", { CONDA_PREFIX_1: "/evil" });
  const env = { ...START, CONDA_SHLVL: "1", CONDA_PREFIX: "/c" };
  assert.deepEqual(conflicts(env, odd), ["Ignored CONDA_PREFIX_1 of /c/envs/odd: activation sets it itself"]);
  assert.equal(apply(env, activate(env, odd, undefined))["CONDA_PREFIX_1"], "/c");
});

Deno.test("understand: conda's words", () => {
  assert.deepEqual(understand("activate", ["--stack", "a"]), {
    verb: "activate",
    help: false,
    dev: false,
    stack: true,
    target: "a",
  });
  assert.equal(understand("activate", ["-h", "a", "b", "c"]).help, true);
  assert.equal(understand("activate", ["activate", ""]).target, undefined);
  assert.equal(understand("activate", ["--no-stack", "--"]).target, "--");
  for (const words of [["a", "b"], ["--stack", "--no-stack", "a"], ["--stack", "--stack", "a"]]) {
    assert.throws(
      () => understand("activate", words),
      (error) => error instanceof Problem && error.exit === 2,
    );
  }
  assert.throws(
    () => understand("deactivate", ["a"]),
    (error) => error instanceof Problem && error.exit === 2,
  );
});

Deno.test("apply: each change, and the prompt only where it is exported", () => {
  const changes: Change[] = [
    { kind: "path", dirs: ["/a", "/b"] },
    { kind: "set", name: "S", value: "1" },
    { kind: "unset", name: "U" },
    { kind: "prompt", remove: "(x) ", add: "(y) " },
    { kind: "source", file: "/f" },
    { kind: "status", code: 3 },
  ];
  assert.deepEqual(apply({ U: "1", PS1: "(x) (x) $ " }, changes), { PATH: "/a:/b", S: "1", PS1: "(y) $ " });
  assert.deepEqual(apply({}, changes), { PATH: "/a:/b", S: "1" });
});
