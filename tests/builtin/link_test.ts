// Linking: what goes where and how, prefixes and first lines, whose file it is, what is written down, what is refused.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { rewrite } from "../../lib/builtin/rewrite.ts";
import { readAhead, readManifest } from "../../lib/builtin/manifest.ts";
import { topological } from "../../lib/builtin/order.ts";
import { Problem } from "../../lib/problem.ts";
import { COMPILER } from "../../tasks/compiler.ts";
import { tree } from "./archive.ts";
import { linked, pack, PLACEHOLDER, temporary } from "./packed.ts";

const OLD = "/old/placeholder";
const DEEP = "/" + "deep/".repeat(30) + "env";

/** First lines: mode, prefix, before, after. */
const LINES: readonly [prefix: string, before: string, after: string][] = [
  ["/new", `#!${OLD}/bin/python\nx ${OLD}`, "#!/new/bin/python\nx /new"],
  ["/new", `#!${OLD}/bin/sh`, "#!/new/bin/sh"],
  ["/new", `#! ${OLD}/bin/perl -w ${OLD}\r\n`, "#! /new/bin/perl -w /new\r\n"],
  ["/new", `#!/bin/sh\n${OLD}${OLD}`, "#!/bin/sh\n/new/new"],
  ["/new", `no line ${OLD}`, "no line /new"],
  ["/new", "", ""],
  ["/a$&b", `#!/bin/sh\n${OLD}`, "#!/bin/sh\n/a$&b"],
  ["/a$&b", `#!${OLD}/bin/sh\n`, "#!/a$&b/bin/sh\n"],
  [
    "/with space",
    `#!${OLD}/bin/python3.11 -E\n${OLD}`,
    `#!/bin/sh\n'''exec' "/with space/bin/python3.11" -E "$0" "$@" #'''\n/with space`,
  ],
  ["/with space", `#!${OLD}/bin/perl -w\n${OLD}`, "#!/usr/bin/env perl -w\n/with space"],
  ["/with space", `#!/bin/sh\n${OLD}`, "#!/bin/sh\n/with space"],
  ["/with\ttab", `#!${OLD}/bin/perl\n`, "#!/usr/bin/env perl\n"],
  ['/a "$x" b', `#!${OLD}/bin/python\n`, "#!/usr/bin/env python\n"],
  [DEEP, `#!${OLD}/bin/python\n`, `#!/bin/sh\n'''exec' "${DEEP}/bin/python" "$0" "$@" #'''\n`],
  [DEEP, `#!${OLD}/bin/perl -w\n`, "#!/usr/bin/env perl -w\n"],
  ["/" + "n".repeat(113), `#!${OLD}/bin/perl\nx`, `#!/${"n".repeat(113)}/bin/perl\nx`],
  ["/" + "n".repeat(116), `#!${OLD}/bin/perl\nx`, "#!/usr/bin/env perl\nx"],
];

Deno.test("rewrite text: first lines that a kernel can run, whatever the prefix", () => {
  for (const [prefix, before, after] of LINES) {
    const bytes = rewrite(Buffer.from(before), { placeholder: OLD, mode: "text" }, prefix, "linux-64", "f");
    assert.equal(bytes.toString(), after);
  }
});

Deno.test("rewrite text: bytes that are no UTF-8 stay, in the first line and below, and in the prefix", () => {
  const before = Buffer.concat([
    Buffer.from(`#!${OLD}/bin/x \xff`, "latin1"),
    Buffer.from([10, 0xfe, 0]),
    Buffer.from(OLD),
  ]);
  const bytes = rewrite(before, { placeholder: OLD, mode: "text" }, "/n\udcffw", "linux-64", "f");
  assert.equal(bytes.toString("latin1"), "#!/n\xffw/bin/x \xff\n\xfe\0/n\xffw");
});

const STRINGS: readonly [before: string, after: string][] = [
  [`a\0${OLD}/lib\0b`, "a\0/new/lib" + "\0".repeat(13) + "b"],
  [`${OLD}/a:${OLD}/b\0${OLD}\0z`, "/new/a:/new/b" + "\0".repeat(25) + "/new" + "\0".repeat(13) + "z"],
  [`x${OLD}`, "x/new" + "\0".repeat(12)],
  ["nothing\0", "nothing\0"],
];

Deno.test("rewrite binary: every string keeps its length", () => {
  for (const [before, after] of STRINGS) {
    const bytes = rewrite(Buffer.from(before), { placeholder: OLD, mode: "binary" }, "/new", "linux-64", "f");
    assert.equal(bytes.toString(), after);
    assert.equal(bytes.length, before.length);
  }
});

Deno.test("rewrite binary: a prefix that is too long is a Problem with the lengths, one that just fits is none", () => {
  const act = (prefix: string) =>
    rewrite(Buffer.from(`${OLD}\0`), { placeholder: OLD, mode: "binary" }, prefix, "linux-64", "lib/x.so")
      .toString();
  assert.equal(act("/" + "x".repeat(15)), "/" + "x".repeat(15) + "\0");
  assert.throws(() => act("/" + "x".repeat(16)), (error) => {
    assert.ok(error instanceof Problem);
    assert.match(error.message, /"lib\/x\.so": 17 bytes.*16/);
    return true;
  });
});

Deno.test("link: files, links, folders, modes and prefixes", async () => {
  await temporary(async (dir) => {
    const prefix = join(dir, "env");
    const made = pack(join(dir, "pkgs"), {
      name: "a",
      files: {
        "lib/plain": "plain",
        "lib/link": { link: "plain" },
        "lib/dangling": { link: "/nowhere" },
        "lib/empty": null,
        "lib/copied": { body: "c", entry: { no_link: true } },
        "bin/run": { body: `#!${PLACEHOLDER}/bin/sh\n`, mode: 0o755, replace: "text" },
        "lib/data": { body: `x\0${PLACEHOLDER}/x\0y`, replace: "binary" },
        "lib/was a link": { body: "file after all", entry: { path_type: "softlink" } },
      },
    });
    const { err, progress } = await linked({ packages: [made], prefix });
    assert.equal(err, "");
    const room = "\0".repeat(PLACEHOLDER.length - prefix.length);
    assert.deepEqual(tree(prefix, /^conda-meta/), {
      bin: "folder",
      "bin/run": `program #!${prefix}/bin/sh\n`,
      lib: "folder",
      "lib/copied": "file c",
      "lib/dangling": "-> /nowhere",
      "lib/data": `file x\0${prefix}/x${room}\0y`,
      "lib/empty": "folder",
      "lib/link": "-> plain",
      "lib/plain": "file plain",
      "lib/was a link": "file file after all",
    });
    const inode = (path: string) => fs.statSync(path).ino;
    assert.equal(inode(join(prefix, "lib/plain")), inode(join(made.dir, "lib/plain")));
    for (const path of ["lib/copied", "bin/run", "lib/data"]) {
      assert.notEqual(inode(join(prefix, path)), inode(join(made.dir, path)), path);
    }
    assert.equal(fs.statSync(join(prefix, "lib/copied")).mtimeMs, 1_500_000_000_000);
    assert.equal(fs.readFileSync(join(made.dir, "bin/run"), "utf8"), `#!${PLACEHOLDER}/bin/sh\n`);
    assert.deepEqual(progress.at(-1), { stage: "link", what: "a", done: 8, total: 8 });
  });
});

Deno.test("link: target is what files name where it is not the prefix", async () => {
  await temporary(async (dir) => {
    const files = { "etc/conf": { body: `p=${PLACEHOLDER}`, replace: "text" } } as const;
    await linked({
      packages: [pack(join(dir, "pkgs"), { name: "a", files })],
      prefix: join(dir, "env"),
      target: "/final",
    });
    assert.equal(fs.readFileSync(join(dir, "env/etc/conf"), "utf8"), "p=/final");
  });
});

Deno.test("link: packages of before paths.json, by files, has_prefix and no_link", async () => {
  await temporary(async (dir) => {
    const old = "/opt/" + ["anaconda1", "anaconda2", "anaconda3"].join("");
    const made = pack(join(dir, "pkgs"), {
      name: "a",
      files: {
        "a b": `${old}\n`,
        c: `${PLACEHOLDER}\n`,
        d: `${PLACEHOLDER}\0`,
        "q d": `${PLACEHOLDER}\n`,
        e: "e",
        f: { link: "e" },
        g: null,
      },
      info: {
        "paths.json": undefined,
        files: "a b\nc\nd\nq d\ne\nf\ng\n",
        has_prefix: `a b\n${PLACEHOLDER} text c\n${PLACEHOLDER} binary d\r\n"${PLACEHOLDER}" text "q d"\n`,
        no_link: "e\n",
      },
    });
    const prefix = join(dir, "env");
    await linked({ packages: [made], prefix });
    const found = tree(prefix, /^conda-meta/);
    assert.equal(found["a b"], `file ${prefix}\n`);
    assert.equal(found["c"], `file ${prefix}\n`);
    assert.equal(found["d"], `file ${prefix}${"\0".repeat(PLACEHOLDER.length - prefix.length)}\0`);
    assert.equal(found["q d"], `file ${prefix}\n`);
    assert.equal(found["f"], "-> e");
    assert.equal(found["g"], "folder");
    assert.notEqual(fs.statSync(join(prefix, "e")).ino, fs.statSync(join(made.dir, "e")).ino);
    const meta = JSON.parse(fs.readFileSync(join(prefix, "conda-meta/a-1.0-0.json"), "utf8"));
    const e = meta.paths_data.paths.find(({ _path }: { _path: string }) => _path === "e");
    assert.equal(e.sha256_in_prefix, createHash("sha256").update("e").digest("hex"));
  });
});

Deno.test("link: conda-meta says what conda's does", async () => {
  await temporary(async (dir) => {
    const prefix = join(dir, "env");
    const made = pack(join(dir, "pkgs"), {
      name: "a",
      md5: "0".repeat(32),
      size: 7,
      depends: ["b >=1"],
      channel: "https://conda.anaconda.org/conda-forge",
      files: { "bin/a": "x", "etc/a": { body: PLACEHOLDER, replace: "text" }, l: { link: "bin/a" }, d: null },
    });
    const packages = [made, pack(join(dir, "pkgs"), { name: "b" })];
    await linked({ packages, prefix, specs: ["A >=1", "conda-forge::a", "c"] });
    const meta = JSON.parse(fs.readFileSync(join(prefix, "conda-meta/a-1.0-0.json"), "utf8"));
    const { files, paths_data, ...rest } = meta;
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    assert.deepEqual(rest, {
      ...made.record,
      requested_spec: "A >=1",
      requested_specs: ["A >=1", "conda-forge::a"],
      package_tarball_full_path: join(dir, "pkgs/a-1.0-0.conda"),
      extracted_package_dir: made.dir,
      link: { source: made.dir, type: 1 },
    });
    assert.deepEqual(files, ["bin/a", "etc/a", "l"]);
    assert.equal(paths_data.paths_version, 1);
    assert.deepEqual(paths_data.paths, [
      {
        _path: "bin/a",
        path_type: "hardlink",
        sha256: hash("x"),
        sha256_in_prefix: hash("x"),
        size_in_bytes: 1,
      },
      { _path: "d", path_type: "directory" },
      {
        _path: "etc/a",
        path_type: "hardlink",
        prefix_placeholder: PLACEHOLDER,
        file_mode: "text",
        sha256: hash(PLACEHOLDER),
        sha256_in_prefix: hash(prefix),
        size_in_bytes: prefix.length,
      },
      { _path: "l", path_type: "softlink" },
    ]);
    const history = fs.readFileSync(join(prefix, "conda-meta/history"), "utf8").split("\n");
    assert.match(history[0]!, /^==> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d <==$/);
    assert.deepEqual(history.slice(1), [
      "# cmd: mambaenv A >=1 conda-forge::a c",
      "# update specs: ['A >=1', 'conda-forge::a', 'c']",
      "+conda-forge/linux-64::a-1.0-0",
      "+https://example.invalid/c/linux-64::b-1.0-0",
      "",
    ]);
    assert.deepEqual(fs.readdirSync(join(prefix, "conda-meta")).sort(), [
      "a-1.0-0.json",
      "b-1.0-0.json",
      "history",
    ]);
  });
});

Deno.test("link: history holds one line a thing, whatever a spec has in it", async () => {
  await temporary(async (dir) => {
    const spec = "a[build='x\\y']\n+evil/linux-64::evil-1-0";
    await linked({
      packages: [pack(join(dir, "pkgs"), { name: "a" })],
      prefix: join(dir, "env"),
      specs: [spec],
    });
    const lines = fs.readFileSync(join(dir, "env/conda-meta/history"), "utf8").trim().split("\n");
    assert.deepEqual(lines.slice(2), [
      "# update specs: ['a[build=\\'x\\\\y\\'] +evil/linux-64::evil-1-0']",
      "+https://example.invalid/c/linux-64::a-1.0-0",
    ]);
  });
});

Deno.test("topological: dependencies first in any order given, noarch last in a circle", () => {
  const record = (name: string, depends: string[], noarch?: "python") => ({
    record: { name, depends, noarch },
  });
  const items = [
    record("python", ["libc", "pip"]),
    record("pip", ["python >=3", "setuptools", "wheel"], "python"),
    record("setuptools", ["python"], "python"),
    record("wheel", ["python"], "python"),
    record("libc", ["__glibc"]),
    record("app", ["c::pip[version='>1']", "wheel"], "python"),
  ] as unknown as Parameters<typeof topological>[0];
  const expected = ["libc", "python", "wheel", "setuptools", "pip", "app"];
  for (let turn = 0; turn < items.length; turn++) {
    const turned = [...items.slice(turn), ...items.slice(0, turn)];
    assert.deepEqual(topological(turned).map(({ record }) => record.name), expected);
  }
});

Deno.test("claim: of two packages with a path the later has it, in any order given, and it is said", async () => {
  for (const flip of [false, true]) {
    await temporary(async (dir) => {
      const pkgs = join(dir, "pkgs");
      const packages = [
        pack(pkgs, {
          name: "base",
          files: { x: "base", y: "same", d: "file", "e/f": "base", "e/g": null, ok: "" },
        }),
        pack(pkgs, {
          name: "top",
          depends: ["base"],
          files: { x: "top", y: "same", "d/f": "top", e: "top" },
        }),
      ];
      const prefix = join(dir, "env");
      const { err } = await linked({ packages: flip ? packages.reverse() : packages, prefix });
      assert.deepEqual(tree(prefix, /^conda-meta/), {
        d: "folder",
        "d/f": "file top",
        e: "file top",
        ok: "file ",
        x: "file top",
        y: "file same",
      });
      assert.equal(err, 'warning: "d" and 2 more: the files are those of top, not of base\n');
      const meta = JSON.parse(fs.readFileSync(join(prefix, "conda-meta/base-1.0-0.json"), "utf8"));
      assert.deepEqual(meta.files, ["ok"]);
      assert.equal(meta.paths_data.paths.length, 1);
    });
  }
});

Deno.test("link: nothing is written through a link of a package, its own or another's", async () => {
  for (const order of [["base"], []]) {
    await temporary(async (dir) => {
      const pkgs = join(dir, "pkgs");
      fs.mkdirSync(join(dir, "home"));
      const evil = pack(pkgs, { name: "base", files: { out: { link: join(dir, "home") } } });
      const other = pack(pkgs, {
        name: "other",
        depends: order,
        files: { "out/.bashrc": "evil", "out/d": null },
      });
      await linked({ packages: [evil, other], prefix: join(dir, "env") });
      assert.deepEqual(fs.readdirSync(join(dir, "home")), []);
    });
  }
});

Deno.test("link: a package brings no records of packages and no history", async () => {
  await temporary(async (dir) => {
    fs.writeFileSync(join(dir, "victim"), "safe");
    const files = {
      "conda-meta/history": { link: "../../victim" },
      "conda-meta/a-1.0-0.json": { link: "../../victim" },
      "conda-meta/b-1.0-0.json": "mine",
      "conda-meta/evil-1.0-0.json": "{}",
      "conda-meta/pinned": "python 3.*",
    };
    const packages = [pack(join(dir, "pkgs"), { name: "a", files }), pack(join(dir, "pkgs"), { name: "b" })];
    await linked({ packages, prefix: join(dir, "env") });
    assert.equal(fs.readFileSync(join(dir, "victim"), "utf8"), "safe");
    assert.equal(fs.readFileSync(join(packages[0]!.dir, "conda-meta/b-1.0-0.json"), "utf8"), "mine");
    const names = ["a-1.0-0.json", "b-1.0-0.json", "history", "pinned"];
    assert.deepEqual(fs.readdirSync(join(dir, "env/conda-meta")).sort(), names);
    assert.equal(JSON.parse(fs.readFileSync(join(dir, "env/conda-meta/a-1.0-0.json"), "utf8")).name, "a");
    assert.match(fs.readFileSync(join(dir, "env/conda-meta/history"), "utf8"), /^==>/);
  });
});

Deno.test("link: conda-meta may not be a link, and a record's name no path", async () => {
  await temporary(async (dir) => {
    fs.mkdirSync(join(dir, "home"));
    const pkgs = join(dir, "pkgs");
    const link = pack(pkgs, { name: "a", files: { "conda-meta": { link: join(dir, "home") } } });
    await assert.rejects(linked({ packages: [link], prefix: join(dir, "one") }), /Cannot write .*conda-meta/);
    const name = pack(pkgs, { name: "b" });
    const packages = [{ ...name, record: { ...name.record, build: "0/../../../home/x" } }];
    await assert.rejects(linked({ packages, prefix: join(dir, "two") }), /impossible name/);
    assert.deepEqual(fs.readdirSync(join(dir, "home")), []);
  });
});

const EVIL: readonly [title: string, paths: unknown, words: RegExp][] = [
  ["upwards", [{ _path: "../victim", path_type: "hardlink" }], /would leave its folder/],
  ["upwards inside", [{ _path: "a/../../victim", path_type: "hardlink" }], /would leave its folder/],
  ["absolute", [{ _path: "/victim", path_type: "hardlink" }], /would leave its folder/],
  ["empty", [{ _path: "", path_type: "directory" }], /would leave its folder/],
  ["itself", [{ _path: ".", path_type: "directory" }], /would leave its folder/],
  ["not normal", [{ _path: "a//b", path_type: "hardlink" }], /would leave its folder/],
  ["behind a link", [{ _path: "out/victim", path_type: "hardlink" }], /behind a link/],
  ["a device of a link", [{
    _path: "dev",
    path_type: "hardlink",
    prefix_placeholder: "a",
    file_mode: "text",
  }], /no file/],
  [
    "not there",
    [{ _path: "none", path_type: "hardlink", sha256: "0".repeat(64), size_in_bytes: 1 }],
    /has no "none"/,
  ],
  ["no such link", [{ _path: "none", path_type: "softlink" }], /has no "none"/],
  ["no name", [{}], /without a name/],
  ["an unknown type", [{ _path: "a", path_type: "fifo" }], /unknown type/],
  ["no list", "many", /no paths/],
];

for (const [title, paths, words] of EVIL) {
  Deno.test(`link: a path that is ${title} is refused, and its package named`, () =>
    temporary(async (dir) => {
      fs.writeFileSync(join(dir, "victim"), "safe");
      const info = { "paths.json": JSON.stringify({ paths, paths_version: 1 }) };
      const files = { out: { link: "../.." }, dev: { link: "/dev/zero" } };
      const made = pack(join(dir, "pkgs"), { name: "a", files, info });
      await assert.rejects(linked({ packages: [made], prefix: join(dir, "env") }), (error) => {
        assert.ok(error instanceof Problem, String(error));
        assert.match(error.message, words);
        assert.ok(error.message.includes(made.dir), error.message);
        return true;
      });
      assert.equal(fs.readFileSync(join(dir, "victim"), "utf8"), "safe");
      assert.ok(!fs.existsSync(join(dir, "env/conda-meta/history")));
    }));
}

Deno.test("link: a list that is no JSON object is told as damage", async () => {
  for (const text of ["", "[]", "{", "null"]) {
    await temporary(async (dir) => {
      const made = pack(join(dir, "pkgs"), { name: "a", info: { "paths.json": text } });
      await assert.rejects(
        linked({ packages: [made], prefix: join(dir, "env") }),
        /is damaged: info\/paths\.json/,
      );
    });
  }
});

const SHM = "/dev/shm";
const other = fs.existsSync(SHM) && fs.statSync(SHM).dev !== fs.statSync("/tmp").dev;
Deno.test({
  name: "link: from another file system files are copied, with their times and modes",
  ignore: !other,
  fn: () =>
    temporary(async (dir) => {
      const cache = fs.mkdtempSync(join(SHM, "mambaenv-"));
      try {
        const files = { "bin/x": { body: "x", mode: 0o755 }, "lib/y": "y", "lib/z": { link: "y" } };
        const prefix = join(dir, "env");
        await linked({ packages: [pack(cache, { name: "a", files })], prefix });
        assert.deepEqual(tree(prefix, /^conda-meta/), {
          bin: "folder",
          "bin/x": "program x",
          lib: "folder",
          "lib/y": "file y",
          "lib/z": "-> y",
        });
        assert.equal(fs.statSync(join(prefix, "lib/y")).mtimeMs, 1_500_000_000_000);
        assert.equal(
          JSON.parse(fs.readFileSync(join(prefix, "conda-meta/a-1.0-0.json"), "utf8")).link.type,
          3,
        );
      } finally {
        fs.rmSync(cache, { recursive: true });
      }
    }),
});

const mounts = process.getuid?.() === 0 && spawnSync("unshare", ["--mount", "true"]).status === 0;
Deno.test({
  name: "link: a disk that is full is a Problem with the path, not a crash",
  ignore: !mounts,
  fn: () =>
    temporary(async (dir) => {
      const small = join(dir, "small");
      fs.mkdirSync(small);
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small]).status !== 0) return;
      try {
        for (
          const file of [Buffer.alloc(1 << 20), { body: PLACEHOLDER.repeat(9000), replace: "text" } as const]
        ) {
          const made = pack(join(dir, "pkgs"), { name: "a", files: { "lib/big": file } });
          const prefix = join(small, "env");
          await assert.rejects(linked({ packages: [made], prefix }), (error) => {
            assert.ok(error instanceof Problem, String(error));
            assert.equal(
              error.message,
              `Cannot write ${JSON.stringify(join(prefix, "lib/big"))}: the disk is full`,
            );
            return true;
          });
          fs.rmSync(prefix, { recursive: true });
          fs.rmSync(made.dir, { recursive: true });
        }
      } finally {
        spawnSync("umount", [small]);
      }
    }),
});

Deno.test("link: what is in the way in the prefix is not overwritten", async () => {
  await temporary(async (dir) => {
    const prefix = join(dir, "env");
    fs.mkdirSync(prefix);
    fs.symlinkSync(join(dir, "victim"), join(prefix, "x"));
    const made = pack(join(dir, "pkgs"), { name: "a", files: { x: { body: PLACEHOLDER, replace: "text" } } });
    await assert.rejects(linked({ packages: [made], prefix }), /Cannot write .*env\/x/);
    assert.ok(!fs.existsSync(join(dir, "victim")));
  });
});

const POSTLINK = "bin/.a-post-link.sh";
Deno.test("scripts: run after all is linked, with conda's variables; their messages are shown", async () => {
  await temporary(async (dir) => {
    const body = `echo noise; test -f "$PREFIX/b" && pwd > "$PREFIX/pwd"
echo "$PKG_NAME $PKG_VERSION $PKG_BUILDNUM" > "$PREFIX/.messages.txt"`;
    const packages = [
      pack(join(dir, "pkgs"), { name: "a", build_number: 3, files: { [POSTLINK]: body } }),
      pack(join(dir, "pkgs"), { name: "b", depends: ["a"], files: { b: "" } }),
    ];
    const prefix = join(dir, "env with space");
    const { err } = await linked({ packages, prefix });
    assert.equal(err, "a 1.0 3\n");
    assert.equal(fs.readFileSync(join(prefix, "pwd"), "utf8"), `${prefix}/bin\n`);
    assert.ok(!fs.existsSync(join(prefix, ".messages.txt")));
  });
});

Deno.test("scripts: one that fails is a Problem with its words, and the prefix is no environment yet", async () => {
  await temporary(async (dir) => {
    const files = { [POSTLINK]: "echo why >&2; echo more > $PREFIX/.messages.txt; exit 3" };
    const prefix = join(dir, "env");
    await assert.rejects(
      linked({ packages: [pack(join(dir, "pkgs"), { name: "a", files })], prefix }),
      (error) => {
        assert.ok(error instanceof Problem);
        assert.match(error.message, /"bin\/\.a-post-link\.sh" of a-1\.0-0\.conda ended with 3:\nwhy/);
        return true;
      },
    );
    assert.ok(!fs.existsSync(join(prefix, "conda-meta/history")));
  });
});

Deno.test("link: a prefix with any character in its name", async () => {
  for (const name of ["sp ace", "quo'te\"", "dollar$(x)`y`", "new\nline", "ü"]) {
    await temporary(async (dir) => {
      const files = { "etc/p": { body: PLACEHOLDER, replace: "text" }, "lib/x": "x" } as const;
      const prefix = join(dir, name);
      await linked({ packages: [pack(join(dir, "pkgs"), { name: "a", files })], prefix });
      assert.equal(fs.readFileSync(join(prefix, "etc/p"), "utf8"), prefix);
      assert.ok(fs.existsSync(join(prefix, "conda-meta/history")));
    });
  }
});

// Deno 2.9.6 has no paths that are not UTF-8; Bun, which the program is made of, has.
Deno.test("link: a prefix that is no UTF-8", async () => {
  await temporary((dir) => {
    const module = JSON.stringify(join(import.meta.dirname!, "packed.ts"));
    const code = `import { linked, pack, PLACEHOLDER } from ${module};
      const dir = ${JSON.stringify(dir)};
      const files = { "etc/p": { body: PLACEHOLDER, replace: "text" }, l: { link: "\u00fc" }, "lib/x": "x" };
      await linked({ packages: [pack(dir + "/pkgs", { name: "a", files })], prefix: dir + "/a/inv" + String.fromCharCode(0xdcff) + "alid" });`;
    const { status, stderr } = spawnSync(COMPILER, ["-e", code], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    const find = (word: string) =>
      spawnSync("sh", ["-c", `cd "$1"/a/inv*; ${word}`, "sh", dir]).stdout.toString("latin1");
    assert.equal(find("cat etc/p"), `${dir}/a/inv\xffalid`);
    assert.equal(find("cat conda-meta/history").split("\n")[0]?.slice(0, 3), "==>");
    assert.equal(find("cat lib/x"), "x");
  });
});

Deno.test("readAhead: a manifest read ahead counts until the package is unpacked again", () =>
  temporary(async (cache) => {
    const { dir } = pack(cache, { name: "one", files: { "a.txt": "a" } });
    pack(cache, { name: "two", files: { "c.txt": "c" } });
    const names = () => readManifest(dir).paths.map(({ path }) => path);
    assert.notEqual(readManifest(dir), readManifest(dir));
    await readAhead([cache, "/nowhere"], new Set(["one"]), () => true);
    assert.equal(readManifest(dir), readManifest(dir));
    assert.deepEqual(names(), ["a.txt"]);
    fs.rmSync(dir, { recursive: true });
    pack(cache, { name: "one", files: { "longer.txt": "b" } });
    assert.deepEqual(names(), ["longer.txt"]);
    fs.writeFileSync(join(dir, "info/paths.json"), "{");
    await readAhead([cache], new Set(["one"]), () => true);
    assert.throws(names, Problem);
  }));
