// Unpacking: what is in an archive comes out as it is, what would leave its folder does not, nothing half-made stays.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { remember, sweep, unpack } from "../../lib/builtin/unpack.ts";
import type { Record } from "../../lib/builtin/record.ts";
import { Problem } from "../../lib/problem.ts";
import { COMPILER } from "../../tasks/compiler.ts";
import { bzip2, conda, INDEX, type Made, pax, tar, tree, zip } from "./archive.ts";

/** A folder with an empty package cache and a file beside it that nothing may touch. */
async function inside(act: (dir: string) => Promise<void> | void): Promise<void> {
  const dir = fs.mkdtempSync(join(tmpdir(), "mambaenv-unpack-"));
  try {
    fs.writeFileSync(join(dir, "victim"), "safe");
    fs.mkdirSync(join(dir, "pkgs"));
    await act(dir);
    assert.equal(fs.readFileSync(join(dir, "victim"), "utf8"), "safe");
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

async function unpacked(dir: string, name: string, bytes: Uint8Array): Promise<string> {
  fs.writeFileSync(join(dir, name), bytes);
  const into = join(dir, "pkgs", "p-1-0");
  await unpack(join(dir, name), into);
  return into;
}

const LONG = `share/${"long/".repeat(30)}name`;
const SOUND: Made[] = [
  { path: "bin/", flag: "5", mode: 0o755 },
  { path: "bin/run", body: "#!/bin/sh\n", mode: 0o755 },
  { path: "bin/suid", body: "x", mode: 0o6755 },
  { path: "bin/secret", body: "y", mode: 0o600 },
  { path: "bin/again", flag: "1", target: "bin/run" },
  { path: "lib/a.so", flag: "2", target: "a.so.1" },
  { path: "lib/a.so.1", body: Buffer.alloc(700_000, "ab") },
  { path: "./share/./empty", body: "" },
  { path: "share/ü", body: "é" },
  { path: "outside", flag: "2", target: "/etc/passwd" },
  pax({ path: LONG, mtime: "1500000000.5" }),
  { path: "cut", body: "long" },
  { path: "twice", body: "first" },
  { path: "twice", body: "second" },
  { path: "share/folder/", body: "", flag: "5" },
];

for (const format of ["conda", "tar.bz2"] as const) {
  Deno.test(`unpack: a .${format} comes out with bytes, modes, times and links`, async () => {
    await inside(async (dir) => {
      const members = [...SOUND, INDEX];
      const into = await unpacked(
        dir,
        `p.${format}`,
        format === "conda" ? conda(members) : bzip2(tar(members)),
      );
      const found = tree(into);
      assert.equal(found["bin/run"], "program #!/bin/sh\n");
      assert.equal(found["bin/again"], "program #!/bin/sh\n");
      assert.equal(found["lib/a.so"], "-> a.so.1");
      assert.equal(found["lib/a.so.1"]?.length, "file ".length + 700_000);
      assert.equal(found["share/empty"], "file ");
      assert.equal(found["share/ü"], "file Ã©");
      assert.equal(found["outside"], "-> /etc/passwd");
      assert.equal(found[LONG], "file long");
      assert.equal(found["twice"], "file second");
      assert.equal(found["share/folder"], "folder");
      const mode = (path: string) => fs.statSync(join(into, path)).mode & 0o7777;
      assert.deepEqual([mode("bin/run"), mode("bin/suid"), mode("bin/secret")], [0o755, 0o755, 0o600]);
      assert.equal(fs.statSync(join(into, "bin/run")).mtimeMs, 1_600_000_000_000);
      assert.equal(fs.statSync(join(into, LONG)).mtimeMs, 1_500_000_000_500);
      assert.equal(fs.statSync(join(into, "bin/run")).ino, fs.statSync(join(into, "bin/again")).ino);
      assert.deepEqual(fs.readdirSync(join(dir, "pkgs")), ["p-1-0"]);
    });
  });
}

Deno.test("unpack: the umask holds", async () => {
  await inside(async (dir) => {
    const before = process.umask(0o077);
    try {
      const into = await unpacked(dir, "p.conda", conda([...SOUND, INDEX]));
      assert.equal(fs.statSync(join(into, "bin/run")).mode & 0o777, 0o700);
      assert.equal(fs.statSync(join(into, "bin")).mode & 0o777, 0o700);
    } finally {
      process.umask(before);
    }
  });
});

const EVIL: readonly [title: string, members: Made[], words: RegExp][] = [
  ["a path upwards", [{ path: "a/../../victim", body: "x" }], /would leave its folder/],
  ["a path upwards at its end", [{ path: "a/..", flag: "5" }], /would leave its folder/],
  ["an absolute path", [{ path: "/tmp/victim", body: "x" }], /would leave its folder/],
  ["a pax path upwards", [pax({ path: "../victim" }), { path: "x", body: "x" }], /would leave its folder/],
  [
    "a GNU name upwards",
    [{ path: "L", flag: "L", body: "../victim\0" }, { path: "x" }],
    /would leave its folder/,
  ],
  [
    "a file through a link",
    [{ path: "a", flag: "2", target: "../.." }, { path: "a/victim", body: "x" }],
    /folder and/,
  ],
  [
    "a folder through a link",
    [{ path: "a", flag: "2", target: "../.." }, { path: "a/b/", flag: "5" }],
    /folder and/,
  ],
  ["a hard link upwards", [{ path: "a", flag: "1", target: "../../victim" }], /which it has not/],
  ["a hard link to an absolute path", [{ path: "a", flag: "1", target: "/etc/passwd" }], /which it has not/],
  ["a hard link through a link", [
    { path: "a", flag: "2", target: "../.." },
    { path: "b", flag: "1", target: "a/victim" },
  ], /which it has not/],
  ["a hard link to itself", [{ path: "a", flag: "1", target: "a" }], /which it has not/],
  ["a device", [{ path: "null", flag: "3" }], /neither a file/],
  ["a pipe", [{ path: "pipe", flag: "6" }], /neither a file/],
  ["a GNU sparse file", [{ path: "s", flag: "S" }], /neither a file/],
  ["a pax sparse file", [pax({ "GNU.sparse.major": "1" }), { path: "s" }], /sparse/],
  ["a file in a file", [{ path: "a", body: "x" }, { path: "a/b", body: "y" }], /file and a folder/],
  [
    "a file over a folder",
    [{ path: "a/b", body: "x" }, { path: "a", body: "y" }],
    /folder and something else/,
  ],
  ["a link to nothing", [{ path: "a", flag: "2" }], /link to nothing/],
  [
    "a folder info that is a link",
    [{ path: "info", flag: "2", target: "../q-1-0/info" }],
    /no info\/index.json/,
  ],
  ["no index.json", [{ path: "info/other", body: "x" }], /no info\/index.json/],
];

for (const [title, members, words] of EVIL) {
  Deno.test(`unpack: ${title} is refused, with the archive's name, and leaves nothing`, () =>
    inside(async (dir) => {
      const info = /info|index/.test(title) ? [] : [INDEX];
      const archives: [string, Uint8Array][] = [["p.conda", conda([...members, ...info])]];
      if (title === "a path upwards") archives.push(["p.tar.bz2", bzip2(tar([...info, ...members]))]);
      for (const [name, bytes] of archives) {
        const act = unpacked(dir, name, bytes);
        await assert.rejects(act, (error) => {
          assert.ok(error instanceof Problem, String(error));
          assert.match(error.message, words);
          assert.ok(error.message.includes(join(dir, name)), error.message);
          assert.match(error.hint, /rm /);
          return true;
        });
        assert.deepEqual(fs.readdirSync(join(dir, "pkgs")), []);
      }
    }));
}

Deno.test("unpack: a link that replaces a file never lets a later file through", async () => {
  await inside(async (dir) => {
    const into = await unpacked(
      dir,
      "p.conda",
      conda([
        { path: "a", flag: "2", target: "../../victim" },
        { path: "a", body: "mine" },
        { path: "b", body: "first" },
        { path: "b", flag: "2", target: "../../victim" },
        { path: "c", flag: "2", target: "../../victim" },
        { path: "d", flag: "1", target: "c" },
        INDEX,
      ]),
    );
    const { a, b, c, d } = tree(into);
    assert.deepEqual({ a, b, c, d }, {
      a: "file mine",
      b: "-> ../../victim",
      c: "-> ../../victim",
      d: "-> ../../victim",
    });
  });
});

const WHOLE = { "p.conda": conda([...SOUND, INDEX]), "p.tar.bz2": bzip2(tar([...SOUND, INDEX])) };
for (const [name, bytes] of Object.entries(WHOLE)) {
  const cases: [string, Uint8Array][] = [
    ["empty", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(4096)],
    ["text", Buffer.from("<html>404 not found</html>")],
    ...[1, 10, 50, 90, 99].map((percent): [string, Uint8Array] => [
      `cut at ${percent} %`,
      bytes.subarray(0, Math.floor(bytes.length * percent / 100)),
    ]),
    ["without its last byte", bytes.subarray(0, -1)],
  ];
  for (const [title, damaged] of cases) {
    Deno.test(`unpack: ${name} that is ${title} is told as damaged`, () =>
      inside(async (dir) => {
        await assert.rejects(unpacked(dir, name, damaged), (error) => {
          assert.ok(error instanceof Problem, String(error));
          assert.ok(error.message.includes(join(dir, name)), error.message);
          return true;
        });
        assert.deepEqual(fs.readdirSync(join(dir, "pkgs")), []);
      }));
  }
}

for (const format of ["conda", "tar.bz2"] as const) {
  Deno.test(`unpack: no changed byte of a .${format} makes it hang, crash, or leave its folder`, async () => {
    await inside((dir) => {
      const members = [...SOUND.filter(({ path }) => path !== "lib/a.so.1"), INDEX];
      const archive = join(dir, `sound.${format}`);
      fs.writeFileSync(archive, format === "conda" ? conda(members) : bzip2(tar(members)));
      fs.mkdirSync(join(dir, "work", "pkgs"), { recursive: true });
      const words = [join(import.meta.dirname!, "damage.ts"), archive, join(dir, "work"), "400"];
      const ended = spawnSync(COMPILER, words, { encoding: "utf8", timeout: 120_000 });
      assert.equal(ended.status, 0, ended.stderr);
      const { unpacked = 0, told = 0, ...rest } = JSON.parse(ended.stdout);
      assert.deepEqual(rest, {});
      assert.equal(unpacked + told, 400);
      assert.ok(told > 200, `only ${told} of 400 were told`);
    });
  });
}

Deno.test("unpack: zip members that are compressed, missing or twice are refused", async () => {
  const part = zlib.zstdCompressSync(tar([INDEX]));
  const lists: { [name: string]: Uint8Array }[] = [
    { "info-p.tar.zst": part },
    { "info-p.tar.zst": part, "info-q.tar.zst": part },
  ];
  for (const members of lists) {
    await inside(async (dir) => {
      await assert.rejects(unpacked(dir, "p.conda", zip(members)), /it has no (info|pkg)-/);
    });
  }
  await inside(async (dir) => {
    const bytes = zip({ "info-p.tar.zst": part, "pkg-p.tar.zst": part });
    bytes.writeUInt16LE(8, bytes.lastIndexOf("PK\x01\x02") + 10);
    await assert.rejects(unpacked(dir, "p.conda", bytes), /compressed or encrypted/);
  });
});

const RECORD = { name: "p", version: "1", build: "0", build_number: 0, fn: "p-1-0.conda" } as Record;

Deno.test("unpack: of several at once one wins, all succeed, the record is there", async () => {
  await inside(async (dir) => {
    fs.writeFileSync(join(dir, "p.conda"), conda([...SOUND, INDEX]));
    const into = join(dir, "pkgs", "p-1-0");
    await Promise.all([1, 2, 3, 4].map(() => unpack(join(dir, "p.conda"), into, RECORD)));
    assert.deepEqual(fs.readdirSync(join(dir, "pkgs")), ["p-1-0"]);
    assert.deepEqual(JSON.parse(fs.readFileSync(join(into, "info/repodata_record.json"), "utf8")), {
      ...RECORD,
    });
  });
});

Deno.test("unpack: what is half there is replaced, a file in its place too", async () => {
  for (
    const make of [
      (into: string) => fs.mkdirSync(join(into, "bin"), { recursive: true }),
      (into: string) => fs.writeFileSync(into, ""),
    ]
  ) {
    await inside(async (dir) => {
      make(join(dir, "pkgs", "p-1-0"));
      const into = await unpacked(dir, "p.conda", conda([...SOUND, INDEX]));
      assert.equal(tree(into)["bin/run"], "program #!/bin/sh\n");
      assert.deepEqual(fs.readdirSync(join(dir, "pkgs")), ["p-1-0"]);
    });
  }
});

Deno.test("remember: replaces the record of an unpacked package", async () => {
  await inside(async (dir) => {
    const into = await unpacked(dir, "p.conda", conda([INDEX]));
    remember(into, RECORD);
    remember(into, { ...RECORD, channel: "https://example.invalid/c" });
    const text = fs.readFileSync(join(into, "info/repodata_record.json"), "utf8");
    assert.equal(JSON.parse(text).channel, "https://example.invalid/c");
    assert.deepEqual(fs.readdirSync(join(into, "info")).sort(), ["index.json", "repodata_record.json"]);
  });
});

Deno.test("sweep: removes old temporary folders, and nothing else", async () => {
  await inside((dir) => {
    const pkgs = join(dir, "pkgs");
    const names = [".p-1-0.0123456789ab.unpack", ".q-1-0.ba9876543210.unpack", "r-1-0", ".other"];
    for (const name of names) fs.mkdirSync(join(pkgs, name, "bin"), { recursive: true });
    const old = Date.now() / 1000 - 86400;
    for (const name of [names[0]!, "r-1-0", ".other"]) fs.utimesSync(join(pkgs, name), old, old);
    sweep(pkgs);
    sweep(join(dir, "nowhere"));
    assert.deepEqual(fs.readdirSync(pkgs).sort(), [names[3], names[1], names[2]].sort());
  });
});

Deno.test("unpack: a cache that cannot be written, and an archive that is not there, are named", async () => {
  await inside(async (dir) => {
    fs.writeFileSync(join(dir, "p.conda"), conda([...SOUND, INDEX]));
    fs.writeFileSync(join(dir, "file"), "");
    await assert.rejects(unpack(join(dir, "p.conda"), join(dir, "file", "p-1-0")), (error) => {
      assert.ok(error instanceof Problem && error.message.includes(join(dir, "file")), String(error));
      return true;
    });
    await assert.rejects(unpack(join(dir, "none.conda"), join(dir, "pkgs", "p-1-0")), /none\.conda/);
  });
});

Deno.test("unpack: killed in the middle, it leaves what sweep knows, and the next one succeeds", async () => {
  await inside(async (dir) => {
    const archive = join(dir, "p.conda");
    const body = Buffer.alloc(1 << 16, "mambaenv");
    const many = Array.from({ length: 3000 }, (_, i) => ({ path: `lib/${i}`, body }));
    fs.writeFileSync(archive, conda([...many, INDEX]));
    const module = join(import.meta.dirname!, "../../lib/builtin/unpack.ts");
    const into = join(dir, "pkgs", "p-1-0");
    const code = `import {unpack} from ${JSON.stringify(module)}; await unpack(...${
      JSON.stringify([archive, into])
    })`;
    const child = spawn(COMPILER, ["-e", code], { stdio: "ignore" });
    const ended = new Promise((settle) => child.on("exit", settle));
    const files = () => fs.readdirSync(join(dir, "pkgs"), { recursive: true }).length;
    for (let i = 0; files() < 50 && i < 4000; i++) await new Promise((wake) => setTimeout(wake, 2));
    child.kill("SIGKILL");
    await ended;
    const [left = "", ...more] = fs.readdirSync(join(dir, "pkgs"));
    assert.match(left, /^\.p-1-0\..*unpack$/);
    assert.deepEqual(more, []);
    fs.utimesSync(join(dir, "pkgs", left), 0, 0);
    sweep(join(dir, "pkgs"));
    assert.equal(files(), 0);
    await unpack(archive, into);
    assert.equal(fs.readdirSync(join(into, "lib")).length, 3000);
  });
});
