// Environments on disk: places, generations, stamps, the lock.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { parse } from "../lib/args.ts";
import { lock } from "../lib/lock.ts";
import { findProject } from "../lib/project.ts";
import { readSettings } from "../lib/settings.ts";
import { asked, digest, readInputs, staleness, type Stamp, writeStamp } from "../lib/stamp.ts";
import { begin, commit, discard, look, type Place, placeOf, sweep } from "../lib/store.ts";
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
    asked: asked(before.settings),
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
  world.remove(file);
  assert.equal(await why(), "requirements.txt is gone");
});

Deno.test("staleness: where times are coarse, a file changed near its reading is compared by content", async () => {
  const world = testWorld({ "work/requirements.txt": "rich\n" });
  const { project, settings } = await stamped(world);
  const inputs = readInputs(project, [], world);
  const stat = project.files.get("requirements.txt")!;
  writeFileSync(`${world.cwd}/requirements.txt`, "rick\n");
  // The same times and size, as a file system without fractions of a second has them.
  const near = { ...STAMP, made: stat.ctime + 500, inputs };
  assert.equal(staleness(near, project, settings, world), "requirements.txt changed");
  const far = { ...STAMP, made: stat.ctime + 5000, inputs };
  assert.equal(staleness(far, project, settings, world), undefined, "not read again");
});

Deno.test("digest: differs for near texts, is the same for the same", () => {
  const texts = ["", "a", "b", "ab", "ba", "a\n", "x".repeat(1000), "x".repeat(1001)];
  assert.equal(new Set(texts.map(digest)).size, texts.length);
  assert.equal(digest("rich\n"), digest("rich\n"));
});

Deno.test("lock: the second waits, says for whom, and gets it", async () => {
  const world = testWorld();
  const path = `${world.top}/l.lock`;
  const release = await lock(path, "building e", world);
  const second = lock(path, "building e", world);
  await world.sleep(300);
  assert.match(world.said(), new RegExp(`waiting for host .*, pid ${world.pid}, which is building e`));
  release();
  (await second)();
  assert.equal(world.stat(path), undefined);
});

Deno.test("lock: of a dead process is taken over, by one of many", async () => {
  const world = testWorld();
  const path = `${world.top}/l.lock`;
  const dead = {
    host: world.read("/proc/sys/kernel/hostname")!.trim(),
    pid: 999_999_999,
    start: "1",
    boot: "",
  };
  mkdirSync(path);
  writeFileSync(
    `${path}/owner.json`,
    JSON.stringify({ ...dead, boot: world.read("/proc/sys/kernel/random/boot_id")!.trim() }),
  );
  let inside = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    const release = await lock(path, "building e", world);
    assert.equal(++inside, 1);
    await world.sleep(5);
    inside--;
    release();
  }));
});

Deno.test("lock: of another host holds while its heart beats, not two minutes later", async () => {
  const world = testWorld();
  const path = `${world.top}/l.lock`;
  mkdirSync(path);
  writeFileSync(`${path}/owner.json`, JSON.stringify({ host: "elsewhere", pid: 1, start: "1", boot: "x" }));
  let held = false;
  const taken = lock(path, "building e", world).then((release) => (held = true, release()));
  await world.sleep(400);
  assert.equal(held, false);
  const old = new Date(Date.now() - 121_000);
  utimesSync(`${path}/owner.json`, old, old);
  await taken;
  assert.equal(held, true);
});
