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
import { archive, program, release } from "../tasks/release.ts";
import { PLATFORMS, wheel } from "../tasks/wheels.ts";
import { later, needs } from "./elf.ts";
import { publisher, tool } from "./oracle.ts";
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

/**
 * What a Mach-O file is for, from which macOS on, and whether it is signed, without which no Mac with Apple's
 * processor starts it.
 */
function macho(file: Buffer): { machine: string | undefined; system: string; signed: boolean } {
  assert.equal(file.readUInt32LE(0), 0xfeedfacf, "a 64-bit Mach-O file");
  let signed = false, system = "";
  for (let i = 0, at = 32; i < file.readUInt32LE(16); i++, at += file.readUInt32LE(at + 4)) {
    signed ||= file.readUInt32LE(at) === 0x1d && file.readUInt32LE(at + 12) > 0;
    if (file.readUInt32LE(at) === 0x32) system = `${file.readUInt16LE(at + 14)}_${file[at + 13]}`;
  }
  const machines: { [code: number]: string } = { 0x01000007: "x64", 0x0100000c: "arm64" };
  return { machine: machines[file.readUInt32LE(4)], system, signed };
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
    return assert.deepEqual(macho(bytes), { machine: processor, system, signed: true });
  }
  const { machine, libraries, versions, loader } = needs(bytes);
  assert.equal(machine, processor);
  assert.match(loader ?? "", libc === "musl" ? /^\/lib\/ld-musl-/ : /^\/lib(64)?\/ld-linux-/);
  assert.deepEqual(libraries.filter((library) => !(libc === "musl" ? MUSL : GLIBC).test(library)), []);
  const glibc = versions.filter((version) => version.startsWith("GLIBC_"));
  assert.deepEqual(glibc.filter((version) => libc === "musl" || later(version, "2.17")), []);
  assert.equal(glibc.length > 0, libc !== "musl");
}

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
        if (target.name.replace("-baseline", "") !== HERE) return;
        const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
        const { imports } = JSON.parse(fs.readFileSync(join(ROOT, "deno.json"), "utf8"));
        const rattler = imports["@conda-org/rattler"].replace(/.*@/, "");
        const made = [...commit() ? [`commit ${commit()}`] : [], `rattler ${rattler}`, `bun ${VERSION}`];
        assert.match(stdout, /^mambaenv \d+\.\d+\.\d+ \(/);
        assert.ok(stdout.endsWith(` (${made.join(", ")})\n`), stdout);
      }),
  );
}

/** Machines that an emulator stands for: its program, its words, and where the other machine's glibc is. */
const EMULATED: [target: string, title: string, emulator: string, words: string[], glibc?: string][] = [
  ["linux-x64-baseline", "a processor of 2008, without AVX", "qemu-x86_64-static", ["-cpu", "Nehalem"]],
  [
    "linux-arm64",
    "an arm64 machine",
    "qemu-aarch64-static",
    [],
    process.env["QEMU_LD_PREFIX"] ?? "/usr/aarch64-linux-gnu",
  ],
];
for (const [name, title, emulator, words, glibc] of EMULATED) {
  Deno.test({
    name: `release: ${name} enters an environment on ${title}`,
    ignore: ignore || HERE !== "linux-x64" || !tool(emulator),
  }, () =>
    folder((dir) => {
      const file = program(TARGETS.find((target) => target.name === name)!, dir);
      fs.mkdirSync(`${dir}/p/conda-meta`, { recursive: true });
      const machine = [tool(emulator), ...glibc ? ["-L", glibc] : [], ...words];
      const argv = [...machine, file, "-p", `${dir}/p`, "--shell", "bash"];
      const PATH = "/usr/bin:/bin";
      const { status, out, err } = call(argv, { cwd: dir, env: { HOME: dir, PATH } });
      assert.equal(status, 0, err);
      const entered = call(["/bin/bash", "-c", `${out}echo "$CONDA_PREFIX"`], { cwd: dir, env: { PATH } });
      assert.equal(entered.out, `${dir}/p\n`);
    }));
}

Deno.test(
  { name: "release: sums, compressed programs, and the same bytes a second time", ignore },
  () =>
    folder((dir) => {
      const some = TARGETS.filter(({ name }) => name === "linux-arm64-musl");
      const said: string[] = [];
      for (const to of ["a", "b"]) release(some, join(dir, to), (line) => said.push(line));
      const names = ["", ".gz", ".zst"].map((ending) => `mambaenv-linux-arm64-musl${ending}`);
      assert.deepEqual(fs.readdirSync(join(dir, "a")), ["SHA256SUMS", ...names]);
      const sums = names.map((name) => {
        const bytes = fs.readFileSync(join(dir, "a", name));
        return `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
      });
      for (const to of ["a", "b"]) {
        assert.equal(fs.readFileSync(join(dir, to, "SHA256SUMS"), "utf8"), sums.join(""));
      }
      const [plain, gz, zst] = names.map((name) => fs.readFileSync(join(dir, "a", name)));
      assert.ok(gunzipSync(gz!).equals(plain!));
      assert.ok(zst!.length < gz!.length && zstdDecompressSync(zst!).equals(plain!));
      assert.match(said[0]!, /^linux-arm64-musl +\d+\.\d MB {2}\.gz \d+\.\d MB {2}\.zst \d+\.\d MB$/);
    }),
);

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
