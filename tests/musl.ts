// What the program for musl needs, and no more: Debian's musl and the libstdc++ that a wheel of PyPI brings along.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { once } from "./once.ts";
import { call as run, interpreter, oracle } from "./oracle.ts";

/** What GCC's libstdc++ has had since version 12, and x64's wheel has not; called where all is lost anyway. */
const SHIM = ["_ZSt28__throw_bad_array_new_lengthv", "_ZSt21__glibcxx_assert_failPKciS0_S0_"]
  .map((name) => `void ${name}(void) { __builtin_trap(); }\n`).join("");

/** A folder with them for a processor, made once; `loader` is Debian's musl. */
export async function libraries(processor: "x86_64" | "aarch64", loader: string): Promise<string> {
  const pins = join(import.meta.dirname!, processor === "x86_64" ? "musl.txt" : "musl-arm64.txt");
  const python = [await oracle(), interpreter().path].find((each) =>
    spawnSync(each, ["-m", "pip", "--version"]).status === 0
  )!;
  const dir = await once(`musl-${processor}`, fs.readFileSync(pins, "utf8"), (dir) => {
    const platforms = ["1_1", "1_2"].flatMap((
      version,
    ) => ["--platform", `musllinux_${version}_${processor}`]);
    const which = [...platforms, "--python-version", "311", "--only-binary", ":all:"];
    run([python, "-m", "pip", "download", "--quiet", "--no-deps", ...which, "-d", dir, "-r", pins]);
    const [wheel = ""] = fs.readdirSync(dir);
    run([python, "-m", "zipfile", "-e", join(dir, wheel), join(dir, "wheel")]);
    const lib = join(dir, "lib"), libs = join(dir, "wheel", "numpy.libs");
    fs.cpSync(libs, lib, { recursive: true, filter: (path) => !/openblas|gfortran|quadmath/.test(path) });
    fs.copyFileSync(loader, join(lib, `ld-musl-${processor}.so.1`));
    fs.symlinkSync(`ld-musl-${processor}.so.1`, join(lib, `libc.musl-${processor}.so.1`));
    const real = fs.readdirSync(lib).find((name) => name.startsWith("libstdc++"))!;
    if (processor === "x86_64") shim(join(lib, real), join(lib, "libstdc++.so.6"), dir);
    else fs.symlinkSync(real, join(lib, "libstdc++.so.6"));
    fs.rmSync(join(dir, "wheel"), { recursive: true });
    fs.rmSync(join(dir, wheel));
  });
  return join(dir, "lib");
}

function shim(real: string, out: string, dir: string): void {
  const source = join(dir, "shim.c");
  fs.writeFileSync(source, SHIM);
  const words = ["-shared", "-nostdlib", "-fPIC", "-Wl,-soname,libstdc++.so.6", "-Wl,--no-as-needed"];
  run(["gcc", ...words, source, real, "-Wl,--allow-shlib-undefined", "-o", out]);
}
