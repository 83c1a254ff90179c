// `exclude-newer`: what is too new is not there, for conda's packages and PyPI's, for the stamp and the lock.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "../lib/args.ts";
import { openChannels } from "../lib/builtin/repodata.ts";
import { solve } from "../lib/builtin/solve.ts";
import { readWanted } from "../lib/inputs.ts";
import { contentHash } from "../lib/lockfile/content.ts";
import { pip } from "../lib/pip.ts";
import { EXIT, Problem } from "../lib/problem.ts";
import { findProject } from "../lib/project.ts";
import { cutoff } from "../lib/requirement/moment.ts";
import { parseRequirements } from "../lib/requirements.ts";
import { readSettings } from "../lib/settings.ts";
import { entry, made } from "./builtin/made.ts";
import { call, oracle, venv } from "./oracle.ts";
import { serve } from "./server.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

const ignore = !(await oracle());

Deno.test("cutoff: a day to its end, a moment, UTC where no zone is named; nothing else", () => {
  const rows: [text: string, moment: string | undefined][] = [
    ["2025-06-30", "2025-07-01T00:00:00.000Z"],
    ["2024-02-29", "2024-03-01T00:00:00.000Z"],
    ["2025-06-30T12:00:00Z", "2025-06-30T12:00:00.000Z"],
    ["2025-06-30 12:00", "2025-06-30T12:00:00.000Z"],
    ["2025-06-30t12:00:00.5+02:00", "2025-06-30T10:00:00.500Z"],
    ["2025-02-30", undefined],
    ["2025-06-30T25:00:00Z", undefined],
    ["2025-6-30", undefined],
    ["30.6.2025", undefined],
    ["yesterday", undefined],
    ["2025-06-30; rm", undefined],
  ];
  for (const [text, moment] of rows) {
    const found = cutoff(text);
    assert.equal(found && new Date(found).toISOString(), moment, text);
  }
});

Deno.test("readSettings: exclude-newer by flag, variable, pyproject.toml as text or as TOML's date", async () => {
  const rows: [argv: string[], toml: string, value: string | RegExp][] = [
    [["--exclude-newer", "2025-01-01"], '"2024-01-01"', "2025-01-01"],
    [[], '"2024-01-01"', "2024-01-01"],
    [[], "2024-01-01", "2024-01-01"],
    [[], "2024-01-01T10:00:00Z", "2024-01-01T10:00:00.000Z"],
    [[], '"soon"', /^Cannot use exclude-newer = "soon" in pyproject.toml \[tool.mambaenv\]: no date$/],
    [[], "3", /^Cannot use exclude-newer = 3 in pyproject.toml/],
    [["--exclude-newer", "2025-13-01"], '""', /"2025-13-01" in --exclude-newer: no date$/],
  ];
  for (const [argv, toml, expected] of rows) {
    const world = testWorld({ "work/pyproject.toml": `[tool.mambaenv]\nexclude-newer = ${toml}\n` });
    const request = parse(argv, {});
    const read = readSettings(request, findProject({}, world), world);
    if (typeof expected === "string") assert.equal((await read).newer?.value, expected);
    else {
      await assert.rejects(
        read,
        (error) => error instanceof Problem && expected.test(error.message) && error.exit === EXIT.usage,
      );
    }
    world.remove(world.top);
  }
});

const DAY = Date.UTC(2025, 0, 1);
/** `a` of three days, one told in seconds, one without a date; a `pip` that is newer than all. */
const DATED = {
  ...entry("a-1.0-0.conda", { timestamp: DAY }),
  ...entry("a-2.0-0.conda", { timestamp: (DAY + 86_400_000) / 1000 }),
  ...entry("a-3.0-0.conda", { timestamp: DAY + 2 * 86_400_000 }),
  ...entry("a-4.0-0.conda"),
  ...entry("b-1.0-0.conda", { timestamp: DAY, depends: ["a >=2"] }),
  ...entry("pip-99.0-0.conda", { timestamp: DAY + 900 * 86_400_000 }),
};

Deno.test("index and solver: by the records' own times; without one a record counts as new; pip is exempt", async () => {
  const rows: [before: string | undefined, specs: string, found: string][] = [
    [undefined, "a", "a-4.0-0.conda"],
    ["2025-01-03", "a", "a-3.0-0.conda"],
    ["2025-01-02", "a", "a-2.0-0.conda"],
    ["2025-01-01", "a,pip", "a-1.0-0.conda,pip-99.0-0.conda"],
    ["2025-01-01T00:00:00Z", "a", "Conflict"],
    ["2025-01-01", "b", "Conflict"],
    ["2025-01-02", "b", "a-2.0-0.conda,b-1.0-0.conda"],
  ];
  const forms = [{ json: true }, { shards: true }, { zst: true }];
  for (const [i, form] of forms.entries()) {
    const { url, dir } = made(DATED, form);
    // The solver takes its time to start.
    for (const [text, specs, expected] of rows.filter((_, k) => k % forms.length === i || k === 3)) {
      const before = text === undefined ? text : cutoff(text)!;
      const index = await openChannels([url], "noarch", { world: testWorld(), before });
      const found = await solve(index, specs.split(","), { virtual: [] })
        .then((records) => records.map(({ fn }) => fn).sort().join(), (error) => error.name);
      assert.equal(found, expected, `${text} ${specs}`);
      index.close();
    }
    fs.rmSync(dir, { recursive: true });
  }
});

Deno.test("index: of two channels the first that has a name of that time", async () => {
  const [first, second] = [
    made(entry("a-2.0-0.conda", { timestamp: DAY + 86_400_000 })),
    made(entry("a-1.0-0.conda", { timestamp: DAY })),
  ];
  for (const [day, version] of [["2025-01-01", "1.0"], ["2025-01-02", "2.0"]] as const) {
    const index = await openChannels([first.url, second.url], "noarch", {
      world: testWorld(),
      before: cutoff(day)!,
    });
    assert.deepEqual((await index.records("a")).map((each) => each.version), [version]);
    index.close();
  }
});

Deno.test("contentHash: exclude-newer counts, and is nothing where it is not said", async () => {
  const world = testWorld({ "work/requirements.txt": "a\n" });
  const wanted = await readWanted(findProject({}, world), world);
  const hash = (newer?: string) =>
    contentHash({
      wanted,
      settings: {
        python: undefined,
        channels: undefined,
        newer: newer ? { value: newer, from: "" } : undefined,
      },
      platform: "linux-64",
    }, world);
  assert.equal(new Set([await hash(), await hash("2025-01-01"), await hash("2025-01-02")]).size, 3);
  assert.equal(
    await hash(),
    await contentHash(
      { wanted, settings: { python: undefined, channels: undefined }, platform: "linux-64" },
      world,
    ),
  );
});

Deno.test({
  name: "pip 26 takes what was uploaded until then; an older pip is a Problem that says so",
  ignore,
}, async () => {
  const world = testWorld({ "work/requirements.txt": "one\n", "wheels/": "" });
  const python = await oracle();
  const wheels = join(world.top, "wheels");
  for (const [version, day] of [["1.0", "2024-05-01"], ["2.0", "2025-05-01"]] as const) {
    call([python, join(import.meta.dirname!, "data", "wheel.py"), wheels, "one", version]);
    const path = join(wheels, `one-${version}-py3-none-any.whl`);
    fs.utimesSync(path, new Date(day), new Date(day));
  }
  const server = await serve(wheels, [], wheels);
  try {
    const prefix = join(world.top, "env");
    const newest = dirname(dirname(await venv("newest", "newest.txt")));
    fs.cpSync(newest, prefix, { recursive: true, verbatimSymlinks: true });
    const env = { ...world.env, PIP_INDEX_URL: `${server.url}/simple/`, PIP_TRUSTED_HOST: "127.0.0.1" };
    const wanted = parseRequirements(join(world.cwd, "requirements.txt"), world);
    const run = async (prefix: string, newer?: string) => {
      const order = { ...wanted, prefix, root: world.cwd, offline: false, wheels: [], quiet: true, newer };
      const added = await pip(order, { ...world, env }, () => undefined);
      call([join(prefix, "bin", "python"), "-m", "pip", "uninstall", "-qy", "one"]);
      return added.map(({ name, version }) => `${name} ${version}`).join();
    };
    assert.equal(await run(prefix), "one 2.0");
    assert.equal(await run(prefix, "2025-04-30"), "one 1.0");
    assert.equal(await run(prefix, "2025-05-01"), "one 2.0");
    await assert.rejects(run(prefix, "2024-04-30"), /No matching distribution found for one/);
    const old = join(world.top, "old");
    call([python, "-m", "venv", old]);
    await assert.rejects(
      run(old, "2025-04-30"),
      (error) =>
        error instanceof Problem &&
        /pip in \S+ is too old for exclude-newer, and one would/.test(error.message) &&
        /conda: pip >=26/.test(error.hint),
    );
  } finally {
    await server.close();
    world.remove(world.top);
  }
});

/** Whatever it is asked for, it keeps the list and fails. */
const RECORDER = `#!/bin/sh
[ "$1" = create ] || exit 0
while [ $# -gt 0 ]; do [ "$1" = --file ] && cp "$2" "$HOME/explicit.txt"; shift; done
exit 7
`;

Deno.test({
  name:
    "exclude-newer: creates, is in stamp and lock, asks for a change; other engines are told which packages",
  ignore,
}, () =>
  staged("requests\n", async ({ world, bash, store }) => {
    const none = await bash('"$M" sync --exclude-newer 2023-01-01');
    assert.equal(none.status, 1);
    assert.match(
      none.err,
      /The channels have no Python of 2023-01-01 or before \(exclude-newer by --exclude-newer\)/,
    );
    fs.writeFileSync(`${world.cwd}/pyproject.toml`, "[tool.mambaenv]\nexclude-newer = 2023-12-31\n");
    const first = await bash('"$M" sync -q');
    assert.equal(first.status, 0, first.err);
    const [generation] = store();
    const folder = `${world.top}/home/.local/share/mambaenv/envs/.mambaenv/${generation}`;
    assert.equal(JSON.parse(world.read(`${folder}/conda-meta/mambaenv.json`)!).asked.newer, "2023-12-31");
    assert.match((await bash('"$M" sync')).out, /^Nothing changed/);
    assert.match((await bash('"$M" status')).out, /exclude-newer +2023-12-31 \(pyproject.toml/);
    const other = await bash('"$M" sync', { MAMBAENV_EXCLUDE_NEWER: "2024-01-01" });
    assert.match(
      other.err,
      /exclude-newer 2024-01-01 is asked for \(MAMBAENV_EXCLUDE_NEWER\), it was 2023-12-31/,
    );
    assert.equal((await bash('"$M" lock -q && "$M" lock --check')).status, 0);
    assert.equal((await bash('"$M" lock --check --exclude-newer 2024-01-01')).status, 4);
    world.remove(`${world.cwd}/conda-lock.yml`);
    fs.mkdirSync(`${world.top}/root/bin`, { recursive: true });
    fs.writeFileSync(`${world.top}/root/bin/micromamba`, RECORDER, { mode: 0o755 });
    const words = '"$M" sync --force --engine micromamba --root "$HOME/fresh"';
    const asked = await bash(words, { MAMBA_EXE: `${world.top}/root/bin/micromamba` });
    assert.match(asked.err, /micromamba ended with status 7/);
    assert.match(world.read(`${world.top}/home/explicit.txt`) ?? "", /^@EXPLICIT\n[^]*\/requests-2[^]*#/);
    fs.writeFileSync(`${world.cwd}/requirements.txt`, "onlypypi\n");
    assert.match(
      (await bash('"$M" sync')).err,
      /too old for exclude-newer, and onlypypi would come from PyPI/,
    );
  }));
