// Solving: against rattler's own solver, with its reasons, and with a way out.
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { cpuOnly } from "../../lib/builtin/gpu.ts";
import { openChannels } from "../../lib/builtin/repodata.ts";
import { solve } from "../../lib/builtin/solve.ts";
import { virtualPackages } from "../../lib/builtin/virtual.ts";
import { Conflict } from "../../lib/engines/engine.ts";
import { Problem } from "../../lib/problem.ts";
import type { Env } from "../../lib/world.ts";
import { channel, SUBDIR } from "../channel/channel.ts";
import { call, oracle } from "../oracle.ts";
import { testWorld } from "../world.ts";
import { entry, made } from "./made.ts";

async function solved(specs: string[], urls: string[], env: Env = {}, platform = SUBDIR): Promise<string[]> {
  const world = testWorld({}, { env });
  const index = await openChannels(urls, platform, { world });
  try {
    const virtual = await virtualPackages(world, platform);
    return (await solve(index, specs, { virtual })).map(({ fn }) => fn);
  } finally {
    index.close();
  }
}

const ORACLE = `
import asyncio, json, os, sys
import rattler
from rattler.exceptions import SolverError
async def main(url, subdir, specs):
    try:
        found = await rattler.solve([url], specs, platforms=[subdir, "noarch"], virtual_packages=[
            p.into_generic() for p in rattler.VirtualPackage.detect()])
        return [record.file_name for record in found]
    except SolverError:
        return None
url, subdir, *sets = sys.argv[1:]
print(json.dumps([asyncio.run(main(url, subdir, json.loads(specs))) for specs in sets]), flush=True)
# rattler's threads can crash Python while it ends.
os._exit(0)
`;

Deno.test("solve: the packages that rattler chooses, and a Conflict where it finds none", async () => {
  const { url } = await channel();
  const sets = [
    ["requests"],
    ["python", "pytest", "rich"],
    ["requests <2.32", "urllib3 <2"],
    ["left", "right"],
    ["guard", "core"],
    ["flavour"],
    ["old"],
    ["hello ==1.0"],
    ["six >=1.16,<1.17", "tqdm"],
    ["six=1.16"],
    ["six[version='1.16.*']"],
    ["python_abi", "numpy"],
    ["gpu"],
    ["future"],
    ["left 2.*", "right"],
    ["left 2.*", "guard"],
    ["six 99.*"],
    ["no-such-package"],
    ["tomorrow"],
  ];
  const words = sets.map((specs) => JSON.stringify(specs));
  const expected: (string[] | null)[] = JSON.parse(
    call([await oracle(), "-c", ORACLE, url, SUBDIR, ...words]),
  );
  assert.ok(expected.some((one) => one === null) && expected.some((one) => one !== null));
  for (const [i, specs] of sets.entries()) {
    const ours = await solved(specs, [url]).catch((error) => {
      assert.ok(error instanceof Conflict, `${specs}: ${error}`);
      return null;
    });
    assert.deepEqual(ours?.toSorted() ?? null, expected[i]?.toSorted() ?? null, specs.join());
  }
});

Deno.test("solve: dependencies come first", async () => {
  const { url } = await channel();
  const found = await solved(["requests", "pytest"], [url]);
  const at = (name: string) => found.findIndex((fn) => fn.startsWith(`${name}-`));
  for (
    const [before, after] of [["python", "pip"], ["urllib3", "requests"], ["python", "requests"], [
      "pluggy",
      "pytest",
    ]] as const
  ) {
    assert.ok(at(after) >= 0 || after === "pip", after);
    if (at(before) >= 0 && at(after) >= 0) assert.ok(at(before) < at(after), `${before} before ${after}`);
  }
});

Deno.test("solve: the reasons of a conflict name the packages", async () => {
  const { url } = await channel();
  const table: [specs: string[], says: RegExp[]][] = [
    [["left 2.*", "right"], [/left 2/, /core >=2/, /core <2/]],
    [["no-such-package"], [/no-such-package/]],
    [["six 99.*"], [/six 99\.\*/]],
    [["future"], [/__glibc >=99/]],
    [["gpu"], [/__cuda >=12/]],
  ];
  for (const [specs, says] of table) {
    await assert.rejects(solved(specs, [url], { CONDA_OVERRIDE_CUDA: "" }), (error) => {
      assert.ok(error instanceof Conflict, String(error));
      for (const form of says) assert.match(error.message, form);
      assert.doesNotMatch(error.message, /\.invalid/);
      return true;
    });
  }
});

Deno.test("solve: CONDA_OVERRIDE_* decides what there is", async () => {
  const { url } = await channel();
  assert.deepEqual(await solved(["gpu"], [url], { CONDA_OVERRIDE_CUDA: "12.4" }), ["gpu-1.0-0.conda"]);
  assert.deepEqual(await solved(["future"], [url], { CONDA_OVERRIDE_GLIBC: "99.1" }), ["future-1.0-0.conda"]);
  await assert.rejects(solved(["old"], [url], { CONDA_OVERRIDE_GLIBC: "2.12" }), Conflict);
  await assert.rejects(solved(["old"], [url], { CONDA_OVERRIDE_GLIBC: "" }), Conflict);
});

Deno.test("solve: the first channel that has a name provides it, unless the spec says which", async () => {
  const first = made(entry("one-1.0-0.conda"));
  const second = made({ ...entry("one-2.0-0.conda"), ...entry("two-1.0-0.conda", { depends: ["one"] }) });
  const both = [first.url, second.url];
  const table: [specs: string[], expected: string[]][] = [
    [["one"], ["one-1.0-0.conda"]],
    [["two"], ["one-1.0-0.conda", "two-1.0-0.conda"]],
    [[`${second.url}::one`], ["one-2.0-0.conda"]],
    [[`${second.url}::one >1`, "two"], ["one-2.0-0.conda", "two-1.0-0.conda"]],
    [[`one[channel='${second.url}', version='2.*']`], ["one-2.0-0.conda"]],
    [[`one[version='2.*',channel="${second.url}/noarch"]`], ["one-2.0-0.conda"]],
  ];
  for (const [specs, expected] of table) {
    assert.deepEqual(await solved(specs, both, {}, "noarch"), expected, specs.join());
  }
  await assert.rejects(solved(["one 2.*"], both, {}, "noarch"), (error) => {
    assert.ok(error instanceof Conflict, String(error));
    return error.message.includes(
      `one comes from ${first.url} alone, the first that has it; not from ${second.url}`,
    );
  });
  await assert.rejects(solved(["https://u:HIDDEN@example.org/c::one"], both, {}, "noarch"), (error) => {
    assert.ok(
      error instanceof Problem && error.message.includes("https://example.org/c, which is not open") &&
        error.hint.includes("--channel"),
    );
    return !/HIDDEN/.test(error.message + error.hint);
  });
});

Deno.test("solve: a spec that nobody can read is a Problem that names it", async () => {
  const { url } = made(entry("one-1.0-0.conda"));
  for (
    const spec of [
      "one >=1.2.*.*,",
      "one [x",
      "https://example.org/one.conda",
      "./one.conda",
      "a b::c",
      "",
      "one ===",
    ]
  ) {
    await assert.rejects(solved([spec], [url], {}, "noarch"), (error) => {
      assert.ok(error instanceof Problem, `${spec}: ${error}`);
      return error.message.startsWith("Cannot read a requirement") && error.hint !== "";
    }, spec);
  }
});

Deno.test("solve: a shard that cannot be read ends it with that Problem, and a solver that thinks too long is ended", async () => {
  const { url, dir } = made({ ...entry("one-1.0-0.conda"), ...entry("two-1.0-0.conda") }, { shards: true });
  const first = await openChannels([url], "noarch", { world: testWorld() });
  await assert.rejects(
    solve(first, ["one"], { virtual: [], limit: 1 }),
    (error) => error instanceof Problem && /no answer in 0.001 s/.test(error.message),
  );
  first.close();
  const shards = `${dir}/noarch/shards`;
  for (const name of readdirSync(shards)) writeFileSync(`${shards}/${name}`, "x");
  const index = await openChannels([url], "noarch", { world: testWorld() });
  await assert.rejects(
    solve(index, ["one"], { virtual: [] }),
    (error) =>
      error instanceof Problem && /its SHA-256 is/.test(error.message) && error.message.includes(url),
  );
  index.close();
});

Deno.test("solver: a panic of the WASM is told, where its promise would stay open for ever", async () => {
  const worker = new Worker(new URL("../../lib/builtin/solver.ts", import.meta.url).href, { type: "module" });
  worker.onerror = (event) => event.preventDefault();
  try {
    const told = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    const task = { kind: "solve", specs: ["./x::one"], channels: [], platforms: ["noarch"], locked: [] };
    worker.postMessage(task);
    const { kind, panicked, message } = await told as { kind: string; panicked: boolean; message: string };
    assert.deepEqual([kind, panicked], ["failed", true]);
    assert.match(message, /^panicked at/);
  } finally {
    worker.terminate();
  }
});

Deno.test("cpuOnly: builds for processors of what has others for graphics cards, where there is no CUDA", async () => {
  const { url } = made({
    ...entry("torch-1.0-cpu_0.conda"),
    ...entry("torch-1.0-cuda12_0.conda", { depends: ["__cuda"] }),
    ...entry("plain-1.0-cpu_0.conda"),
    ...entry("scpus-1.0-cpus_0.conda"),
  });
  const index = await openChannels([url], "noarch", { world: testWorld() });
  const records = await solve(index, ["torch", "plain", "scpus"], { virtual: [] });
  assert.deepEqual(await cpuOnly(records, index, []), ["torch"]);
  assert.deepEqual(await cpuOnly(records, index, [{ name: "__cuda", version: "12.4", build: "0" }]), []);
  index.close();
});
