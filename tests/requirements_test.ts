// requirements.txt: every form that pip reads, held against pip's own reader and packaging; and every refusal.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { encode } from "../lib/bytes.ts";
import { Problem } from "../lib/problem.ts";
import { decodeFile, linesOf } from "../lib/requirement/lines.ts";
import { Unreadable } from "../lib/requirement/unreadable.ts";
import { splitOptions } from "../lib/requirement/options.ts";
import { normalize, parseRequirement } from "../lib/requirement/parse.ts";
import { parseRequirements } from "../lib/requirements.ts";
import type { Stat } from "../lib/world.ts";
import { ask, chance, python } from "./reference.ts";

const ignore = !python;
const FILE: Stat = {
  kind: "file",
  size: 1,
  mtime: 1,
  ctime: 1,
  mode: 0o644,
  uid: 0,
  dev: 1,
  ino: 1,
  nlink: 1,
};

/** A project in /p with these files. */
function project(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
  const at = (path: string) => path.replace(/^\/p\//, "");
  return {
    env,
    read: (path: string) => files[at(path)],
    stat: (path: string): Stat | undefined =>
      at(path) in files
        ? FILE
        : Object.keys(files).some((name) => dirname(name) === at(path))
        ? { ...FILE, kind: "dir" }
        : undefined,
  };
}

function read(files: Readonly<Record<string, string>> | string, env: Readonly<Record<string, string>> = {}) {
  const all = typeof files === "string" ? { "requirements.txt": files } : files;
  return parseRequirements("/p/requirements.txt", project(all, env), "/p");
}

Deno.test("parseRequirements: names, extras, specifiers, markers, URLs, paths, comments", () => {
  const rows: [line: string, name: string | undefined, rest: Record<string, unknown>][] = [
    ["numpy", "numpy", { clauses: "" }],
    ["Typing_Extensions >= 4 , < 5 # for types", "typing-extensions", {
      clauses: ">=4,<5",
      text: "Typing_Extensions >= 4 , < 5",
    }],
    ["requests[socks, security]==2.31.*", "requests", { extras: "socks,security", clauses: "==2.31.*" }],
    ["foo (>=1,<2)", "foo", { clauses: ">=1,<2" }],
    ["foo>=1,", "foo", { clauses: ">=1" }],
    ['foo;python_version<"3"', "foo", { clauses: "" }],
    ["foo @ https://h/foo-1.tar.gz", "foo", { url: "https://h/foo-1.tar.gz" }],
    ['foo@https://h/x.zip ; os_name=="nt"', "foo", { url: "https://h/x.zip" }],
    ["https://h/foo_bar-1.0-py3-none-any.whl", "foo-bar", { url: "https://h/foo_bar-1.0-py3-none-any.whl" }],
    ["git+https://h/r.git@v1#egg=Foo", "foo", { url: "git+https://h/r.git@v1#egg=Foo" }],
    ["./pkg[a]", undefined, { url: "./pkg", extras: "a" }],
    ["wheels/x-1-py3-none-any.whl", "x", { url: "wheels/x-1-py3-none-any.whl" }],
    ["-e .", undefined, { url: ".", editable: true }],
    ["-e .[dev]", undefined, { url: ".", editable: true, extras: "dev" }],
    ["--editable=git+ssh://git@h/r#egg=r", "r", { editable: true, url: "git+ssh://git@h/r#egg=r" }],
    ["foo==1 --hash=sha256:ab --hash sha256:cd", "foo", { hashed: true, clauses: "==1" }],
    ["foo#bar", undefined, { error: true }],
    ["torch>=2 # conda: pytorch", "torch", { conda: "pytorch" }],
    ["torch # conda:  pytorch >= 2 , <3", "torch", { conda: "pytorch >=2,<3" }],
    ["numpy # pip", "numpy", { forced: true }],
    ["numpy # pip install it", "numpy", { forced: false }],
    ["numpy # via pip", "numpy", { forced: false }],
  ];
  for (const [line, name, rest] of rows) {
    if (rest["error"]) {
      assert.throws(() => read(line), Problem, line);
      continue;
    }
    const [found] = read(line).requirements;
    assert.ok(found, line);
    assert.equal(found.name, name, line);
    const shown: Record<string, unknown> = {
      ...found,
      extras: found.extras.join(),
      clauses: found.clauses.map(({ operator, text, wildcard }) => operator + text + (wildcard ? ".*" : ""))
        .join(),
    };
    for (const [key, value] of Object.entries(rest)) assert.equal(shown[key], value, `${line}: ${key}`);
  }
});

Deno.test("parseRequirements: -r and -c beside the file, options and inputs kept, comments of their own", () => {
  const { requirements, constraints, options, specs, inputs } = read({
    "requirements.txt":
      "-r req/base.txt\n-c limits.txt\n--pre\n--extra-index-url https://${TOKEN}@h/simple\nlast\n# conda: gcc >=12\n",
    "req/base.txt": "first\n-f wheels\n-r more.txt # more\n-e .\n",
    "req/more.txt": "second==2\\\n.0 ; \\\n  os_name == 'posix'\n",
    "req/wheels/x.whl": "",
    "limits.txt": "numpy<2\n",
  }, { TOKEN: "secret" });
  assert.deepEqual(requirements.map(({ name, file, line }) => [name, file, line]), [
    ["first", "req/base.txt", 1],
    ["second", "req/more.txt", 1],
    [undefined, "req/base.txt", 4],
    ["last", "requirements.txt", 5],
  ]);
  assert.equal(requirements[1]!.clauses[0]!.text, "2.0");
  assert.deepEqual(constraints.map(({ text }) => text), ["numpy<2"]);
  assert.deepEqual(options.map(({ text }) => text), [
    "--find-links='/p/req/wheels'",
    "--pre",
    "--extra-index-url https://${TOKEN}@h/simple",
  ]);
  assert.deepEqual(specs.map(({ spec }) => spec), ["gcc >=12"]);
  assert.deepEqual(
    inputs,
    [
      "/p/requirements.txt",
      "/p/req/base.txt",
      "/p/req/more.txt",
      "/p/pyproject.toml",
      "/p/setup.cfg",
      "/p/setup.py",
      "/p/limits.txt",
    ],
  );
});

Deno.test("parseRequirements: what no one can read is refused with file, line, text and a hint", () => {
  const cookie = "# -*- coding: klingon -*-\nnumpy\n";
  const rows: [files: Record<string, string>, message: RegExp, hint: RegExp][] = [
    [
      { "requirements.txt": 'a\n\nb ; pyton_version < "3"' },
      /^Cannot parse "requirements.txt" line 3: unknown marker "pyton_version"\n {2}b ; pyton/,
      /python_version/,
    ],
    [{ "requirements.txt": "numpy=1.26" }, /line 1: "=1.26" is no version specifier/, /write numpy==1.26/],
    [{ "requirements.txt": "numpy 1.26" }, /line 1: "1.26" is no version/, /write numpy==1.26/],
    [{ "requirements.txt": "numpy>=1.*" }, /line 1: unexpected "\.\*"/, /after == or != only/],
    [{ "requirements.txt": "a b" }, /line 1: "b" is no version/, /NAME==1.2/],
    [{ "requirements.txt": "a[b" }, /open bracket/, /^$/],
    [{ "requirements.txt": "a[b c]" }, /"b c" is no extra/, /^$/],
    [{ "requirements.txt": "a[b,]" }, /"" is no extra/, /^$/],
    [{ "requirements.txt": "==1" }, /does not start with a name/, /^$/],
    [{ "requirements.txt": "numpy --frobnicate" }, /unknown option --frobnicate/, /pip documents/],
    [{ "requirements.txt": "-x" }, /unknown option -x/, /./],
    [{ "requirements.txt": "-r" }, /--requirement needs a value/, /^$/],
    [{ "requirements.txt": "--pre=1" }, /--pre takes no value/, /^$/],
    [{ "requirements.txt": "--no" }, /--no may mean --no-binary, --no-index/, /^$/],
    [{ "requirements.txt": "a==1 --hash=md5:00" }, /"md5:00" is no hash/, /sha256/],
    [{ "requirements.txt": "-f 'open" }, /open quote/, /^$/],
    [
      { "requirements.txt": "-r missing.txt" },
      /^Cannot read "missing.txt", which "requirements.txt" line 1 includes/,
      /^ls -l/,
    ],
    [
      { "requirements.txt": "-r a.txt", "a.txt": "\n-r requirements.txt" },
      /^Cannot parse "a.txt" line 2: "requirements.txt" includes itself/,
      /requirements.txt -> a.txt -> requirements.txt/,
    ],
    [
      { "requirements.txt": "-c a.txt", "a.txt": "-e ." },
      /"a.txt" line 1: a constraint cannot be editable/,
      /^$/,
    ],
    [{ "requirements.txt": "-c a.txt", "a.txt": "./x" }, /a constraint needs a name/, /^$/],
    [{ "requirements.txt": "-c a.txt", "a.txt": "x[y]" }, /a constraint cannot have extras/, /^$/],
    [{ "requirements.txt": "a # conda: see the readme" }, /"see the readme" is no conda spec/, /conda: NAME/],
    [{ "requirements.txt": "-e https://h/x" }, /neither a folder nor a repository/, /git\+https/],
    [{ "requirements.txt": cookie }, /unknown encoding klingon/, /UTF-8/],
    [{ "requirements.txt": "num\udce4py\n" }, /it is not UTF-8/, /coding: latin-1/],
    [
      { "requirements.txt": "https://user:pa55@h/x.zip; nonsense" },
      /unknown marker "nonsense"\n {2}https:\/\/\*\*\*@h/,
      /./,
    ],
    [{}, /^Cannot read "requirements.txt"$/, /ls -l/],
  ];
  for (const [files, message, hint] of rows) {
    assert.throws(() => read(files), (error: unknown) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      return true;
    }, JSON.stringify(files));
  }
});

Deno.test("parseRequirements: the values of variables are in no message", () => {
  for (
    const line of [
      "foo==${T}=x",
      "foo=${T}",
      "foo ${T}",
      "--what ${T}",
      "https://h/x.zip?t=${T}; os_nam",
      "-e https://h/?${T}",
    ]
  ) {
    assert.throws(
      () => read(line, { T: "s3cr'et" }),
      (error: unknown) =>
        error instanceof Problem && !`${error.message}${error.hint}`.includes("s3cr") &&
        error.message.includes("${T}"),
      line,
    );
  }
});

Deno.test("parseRequirements: a file: URL with nonsense for an escape is still a URL", () => {
  assert.deepEqual(
    read("file:///p/a%20b%zz/\nfile:///p/%ff").inputs.filter((path) => path.endsWith("setup.py")),
    [
      "/p/a b%zz/setup.py",
      "/p/\udcff/setup.py",
    ],
  );
});

Deno.test("parseRequirements: long lines end in time, and a spec is no option of an engine", () => {
  const started = performance.now();
  const blank = " ".repeat(200_000);
  assert.equal(read(`numpy${blank}>=1${blank}# c${blank}x`).requirements[0]!.clauses.length, 1);
  assert.equal(read(`numpy>=1${",!=2".repeat(20_000)}`).requirements[0]!.clauses.length, 20_001);
  for (
    const text of [
      "[".repeat(100_000),
      `./${"[".repeat(100_000)}`,
      "a-".repeat(100_000) + "=",
      `x${"=".repeat(100_000)}`,
    ]
  ) {
    assert.doesNotThrow(() => {
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
      }
    });
  }
  assert.ok(performance.now() - started < 3000);
  assert.throws(() => read("# conda: --foo::bar"), /is no conda spec/);
  assert.throws(() => read("# conda: -y"), /is no conda spec/);
  assert.deepEqual(read("# conda: bioconda::samtools >=1.17").specs.map(({ spec }) => spec), [
    "bioconda::samtools >=1.17",
  ]);
});

Deno.test("decodeFile: byte order marks, coding cookies, UTF-8", () => {
  const text = "näme==1\n";
  const raw = (bytes: Uint8Array) => decodeAsWorld(bytes);
  const utf16 = (big: boolean) => {
    const bytes = Buffer.from("\ufeff" + text, "utf16le");
    return big ? bytes.swap16() : bytes;
  };
  const rows: [string, Uint8Array, string][] = [
    ["utf-8", Buffer.from(text), text],
    ["BOM", Buffer.from("\ufeff" + text), text],
    ["UTF-16LE", utf16(false), text],
    ["UTF-16BE", utf16(true), text],
    ["latin-1", Buffer.from("# coding: latin-1\n" + text, "latin1"), "# coding: latin-1\n" + text],
    [
      "cp1252",
      Buffer.from("#\n# vim: fileencoding=cp1252\nx \x80\n", "latin1"),
      "#\n# vim: fileencoding=cp1252\nx €\n",
    ],
  ];
  for (const [name, bytes, wanted] of rows) assert.equal(decodeFile(raw(bytes), "f"), wanted, name);
});

/** Bytes as `World.read` gives them. */
function decodeAsWorld(bytes: Uint8Array): string {
  const text = Array.from(
    bytes,
    (byte) => byte < 0x80 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte),
  ).join("");
  assert.deepEqual(new Uint8Array(encode(text)), new Uint8Array(bytes));
  return text;
}

Deno.test({
  name: "linesOf: continuations, comments and variables as pip's own reader, on generated files",
  ignore,
  fn() {
    const by = chance(21);
    const env = { AN: "value", EMPTY: "", N0_1: "a#b" };
    const pieces = [
      "a",
      "b==1",
      " ",
      "\\",
      "\\\\",
      "#",
      " #",
      "# x",
      "${AN}",
      "${EMPTY}",
      "${NOT}",
      "${an}",
      "$AN",
      "${N0_1}",
      "\t",
      "  ",
      "\\ ",
    ];
    const ends = ["\n", "\n", "\n", "\r\n", "\r", "\f", "\x0b", "\u2028", "\x85", "\x1c"];
    const files = Array.from(
      { length: 3000 },
      () =>
        Array.from({ length: by.below(14) }, () => by.often(30) ? by.pick(ends) : by.pick(pieces)).join(""),
    );
    const answers = ask(files.map((text) => ["lines", text, env]));
    files.forEach((text, i) => {
      const lines = linesOf(text, env).filter(({ raw }) => raw !== "").map((
        { number, text },
      ) => [number, text]);
      assert.deepEqual(lines, answers[i], JSON.stringify(text));
    });
    console.log(`${files.length} files are cut as pip cuts them`);
  },
});

Deno.test({
  name: "splitOptions: as pip's own parser, on generated lines",
  ignore,
  fn() {
    const by = chance(22);
    const words = [
      "numpy",
      "-r",
      "a.txt",
      "-rb.txt",
      "-c",
      "--constraint=c.txt",
      "--req",
      "x",
      "-e",
      ".",
      "--pre",
      "--no-index",
      "--no",
      "--in",
      "u",
      "--extra-index-url",
      "https://h/",
      "-f",
      "'a b'",
      '"c\\"d"',
      "e\\ f",
      "--find-links=g",
      "--trusted-host=h",
      "--require-hashes",
      "--prefer",
      "-",
      "--",
      "-q",
      "--foo",
      "'",
      "--pre=1",
      "-i",
      "--pypi-url=z",
    ];
    const lines = Array.from(
      { length: 4000 },
      () => Array.from({ length: 1 + by.below(5) }, () => by.pick(words)).join(by.often(10) ? "  " : " "),
    );
    const answers = ask(lines.map((line) => ["options", line])) as ([string, [string, string][]] | null)[];
    const last = (flags: [string, string][]) =>
      flags.filter(([name], i) =>
        !["--index-url", "--pre", "--no-index", "--prefer-binary", "--require-hashes"].includes(name) ||
        flags.findLastIndex(([other]) => other === name) === i
      );
    lines.forEach((line, i) => {
      assert.deepEqual(
        attempt(() => {
          const { args, flags } = splitOptions(line);
          return [args, last(flags.map(({ name, value }) => [name, value])).sort()];
        }),
        answers[i] === null ? null : [answers[i]![0].trim(), answers[i]![1]],
        line,
      );
    });
    console.log(
      `${lines.length} lines, ${answers.filter((each) => each === null).length} of them refused by both`,
    );
  },
});

function attempt<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

Deno.test({
  name: "parseRequirement: PEP 508 as packaging reads it, on generated texts",
  ignore,
  fn() {
    const by = chance(23);
    const gap = () => by.pick(["", "", " ", "\t", "  "]);
    const name = () =>
      by.often(8)
        ? by.pick(["a-", "-a", "_x", "é"])
        : by.pick(["numpy", "A.b-c_D", "x", "zope.interface", "0a"]);
    const clause = () =>
      by.pick(by.often(6) ? ["=", "=>", "~"] : ["==", ">=", "<", "~=", "!=", "<="]) + gap() +
      by.pick(by.often(15) ? ["1.0.*", "1.0+x", "x", ""] : ["1.0", "1.2", "2.0rc1", "v3.0", "1!2.0"]);
    const text = () => {
      const extras = by.often(25)
        ? `[${gap()}${by.pick(by.often(10) ? ["a b", ",", "a,"] : ["", "a", "a,b", "a , b-c"])}${gap()}]`
        : "";
      // After === packaging takes even a comma for the version, so it stands alone.
      const list = by.often(5)
        ? `===${gap()}${by.pick(["1.0", "foo", ""])}`
        : Array.from({ length: by.below(3) }, clause).join(`${gap()},${gap()}`);
      const spec = by.often(10)
        ? `(${list})`
        : by.often(8)
        ? `@${gap()}${by.pick(["https://h/x", "file:///x.whl"])} `
        : list;
      const marker = by.often(25)
        ? `;${gap()}${by.pick(['os_name=="nt"', "python_version>'3'", "foo=='x'", "(extra=='a')"])}`
        : "";
      return gap() + name() + gap() + extras + gap() + spec + gap() + marker + gap();
    };
    const texts = Array.from({ length: 6000 }, text);
    const answers = ask(texts.map((each) => ["requirement", each]));
    texts.forEach((each, i) => {
      const found = attempt(() => {
        const { name = "", extras, clauses, url, marker } = parseRequirement(each);
        const specifier = clauses.map(({ operator, text, wildcard }) =>
          operator + text + (wildcard ? ".*" : "")
        );
        return {
          name: normalize(name),
          extras: [...new Set(extras)].sort(),
          specifier: [...new Set(specifier)].sort(),
          url: url ?? null,
          marker: marker !== undefined,
        };
      });
      assert.deepEqual(found, answers[i], JSON.stringify(each));
    });
    console.log(
      `${texts.length} requirements, ${
        answers.filter((each) => each === null).length
      } of them refused by both`,
    );
  },
});
