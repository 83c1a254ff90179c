// The split between conda and pip: by name, version, Python, marker, kind; against an index in memory.
import assert from "node:assert/strict";
import { Problem } from "../lib/problem.ts";
import { parseRequirements } from "../lib/requirements.ts";
import { type Index, split, type Target } from "../lib/split.ts";

/** `version` or `version: dependency, dependency`, by name. */
type Channel = Readonly<Record<string, readonly string[]>>;
const CHANNEL: Channel = {
  "python": ["3.10.13: libc", "3.11.2: libc", "3.11.9: libc", "3.12.4: libc"],
  "pip": ["24.0: python >=3.8"],
  "numpy": [
    "1.26.4: python_abi 3.11.* *_cp311",
    "1.26.4: python_abi 3.12.* *_cp312",
    "2.0.0rc1: python_abi 3.11.* *_cp311",
  ],
  "requests": ["2.31.0: python >=3.8", "2.32.3: python >=3.8"],
  "typing_extensions": ["4.12.2: python >=3.8"],
  "typing-extensions": ["4.12.2: typing_extensions 4.12.2 py_0"],
  "ruamel.yaml": ["0.18.6: python >=3.8"],
  "ruamel_yaml": ["0.15.100: python >=3.8"],
  "pytorch": ["2.1.0: python >=3.11,<3.12.0a0", "2.2.0: python >=3.11,<3.12.0a0"],
  "graphviz": ["9.0.0: libc"],
  "python-graphviz": ["0.20: python >=3.8"],
  "snappy": ["1.2.1: libc"],
  "xgboost": ["2.1.1: py-xgboost 2.1.1 *_0"],
  "py-xgboost": ["2.1.1: python >=3.8"],
  "old": ["1.0: python >=3.6,<3.11.0a0"],
  "uvicorn": ["0.30: python >=3.8"],
  "uvicorn-standard": ["0.30: uvicorn 0.30, python >=3.8"],
  "beta": ["1.0b1: python >=3.8", "1.0b2: python >=3.8"],
};

function index(channel: Channel): Index {
  return {
    records: (name) =>
      Promise.resolve((Object.hasOwn(channel, name) ? channel[name]! : []).map((text) => {
        const [version = "", depends = ""] = text.split(": ");
        return {
          version,
          build: "0",
          subdir: "linux-64",
          depends: depends.split(", ").filter((each) => each !== ""),
        };
      })),
  };
}

async function made(text: string, target: Partial<Target> = {}, files: Record<string, string> = {}) {
  const all: Record<string, string> = { "/p/requirements.txt": text, ...files };
  const source = { env: {}, read: (path: string) => all[path], stat: () => undefined };
  const wanted = parseRequirements("/p/requirements.txt", source);
  const found = await split(wanted, { python: "3.11", platform: "linux-64", ...target }, index(CHANNEL));
  return { ...found, pip: found.pip.map((each) => each.text) };
}

Deno.test("split: who provides what, and why", async () => {
  const rows: [text: string, conda: string[], pip: string[], why: RegExp][] = [
    ["numpy", ["numpy !=2.0.0rc1"], [], /^$/],
    ["numpy>=2.0rc1", ["numpy >=2.0rc1"], [], /^$/],
    ["numpy\n--pre", ["numpy"], [], /^$/],
    ["numpy>=3", [], ["numpy>=3"], /^the channels have no numpy >=3; the newest is 2.0.0rc1$/],
    ["requests==2.31.*", ["requests 2.31.*"], [], /^$/],
    ["Typing-Extensions>=4", ["typing-extensions >=4"], [], /^$/],
    ["typing_extensions", ["typing_extensions"], [], /^$/],
    ["ruamel-yaml", ["ruamel.yaml"], [], /^$/],
    ["torch>=2.1,<2.2", ["pytorch >=2.1,<2.2"], [], /^conda calls it pytorch$/],
    ["graphviz", ["python-graphviz"], [], /python-graphviz/],
    ["graphviz==9.0.0", [], ["graphviz==9.0.0"], /no python-graphviz ==9.0.0; the newest is 0.20/],
    ["snappy", [], ["snappy"], /^the channels have no snappy$/],
    ["xgboost", ["xgboost"], [], /^$/],
    ["old", [], ["old"], /^the channels have no old for Python 3.11.9$/],
    ["nosuch[a]~=1.0", [], ["nosuch[a]~=1.0"], /^the channels have no nosuch$/],
    ["requests[socks]>=2", ["requests >=2"], ["requests[socks]>=2"], /^pip adds what the extras socks need$/],
    ["uvicorn[standard]", ["uvicorn", "uvicorn-standard"], [], /uvicorn-standard has the extras standard/],
    ["uvicorn[standard,foo]", ["uvicorn"], ["uvicorn[standard,foo]"], /^pip adds/],
    ["requests # pip", [], ["requests"], /^the file says # pip$/],
    ["requests==2.31.0 --hash=sha256:ab", [], ["requests==2.31.0 --hash=sha256:ab"], /hashes/],
    ["requests @ https://u:secret@h/r.zip", [], ["requests @ https://u:secret@h/r.zip"], /^it is a URL$/],
    ["-e .", [], ["-e ."], /^it is editable$/],
    ["./requests", [], ["./requests"], /^it is a path$/],
    ["foo # conda: pytorch", ["pytorch"], [], /calls it pytorch/],
    ["foo>=2.2 # conda: pytorch", ["pytorch >=2.2"], [], /calls it pytorch/],
    ["foo>=2.2 # conda: pytorch 2.1.* *_0", ["pytorch 2.1.* *_0"], [], /^# conda: pytorch 2.1.\* \*_0$/],
    ["# conda: gcc >=12", ["gcc >=12"], [], /^gcc >=12 is asked of conda$/],
    ["# conda: gcc >=12\ngcc>=13 # pip", ["gcc >=12"], ["gcc>=13"], /^gcc >=12 is asked of conda$/],
    ["# conda: gcc >=12\ngcc @ https://h/x.zip", [], ["gcc @ https://h/x.zip"], /^it is a URL$/],
    ["# conda: numpy <2\nnumpy>=1.26", ["numpy <2", "numpy >=1.26,!=2.0.0rc1"], [], /^$/],
    ["requests>=2\nrequests<2.32", ["requests >=2,<2.32"], [], /^$/],
    ["requests\nrequests # pip", [], ["requests", "requests"], /# pip/],
    ["beta", ["beta"], [], /^$/],
    ["python>=3.8", ["python >=3.8"], [], /^$/],
    ['nosuch; sys_platform == "win32"', [], [], /^its marker is false here$/],
    ['requests; python_full_version >= "3.11.9"', ["requests"], [], /^$/],
  ];
  for (const [text, conda, pip, why] of rows) {
    const found = await made(text);
    assert.deepEqual(found.conda, ["python 3.11.*", ...conda, ...pip.length > 0 ? ["pip"] : []], text);
    assert.deepEqual(found.pip, pip, text);
    assert.match(found.why[0]!.why, why, text);
    assert.equal(JSON.stringify(found.why).includes("secret"), false, text);
  }
});

Deno.test("split: constraints narrow conda's versions and go on to pip", async () => {
  const found = await made("-c c.txt\nrequests\nnosuch", {}, {
    "/p/c.txt": "requests<2.32\nnosuch<3\nother==1 ; os_name == 'nt'\n",
  });
  assert.deepEqual(found.conda, ["python 3.11.*", "requests <2.32", "pip"]);
  assert.deepEqual(found.constraints.map(({ text }) => text), ["requests<2.32", "nosuch<3"]);
});

Deno.test("split: the Python that is wanted, or the newest that leaves pip the least", async () => {
  const rows: [python: string, text: string, spec: string][] = [
    ["3.11", "requests", "python 3.11.*"],
    ["3.11.2", "requests", "python 3.11.2.*"],
    ["==3.11.2", "requests", "python 3.11.2.*"],
    ["3.11.*", "requests", "python 3.11.*"],
    ["3.11*", "requests", "python 3.11.*"],
    ["=3.10", "requests", "python 3.10.*"],
    ["python 3.10", "requests", "python 3.10.*"],
    ["3", "requests", "python 3.*,3.12.*"],
    ["", "requests", "python 3.12.*"],
    ["", "torch", "python 3.11.*"],
    ["", "old", "python 3.10.*"],
    ["", "nosuch", "python 3.12.*"],
    [">=3.10,<3.12", "requests", "python >=3.10,<3.12,3.11.*"],
    ["~=3.10", "torch\nnumpy", "python >=3.10,3.*,3.11.*"],
  ];
  for (const [python, text, spec] of rows) {
    assert.equal((await made(text, { python })).conda[0], spec, `${python}: ${text}`);
  }
});

Deno.test("split: what is sent away goes to pip, one name or all", async () => {
  const some = await made("numpy\nRequests", { away: new Map([["requests", "it conflicts with numpy"]]) });
  assert.deepEqual([some.conda, some.pip], [["python 3.11.*", "numpy !=2.0.0rc1", "pip"], ["Requests"]]);
  assert.equal(some.why[1]!.why, "it conflicts with numpy");
  const all = await made("numpy\nrequests # conda: pytorch\n# conda: gcc", { away: "conda finds no way" });
  assert.deepEqual([all.conda, all.pip], [["python 3.11.*", "gcc", "pip"], ["numpy", "requests"]]);
});

Deno.test("split: no such Python, no Python at all, nonsense for one, a marker without meaning: a Problem", async () => {
  const rows: [target: Partial<Target>, text: string, message: RegExp, hint: RegExp][] = [
    [
      { python: "3.99" },
      "",
      /^No Python 3.99 on the channels; the newest there is 3.12.4$/,
      /--python 3.12$/,
    ],
    [{ python: "new" }, "", /^Cannot parse "new" as a version of Python$/, /--python/],
    [{}, '\nx; os_name ~= "nt"', /^Cannot parse "requirements.txt" line 2: "~=" compares versions/, /^$/],
  ];
  for (const [target, text, message, hint] of rows) {
    await assert.rejects(made(text, target), (error: unknown) => {
      assert.ok(error instanceof Problem);
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      return true;
    });
  }
  const nothing = split({ requirements: [], constraints: [], specs: [], options: [], inputs: [] }, {
    python: "",
    platform: "linux-64",
  }, index({}));
  await assert.rejects(nothing, /^Problem: No Python on the channels$/);
});

Deno.test("split: names of JavaScript's own objects are names like any other", async () => {
  const found = await made("constructor\ntoString\nhasOwnProperty[constructor]\n");
  assert.deepEqual(found.pip, ["constructor", "toString", "hasOwnProperty[constructor]"]);
});
