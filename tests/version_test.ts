// PEP 440 and conda's versions, held against packaging and py-rattler on generated pairs.
import assert from "node:assert/strict";
import { compareConda, fits, toConda } from "../lib/requirement/conda.ts";
import { admitted, contains, parseSpecifier } from "../lib/requirement/specifier.ts";
import { compareVersions, formatVersion, parseVersion } from "../lib/requirement/version.ts";
import { ask, chance, python } from "./reference.ts";

const ignore = !python;
type Chance = ReturnType<typeof chance>;

function release({ below, often }: Chance): string {
  const epoch = often(6) ? `${below(2)}!` : "";
  return epoch +
    Array.from({ length: 1 + below(3) }, () => often(3) ? 20240100 + below(9) : below(3)).join(".");
}

function suffix({ below, pick, often }: Chance): string {
  const pre = often(25)
    ? `${pick(["", ".", "-", "_"])}${pick(["a", "b", "rc", "c", "alpha", "Beta", "pre"])}` +
      `${pick(["", "."])}${pick(["", 0, 1, 2])}`
    : "";
  const post = often(18) ? pick([`.post${below(3)}`, `-${below(3)}`, `post`, `.rev${below(2)}`, "-r1"]) : "";
  return pre + post + (often(15) ? pick([`.dev${below(3)}`, "dev", "_dev1"]) : "");
}

function version(by: Chance): string {
  const local = by.often(10) ? `+${by.pick(["abc", "1", "ubuntu.1", "cu118", "1-2"])}` : "";
  return (by.often(3) ? "v" : "") + release(by) + suffix(by) + local;
}

/** A version as a channel may have it: normal, and in reach of conda's grammar. */
function plain(by: Chance): string {
  return formatVersion(parseVersion(version(by))!);
}

function clause(by: Chance): string {
  const operator = by.pick(["==", "!=", "~=", "<=", ">=", "<", ">", "==", "=="]);
  const space = by.often(10) ? " " : "";
  if (/^[=!]=/.test(operator) && by.often(40)) return `${operator}${space}${release(by)}.*`;
  if (operator === "~=") return `~=${space}${release(by).replace(/^([0-9]+!)?[0-9]+$/, "$&.0")}${suffix(by)}`;
  if (/^[=!]=/.test(operator)) return operator + space + version(by);
  return operator + space + release(by) + suffix(by);
}

function specifier(by: Chance): string {
  return Array.from({ length: by.below(4) || 1 }, () => clause(by)).join(by.often(20) ? " , " : ",");
}

Deno.test({
  name: "parseVersion, compareVersions: as packaging, on generated and broken texts",
  ignore,
  fn() {
    const by = chance(1);
    const broken = [
      "",
      "1.",
      "1..2",
      "a",
      "1.0+",
      "1.0+a..b",
      "1!",
      "!1",
      "1.0-",
      "1.0post1post2",
      "१",
      "1.0.dev.1",
      " 1 ",
    ];
    const texts = [
      ...broken,
      ...Array.from(
        { length: 1500 },
        () => by.often(8) ? version(by) + by.pick(["x", "+", "."]) : version(by),
      ),
    ];
    const spelled = ask(texts.map((text) => ["version", text]));
    texts.forEach((text, i) => {
      const parsed = parseVersion(text);
      assert.equal(parsed ? formatVersion(parsed) : null, spelled[i], JSON.stringify(text));
    });
    const good = texts.filter((text) => parseVersion(text));
    const pairs = Array.from({ length: 4000 }, () => [by.pick(good), by.pick(good)] as const);
    const orders = ask(pairs.map(([a, b]) => ["compare", a, b]));
    pairs.forEach(([a, b], i) =>
      assert.equal(Math.sign(compareVersions(parseVersion(a)!, parseVersion(b)!)), orders[i], `${a} ? ${b}`)
    );
    console.log(`${texts.length} versions and ${pairs.length} pairs agree with packaging`);
  },
});

Deno.test({
  name: "contains, admitted: as packaging's SpecifierSet, on generated pairs",
  ignore,
  fn() {
    const by = chance(2);
    const broken = [
      ">",
      "==",
      "~=1",
      "==1.0.*.1",
      ">=1.*",
      "<1+a",
      "1.0",
      "=1.0",
      "==1.0rc1.*",
      ">=1,,<2",
      "=>1",
      "~=1.*",
    ];
    const cases = [...broken, ...Array.from({ length: 1500 }, () => specifier(by))].map((text) => ({
      text,
      versions: Array.from({ length: 12 }, () => version(by)),
      pre: by.often(20),
    }));
    const inside = ask(cases.map(({ text, versions }) => ["contains", text, versions]));
    const let_in = ask(cases.map(({ text, versions, pre }) => ["admitted", text, versions, pre]));
    let pairs = 0;
    cases.forEach(({ text, versions, pre }, i) => {
      const clauses = parseSpecifier(text);
      assert.equal(clauses === undefined, inside[i] === null, text);
      if (!clauses) return;
      assert.deepEqual(versions.map((each) => contains(clauses, each)), inside[i], `${text} of ${versions}`);
      assert.deepEqual(admitted(clauses, versions, pre), let_in[i], `${text} of ${versions}`);
      pairs += versions.length;
    });
    console.log(`${cases.length} specifiers, ${pairs} pairs agree with packaging`);
  },
});

Deno.test({
  name: "contains ===: the text decides, whatever it is",
  fn() {
    const rows: [spec: string, version: string, answer: boolean][] = [
      ["===1.0", "1.0", true],
      ["===1.0", "1.0.0", false],
      ["===Foo-Bar", "foo-bar", true],
      ["===1.0+A", "1.0+a", true],
    ];
    for (const [spec, version, answer] of rows) {
      assert.equal(contains(parseSpecifier(spec)!, version), answer, `${version} in ${spec}`);
    }
  },
});

Deno.test({
  name: "compareConda, fits: as py-rattler, on generated pairs",
  ignore,
  fn() {
    const by = chance(3);
    const odd = ["9e", "2023c", "1.1.1k", "1.0_1", "4.5.0a", "1.0.1_", "1.0post", "0.1.0dev", "1!1.0+x.1"];
    const any = () => by.often(15) ? by.pick(odd) : plain(by);
    const pairs = Array.from({ length: 4000 }, () => [any(), any()] as const);
    const orders = ask(pairs.map(([a, b]) => ["order", a, b]));
    pairs.forEach(([a, b], i) => assert.equal(Math.sign(compareConda(a, b)), orders[i], `${a} ? ${b}`));
    const one = () => {
      const operator = by.pick(["==", "!=", ">=", "<=", "<", ">", "", "="]);
      const bound = operator === "" || by.often(40) ? release(by) : any();
      return operator === "" || (by.often(30) && /^[!=]?=$/.test(operator))
        ? `${operator === "!=" ? "!=" : ""}${bound}.*`
        : operator + bound;
    };
    const cases = Array.from({ length: 1500 }, () => ({
      spec: Array.from({ length: 1 + by.below(2) }, one).join(by.pick([",", "|"])),
      versions: Array.from({ length: 8 }, any),
    }));
    const answers = ask(cases.map(({ spec, versions }) => ["conda", spec, versions]));
    cases.forEach(({ spec, versions }, i) =>
      assert.deepEqual(versions.map((each) => fits(spec, each)), answers[i], `${spec} of ${versions}`)
    );
    console.log(`${pairs.length} pairs and ${cases.length * 8} matches agree with py-rattler`);
  },
});

Deno.test({
  name: "toConda: py-rattler lets in exactly what packaging lets in, of the versions at hand",
  ignore,
  fn() {
    const by = chance(4);
    const cases = Array.from({ length: 2500 }, () => ({
      text: specifier(by),
      versions: [...new Set(Array.from({ length: 1 + by.below(14) }, () => plain(by)))],
      pre: by.often(15),
    }));
    const specs = cases.map(({ text, versions, pre }) => toConda(parseSpecifier(text)!, versions, pre));
    const wanted = ask(cases.map(({ text, versions, pre }) => ["admitted", text, versions, pre]));
    const got = ask(cases.map(({ versions }, i) => ["conda", specs[i], versions]));
    let pairs = 0;
    cases.forEach(({ text, versions }, i) => {
      const matched = versions.filter((_, k) => (got[i] as boolean[])[k]);
      assert.deepEqual(matched, wanted[i], `${text} became ${specs[i]}, of ${versions}`);
      pairs += versions.length;
    });
    console.log(`${cases.length} specifiers, ${pairs} pairs: conda's answer is PEP 440's`);
  },
});

Deno.test("toConda: short where the two worlds agree, and versions named where they do not", () => {
  const releases = ["1.0", "1.4.2", "1.4.9", "1.5", "2.0"];
  const rows: [specifier: string, versions: string[], constraint: string][] = [
    ["", releases, "*"],
    [">=1.4,<2", releases, ">=1.4,<2"],
    ["~=1.4.2", releases, ">=1.4.2,1.4.*"],
    ["== 1.4.*", releases, "1.4.*"],
    ["==1.5.0", releases, "==1.5.0"],
    ["!=1.5", releases, "!=1.5"],
    ["<2", [...releases, "2.0rc1"], "<2,!=2.0rc1"],
    [">1.5", [...releases, "1.5.post1"], ">1.5,!=1.5.post1"],
    ["==1.5", [...releases, "1.5+cu118"], "==1.5|==1.5+cu118"],
    ["", [...releases, "2.1.dev0"], "!=2.1.dev0"],
    [">=2.1.dev0", [...releases, "2.1.dev0"], ">=2.1.dev0"],
    [">=2", ["1.0", "2.1rc1"], ">=2"],
    ["===1.5", releases, "==1.5"],
    [">=2020", ["2023c", "2019b"], ">=2020"],
  ];
  for (const [text, versions, constraint] of rows) {
    assert.equal(toConda(parseSpecifier(text)!, versions), constraint, text);
  }
});
