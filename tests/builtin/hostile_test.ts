// Channels that mean harm: names that are paths, addresses that lead elsewhere, bombs. Nothing of it is used.
import assert from "node:assert/strict";
import { encode } from "@msgpack/msgpack";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { openChannels } from "../../lib/builtin/repodata.ts";
import { solve } from "../../lib/builtin/solve.ts";
import { Problem } from "../../lib/problem.ts";
import { serve } from "../server.ts";
import { testWorld } from "../world.ts";
import { type Entries, entry, type Form, made } from "./made.ts";

const GOOD = entry("good-1.0-0.conda");
/** An entry that would be right but for what is changed in it. */
function bad(changes: { [key: string]: unknown }, fn = "bad-1.0-0.conda"): Entries {
  return { [fn]: { ...entry("bad-1.0-0.conda")["bad-1.0-0.conda"], ...changes } };
}

const REFUSED: readonly [what: string, entries: Entries][] = [
  ["a folder in the file name", bad({}, "../bad-1.0-0.conda")],
  ["a folder in the middle", bad({}, "bad-1.0-0/../../x.conda")],
  ["a backslash", bad({}, "bad-1.0-..\\x.conda")],
  ["a file name of dots", bad({ name: "." }, "...conda")],
  ["a hidden file", bad({ name: ".bad" }, ".bad-1.0-0.conda")],
  ["a control character", bad({}, "bad-1.0-0\n.conda")],
  ["an escape in the key", bad({}, "bad-1.0-0\u0000.conda")],
  ["another ending", bad({}, "bad-1.0-0.sh")],
  ["another package's name", bad({ name: "good" })],
  ["a name that is a path", bad({ name: "../bad" })],
  ["no name", bad({ name: null })],
  ["a version that is a path", bad({ version: "../../1.0" })],
  ["a version of shell code", bad({ version: "$(touch x)" })],
  ["a build that is a path", bad({ build: "../0" })],
  ["a build with a newline", bad({ build: "0\nx" })],
  ["modules outside of the prefix", bad({ python_site_packages_path: "../../lib/x" })],
  ["modules at the root", bad({ python_site_packages_path: "/usr/lib" })],
  ["a virtual package", bad({ name: "__glibc" }, "__glibc-1.0-0.conda")],
  ["no object", { "bad-1.0-0.conda": 7 as unknown as Entries[string] }],
];

Deno.test("records: what could leave its folder is refused, the rest is used", async () => {
  for (const [what, entries] of REFUSED) {
    for (const form of [{ json: true }, { zst: true }, { shards: true }] satisfies Form[]) {
      const shardless = form.shards && Object.values(entries).some((one) => typeof one !== "object");
      if (shardless) continue;
      const { url } = made({ ...GOOD, ...entries }, form);
      const index = await openChannels([url], "noarch", { world: testWorld() });
      const all = [...index.names(0, "noarch")!, "bad", "../bad", ".", "..", ".bad", "__glibc"];
      const found = (await Promise.all(all.map((name) => index.folder(0, "noarch", name)))).flat();
      assert.deepEqual([...new Set(found.map(({ fn }) => fn))], ["good-1.0-0.conda"], what);
      index.close();
    }
  }
  const all = Object.assign({ ...GOOD }, ...REFUSED.map(([, entries]) => entries));
  const index = await openChannels([made(all).url], "noarch", { world: testWorld() });
  assert.equal((await solve(index, ["good"], { virtual: [] })).length, 1);
  index.close();
});

Deno.test("records: odd fields of other kinds do no harm", async () => {
  const odd = {
    depends: null,
    constrains: 3,
    license: false,
    size: -1,
    timestamp: 1e300,
    noarch: "x",
    build_number: "1",
    track_features: ["a"],
    md5: "zz",
  };
  const index = await openChannels([made({ ...entry("odd-1.0-0.conda", odd) }).url], "noarch", {
    world: testWorld(),
  });
  const [record] = await solve(index, ["odd"], { virtual: [] });
  const { sha256: _, ...rest } = record!;
  assert.deepEqual(rest, {
    name: "odd",
    version: "1.0",
    build: "0",
    build_number: 0,
    subdir: "noarch",
    depends: [],
    track_features: "a",
    fn: "odd-1.0-0.conda",
    url: `${index.channels[0]!.url}/noarch/odd-1.0-0.conda`,
    channel: index.channels[0]!.url,
  });
  index.close();
});

Deno.test("records: dependencies that nobody can read make only their own package unusable", async () => {
  const depends = [
    "[[[",
    "a b c d e",
    "\u0000",
    "x::/y",
    "x::good",
    "good[channel=x]",
    "x [ channel = y ]",
    "a b::c",
  ];
  for (const depend of depends) {
    const more = entry("good-2.0-0.conda", { depends: [depend] });
    const index = await openChannels([made({ ...GOOD, ...more }).url], "noarch", { world: testWorld() });
    const found = await solve(index, ["good"], { virtual: [] });
    const usable = depend === "x::good" || depend === "good[channel=x]";
    assert.deepEqual(found.map(({ version }) => version), [usable ? "2.0" : "1.0"], depend);
    index.close();
  }
});

Deno.test("base_url: elsewhere on this machine, or out of the channel's folder, is a Problem", async () => {
  for (const base_url of ["file:///etc/", "../../../etc", "http://127.0.0.1:22/", "javascript:x"]) {
    for (const form of [{ json: true }, { shards: true }] satisfies Form[]) {
      const { url } = made(GOOD, { ...form, info: { base_url, shards_base_url: "./shards/" } });
      await assert.rejects(
        openChannels([url], "noarch", { world: testWorld() }),
        (error) => error instanceof Problem && /sends elsewhere/.test(error.message),
        base_url,
      );
    }
    const { url } = made(GOOD, { shards: true, info: { shards_base_url: base_url } });
    const opened = openChannels([url], "noarch", { world: testWorld() });
    await assert.rejects(
      opened,
      (error) => error instanceof Problem && /sends elsewhere/.test(error.message),
    );
  }
});

Deno.test("shards: names that are no SHA-256, and contents that are not their name's, are refused", async () => {
  const { dir, url } = made(GOOD, { shards: true });
  const index = join(dir, "noarch/repodata_shards.msgpack.zst");
  const info = { subdir: "noarch", base_url: "./", shards_base_url: "./shards/" };
  for (const shard of ["../../../etc/passwd", new Uint8Array(31), 5, null, [1]]) {
    fs.writeFileSync(index, zstdCompressSync(encode({ info, shards: { good: shard } })));
    await assert.rejects(openChannels([url], "noarch", { world: testWorld() }), /has no SHA-256 for a name/);
  }
  for (
    const table of [null, 3, [], { info }, { info: 5, shards: {} }, { info: { base_url: 7 }, shards: {} }]
  ) {
    fs.writeFileSync(index, zstdCompressSync(encode(table)));
    await assert.rejects(
      openChannels([url], "noarch", { world: testWorld() }),
      Problem,
      JSON.stringify(table),
    );
  }
  const evil = zstdCompressSync(encode({ packages: {}, "packages.conda": GOOD }));
  const hash = createHash("sha256").update("another").digest();
  fs.writeFileSync(join(dir, "noarch/shards", `${hash.toString("hex")}.msgpack.zst`), evil);
  fs.writeFileSync(index, zstdCompressSync(encode({ info, shards: { good: hash } })));
  const opened = await openChannels([url], "noarch", { world: testWorld() });
  await assert.rejects(opened.records("good"), (error) => {
    assert.ok(
      error instanceof Problem && /its SHA-256 is [0-9a-f]{64}, expected/.test(error.message),
      String(error),
    );
    return error.message.includes(url);
  });
  fs.writeFileSync(
    index,
    zstdCompressSync(encode({ info, shards: { good: createHash("sha256").update("none").digest() } })),
  );
  const missing = await openChannels([url], "noarch", { world: testWorld() });
  await assert.rejects(missing.records("good"), /is not there, though the index names it/);
});

Deno.test("bombs: what grows without end is given up", async () => {
  const { dir } = made(GOOD, { shards: true });
  fs.writeFileSync(
    join(dir, "noarch/repodata_shards.msgpack.zst"),
    zstdCompressSync(Buffer.alloc(300 << 20)),
  );
  await assert.rejects(openChannels([dir], "noarch", { world: testWorld() }), Problem);
  const deep = "[".repeat(5_000_000);
  const entryBomb = `{"packages":{"bad-1.0-0.tar.bz2":{"name":"${"x".repeat(40 << 20)}"}}}`;
  for (const text of [`{"packages":${deep}`, `{"info":${deep}}`, entryBomb]) {
    const { dir } = made({});
    fs.writeFileSync(join(dir, "noarch/repodata.json"), text);
    await assert.rejects(openChannels([dir], "noarch", { world: testWorld() }), Problem, text.slice(0, 20));
  }
});

Deno.test("redirects: a password is not carried to another host", async () => {
  const { dir } = made(GOOD);
  const other = await serve(dir);
  const words = `Basic ${Buffer.from("u:p").toString("base64")}`;
  const server = await serve(dir, [{
    path: /repodata\.json$/,
    kind: "redirect",
    to: (path) => other.url.replace("127.0.0.1", "localhost") + path,
  }]);
  try {
    const index = await openChannels([server.url.replace("//", "//u:p@")], "noarch", { world: testWorld() });
    assert.equal((await index.records("good")).length, 1);
    assert.ok(server.requests.some(({ headers }) => headers.authorization === words));
    assert.ok(
      other.requests.length > 0 && other.requests.every(({ headers }) => headers.authorization === undefined),
    );
    index.close();
  } finally {
    await server.close();
    await other.close();
  }
});
