// Compiles the release: a program for each machine, compressed too, and their checksums, in dist/ or `--to DIR`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { program as compile } from "./compile.ts";
import { ROOT, type Target, TARGETS, VERSION } from "./compiler.ts";

/** Archives of Bun's packages that were fetched before. */
const CACHE = join(ROOT, ".cache", "bun");

/** Compiles the program for a machine, as `dir/mambaenv-NAME`; returns its path. */
export function program(target: Target, dir: string): string {
  const outfile = join(dir, `mambaenv-${target.name}`);
  const work = fs.mkdtempSync(join(dir, ".bun-"));
  try {
    run("tar", ["-xzf", archive(target), "-C", work]);
    const bun = join(work, "package", "bin", "bun");
    compile(outfile, [`--target=bun-${target.name}`, `--compile-executable-path=${bun}`]);
    fs.chmodSync(outfile, 0o755);
    return outfile;
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** The package's archive as npm fetches it, with the content that the table says. */
export function archive({ bun, integrity }: Target): string {
  const file = join(CACHE, `${bun.replace("@", "").replace("/", "-")}-${VERSION}.tgz`);
  if (!fs.existsSync(file)) {
    fs.mkdirSync(CACHE, { recursive: true });
    // Tests and tasks may do the same at the same time: each in a folder of its own, and one rename.
    const own = fs.mkdtempSync(join(CACHE, "fetch-"));
    try {
      run("npm", ["pack", "--silent", "--pack-destination", own, `${bun}@${VERSION}`]);
      for (const name of fs.readdirSync(own)) fs.renameSync(join(own, name), file);
    } finally {
      fs.rmSync(own, { recursive: true, force: true });
    }
  }
  const found = `sha512-${createHash("sha512").update(fs.readFileSync(file)).digest("base64")}`;
  if (found === integrity) return file;
  fs.rmSync(file);
  throw new Error(
    `${bun}@${VERSION} is not what tasks/compiler.ts says\n  expected ${integrity}\n  is ${found}`,
  );
}

function run(program: string, words: readonly string[]): void {
  const { status, error } = spawnSync(program, words, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[program, ...words].join(" ")} ended with ${status}`);
}

/** More would cost minutes for each program. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 10 } };

/** Compresses a folder's programs, `.gz`, and `.zst` if that is smaller; lists all in SHA256SUMS; says the sizes. */
export function pack(names: readonly string[], dir: string, say: (line: string) => void): void {
  const sums: string[] = [];
  const list = (file: string, bytes: Uint8Array) => {
    sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${file.slice(dir.length + 1)}\n`);
    return `${(bytes.length / 1e6).toFixed(1)} MB`;
  };
  for (const name of names) {
    const file = join(dir, `mambaenv-${name}`);
    const bytes = fs.readFileSync(file);
    let line = name.padEnd(24) + list(file, bytes);
    const gz = gzipSync(bytes, { level: 9 }), zst = zstdCompressSync(bytes, ZSTD);
    for (const [ending, packed] of [[".gz", gz], [".zst", zst]] as const) {
      if (packed.length > gz.length) continue;
      fs.writeFileSync(file + ending, packed);
      line += `  ${ending} ${list(file + ending, packed)}`;
    }
    say(line);
  }
  const plain = join(dir, "mambaenv");
  if (fs.existsSync(plain)) list(plain, fs.readFileSync(plain));
  fs.writeFileSync(join(dir, "SHA256SUMS"), sums.join(""));
}

if (import.meta.main) {
  const [flag, to, ...rest] = Deno.args;
  if ((flag !== undefined && (flag !== "--to" || !to)) || rest.length > 0) {
    console.error("usage: deno task release [--to DIR]");
    Deno.exit(2);
  }
  const dir = to ?? join(dirname(import.meta.dirname!), "dist");
  fs.mkdirSync(dir, { recursive: true });
  pack(TARGETS.map((target) => (program(target, dir), target.name)), dir, console.log);
}
