// The program for musl does its job where there is neither glibc nor anything else: a root with Debian's musl and the
// libstdc++ that a wheel of PyPI brings along.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TARGETS } from "../tasks/compiler.ts";
import { program } from "../tasks/release.ts";
import { channel } from "./channel/channel.ts";
import { once } from "./once.ts";
import { call as run, interpreter, oracle, tool } from "./oracle.ts";
import { call, type Called } from "./program.ts";
import { testWorld } from "./world.ts";

const HERE = import.meta.dirname!;
const PINS = join(HERE, "musl.txt");
const LOADER = "/lib/ld-musl-x86_64.so.1";

/** What GCC's libstdc++ has had since version 12, and the wheel's has not; called where all is lost anyway. */
const SHIM = ["_ZSt28__throw_bad_array_new_lengthv", "_ZSt21__glibcxx_assert_failPKciS0_S0_"]
  .map((name) => `void ${name}(void) { __builtin_trap(); }\n`).join("");

/** Whether it can be tried: a processor of that kind, root for the folder, a compiler, musl. */
function possible(): boolean {
  if (process.arch !== "x64" || process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const there = fs.existsSync(LOADER);
  if (!there && process.env["CI"]) throw new Error(`there is no ${LOADER}: apt-get install musl`);
  return there && tool("gcc") !== "" && tool("unshare") !== "";
}
const ignore = !possible() || !(await oracle());

/** A folder with the libraries that the program needs, made once. */
async function libraries(): Promise<string> {
  const python = [await oracle(), interpreter().path].find((each) =>
    spawnSync(each, ["-m", "pip", "--version"]).status === 0
  )!;
  return await once("musl", fs.readFileSync(PINS, "utf8"), (dir) => {
    const which = ["--platform", "musllinux_1_1_x86_64", "--python-version", "311", "--only-binary", ":all:"];
    run([python, "-m", "pip", "download", "--quiet", "--no-deps", ...which, "-d", dir, "-r", PINS]);
    const [wheel = ""] = fs.readdirSync(dir);
    run([python, "-m", "zipfile", "-e", join(dir, wheel), join(dir, "wheel")]);
    const lib = join(dir, "lib"), libs = join(dir, "wheel", "numpy.libs");
    fs.cpSync(libs, lib, { recursive: true, filter: (path) => !/openblas|gfortran|quadmath/.test(path) });
    fs.copyFileSync(LOADER, join(lib, "ld-musl-x86_64.so.1"));
    fs.symlinkSync("ld-musl-x86_64.so.1", join(lib, "libc.musl-x86_64.so.1"));
    const real = fs.readdirSync(lib).find((name) => name.startsWith("libstdc++"))!;
    fs.writeFileSync(join(dir, "shim.c"), SHIM);
    const words = ["-shared", "-nostdlib", "-fPIC", "-Wl,-soname,libstdc++.so.6", "-Wl,--no-as-needed"];
    const out = ["-Wl,--allow-shlib-undefined", "-o", join(lib, "libstdc++.so.6")];
    run(["gcc", ...words, join(dir, "shim.c"), join(lib, real), ...out]);
    fs.rmSync(join(dir, "wheel"), { recursive: true });
    fs.rmSync(join(dir, wheel));
  });
}

Deno.test(
  { name: "musl: makes an environment, enters it and looks after it, without glibc", ignore },
  async () => {
    const { url } = await channel();
    const { top } = testWorld({
      "root/proc/": "",
      "root/conda/": "",
      "root/work/environment.yml": "dependencies: [prefixed]\n",
    });
    const root = join(top, "root");
    fs.cpSync(join(await libraries(), "lib"), join(root, "lib"), { recursive: true, verbatimSymlinks: true });
    fs.renameSync(
      program(TARGETS.find(({ name }) => name === "linux-x64-musl")!, top),
      join(root, "mambaenv"),
    );
    const inside = (...words: string[]): Called => {
      const code =
        'mount -t proc proc "$0/proc" && mount --bind "$1" "$0/conda" && shift && exec chroot "$0" /mambaenv "$@"';
      const argv = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", code, root, fileURLToPath(url), ...words];
      const env = { HOME: "/home", PATH: "/usr/sbin:/usr/bin:/sbin:/bin", MAMBAENV_CHANNEL: "file:///conda" };
      return call(argv, { cwd: top, env: { ...env, MAMBAENV_PROJECT: "/work", MAMBAENV_SHELL: "sh" } });
    };

    const made = inside();
    assert.equal(made.status, 0, made.err);
    const [, prefix = ""] = /MAMBAENV_ACTIVE="'([^']+)'/.exec(made.out) ?? [];
    assert.match(prefix, /^\/home\/\.local\/share\/mambaenv\/envs\/\.mambaenv\/work-/, made.out);
    assert.ok(
      fs.readFileSync(join(root, prefix, "bin", "prefixed")).includes(prefix),
      "the prefix is written in",
    );
    const again = inside();
    assert.deepEqual([again.status, again.out, again.err], [0, made.out, ""]);
    assert.match(inside("list").out, /^work +1 /m);
    assert.match(inside("doctor").out, /there is no glibc here/);
  },
);
