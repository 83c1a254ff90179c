// The test channel: real conda packages, made once on this machine by the Python beside this file.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { arch } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { call, type Interpreter, interpreter, oracle, which } from "../oracle.ts";
import { once } from "../once.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

/** conda's name for this machine. */
export const SUBDIR = arch() === "arm64" ? "linux-aarch64" : "linux-64";

/** What was made. */
export interface Channel {
  /** The channel's folder. */
  dir: string;
  /** The same as a `file:` URL. */
  url: string;
  /** Version of the `python` it offers. */
  python: string;
  /** Wheels and source archives that the channel has not; `serve` makes an index of them. */
  wheels: string;
}

/** The channel, built unless it was before with the same sources and the same interpreter. */
export function channel(): Promise<Channel> {
  return build("full", interpreter());
}

/** What a benchmark adds to `channel()`: pandas and others with many files. */
export function big(): Promise<Channel> {
  return build("big", interpreter());
}

/** A channel of nothing but `python`, made of that interpreter. */
export function runtime(python: Interpreter): Promise<Channel> {
  return build("python", python);
}

async function build(set: "full" | "big" | "python", made: Interpreter): Promise<Channel> {
  const python = await oracle();
  if (python === "") throw new Error("the channel needs the oracle");
  const top = await once(
    `channel-${set}`,
    key(`${made.path} ${made.version} ${SUBDIR} ${which("cc") ?? ""}`),
    (dir) => {
      const env = {
        PATH: `${dirname(python)}:${process.env["PATH"] ?? ""}`,
        PYTHONDONTWRITEBYTECODE: "1",
        PIP_DISABLE_PIP_VERSION_CHECK: "1",
      };
      call([python, join(HERE, "build.py"), set, dir, SUBDIR, made.path], env);
    },
  );
  const dir = join(top, "conda");
  return { dir, url: pathToFileURL(dir).href, python: made.version, wheels: join(top, "wheels") };
}

/** Of everything that a channel is made from. */
function key(machine: string): string {
  const hash = createHash("sha256").update(machine);
  const own = fs.readdirSync(HERE).filter((name) => /\.(py|txt|c)$/.test(name)).sort();
  for (const path of [...own, "../oracle.txt"]) {
    hash.update(path).update("\0").update(fs.readFileSync(join(HERE, path)));
  }
  return hash.digest("hex");
}
