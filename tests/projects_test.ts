// Requirements as well-known projects write them (lists of specs in data/projects, written anew), and whole generated
// files: read as pip and conda read them, split without an error, each requirement in one place.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { readWanted, type Wanted } from "../lib/inputs.ts";
import { Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { dependency } from "../lib/requirement/conda.ts";
import { called } from "../lib/requirement/decide.ts";
import { normalize } from "../lib/requirement/parse.ts";
import { parseRequirements, type Requirement } from "../lib/requirements.ts";
import { type Index, split } from "../lib/split.ts";
import type { Stat } from "../lib/world.ts";
import { ask, chance, python } from "./reference.ts";
import { testWorld } from "./world.ts";

const HERE = join(import.meta.dirname!, "data", "projects");
const PROJECTS = readdirSync(HERE).sort().map((name) => ({
  name,
  text: readFileSync(join(HERE, name), "utf8"),
}));
/** What the files name besides themselves. */
const BESIDE = { "pyproject.toml": "[build-system]\nrequires = []\n", "more.txt": "pytest\n" };

/** The files that a file includes, each with a line of its own. */
function includes(text: string): { [name: string]: string } {
  const named = [...text.matchAll(/^(?:-r|-c|--constraint=|--requirement=) *(\S+)/gm)].map(([, name]) =>
    name!
  );
  return Object.fromEntries(named.map((name) => [name, "pytest\n"]));
}

async function wantedOf({ name, text }: (typeof PROJECTS)[number]): Promise<Wanted> {
  const file = name.endsWith(".yml") ? "environment.yml" : "requirements.txt";
  const files = { ...includes(text), [file]: text };
  const world = testWorld(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [`work/${path}`, text])),
  );
  try {
    return await readWanted(findProject({}, world), world);
  } finally {
    world.remove(world.top);
  }
}

/** A channel that has two of three names, in every version that a file asks for and some others. */
function channel({ requirements, specs }: Wanted): Index {
  const asked = requirements.flatMap(({ clauses }) => clauses.map(({ text }) => text));
  const versions = ["0.1", "1.0", "2.0", "3.0", "10.0", "2030.1", ...asked];
  const kept = (name: string) => {
    const sum = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    return specs.some(({ spec }) => dependency(spec).name === name) || sum % 3 > 0;
  };
  const record = (version: string) => ({ version, build: "0", subdir: "noarch", depends: ["python >=3.6"] });
  const pythons = ["3.8.17", "3.9.18", "3.10.13", "3.11.9", "3.12.4", "3.8.5", "3.10"];
  return {
    records: (name) =>
      Promise.resolve(
        name === "python"
          ? pythons.map((version) => ({ ...record(version), depends: [] }))
          : kept(name)
          ? [...new Set(versions)].map(record)
          : [],
      ),
  };
}

/** How many entries a file lists, told by another reader: one for each line of its own, or of the YAML. */
function entries({ name, text }: (typeof PROJECTS)[number]): number {
  if (!name.endsWith(".yml")) {
    const lines = text.replace(/\\\n/g, "").split("\n").map((line) => line.trim());
    const includes = lines.filter((line) => /^(-r|-c|--constraint|--requirement)\b/.test(line)).length;
    return includes + lines.filter((line) => /^([^#-]|-e)/.test(line)).length;
  }
  const { dependencies } = parse(text) as { dependencies: (string | { pip: string[] })[] };
  return dependencies.flatMap((each) => typeof each === "string" ? [each] : each.pip).length;
}

Deno.test("projects: forty files are read and split without an error, every requirement in one place", async () => {
  assert.equal(PROJECTS.length, 40);
  const count = { conda: 0, pypi: 0, nobody: 0 };
  for (const project of PROJECTS) {
    const wanted = await wantedOf(project);
    const { requirements, constraints, specs, python } = wanted;
    const read = requirements.length + constraints.length + specs.length;
    // `python=3.11` of an environment.yml is the Python, no requirement; with a build it is a spec, too.
    const listed = specs.some(({ spec }) => dependency(spec).name === "python");
    const own = project.name.endsWith(".yml") && python !== undefined && !listed ? 1 : 0;
    assert.equal(read + own, entries(project), project.name);
    for (const platform of ["linux-64", "osx-arm64", "win-64"]) {
      const made = await split(wanted, { python: python?.value ?? "", platform }, channel(wanted));
      for (const { by } of made.why) count[by]++;
      const taken = made.why.filter(({ by }) => by !== "nobody");
      const names = taken.map(({ name }) => normalize(name));
      assert.deepEqual(names, [...new Set(names)], `${project.name}: a name is decided twice`);
      const specs = new Set(made.conda.map((spec) => dependency(spec).name));
      const pips = new Set(made.pip.map(called));
      for (const { by, conda, name, why } of taken) {
        const place = `${project.name} on ${platform}: ${name}`;
        assert.equal(conda !== undefined && specs.has(conda), by === "conda", place);
        if (by === "pypi") assert.ok(pips.has(name), place);
        else assert.ok(!pips.has(name) || /^pip adds| is asked of conda$/.test(why), place);
      }
      const told = new Set(made.why.map(({ name }) => normalize(name)));
      const unsaid = requirements.map(called).filter((name) => !told.has(normalize(name)));
      assert.deepEqual(unsaid, [], project.name);
    }
  }
  console.log(`${PROJECTS.length} files on 3 platforms: ${JSON.stringify(count)}`);
});

Deno.test({
  name: "projects: pip reads the same, conda's reader takes every spec",
  ignore: !python,
  async fn() {
    const texts = PROJECTS.filter(({ name }) => name.endsWith(".txt"));
    const answers = ask(
      texts.map(({ text }) => ["file", { ...BESIDE, ...includes(text), "requirements.txt": text }, {}]),
    );
    for (const [i, { name, text }] of texts.entries()) {
      assert.deepEqual(
        order(reading({ ...includes(text), "requirements.txt": text })),
        order(answers[i]),
        name,
      );
    }
    const specs: [string, string][] = [];
    for (const project of PROJECTS) {
      const wanted = await wantedOf(project);
      const target = { python: wanted.python?.value ?? "", platform: "linux-64" };
      for (const spec of (await split(wanted, target, channel(wanted))).conda) {
        specs.push([project.name, spec]);
      }
    }
    const names = ask(specs.map(([, spec]) => ["match", spec]));
    for (const [i, [file, spec]] of specs.entries()) {
      assert.equal(names[i], dependency(spec).name.toLowerCase(), `${file}: ${spec}`);
    }
    console.log(
      `${texts.length} requirements.txt as pip reads them, ${specs.length} conda specs as rattler reads them`,
    );
  },
});

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

/** What we make of the files, in the form in which pip is asked; null where we refuse. */
function reading(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): unknown {
  const all: Record<string, string> = { ...BESIDE, ...files };
  const source = {
    env,
    read: (path: string) => all[path.replace("/p/", "")],
    stat: (path: string) => all[path.replace("/p/", "")] === undefined ? undefined : FILE,
  };
  try {
    const { requirements, constraints } = parseRequirements("/p/requirements.txt", source, "/p");
    const told = (constraint: boolean) => (each: Requirement) => ({
      name: each.name ?? null,
      extras: [...new Set(each.extras.map(normalize))].sort(),
      specifier: each.url === undefined
        ? [...new Set(each.clauses.map((one) => one.operator + one.text + (one.wildcard ? ".*" : "")))].sort()
        : [],
      url: each.url !== undefined,
      marker: each.marker !== undefined,
      editable: each.editable,
      constraint,
      hashed: each.hashed,
    });
    return [...requirements.map(told(false)), ...constraints.map(told(true))];
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

/** Constraints and requirements in any order. */
function order(list: unknown): unknown {
  return Array.isArray(list) ? list.map((each) => JSON.stringify(each)).sort() : list;
}

const HASH = `sha256:${"0123456789abcdef".repeat(4)}`;

/** A line of a requirements file, now and then a wrong one. */
function line({ pick, often, below }: ReturnType<typeof chance>): string {
  const name = pick(["numpy", "Zope.Interface", "typing_extensions", "x", "${AN}", "ruamel-yaml"]);
  const extras = often(15) ? `[${pick(["a", "a,b", "A_b, c", "", ...often(10) ? ["a b"] : []])}]` : "";
  const clause = () =>
    pick(["==", ">=", "<", "!=", "~=", "<=", ...often(4) ? ["=", "=>"] : []]) + pick(["", " "]) +
    pick(["1.0", "2.4.1", "1.2rc1", "2024.1", "3!1.0", ...often(10) ? ["1.*", "x"] : []]);
  const clauses = Array.from({ length: below(3) }, clause).join(pick([",", " , "]));
  const marker = often(20)
    ? pick([
      '; python_version < "3.11"',
      ";os_name=='nt'",
      " ; sys_platform != 'win32' and extra == 'x'",
      ...often(10) ? ["; pyton_version < '3'", "; os_name"] : [],
    ])
    : "";
  const hashes = often(8)
    ? pick([
      ` --hash=${HASH}`,
      ` \\\n    --hash=${HASH} --hash ${HASH}`,
      ...often(10) ? [" --hash=nohash"] : [],
    ])
    : "";
  const comment = often(15) ? pick(["  # why", " # pip", " #", "\t# a -- b"]) : "";
  if (often(72)) return name + extras + pick(["", " "]) + clauses + marker + hashes + comment;
  return pick([
    "",
    "# a comment of its own",
    "-r more.txt",
    "-c limits.txt",
    "--constraint=limits.txt",
    "--requirement more.txt",
    "-e .",
    "-e .[a]",
    ".",
    "./",
    `.${extras}`,
    "--pre",
    "-i https://h/simple",
    "--extra-index-url=https://u:${AN}@h/simple",
    "--no-index",
    "-f ./wheels",
    "--only-binary :all:",
    `${name} @ https://h/x-1.0.tar.gz`,
    `${name}${extras} @ git+https://h/r.git@v1`,
    "https://h/foo_bar-1.0-py3-none-any.whl",
    "git+https://h/r.git#egg=Foo",
    "-e git+ssh://git@h/r.git@main#egg=Foo[a]",
    "file:///srv/x-1.0.tar.gz",
    ...often(12) ? ["-r nowhere.txt", "--nosuch", "-e", "&", "name with words", "git+https://"] : [],
  ]) + comment;
}

Deno.test({
  name: "projects: whole generated files are read as pip reads them, and refused where it refuses",
  ignore: !python,
  fn() {
    const by = chance(5);
    const env = { AN: "value" };
    const limits = () =>
      by.pick([
        "numpy<2\n",
        "x==1 ; os_name == 'nt'\n",
        ...by.often(10) ? ["-e .\n", "x[a]<2\n", "https://h/x.zip\n"] : [""],
      ]);
    const cases = Array.from({ length: 2500 }, () => ({
      "requirements.txt": Array.from({ length: 1 + by.below(6) }, () => line(by)).join(
        by.often(10) ? "\r\n" : "\n",
      ),
      "limits.txt": limits(),
      "more.txt": line(by) + "\n",
    })).filter((files) => !files["more.txt"].includes("more.txt"));
    const answers = ask(cases.map((files) => ["file", { ...BESIDE, ...files }, env]));
    let lines = 0;
    const others = cases.map((files, i) => ({
      files,
      ours: order(reading(files, env)),
      theirs: order(answers[i]),
    }))
      .filter(({ ours, theirs }) => JSON.stringify(ours) !== JSON.stringify(theirs));
    assert.deepEqual(others.slice(0, 20), [], `${others.length} of ${cases.length} are read otherwise`);
    for (const files of cases) lines += files["requirements.txt"].split("\n").length;
    const refused = answers.filter((each) => each === null).length;
    assert.ok(refused > 50 && refused < cases.length / 2, `${refused}`);
    console.log(`${cases.length} files, ${lines} lines, ${refused} files refused by both`);
  },
});
