// Packages into a cache: reused, resumed, retried, checked; never used when wrong.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { fetchPackages } from "../../lib/builtin/fetch.ts";
import { openChannels } from "../../lib/builtin/repodata.ts";
import type { Record } from "../../lib/builtin/record.ts";
import type { Progress } from "../../lib/engines/engine.ts";
import { owner } from "../../lib/builtin/owner.ts";
import { Problem } from "../../lib/problem.ts";
import { type Fault, serve, type Server } from "../server.ts";
import { type TestWorld, testWorld } from "../world.ts";
import { contents, type Entries, entry, folder, made } from "./made.ts";

const FN = "good-1.0-0.conda";

/** What stands for unpacking here: the archive's bytes and the record, as conda keeps them. */
async function unpack(archive: string, into: string, record: Record): Promise<void> {
  await fs.promises.mkdir(join(into, "info"), { recursive: true });
  fs.copyFileSync(archive, join(into, "archive"));
  fs.writeFileSync(join(into, "info/index.json"), "{}");
  fs.writeFileSync(join(into, "info/repodata_record.json"), JSON.stringify(record));
}

interface Bench {
  server: Server;
  world: TestWorld;
  /** Gets all packages of the channel; the folders. */
  get(
    caches: string[],
    more?: { offline?: boolean; report?: (progress: Progress) => void },
  ): Promise<string[]>;
}

async function bench(entries: Entries, faults: Fault[], act: (bench: Bench) => Promise<void>): Promise<void> {
  const { dir } = made(entries);
  const server = await serve(dir, faults);
  const world = testWorld();
  const get: Bench["get"] = async (caches, { offline, report } = {}) => {
    const index = await openChannels([server.url], "noarch", { world, pause: 1, offline });
    try {
      const records = await Promise.all(
        [...index.names(0, "noarch")!].sort().map((name) => index.records(name)),
      );
      return await fetchPackages(records.flat(), index, { world, caches, unpack, report });
    } finally {
      index.close();
    }
  };
  try {
    await act({ server, world, get });
  } finally {
    await server.close();
  }
}

function archives(server: Server): (string | undefined)[] {
  return server.requests.splice(0).filter(({ path }) => path.endsWith(FN)).map(({ headers }) =>
    headers.range ?? ""
  );
}

const PARTIAL = /\.partial$/;

Deno.test("fetchPackages: into the first cache that can be written to, in conda's layout, with progress", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
  const all = Object.assign({}, ...names.map((name) => entry(`${name}-1.0-0.conda`)));
  await bench(all, [], async ({ get }) => {
    const cache = join(folder(), "deep/pkgs");
    const told: Progress[] = [];
    const folders = await get(["/proc/nowhere", cache], { report: (progress) => told.push({ ...progress }) });
    assert.deepEqual(folders, names.map((name) => join(cache, `${name}-1.0-0`)));
    const files = names.flatMap((name) => [`${name}-1.0-0`, `${name}-1.0-0.conda`]).sort();
    assert.deepEqual(fs.readdirSync(cache).sort(), files);
    for (const name of names) {
      assert.deepEqual(
        fs.readFileSync(join(cache, `${name}-1.0-0/archive`)),
        contents(`${name}-1.0-0.conda`),
      );
    }
    const bytes = Object.values<{ size?: number }>(all).reduce((sum, { size = 0 }) => sum + size, 0);
    const downloads = told.filter(({ stage }) => stage === "download");
    assert.deepEqual([downloads.at(-1)?.done, downloads.at(-1)?.total], [bytes, bytes]);
  });
});

Deno.test("fetchPackages: what a cache has is used: a folder, an archive, of a read-only cache, too", async () => {
  await bench(entry(FN), [], async ({ server, get }) => {
    const shared = folder(), own = folder();
    const [first] = await get([shared]);
    assert.deepEqual(archives(server), [""]);
    assert.deepEqual(await get([own, shared]), [first]);
    assert.deepEqual(await get([shared], { offline: true }), [first]);
    fs.rmSync(first!, { recursive: true });
    assert.deepEqual(await get([own, shared]), [join(own, "good-1.0-0")]);
    assert.deepEqual(archives(server), []);
    assert.deepEqual(fs.readdirSync(shared), [FN]);
  });
});

Deno.test("fetchPackages: a namesake of another channel, or half a package, is not taken for it", async () => {
  const { sha256, md5 } = entry(FN)[FN]!;
  const table: [noted: unknown, index: boolean, taken: boolean][] = [
    [{ sha256 }, true, true],
    [{ md5 }, true, true],
    [{ md5, sha256: "0".repeat(64) }, true, false],
    [{ md5: "0".repeat(32) }, true, false],
    [{}, true, false],
    [{ sha256 }, false, false],
    // What is cut makes room for what is unpacked anew.
    ["no record", true, true],
    [null, true, true],
  ];
  for (const [noted, index, taken] of table) {
    await bench(entry(FN), [], async ({ get }) => {
      const cache = folder();
      const own = join(cache, "good-1.0-0");
      fs.mkdirSync(join(own, "info"), { recursive: true });
      fs.writeFileSync(
        join(own, "info/repodata_record.json"),
        noted === "no record" ? "{" : JSON.stringify(noted),
      );
      if (index) fs.writeFileSync(join(own, "info/index.json"), "{}");
      const [found] = await get([cache]);
      assert.equal(found === own, taken, JSON.stringify(noted));
      const text = fs.readFileSync(join(found!, "info/repodata_record.json"), "utf8");
      assert.ok([sha256, md5].some((sum) => text.includes(String(sum))), text);
      assert.ok(taken || found === `${own}-${String(sha256).slice(0, 8)}`);
      assert.deepEqual(await get([cache]), [found], "found again");
    });
  }
});

Deno.test("fetchPackages: a wrong archive in a cache is replaced", async () => {
  const right = contents(FN);
  for (const wrong of [right.subarray(1), Buffer.alloc(right.length), Buffer.alloc(0)]) {
    await bench(entry(FN), [], async ({ get, server }) => {
      const cache = folder();
      fs.writeFileSync(join(cache, FN), wrong);
      await get([cache]);
      assert.deepEqual(fs.readFileSync(join(cache, FN)), right);
      assert.deepEqual(archives(server), [""]);
    });
  }
});

Deno.test("fetchPackages: what is cut goes on where it stopped", async () => {
  const path = /good-1\.0-0\.conda$/;
  await bench(entry(FN), [{ path, kind: "cut", bytes: 1000, times: 2 }], async ({ server, get }) => {
    const cache = folder();
    await get([cache]);
    assert.deepEqual(archives(server), ["", "bytes=1000-", "bytes=2000-"]);
    assert.deepEqual(fs.readFileSync(join(cache, FN)), contents(FN));
  });
  // Given up, then a new process: it takes over what is there.
  await bench(entry(FN), [{ path, kind: "cut", bytes: 1000, times: 4 }], async ({ server, get }) => {
    const cache = folder();
    await assert.rejects(
      get([cache]),
      (error) => error instanceof Problem && /broke off after 4000 of \d+ bytes/.test(error.message),
    );
    assert.deepEqual(fs.readdirSync(cache).filter((name) => PARTIAL.test(name)).length, 1);
    archives(server);
    await get([cache]);
    assert.deepEqual(archives(server), ["bytes=4000-"]);
    assert.deepEqual(fs.readdirSync(cache).sort(), ["good-1.0-0", FN]);
  });
});

Deno.test("fetchPackages: left bytes that are another file's lead to one new download, not to a wrong package", async () => {
  for (
    const left of [Buffer.from("rubbish"), contents(FN), Buffer.concat([contents(FN), Buffer.from("more")])]
  ) {
    await bench(entry(FN), [], async ({ get }) => {
      const cache = folder();
      fs.writeFileSync(join(cache, `${FN}.partial`), left);
      await get([cache]);
      assert.deepEqual(fs.readFileSync(join(cache, FN)), contents(FN));
      assert.deepEqual(fs.readdirSync(cache).filter((name) => PARTIAL.test(name)), []);
    });
  }
});

Deno.test("fetchPackages: a living process keeps its partial file, a dead one's is taken over", async () => {
  for (const [pid, taken] of [[process.pid, false], [2 ** 22 + 1, true]] as const) {
    await bench(entry(FN), [], async ({ server, get }) => {
      const cache = folder();
      const partial = join(cache, `${FN}.${owner().replace(/\d+-\d+$/, `${pid}-77`)}.partial`);
      fs.writeFileSync(partial, contents(FN).subarray(0, 5000));
      await get([cache]);
      assert.deepEqual(archives(server), [taken ? "bytes=5000-" : ""]);
      assert.equal(fs.existsSync(partial), !taken);
    });
  }
});

Deno.test("fetchPackages: what is wrong is a Problem that names the URL, and nothing of it stays", async () => {
  const path = /good-1\.0-0\.conda$/;
  const none = { sha256: undefined, md5: undefined };
  const md5 = createHash("md5").update(contents(FN)).digest("hex");
  const table: [changes: object, faults: Fault[], says: RegExp | undefined][] = [
    [{ sha256: "0".repeat(64) }, [], /its sha256 is [0-9a-f]{64}, expected 0+$/],
    [{ ...none, md5: "0".repeat(32) }, [], /its md5 is [0-9a-f]{32}, expected 0+$/],
    [{ ...none, md5 }, [], undefined],
    [none, [], /its channel gives no checksum for it$/],
    [{ size: 10 }, [], /is larger than the 10 bytes announced$/],
    [{ size: 10 ** 9 }, [], /it has \d+ bytes, expected 1000000000$/],
    [{}, [{ path, kind: "garbage" }], /its sha256 is/],
    [{}, [{ path, kind: "status", code: 404 }], /it is not there, though the channel lists it$/],
    [{}, [{ path, kind: "status", code: 500 }], /answered 500 \(tried 4 times\)$/],
    [{}, [{ path, kind: "status", code: 500, times: 3 }], undefined],
    [{}, [{ path, kind: "body", body: "<html>log in</html>" }], /it has 19 bytes, expected/],
    [{}, [{ path, kind: "slow", wait: 1 }], undefined],
  ];
  for (const [changes, faults, says] of table) {
    await bench(entry(FN, { ...changes }), faults, async ({ server, get }) => {
      const cache = folder();
      if (says === undefined) return void await get([cache]);
      await assert.rejects(get([cache]), (error) => {
        assert.ok(error instanceof Problem, String(error));
        assert.match(error.message, says);
        assert.ok(error.message.includes(`${server.url}/noarch/${FN}`) && error.hint !== "", error.message);
        return true;
      });
      assert.deepEqual(fs.readdirSync(cache).filter((name) => !PARTIAL.test(name)), [], String(says));
    });
  }
});

Deno.test("fetchPackages: offline, and no cache that can be written to, are Problems", async () => {
  await bench(entry(FN), [], async ({ get }) => {
    await get([folder()]);
    const missing = get([folder()], { offline: true });
    await assert.rejects(
      missing,
      (error) => error instanceof Problem && error.exit === 5 && error.message.includes(FN),
    );
    await assert.rejects(
      get(["/proc/nowhere", "/dev/null/x"]),
      /No package cache can be written to: Cannot make "\/proc\/nowhere"/,
    );
  });
});

Deno.test("fetchPackages: a full disk is told as such", { ignore: !fs.existsSync("/dev/full") }, async () => {
  await bench(entry(FN), [], async ({ get }) => {
    const cache = folder();
    const ours = owner().replace(/\d+$/, "");
    // Every partial file that this process could open leads to the device that is always full.
    for (let i = 0; i < 500; i++) {
      fs.symlinkSync("/dev/full", join(cache, `${FN}.${ours}${i}.partial`));
    }
    await assert.rejects(
      get([cache]),
      (error) => error instanceof Problem && /the disk is full/.test(error.message),
    );
    assert.ok(!fs.existsSync(join(cache, FN)));
  });
});

Deno.test("fetchPackages: the archive of a mirror does where the first has none", async () => {
  const { dir } = made(entry(FN));
  const near = await serve(dir, [{ path: /\.conda$/, kind: "status", code: 404 }]);
  const far = await serve(dir);
  try {
    const condarc = { mirrored_channels: { forge: [near.url, far.url] } };
    const world = testWorld();
    const index = await openChannels(["forge"], "noarch", { world, condarc, pause: 1 });
    const cache = folder();
    await fetchPackages(await index.records("good"), index, { world, caches: [cache], unpack });
    assert.equal(archives(near).length, 1);
    assert.equal(archives(far).length, 1);
    assert.equal(dirname(join(cache, FN)), cache);
    assert.deepEqual(fs.readFileSync(join(cache, FN)), contents(FN));
    index.close();
  } finally {
    await near.close();
    await far.close();
  }
});
