// Environment markers, held against packaging on generated expressions and environments.
import assert from "node:assert/strict";
import { environment } from "../lib/requirement/environment.ts";
import { evaluate, parseMarker } from "../lib/requirement/marker.ts";
import { Unreadable } from "../lib/requirement/unreadable.ts";
import { ask, chance, python } from "./reference.ts";

const HERE = environment("linux-64", "3.11.4", { release: "6.1.0-18-amd64", version: "#1 SMP" });

/** A marker's value here, null where it is refused. */
function value(text: string, here = HERE): boolean | null {
  try {
    return evaluate(parseMarker(text), here);
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

type Chance = ReturnType<typeof chance>;
const TEXTS: readonly (readonly [string, readonly string[]])[] = [
  ["sys_platform", ["linux", "win32", "darwin", "linux2"]],
  ["platform_system", ["Linux", "Windows", "Darwin"]],
  ["os_name", ["posix", "nt"]],
  ["platform_machine", ["x86_64", "arm64", "aarch64"]],
  ["platform_python_implementation", ["CPython", "PyPy"]],
  ["python_implementation", ["CPython"]],
  ["implementation_name", ["cpython", "pypy"]],
  ["platform_release", ["6.1.0-18-amd64", "5.4", "6.1.0"]],
  ["platform_version", ["#1 SMP", "x"]],
  ["os.name", ["posix"]],
  ["sys.platform", ["linux"]],
  ["platform.machine", ["x86_64"]],
  ["extra", ["", "test", "Test_A"]],
];
const NUMBERS = ["3.11", "3.9", "3", "3.11.4", "3.12.0rc1", "2.7", "3.10", "3.11.*", "3.11, 3.12", "x"];

function atom({ pick, often }: Chance): string {
  const numeric = often(50);
  const [name, values] = numeric
    ? [pick(["python_version", "python_full_version", "implementation_version"]), NUMBERS]
    : pick(TEXTS);
  const operator = pick(
    numeric ? ["<", "<=", ">", ">=", "==", "!=", "~=", "in", "not in", "==="] : [
      "==",
      "!=",
      "in",
      "not in",
      "==",
      "!=",
      "<",
      ">=",
      "~=",
    ],
  );
  const quote = pick(["'", '"']);
  const text = `${quote}${pick(values)}${quote}`;
  const gap = /[a-z]/.test(operator) ? " " : pick(["", " "]);
  const words = often(15) ? [text, operator, name] : [name, operator, text];
  return words.join(gap);
}

function expression(by: Chance, depth: number): string {
  if (depth === 0 || by.often(45)) return atom(by);
  const inner = `${expression(by, depth - 1)} ${by.pick(["and", "or"])} ${expression(by, depth - 1)}`;
  return by.often(35) ? `(${inner})` : inner;
}

Deno.test({
  name: "evaluate: as packaging, on generated markers; what it refuses is refused",
  ignore: !python,
  fn() {
    const by = chance(11);
    const broken = [
      "",
      "python_version",
      "python_version >",
      "python_version > 3",
      'python_version > "3',
      'pyton_version > "3"',
      'python_version >> "3"',
      'python_version = "3"',
      '(python_version > "3"',
      'python_version > "3")',
      'python_version > "3" and',
      'python_version > "3" xor os_name == "posix"',
      'os_name not "posix"',
      'os_name notin "posix"',
      'python_version > "3" os_name == "posix"',
      '"a" == "a"',
      "and",
      'constructor == "x"',
      'os-name == "posix"',
    ];
    const places = [
      HERE,
      environment("osx-arm64", "3.9.18"),
      environment("win-64", "3.12.0"),
      environment("linux-aarch64", "3.13.1"),
    ];
    const cases = [...broken, ...Array.from({ length: 4000 }, () => expression(by, 3))]
      .map((text) => ({ text, here: by.pick(places) }));
    const answers = ask(cases.map(({ text, here }) => ["marker", text, here]));
    cases.forEach(({ text, here }, i) => assert.equal(value(text, here), answers[i], text));
    const refused = answers.filter((answer) => answer === null).length;
    console.log(`${cases.length} markers agree with packaging, ${refused} of them refused by both`);
  },
});

Deno.test("parseMarker: says what is wrong and what to write instead", () => {
  const rows: [text: string, message: RegExp, hint: RegExp][] = [
    ['pyton_version < "3"', /^unknown marker "pyton_version"$/, /did you mean python_version\?/],
    ['python_version => "3"', /^unexpected "=" in the marker$/, /^$/],
    ['python_version is "3"', /^unknown operator "is" in the marker$/, /operators are ==/],
    ['python_version < "3', /open quote/, /^$/],
    ['(os_name == "nt"', /open parenthesis/, /^$/],
    ["python_version <", /ends too early/, /^$/],
  ];
  for (const [text, message, hint] of rows) {
    assert.throws(() => parseMarker(text), (error: unknown) => {
      assert.ok(error instanceof Unreadable);
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      return true;
    }, text);
  }
});

Deno.test("environment: what Python says of itself there", () => {
  const rows: [platform: string, marker: string][] = [
    ["linux-64", 'sys_platform == "linux" and platform_machine == "x86_64" and os_name == "posix"'],
    ["linux-aarch64", 'platform_system == "Linux" and platform_machine == "aarch64"'],
    ["linux-ppc64le", 'platform_machine == "ppc64le"'],
    ["osx-64", 'sys_platform == "darwin" and platform_machine == "x86_64"'],
    ["osx-arm64", 'platform_system == "Darwin" and platform_machine == "arm64"'],
    ["win-64", 'sys_platform == "win32" and platform_machine == "AMD64" and os_name == "nt"'],
    ["win-arm64", 'platform_machine == "ARM64"'],
  ];
  for (const [platform, marker] of rows) {
    assert.equal(value(marker, environment(platform, "3.11.4")), true, platform);
  }
});

Deno.test("parseMarker: a long or deep text ends in time", () => {
  const started = performance.now();
  assert.equal(value("(".repeat(500) + 'os_name == "posix"' + ")".repeat(500)), true);
  assert.equal(value(Array(2000).fill('os_name == "nt"').join(" or ")), false);
  assert.equal(value("(".repeat(200_000)), null);
  assert.equal(value("'".repeat(20_001)), null);
  assert.ok(performance.now() - started < 2000);
});
