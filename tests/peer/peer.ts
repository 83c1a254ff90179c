// Installations of conda, mamba and micromamba, their programs being `peer.py`: real work, the same command line.
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { call, oracle } from "../oracle.ts";

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "peer.py");
/** The programs there can be. */
export type Name = "conda" | "mamba" | "micromamba";

/** Makes `dir` an installation with these programs in `bin`, and with what conda and mamba put beside them. */
export async function peer(dir: string, names: readonly Name[]): Promise<void> {
  const python = await oracle();
  if (python === "") throw new Error("the peer needs the oracle");
  for (const name of names) {
    const words = [python, PROGRAM, name, dir].map(quoted).join(" ");
    // With `-B` no cache appears in the checkout; `-s` and `-E` keep the caller's Python variables away, as theirs do.
    write(join(dir, "bin", name), `#!/bin/sh\nexec ${words.replace(" ", " -B -s -E ")} "$@"\n`, 0o755);
  }
  if (names.includes("micromamba") && names.length === 1) return;
  write(join(dir, "conda-meta", "history"), "");
  if (names.includes("conda")) {
    fs.mkdirSync(join(dir, "condabin"), { recursive: true });
    fs.symlinkSync("../bin/conda", join(dir, "condabin", "conda"));
    write(join(dir, "etc/profile.d/conda.sh"), call([join(dir, "bin", "conda"), "shell.posix", "hook"]));
    write(join(dir, "etc/fish/conf.d/conda.fish"), call([join(dir, "bin", "conda"), "shell.fish", "hook"]));
  }
  if (names.includes("mamba")) {
    const hook = [join(dir, "bin", "mamba"), "shell", "hook", "-s"];
    write(join(dir, "etc/profile.d/mamba.sh"), call([...hook, "posix"]));
    write(join(dir, "etc/fish/conf.d/mamba.fish"), call([...hook, "fish"]));
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function write(path: string, text: string, mode = 0o644): void {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, text, { mode });
}
