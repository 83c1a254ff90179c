// The release: every machine's program is compiled from npm's packages alone and asks of the machine what it may.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { commit } from "../tasks/compile.ts";
import { type Target, TARGETS, VERSION } from "../tasks/compiler.ts";
import { archive, pack, program } from "../tasks/release.ts";
import { sign } from "../tasks/sign.ts";
import { PLATFORMS, wheel } from "../tasks/wheels.ts";
import { later, needs } from "./elf.ts";
import { macho } from "./macho.ts";
import { channel } from "./channel/channel.ts";
import { oracle, publisher, tool } from "./oracle.ts";
import { call } from "./program.ts";

const ROOT = join(import.meta.dirname!, "..");
const HERE = `${process.platform}-${process.arch}`;
const GLIBC = /^(lib(c|m|dl|pthread)\.so\.\d+|ld-linux[\w-]*\.so\.\d+)$/;
const MUSL = /^(libc\.musl-(x86_64|aarch64)\.so\.1|libstdc\+\+\.so\.6|libgcc_s\.so\.1)$/;

/** Whether Bun's packages can be had here; where CI is set, they have to. */
function reachable(): boolean {
  if (!tool("npm") || !tool("tar")) return false;
  try {
    return archive(TARGETS[0]!) !== "";
  } catch (error) {
    if (process.env["CI"]) throw error;
    console.error(`release_test: skipped, since npm gives no packages here: ${error}`);
    return false;
  }
}
const ignore = !reachable();

async function folder(test: (dir: string) => Promise<void> | void): Promise<void> {
  const dir = fs.mkdtempSync(join(tmpdir(), "release-"));
  try {
    await test(dir);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

/** auditwheel's word on the wheel of another machine than this one, whose own wheels_test installs. */
async function audit({ name }: Target, bytes: Buffer, dir: string): Promise<void> {
  const python = await publisher();
  if (python === "") return;
  const file = join(dir, wheel(name, bytes, gzipSync(bytes, { level: 1 }), dir));
  const { stdout } = spawnSync(python, ["-m", "auditwheel", "show", file], { encoding: "utf8" });
  fs.rmSync(file);
  const said = stdout.replace(/\s+/g, " ");
  const tag = PLATFORMS[name]!.split(".")[0]!;
  if (!tag.startsWith("musl")) return assert.ok(said.includes(`platform tag: "${tag}"`), said);
  const more = /tag '(\S+)' the following shared library dependencies will need to be eliminated: (.*?) ?$/;
  assert.deepEqual(more.exec(said)?.slice(1), [tag, "libstdc++.so.6"], said);
}

function check({ name }: Target, bytes: Buffer): void {
  const [platform, processor, libc] = name.replace("-baseline", "").split("-");
  if (platform === "darwin") {
    const [, system] = /^macosx_(\d+_\d+)_/.exec(PLATFORMS[name]!)!;
    const { libraries, signature, ...rest } = macho(bytes);
    assert.deepEqual(rest, { machine: processor, loader: "/usr/lib/dyld", system });
    assert.deepEqual(libraries.filter((path) => !/^\/usr\/lib\/lib[\w.+-]+\.dylib$/.test(path)), []);
    return assert.ok(signature.adhoc && signature.pages * 4096 > bytes.length * 0.99, "all of it is signed");
  }
  const { machine, libraries, versions, loader } = needs(bytes);
  assert.equal(machine, processor);
  assert.match(loader ?? "", libc === "musl" ? /^\/lib\/ld-musl-/ : /^\/lib(64)?\/ld-linux-/);
  assert.deepEqual(libraries.filter((library) => !(libc === "musl" ? MUSL : GLIBC).test(library)), []);
  const glibc = versions.filter((version) => version.startsWith("GLIBC_"));
  assert.deepEqual(glibc.filter((version) => libc === "musl" || later(version, "2.17")), []);
  assert.equal(glibc.length > 0, libc !== "musl");
}

/** What else is tried of a program, once it is compiled. */
const FURTHER: { [name: string]: (file: string, target: Target, dir: string) => Promise<void> | void } = {
  [HERE]: tells,
  "linux-x64-baseline": old,
  "linux-arm64-musl": twice,
  "darwin-arm64": signed,
  "darwin-x64": twice,
};

for (const target of TARGETS) {
  Deno.test(
    { name: `release: ${target.name} is for its machine and needs nothing newer`, ignore },
    () =>
      folder(async (dir) => {
        const file = program(target, dir);
        const bytes = fs.readFileSync(file);
        check(target, bytes);
        const linux = target.name.startsWith("linux") && !target.name.startsWith(HERE + "-baseline");
        if (linux && PLATFORMS[target.name]) await audit(target, bytes, dir);
        assert.deepEqual(fs.readdirSync(dir), [`mambaenv-${target.name}`], "nothing is left over");
        await FURTHER[target.name]?.(file, target, dir);
      }),
  );
}

/** `--version` names all that it was made of. */
function tells(file: string): void {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
  const { imports } = JSON.parse(fs.readFileSync(join(ROOT, "deno.json"), "utf8"));
  const rattler = imports["@conda-org/rattler"].replace(/.*@/, "");
  const made = [...commit() ? [`commit ${commit()}`] : [], `rattler ${rattler}`, `bun ${VERSION}`];
  assert.match(stdout, /^mambaenv \d+\.\d+\.\d+ \(/);
  assert.ok(stdout.endsWith(` (${made.join(", ")})\n`), stdout);
}

/** It makes an environment and enters it on a processor of 2008, without AVX. */
async function old(file: string, _: Target, dir: string): Promise<void> {
  const emulator = HERE === "linux-x64" ? tool("qemu-x86_64-static") : "";
  if (emulator === "" || !(await oracle())) return;
  fs.mkdirSync(join(dir, "work"));
  fs.writeFileSync(join(dir, "work", "environment.yml"), "dependencies: [prefixed]\n");
  const env = { HOME: dir, PATH: "/usr/bin:/bin", MAMBAENV_CHANNEL: (await channel()).url };
  const code =
    `eval "$(${emulator} -cpu Nehalem ${file} --shell bash)" && prefixed | head -n 1 && echo "$CONDA_PREFIX"`;
  const { status, out, err } = call(["/bin/bash", "-c", code], { cwd: join(dir, "work"), env });
  assert.equal(status, 0, err);
  assert.match(out, /^(\/.*\/envs\/\.mambaenv\/work-[0-9a-f]{8})\n\1\n$/);
}

/** Compiled once more, it has the same bytes. */
function twice(file: string, target: Target, dir: string): void {
  fs.mkdirSync(join(dir, "again"));
  assert.ok(fs.readFileSync(program(target, join(dir, "again"))).equals(fs.readFileSync(file)));
}

/** We would sign it as Bun did, and where it was changed that is found out. */
function signed(file: string): void {
  const bytes = fs.readFileSync(file);
  assert.ok(sign(bytes).equals(bytes));
  const other = Buffer.from(bytes);
  other[bytes.length >> 1]! ^= 1;
  assert.throws(() => macho(other), /is not the one that was signed/);
  macho(sign(other));
}

Deno.test("release: sums, and compressed programs", () =>
  folder((dir) => {
    const bytes = (name: string) => fs.readFileSync(join(dir, name));
    fs.writeFileSync(join(dir, "mambaenv-a"), "mambaenv ".repeat(99_999));
    fs.writeFileSync(join(dir, "mambaenv"), "this machine's");
    const said: string[] = [];
    pack(["a"], dir, (line) => said.push(line));
    const names = ["-a", "-a.gz", "-a.zst", ""].map((ending) => `mambaenv${ending}`);
    assert.deepEqual(fs.readdirSync(dir), ["SHA256SUMS", ...names].sort());
    const sums = names.map((name) => `${createHash("sha256").update(bytes(name)).digest("hex")}  ${name}\n`);
    assert.equal(bytes("SHA256SUMS").toString(), sums.join(""));
    assert.ok(gunzipSync(bytes("mambaenv-a.gz")).equals(bytes("mambaenv-a")));
    assert.ok(zstdDecompressSync(bytes("mambaenv-a.zst")).equals(bytes("mambaenv-a")));
    assert.deepEqual(said, [`${"a".padEnd(24)}0.9 MB  .gz 0.0 MB  .zst 0.0 MB`]);
  }));

Deno.test({ name: "release: another archive than the table's is refused and thrown away", ignore }, () => {
  const target = { ...TARGETS[0]!, bun: "@oven/bun-darwin-x64" };
  assert.throws(() => archive(target), /is not what tasks\/compiler\.ts says/);
});

Deno.test("release: its version and sum of Bun are those of deno.json and deno.lock", () => {
  const { imports } = JSON.parse(fs.readFileSync(join(ROOT, "deno.json"), "utf8"));
  const { npm } = JSON.parse(fs.readFileSync(join(ROOT, "deno.lock"), "utf8"));
  const bun = "@oven/bun-linux-x64";
  assert.equal(imports[bun], `npm:${bun}@${VERSION}`);
  assert.equal(TARGETS.find((target) => target.bun === bun)?.integrity, npm[`${bun}@${VERSION}`].integrity);
});
