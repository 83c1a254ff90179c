// The built-in engine against py-rattler: the same packages give the same files and bytes, and it reads our conda-meta.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Record, stem } from "../../lib/builtin/record.ts";
import { unpack } from "../../lib/builtin/unpack.ts";
import { type Channel, channel, SUBDIR } from "../channel/channel.ts";
import { call, oracle } from "../oracle.ts";
import { bzip2, conda, type Made, pax, tar, tree } from "./archive.ts";
import { linked, PLACEHOLDER, temporary } from "./packed.ts";

const ignore = !(await oracle());
const PROGRAM = join(import.meta.dirname!, "oracle.py");
/** What only one of the two writes: conda-meta, compiled files, the other's own, and what a script says of its time. */
const SKIP =
  /^(conda-meta|__clobbers__|CACHEDIR\.TAG|share\/made\/postlink|\.messages\.txt)(\/|$)|__pycache__/;

/** Every archive of the channel, in rounds that have a name once; Python is in each. */
function rounds({ dir, url }: Channel): Record[][] {
  const found: Record[][] = [];
  for (const subdir of ["noarch", SUBDIR]) {
    const index = JSON.parse(fs.readFileSync(join(dir, subdir, "repodata.json"), "utf8"));
    const entries = Object.entries<Record>({ ...index.packages, ...index["packages.conda"] });
    for (const [fn, entry] of entries.sort().reverse()) {
      // Its script fails, which is another test's.
      if (entry.name === "badlink") continue;
      const record = { ...entry, fn, subdir, url: `${url}/${subdir}/${fn}`, channel: url };
      const free = found.find((round) => round.every(({ name }) => name !== record.name));
      if (free) free.push(record);
      else found.push([record]);
    }
  }
  const python = found.flat().find(({ name }) => name === "python")!;
  return found.map((round) => round.some(({ name }) => name === "python") ? round : [...round, python]);
}

interface Listed {
  name: string;
  version: string;
  build: string;
  subdir: string;
  url: string;
  requested: string[];
  files: string[];
  paths: { path: string; kind: string; sha256: string | null; sum: string | null; size: number | null }[];
}

async function listed(prefix: string): Promise<Listed[]> {
  return JSON.parse(call([await oracle(), PROGRAM, "list", prefix]));
}

/** Installs by both in the same place, one after the other, and compares all that is there. */
async function compare(
  records: Record[],
  archive: (record: Record) => string,
  dir: string,
  prefix: string,
): Promise<void> {
  const packages = [];
  for (const record of records) {
    const into = join(dir, "pkgs", stem(record.fn));
    if (!fs.existsSync(into)) await unpack(archive(record), into, record);
    packages.push({ record, dir: into });
  }
  fs.rmSync(prefix, { recursive: true, force: true });
  const specs = [`${records[0]!.name} ==${records[0]!.version}`];
  await linked({ packages, prefix, platform: SUBDIR, specs });
  const ours = tree(prefix, SKIP);
  const our = await listed(prefix);
  check(records, our, prefix, specs);
  fs.rmSync(prefix, { recursive: true });
  fs.writeFileSync(join(dir, "records.json"), JSON.stringify(records));
  call([await oracle(), PROGRAM, "install", join(dir, "records.json"), join(dir, "cache"), prefix]);
  const theirs = tree(prefix, SKIP);
  for (const path of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    // No whole files in the message of a failure.
    if (ours[path] !== theirs[path]) {
      assert.equal(ours[path]?.slice(0, 300), theirs[path]?.slice(0, 300), path);
      assert.fail(`${path} differs`);
    }
  }
  paths(our, await listed(prefix));
}

/** Our conda-meta names the packages and what is on disk. */
function check(records: Record[], our: Listed[], prefix: string, specs: string[]): void {
  const all = our.map(({ name, version, build, subdir, url }) => ({ name, version, build, subdir, url }));
  const wanted = records.map(({ name, version, build, subdir, url }) => ({
    name,
    version,
    build,
    subdir,
    url,
  }));
  const order = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1;
  assert.deepEqual(all.sort(order), wanted.sort(order));
  assert.deepEqual(our.flatMap(({ requested }) => requested), specs);
  const owned = our.flatMap(({ files }) => files);
  assert.equal(new Set(owned).size, owned.length, "a file of two packages");
  for (const { path, kind, sum, size } of our.flatMap(({ paths }) => paths)) {
    const stats = fs.lstatSync(join(prefix, path));
    if (kind !== "hardlink" && kind !== "unix_python_entry_point") continue;
    assert.equal(size, stats.size, path);
    assert.equal(sum, createHash("sha256").update(fs.readFileSync(join(prefix, path))).digest("hex"), path);
  }
  const files = Object.keys(tree(prefix, /^(conda-meta|share\/made)(\/|$)/)).filter((path) =>
    !fs.lstatSync(join(prefix, path)).isDirectory()
  );
  assert.deepEqual(owned.sort(), files.sort(), "what is on disk is what packages own");
}

/** What conda-meta says of each path is what rattler says, compiled files and losers of a clash apart. */
function paths(our: Listed[], theirs: Listed[]): void {
  for (const { name, paths } of theirs) {
    const mine = our.find((other) => other.name === name)!.paths.filter(({ kind }) => kind !== "pyc_file");
    const plain = (list: Listed["paths"]) =>
      Object.fromEntries(
        list.filter(({ path }) => !path.startsWith("__clobbers__/")).map(
          ({ path, kind, sha256, sum, size }) => {
            const own = kind === "hardlink" || kind === "unix_python_entry_point";
            return [path, { kind, sum: own ? sum ?? sha256 : null, size: own ? size : null }];
          },
        ),
      );
    assert.deepEqual(plain(mine), plain(paths), name);
  }
}

Deno.test({
  name: "link: every package of the channel is as py-rattler installs it, and listed by it",
  ignore,
  fn: () =>
    temporary(async (dir) => {
      const made = await channel();
      const archive = ({ subdir, fn }: Record) => join(made.dir, subdir, fn);
      const all = rounds(made);
      for (const round of all) await compare(round, archive, dir, join(dir, "env"));
      for (const name of ["with space", "long".repeat(35)]) {
        await compare(all[0]!, archive, dir, join(dir, name));
      }
    }),
});

const LONG = `share/${"a long folder/".repeat(9)}ü`;
const text = (path: string, body: string): Made => ({ path, body, mode: 0o755 });

/** Odd, but sound: members of a package, and fields of its paths. */
const ODD: { [name: string]: { members: Made[]; paths?: { [path: string]: { [field: string]: unknown } } } } =
  {
    hardlinks: {
      members: [
        { path: "lib/a", body: "same" },
        { path: "lib/b", flag: "1", target: "lib/a" },
        { path: "lib/c", flag: "1", target: "./lib/b" },
      ],
    },
    names: {
      members: [
        { path: "share/ü é 日本", body: "x" },
        { path: 'share/quo\'te "$x" `y`', body: "x" },
        pax({ path: LONG }),
        { path: "short", body: "long" },
        { path: "share/-rf", body: "" },
        { path: "share/new\nline", body: "" },
        { path: "share/.hidden/..x", body: "" },
      ],
    },
    modes: {
      members: [
        { path: "bin/all", body: "x", mode: 0o777 },
        { path: "bin/owner", body: "x", mode: 0o700 },
        { path: "bin/read", body: "x", mode: 0o444 },
      ],
    },
    texts: {
      members: [
        text("bin/twice", `#!${PLACEHOLDER}/bin/python ${PLACEHOLDER}\n${PLACEHOLDER}:${PLACEHOLDER}\n`),
        text("bin/flags", `#! ${PLACEHOLDER}/bin/perl -w -T\nend ${PLACEHOLDER}`),
        text("bin/env", `#!/usr/bin/env ${PLACEHOLDER}/bin/python\n`),
        text("bin/crlf", `#!${PLACEHOLDER}/bin/sh\r\n${PLACEHOLDER}\r\n`),
        text("bin/none", `#!/bin/sh\nno prefix\n`),
        text("bin/long", `#!/${"x".repeat(140)}/bin/perl -w\n`),
        text("bin/python-like", `#!${PLACEHOLDER}/bin/python3.11-config\n`),
        text("bin/python3.11.2", `#!${PLACEHOLDER}/bin/python3.11 -E\n`),
        text("lib/latin1", `\xff ${PLACEHOLDER} \xfe`),
        text("lib/nothing", ""),
      ],
    },
    binaries: {
      members: [
        { path: "lib/one", body: `\0${PLACEHOLDER}/lib\0${"x".repeat(50)}` },
        { path: "lib/many", body: `a${PLACEHOLDER}:${PLACEHOLDER}/x:${PLACEHOLDER}\0\0${PLACEHOLDER}\0end` },
        { path: "lib/open", body: `\0${PLACEHOLDER}/lib` },
        { path: "lib/twice", body: `${PLACEHOLDER}\0${PLACEHOLDER}${PLACEHOLDER}\0` },
        { path: "lib/part", body: `${PLACEHOLDER.slice(0, -3)}\0` },
      ],
    },
    softlinks: {
      members: [
        { path: "lib/x.so.1", body: "x" },
        { path: "lib/x.so", flag: "2", target: "x.so.1" },
        { path: "lib/up", flag: "2", target: "../lib/x.so" },
        { path: "lib/dangling", flag: "2", target: "nowhere" },
        { path: "lib/dir", flag: "2", target: "../share" },
      ],
    },
    copied: { members: [{ path: "lib/x", body: "x" }], paths: { "lib/x": { no_link: true } } },
  };

function odd(dir: string): Record[] {
  const out: Record[] = [];
  for (const [name, { members, paths = {} }] of Object.entries(ODD)) {
    for (const ending of [".conda", ".tar.bz2"]) {
      const fn = `${name}-1.0-0${ending}`;
      const index = {
        name,
        version: "1.0",
        build: "0",
        build_number: 0,
        depends: [],
        subdir: "noarch",
        noarch: "generic",
      };
      const info = {
        "index.json": index,
        "paths.json": { paths: list(members, name, paths), paths_version: 1 },
      };
      const own = Object.entries(info).map(([file, body]) => ({
        path: `info/${file}`,
        body: JSON.stringify(body),
      }));
      const bytes = ending === ".conda" ? conda([...members, ...own]) : bzip2(tar([...own, ...members]));
      fs.mkdirSync(join(dir, "noarch"), { recursive: true });
      fs.writeFileSync(join(dir, "noarch", fn), bytes);
      const hash = (name: string) => createHash(name).update(bytes).digest("hex");
      const url = pathToFileURL(dir).href;
      const at = { fn, url: `${url}/noarch/${fn}`, channel: url, size: bytes.length };
      out.push({ ...index, ...at, noarch: "generic", sha256: hash("sha256"), md5: hash("md5") });
    }
  }
  return out;
}

function list(
  members: Made[],
  name: string,
  more: { [path: string]: { [field: string]: unknown } },
): unknown[] {
  const found: unknown[] = [];
  members.forEach(({ path, flag, body = "" }, i) => {
    if (flag === "x") return;
    const own = members[i - 1]?.flag === "x" ? LONG : path;
    const bytes = flag === "1" ? "same" : body;
    const placeholder = { prefix_placeholder: PLACEHOLDER, file_mode: name === "texts" ? "text" : "binary" };
    found.push({
      _path: own,
      path_type: flag === "2" ? "softlink" : "hardlink",
      sha256: createHash("sha256").update(bytes).digest("hex"),
      size_in_bytes: Buffer.byteLength(bytes),
      ...((name === "texts" || name === "binaries") && placeholder),
      ...more[own],
    });
  });
  return found;
}

Deno.test({
  name: "link: odd packages are as py-rattler installs them, from both formats",
  ignore,
  fn: () =>
    temporary(async (dir) => {
      const records = odd(join(dir, "channel"));
      for (const ending of [".conda", ".tar.bz2"]) {
        const own = records.filter(({ fn }) => fn.endsWith(ending));
        const base = join(dir, ending.slice(1));
        for (const name of ["env", "sp ace"]) {
          await compare(own, ({ fn }) => join(dir, "channel/noarch", fn), base, join(base, name));
        }
      }
    }),
});
