// Packs the release's programs as wheels, so that pip installs the program itself: no Python runs when it is called.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { page } from "../lib/commands/man.ts";
import { VERSION } from "../lib/version.ts";
import { ROOT } from "./compiler.ts";
import { enlist, folders } from "./dist.ts";
import { type Member, zip } from "./zip.ts";

/**
 * pip's names of the machines, by the program's. pip does not ask for AVX2, so processors of x64 get the baseline;
 * old versions of pip know manylinux2014 only by that name.
 */
export const PLATFORMS: { [target: string]: string } = {
  "linux-x64-baseline": "manylinux_2_17_x86_64.manylinux2014_x86_64",
  "linux-arm64": "manylinux_2_17_aarch64.manylinux2014_aarch64",
  "linux-x64-musl-baseline": "musllinux_1_2_x86_64",
  "linux-arm64-musl": "musllinux_1_2_aarch64",
  "darwin-arm64": "macosx_13_0_arm64",
  "darwin-x64": "macosx_13_0_x86_64",
};

const METADATA = `Metadata-Version: 2.1
Name: mambaenv
Version: ${VERSION}
Summary: A project's conda environment, activated in milliseconds
License: MIT
Keywords: conda,mamba,environment,direnv
Classifier: Environment :: Console
Classifier: Operating System :: POSIX :: Linux
Classifier: Operating System :: MacOS
Requires-Python: >=3
Description-Content-Type: text/markdown
`;

/** Packs a program, and what gzip made of it, as the wheel of its machine in a folder; returns the wheel's name. */
export function wheel(target: string, program: Uint8Array, packed: Buffer, dir: string): string {
  const platform = PLATFORMS[target]!;
  const [base, info] = [`mambaenv-${VERSION}`, `mambaenv-${VERSION}.dist-info`];
  const tags = platform.split(".").map((tag) => `Tag: py3-none-${tag}\n`).join("");
  const own = (name: string) => fs.readFileSync(join(ROOT, name));
  const text = (name: string, text: string): Member => ({ name, bytes: Buffer.from(text), mode: 0o644 });
  const members: Member[] = [
    { name: `${base}.data/scripts/mambaenv`, bytes: program, mode: 0o755, packed },
    text(`${base}.data/data/share/man/man1/mambaenv.1`, page()),
    text(`${info}/METADATA`, `${METADATA}\n${own("README.md")}`),
    text(`${info}/WHEEL`, `Wheel-Version: 1.0\nGenerator: mambaenv\nRoot-Is-Purelib: false\n${tags}`),
    { name: `${info}/LICENSE`, bytes: own("LICENSE"), mode: 0o644 },
  ];
  const record = members.map(({ name, bytes }) =>
    `${name},sha256=${createHash("sha256").update(bytes).digest("base64url")},${bytes.length}\n`
  );
  const file = `${base}-py3-none-${platform}.whl`;
  const all = [...members, text(`${info}/RECORD`, `${record.join("")}${info}/RECORD,,\n`)];
  fs.writeFileSync(join(dir, file), zip(all));
  return file;
}

if (import.meta.main) {
  const { from, to } = folders("wheels");
  for (const target of Object.keys(PLATFORMS)) {
    const program = join(from, `mambaenv-${target}`);
    const file = wheel(target, fs.readFileSync(program), fs.readFileSync(`${program}.gz`), to);
    console.log(`${file}  ${enlist(to, file)}`);
  }
}
