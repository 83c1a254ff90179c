// Repodata in all its formats, what is kept of it on disk, and channels that are broken or mean harm.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { type Index, type IndexOptions, openChannels } from "../../lib/builtin/repodata.ts";
import { Problem } from "../../lib/problem.ts";
import { channel } from "../channel/channel.ts";
import { type Fault, serve, type Server } from "../server.ts";
import { testWorld } from "../world.ts";
import { type Entries, entry, folder, made, write } from "./made.ts";

const TWO = {
  ...entry("six-1.16.0-py_0.conda"),
  ...entry("six-1.15.0-py_0.tar.bz2"),
  ...entry("a-b-1-0.conda"),
};
const NAMES = ["repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json.bz2", "repodata.json"];

interface Bench {
  server: Server;
  dir: string;
  open(options?: Partial<IndexOptions>): Promise<Index>;
}
/** A served channel, read by a world of its own. */
async function bench(dir: string, faults: Fault[], act: (bench: Bench) => Promise<void>): Promise<void> {
  const server = await serve(dir, faults);
  const world = testWorld();
  const open = (options: Partial<IndexOptions> = {}) =>
    openChannels([server.url], "linux-64", { world, pause: 1, ...options });
  try {
    await act({ server, dir, open });
  } finally {
    await server.close();
  }
}

async function versions(index: Index, name: string): Promise<string[]> {
  const found = (await index.records(name)).map(({ fn }) => fn).sort();
  index.close();
  return found;
}

/** Paths that were asked for, by the last part. */
function asked(server: Server): string[] {
  return server.requests.splice(0).map(({ path, status }) =>
    `${path.replace(/^.*\//, "").slice(0, 27)} ${status}`
  ).sort();
}

Deno.test("openChannels: every format gives the same records, from a folder and from a server", async () => {
  const { dir } = await channel();
  const expected = Object.entries(everything(dir)).sort();
  for (const kept of NAMES) {
    const copy = folder();
    for (const subdir of ["noarch", "linux-64"]) {
      fs.mkdirSync(join(copy, subdir));
      fs.copyFileSync(join(dir, subdir, kept), join(copy, subdir, kept));
      if (kept === NAMES[0]) fs.symlinkSync(join(dir, subdir, "shards"), join(copy, subdir, "shards"));
    }
    await bench(copy, [], async ({ server, open }) => {
      for (const index of [await open(), await openChannels([copy], "linux-64", { world: testWorld() })]) {
        const found: [string, unknown][] = [];
        for (const subdir of ["noarch", "linux-64"]) {
          for (const name of index.names(0, subdir)!) {
            for (const record of await index.folder(0, subdir, name)) {
              const { fn, sha256, size, depends } = record;
              found.push([`${subdir}/${fn}`, { sha256, size, depends }]);
              assert.equal(record.url, `${index.channels[0]!.url}/${subdir}/${fn}`);
            }
          }
        }
        assert.deepEqual(found.sort(), expected, kept);
        assert.deepEqual(index.refused, []);
        index.close();
      }
      assert.ok(server.requests.some(({ path }) => path.endsWith(kept)));
    });
  }
});

/** What the channel's own repodata.json says, read at once. */
function everything(dir: string): Entries {
  const found: Entries = {};
  for (const subdir of ["noarch", "linux-64"]) {
    const whole = JSON.parse(fs.readFileSync(join(dir, subdir, "repodata.json"), "utf8"));
    for (
      const [fn, { sha256, size, depends }] of Object.entries<Entries[string]>({
        ...whole.packages,
        ...whole["packages.conda"],
      })
    ) {
      found[`${subdir}/${fn}`] = { sha256, size, depends };
    }
  }
  return found;
}

Deno.test("openChannels: the best format is taken; later only that is asked, and not changed is not sent", async () => {
  await bench(made(TWO, { zst: true, json: true }).dir, [], async ({ server, dir, open }) => {
    assert.deepEqual(await versions(await open(), "six"), [
      "six-1.15.0-py_0.tar.bz2",
      "six-1.16.0-py_0.conda",
    ]);
    assert.ok(asked(server).includes("repodata.json.zst 200"));
    assert.equal((await versions(await open(), "six")).length, 2);
    const again = asked(server);
    assert.ok(
      again.includes("repodata.json.zst 304") && !again.some((line) => line.endsWith(" 200")),
      again.join(),
    );
    write(join(dir, "noarch"), entry("six-2.0-py_0.conda"), { zst: true });
    assert.deepEqual(await versions(await open(), "six"), ["six-2.0-py_0.conda"]);
    fs.rmSync(join(dir, "noarch", "repodata.json.zst"));
    assert.equal((await versions(await open(), "six")).length, 2);
  });
});

Deno.test("openChannels: max-age holds, and offline the caches alone", async () => {
  const { dir } = made(TWO, { shards: true });
  const bytes = fs.readFileSync(join(dir, "noarch", NAMES[0]!));
  const server = await serve(dir);
  const world = testWorld();
  let count = 0;
  const front = createServer(async ({ url: path = "" }, answer) => {
    count++;
    const found = path === `/noarch/${NAMES[0]}`;
    const response = found ? new Response(bytes) : await fetch(server.url + path);
    if (found) answer.setHeader("cache-control", "public, max-age=60");
    answer.writeHead(response.status).end(new Uint8Array(await response.arrayBuffer()));
  });
  await new Promise<void>((ready) => front.listen(0, "127.0.0.1", ready));
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  try {
    assert.equal((await versions(await openChannels([url], "noarch", { world }), "six")).length, 2);
    const before = count;
    assert.equal((await versions(await openChannels([url], "noarch", { world }), "six")).length, 2);
    assert.equal(count, before, "asked again though fresh");
  } finally {
    front.closeAllConnections();
    front.close();
    await server.close();
  }
  const offline = await openChannels([url], "noarch", { world, offline: true });
  await assert.rejects(
    offline.records("a-b"),
    (error) =>
      error instanceof Problem && error.exit === 5 && /^No repodata of "a-b" of http/.test(error.message),
  );
  assert.equal((await versions(offline, "six")).length, 2);
  await assert.rejects(
    openChannels(["http://127.0.0.1:9/other"], "noarch", { world, offline: true }),
    (error) =>
      error instanceof Problem && error.exit === 5 &&
      error.message.includes("http://127.0.0.1:9/other/noarch"),
  );
});

Deno.test("openChannels: a folder without the platform's subdir is a channel, one without both is none", async () => {
  assert.equal(
    (await versions(await openChannels([made(TWO).url], "linux-64", { world: testWorld() }), "six")).length,
    2,
  );
  await assert.rejects(openChannels([folder()], "linux-64", { world: testWorld() }), (error) => {
    assert.ok(error instanceof Problem);
    assert.match(error.message, /^No channel at file:.*linux-64 nor noarch/);
    return error.hint !== "";
  });
});

Deno.test("openChannels: faults that pass are waited for, others name the URL and no secret", async () => {
  const path = /noarch\/repodata\.json$/;
  const table: [fault: Fault, says: RegExp | undefined][] = [
    [{ path, kind: "status", code: 500, times: 2 }, undefined],
    [{ path, kind: "status", code: 429, headers: { "retry-after": "0" }, times: 3 }, undefined],
    [{ path, kind: "cut", bytes: 100, times: 2 }, undefined],
    [{ path, kind: "status", code: 500 }, /answered 500 \(tried 4 times\)$/],
    [{ path, kind: "status", code: 403 }, /answered 403$/],
    [{ path, kind: "auth", words: "Bearer x" }, /answered 401$/],
    [{ path, kind: "garbage" }, /Cannot read .*: it begins with/],
    [{ path, kind: "body", body: "<html>Welcome to the hotel's network</html>" }, /: it begins with "<html>/],
    [{ path, kind: "body", body: "" }, /: it is cut off before its end$/],
    [{ path, kind: "body", body: '{"packages": {"a-1-0.conda": {' }, /: it is cut off before its end$/],
    [{ path, kind: "body", body: '{"error": "not found"}' }, /: it has no "packages"$/],
    [{ path, kind: "body", body: zstdCompressSync("x") }, /: it begins with "x"$/],
    [{ path: /noarch.*shards\.msgpack\.zst$/, kind: "status", code: 503 }, /shards.msgpack.zst answered 503/],
    [
      { path: /noarch.*shards\.msgpack\.zst$/, kind: "body", body: "<html>" },
      /Cannot read .*shards.msgpack.zst: /,
    ],
    [{ path: /noarch.*shards\.msgpack\.zst$/, kind: "status", code: 403 }, undefined],
  ];
  for (const [fault, says] of table) {
    await bench(made(TWO).dir, [fault], async ({ server, open }) => {
      const label = JSON.stringify(fault);
      if (says === undefined) {
        assert.equal((await versions(await open(), "six")).length, 2, label);
        return;
      }
      const secret = server.url.replace("//", "//user:HIDDEN@");
      const world = testWorld();
      await assert.rejects(openChannels([secret], "linux-64", { world, pause: 1 }), (error) => {
        assert.ok(error instanceof Problem, `${label}: ${error}`);
        assert.match(error.message, says, label);
        assert.ok(error.message.includes(`${server.url}/noarch/`), error.message);
        assert.ok(error.hint !== "" && !/HIDDEN/.test(error.message + error.hint));
        return true;
      });
      const left = fs.readdirSync(world.top, { recursive: true, encoding: "utf8" });
      assert.deepEqual(left.filter((name) => /partial|pack|index/.test(name)), [], label);
    });
  }
});

Deno.test("openChannels: a server that is not there is a Problem with a hint", async () => {
  const world = testWorld();
  await assert.rejects(openChannels(["http://127.0.0.1:9/c"], "noarch", { world, pause: 1 }), (error) => {
    assert.ok(error instanceof Problem && /127\.0\.0\.1:9\/c/.test(error.message), String(error));
    return /--offline/.test(error.hint);
  });
});

Deno.test("openChannels: a token in the path and a password are used, and stored nowhere", async () => {
  const words = `Basic ${Buffer.from("us er:pa:ss").toString("base64")}`;
  const { dir } = made(TWO, { shards: true });
  fs.mkdirSync(join(dir, "t/TOKEN"), { recursive: true });
  fs.renameSync(join(dir, "noarch"), join(dir, "t/TOKEN/noarch"));
  await bench(dir, [{ path: /noarch/, kind: "auth", words }], async ({ server }) => {
    const world = testWorld();
    const url = server.url.replace("//", "//us%20er:pa%3Ass@") + "/t/TOKEN";
    const index = await openChannels([url], "noarch", { world });
    const [record] = await index.records("a-b");
    assert.equal(record?.url, `${server.url}/noarch/a-b-1-0.conda`);
    assert.equal(index.channels[0]?.url, server.url);
    assert.equal(index.locate(record)[0], `${url}/noarch/a-b-1-0.conda`);
    const files = fs.readdirSync(world.top, { recursive: true, encoding: "utf8" }).map((name) =>
      join(world.top, name)
    );
    const texts = files.filter((file) => fs.statSync(file).isFile()).map((file) =>
      file + fs.readFileSync(file, "latin1")
    );
    assert.ok(texts.length > 0);
    assert.doesNotMatch(texts.join(), /TOKEN|us.{0,3}er:|pa.{0,3}ss/);
  });
});

Deno.test("openChannels: mirrors are tried in their order", async () => {
  const { dir } = made(TWO);
  await bench(dir, [], async ({ server }) => {
    const bases = ["http://127.0.0.1:9/dead", `${server.url}`];
    const condarc = { mirrored_channels: { near: bases } };
    const index = await openChannels(["near"], "noarch", { world: testWorld(), condarc, pause: 1 });
    const [record] = await index.records("a-b");
    assert.deepEqual(index.locate(record!), [
      `${server.url}/noarch/a-b-1-0.conda`,
      "http://127.0.0.1:9/dead/noarch/a-b-1-0.conda",
    ]);
  });
});

Deno.test("openChannels: what is damaged in the cache is read anew", async () => {
  const table = [
    { json: true, damage: /state/ },
    { json: true, damage: /pack-[0-9a-f]+$/ },
    { json: true, damage: /pack-[0-9a-f]+\.json$/ },
    { shards: true, damage: /index/ },
    { shards: true, damage: /shards/ },
  ];
  for (const form of table) {
    await bench(made(TWO, form).dir, [], async ({ open }) => {
      const cache = folder();
      assert.equal((await versions(await open({ cache }), "six")).length, 2);
      for (const name of fs.readdirSync(cache, { recursive: true, encoding: "utf8" })) {
        const path = join(cache, name);
        if (!fs.statSync(path).isFile() || !form.damage.test(name)) continue;
        fs.truncateSync(path, fs.statSync(path).size >> 1);
      }
      assert.equal((await versions(await open({ cache }), "six")).length, 2, String(form.damage));
    });
  }
});

Deno.test("openChannels: an index that names shards of yesterday is asked for anew at the next start", async () => {
  const { dir } = made(TWO, { shards: true });
  const front = createServer((request, answer) => {
    const file = join(dir, request.url ?? "");
    const found = fs.existsSync(file);
    answer.writeHead(found ? 200 : 404, { "cache-control": "max-age=3600" });
    answer.end(found ? fs.readFileSync(file) : "");
  });
  await new Promise<void>((ready) => front.listen(0, "127.0.0.1", ready));
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  const world = testWorld();
  try {
    (await openChannels([url], "noarch", { world })).close();
    fs.rmSync(join(dir, "noarch"), { recursive: true });
    write(join(dir, "noarch"), entry("six-2.0-py_0.conda"), { shards: true });
    const old = await openChannels([url], "noarch", { world });
    await assert.rejects(old.records("six"), /is not there, though the index names it/);
    assert.deepEqual(await versions(await openChannels([url], "noarch", { world }), "six"), [
      "six-2.0-py_0.conda",
    ]);
  } finally {
    front.closeAllConnections();
    front.close();
  }
});
