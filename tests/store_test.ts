// Environments on disk: places, generations, stamps, the lock.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { parse } from "../lib/args.ts";
import { remember } from "../lib/remember.ts";
import { Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { readSettings } from "../lib/settings.ts";
import { asked, digest, readInputs, staleness, type Stamp, writeStamp } from "../lib/stamp.ts";
import {
  begin,
  clock,
  commit,
  discard,
  generations,
  link,
  look,
  newest,
  type Place,
  placeOf,
  stem,
  sweep,
} from "../lib/store.ts";
import { type TestWorld, testWorld } from "./world.ts";

const STAMP: Stamp = {
  version: 1,
  name: "e",
  project: undefined,
  engine: "builtin",
  made: 0,
  asked: {},
  inputs: [],
  installation: null,
  requirements: [],
};

function placed(world: TestWorld): Place {
  return { envs: `${world.top}/root/envs`, name: "e", label: "e" };
}

Deno.test("placeOf: a prefix's folder, name and generations, in the root of all folders too", () => {
  for (
    const [path, envs, beside] of [["/env", "/", "/.mambaenv"], ["/a/env", "/a", "/a/.mambaenv"]] as const
  ) {
    const place = placeOf(path);
    assert.deepEqual([place.envs, link(place), generations(place)], [envs, path, beside]);
  }
});

Deno.test("look: missing, plain, generation, damaged, dangling, links elsewhere and in circles", () => {
  const world = testWorld({
    "root/envs/plain/conda-meta/": "",
    "else/where/conda-meta/": "",
    "root/envs/file": "",
  });
  const envs = `${world.top}/root/envs`;
  const draft = begin(placed(world), world);
  writeStamp(draft.prefix, STAMP, world);
  commit(draft, placed(world), world);
  mkdirSync(`${envs}/.mambaenv/broken-00000000`);
  const links: [string, string][] = [
    ["broken", ".mambaenv/broken-00000000"],
    ["gone", ".mambaenv/gone-00000000"],
    ["dangling", "/nowhere/at/all"],
    ["user", `${world.top}/else/where`],
    ["pointer", `${envs}/e`],
    ["loop", `${envs}/loop`],
  ];
  for (const [name, target] of links) symlinkSync(target, `${envs}/${name}`);
  const kinds: [string, string][] = [
    ["e", "generation"],
    ["plain", "plain"],
    ["file", "missing"],
    ["nothing", "missing"],
    ["broken", "damaged"],
    ["gone", "missing"],
    ["dangling", "missing"],
    ["user", "plain"],
    ["pointer", "generation"],
    ["loop", "missing"],
  ];
  for (const [name, kind] of kinds) assert.equal(look({ envs, name, label: name }, world).kind, kind, name);
  const pointed = look({ envs, name: "pointer", label: "pointer" }, world);
  assert.equal(pointed.kind === "generation" && pointed.place.label, "pointer");
  assert.deepEqual(placeOf("/a/b"), { envs: "/a", name: "b", label: "/a/b" });
});

Deno.test("commit: switches in one rename, the old generation stays", () => {
  const world = testWorld();
  const place = placed(world);
  const prefixes = [1, 2].map(() => {
    const draft = begin(place, world);
    assert.deepEqual(
      world.list(`${place.envs}/.mambaenv`)?.filter((name) => name.endsWith(".incomplete")).length,
      1,
    );
    writeStamp(draft.prefix, STAMP, world);
    commit(draft, place, world);
    const found = look(place, world);
    assert.equal(found.kind === "generation" && found.prefix, draft.prefix);
    return draft.prefix;
  });
  for (const prefix of prefixes) assert.ok(world.stat(prefix));
  assert.notEqual(prefixes[0], prefixes[1]);
});

Deno.test("sweep: removes what killed builds of this name left, and nothing else", () => {
  const world = testWorld();
  const place = placed(world);
  const dead = begin(place, world);
  writeStamp(dead.prefix, STAMP, world);
  const other = begin({ ...place, name: "e-more" }, world);
  const kept = begin(place, world);
  writeStamp(kept.prefix, STAMP, world);
  commit(kept, place, world);
  sweep(place, world);
  const names = readdirSync(`${place.envs}/.mambaenv`).map((name) => `${place.envs}/.mambaenv/${name}`)
    .sort();
  assert.deepEqual(names, [kept.prefix, other.marker].sort());
  discard(other, world);
  assert.equal(world.stat(other.marker), undefined);
});

Deno.test("sweep: where the power went behind the switch, what is current stays, whatever its marker says", () => {
  const world = testWorld();
  const place = placed(world);
  const draft = begin(place, world);
  writeStamp(draft.prefix, STAMP, world);
  commit(draft, place, world);
  world.write(draft.marker, "");
  sweep(place, world);
  const found = look(place, world);
  assert.equal(found.kind === "generation" && found.prefix, draft.prefix);
  assert.deepEqual(readdirSync(`${place.envs}/.mambaenv`), [draft.prefix.replace(/.*\//, "")]);
});

Deno.test("sweep: what was half removed, half written or to become the lock goes, a user's own files stay", () => {
  const world = testWorld();
  const place = placed(world);
  const made = begin(place, world);
  writeStamp(made.prefix, STAMP, world);
  commit(made, place, world);
  const dir = `${place.envs}/.mambaenv`;
  const left = [
    "e-00000001.gone/bin/x",
    "e-00000002.incomplete.17.0.tmp",
    "e.lock.0123456789abcdef/x.owner",
    "e.lock.doing.17.3.tmp",
  ];
  const others = ["e.lock/t.owner", "e-00000003.mine", "e2-00000001.gone", "e.lock.mine"];
  for (const path of [...left, ...others]) {
    mkdirSync(`${dir}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${dir}/${path}`, "");
  }
  symlinkSync(".mambaenv/e-00000001", `${place.envs}/e.17.4.tmp`);
  writeFileSync(`${place.envs}/e.17.5.tmp`, "a user's");
  sweep(place, world);
  const kept = [made.prefix.slice(dir.length + 1), ...others.map((path) => path.split("/")[0])].sort();
  assert.deepEqual(readdirSync(dir).sort(), kept);
  assert.deepEqual(readdirSync(place.envs).sort(), [".mambaenv", "e", "e.17.5.tmp"]);
});

Deno.test("commit: refused behind the switch, it is done; refused before, nothing of it counts as complete", () => {
  const world = testWorld();
  const place = placed(world);
  const refuse = (what: "symlink" | "remove", when: RegExp) => ({
    ...world,
    [what]: (...words: [string, string]) => {
      if (words.some((word) => when.test(word))) throw new Problem("refused");
      world[what](...words);
    },
  });
  const first = begin(place, world);
  writeStamp(first.prefix, STAMP, world);
  commit(first, place, refuse("remove", /\.complete$/));
  assert.equal(newest(place, world)?.prefix, first.prefix);
  const second = begin(place, world);
  writeStamp(second.prefix, STAMP, world);
  assert.throws(() => commit(second, place, refuse("symlink", /\/e$/)), /refused/);
  assert.throws(() => discard(second, refuse("remove", new RegExp(`${second.prefix}$`))), /refused/);
  const found = look(place, world);
  assert.equal(found.kind === "generation" && found.prefix, first.prefix);
  assert.equal(newest(place, world)?.prefix, first.prefix);
  sweep(place, world);
  assert.deepEqual(readdirSync(`${place.envs}/.mambaenv`), [first.prefix.replace(/.*\//, "")]);
});

Deno.test("commit: what a sweep removed while the builder was frozen is not switched to", () => {
  const world = testWorld();
  const place = placed(world);
  const frozen = begin(place, world);
  writeStamp(frozen.prefix, STAMP, world);
  sweep(place, world);
  assert.deepEqual(readdirSync(`${place.envs}/.mambaenv`), []);
  assert.throws(() => commit(frozen, place, world), /Cannot rename/);
  assert.equal(look(place, world).kind, "missing");
  assert.equal(world.lstat(`${place.envs}/e`), undefined);
});

Deno.test("remember: a short way is laid where it hides nothing of another's", () => {
  const world = testWorld({ "mine/": "", "other/": "" });
  const own = `${world.top}/home/.local/share/mambaenv/envs`;
  const made = (envs: string, name: string, project: string) => {
    const place = { envs, name, label: name };
    const draft = begin(place, world);
    writeStamp(draft.prefix, { ...STAMP, name, project }, world);
    commit(draft, place, world);
    return place;
  };
  const mine = `${world.top}/mine`;
  const other = `${world.top}/other`;
  const far = `${world.top}/far/envs`;
  mkdirSync(`${own}/folder/conda-meta`, { recursive: true });
  writeFileSync(`${own}/file`, "text");
  for (const name of ["generation", "same"]) made(own, name, name === "same" ? mine : other);
  const links: [string, string][] = [
    ["dangling", "/nowhere"],
    ["pointer", `${made(`${world.top}/old/envs`, "pointer", mine).envs}/pointer`],
    ["others", `${made(`${world.top}/old/envs`, "others", other).envs}/others`],
  ];
  for (const [name, target] of links) symlinkSync(target, `${own}/${name}`);
  const rows: [string, boolean][] = [
    ["new", true],
    ["dangling", true],
    ["pointer", true],
    ["others", false],
    ["generation", false],
    ["same", false],
    ["folder", false],
    ["file", false],
  ];
  for (const [name, laid] of rows) {
    const before = world.readlink(`${own}/${name}`);
    remember(made(far, name, mine), world);
    const after = world.readlink(`${own}/${name}`);
    assert.equal(after, laid ? `${far}/${name}` : before, name);
  }
  assert.equal(world.read(`${own}/file`), "text");
  assert.deepEqual(readdirSync(own).filter((name) => name.endsWith(".tmp")), []);
  assert.match(readlinkSync(`${own}/generation`), /^\.mambaenv/);
});

async function stamped(world: TestWorld, argv: string[] = []) {
  const request = parse(argv, {});
  const project = findProject(request.flags, world)!;
  const settings = await readSettings(request, project, world);
  return { project, settings };
}

Deno.test("staleness: content decides; times, sizes and order do not", async () => {
  const world = testWorld({ "work/.envrc": "", "work/requirements.txt": "rich\n", "work/more.txt": "six\n" });
  const file = `${world.cwd}/requirements.txt`;
  const old = new Date(Date.now() - 60_000);
  utimesSync(file, old, old);
  const before = await stamped(world);
  const stamp: Stamp = {
    ...STAMP,
    made: Date.now(),
    asked: await asked(before.settings),
    inputs: readInputs(before.project, ["more.txt"], world),
  };
  const why = async (argv: string[] = []) => {
    const { project, settings } = await stamped(world, argv);
    return staleness(stamp, project, settings, world);
  };
  assert.equal(await why(), undefined);
  utimesSync(file, new Date(), new Date());
  assert.equal(await why(), undefined, "touched");
  writeFileSync(file, "rick\n");
  utimesSync(file, old, old);
  assert.equal(await why(), "requirements.txt changed");
  writeFileSync(file, "rich\n");
  assert.equal(await why(), undefined, "back again");
  writeFileSync(`${world.cwd}/more.txt`, "six>1\n");
  assert.equal(await why(), "more.txt changed");
  writeFileSync(`${world.cwd}/more.txt`, "six\n");
  writeFileSync(`${world.cwd}/.python-version`, "3.11\n");
  assert.match(
    await why() ?? "",
    /Python 3.11 is asked for \(.python-version\), it was free|.python-version is new/,
  );
  world.remove(`${world.cwd}/.python-version`);
  assert.match(await why(["--python", "3.12"]) ?? "", /Python 3.12 is asked for \(--python\)/);
  assert.match(await why(["--channel", "x"]) ?? "", /channels changed \(--channel\)/);
  const config = `${world.top}/home/.config/mambaenv/config.toml`;
  mkdirSync(`${world.top}/home/.config/mambaenv`, { recursive: true });
  writeFileSync(config, 'names = { torch = "pytorch", six = false }\n');
  const named = `the names changed (${config})`;
  assert.equal(await why(), named);
  const known = { ...stamp, asked: { names: { six: false, torch: "pytorch" } } } as const;
  const { settings } = await stamped(world);
  assert.deepEqual((await asked(settings)).names, known.asked.names);
  assert.equal(
    await staleness(known, before.project, settings, world),
    undefined,
    "the order does not count",
  );
  world.remove(config);
  assert.equal(await staleness(known, before.project, before.settings, world), "the names changed");
  world.remove(file);
  assert.equal(await why(), "requirements.txt is gone");
});

Deno.test("staleness: made by a clock that was ahead or behind, a touch is none and a change is one", async () => {
  const year = 365 * 86400_000;
  for (const jump of [-year, -3000, 0, 3000, year]) {
    const world = testWorld({ "work/requirements.txt": "rich\n" });
    const file = `${world.cwd}/requirements.txt`;
    const before = await stamped(world);
    const inputs = readInputs(before.project, [], world);
    const made = clock(begin(placed(world), world), { ...world, now: () => Date.now() + jump });
    const stamp = { ...STAMP, made, inputs };
    const { mtime } = world.stat(file)!;
    const why = async () => staleness(stamp, (await stamped(world)).project, before.settings, world);
    for (const time of [mtime - year, mtime + year, mtime]) {
      utimesSync(file, time / 1000, time / 1000);
      assert.equal(await why(), undefined, `${jump}`);
    }
    writeFileSync(file, "rick\n");
    utimesSync(file, mtime / 1000, mtime / 1000);
    assert.equal(await why(), "requirements.txt changed", `${jump}`);
  }
});

Deno.test("staleness: where times are coarse, a file changed near its reading is compared by content", async () => {
  const world = testWorld({ "work/requirements.txt": "rich\n" });
  const { project, settings } = await stamped(world);
  const inputs = readInputs(project, [], world);
  const stat = project.files.get("requirements.txt")!;
  writeFileSync(`${world.cwd}/requirements.txt`, "rick\n");
  // The same times and size, as a file system without fractions of a second has them.
  const near = { ...STAMP, made: stat.ctime + 500, inputs };
  assert.equal(await staleness(near, project, settings, world), "requirements.txt changed");
  const far = { ...STAMP, made: stat.ctime + 5000, inputs };
  assert.equal(await staleness(far, project, settings, world), undefined, "not read again");
});

Deno.test("digest: differs for near texts, is the same for the same", () => {
  const texts = ["", "a", "b", "ab", "ba", "a\n", "x".repeat(1000), "x".repeat(1001)];
  assert.equal(new Set(texts.map(digest)).size, texts.length);
  assert.equal(digest("rich\n"), digest("rich\n"));
});

Deno.test("stem: what a path in scripts and modules can be; names that differ stay apart", () => {
  const rows: [name: string, stem: RegExp][] = [
    ["plain", /^plain$/],
    ["a.b_c-1+2", /^a\.b_c-1\+2$/],
    ["ünï-环境", /^ünï-环境$/],
    ['my "odd" $dir', /^my__odd___dir\.[0-9a-f]{6}$/],
    ["-rf", /^_rf\.[0-9a-f]{6}$/],
    ["it's\\`!;&", /^it_s_____\.[0-9a-f]{6}$/],
    ["\udcff", /^_\.[0-9a-f]{6}$/],
  ];
  for (const [name, expected] of rows) assert.match(stem({ name }), expected, name);
  assert.equal(new Set(["a b", "a_b", "a'b", 'a"b'].map((name) => stem({ name }))).size, 4);
});
