// The test channel: real conda packages, made once on this machine by the Python beside this file.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { arch } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { call, interpreter, oracle } from "../oracle.ts";
import { HOME, once } from "../once.ts";

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
}

/** The channel, built unless it was before with the same sources and the same interpreter. */
export async function channel(): Promise<Channel> {
  const python = await oracle();
  if (python === "") throw new Error("the channel needs the oracle");
  const { path, version } = interpreter();
  const dir = await once("channel", key(`${path} ${version} ${SUBDIR}`), (dir) => {
    const env = { PATH: `${dirname(python)}:${process.env["PATH"] ?? ""}`, PYTHONDONTWRITEBYTECODE: "1" };
    call([python, join(HERE, "build.py"), dir, SUBDIR, path], env);
  });
  return { dir: join(dir, "conda"), url: pathToFileURL(join(dir, "conda")).href, python: version };
}

/** Of everything the channel is made from. */
function key(machine: string): string {
  const hash = createHash("sha256").update(machine);
  const own = fs.readdirSync(HERE).filter((name) => /\.(py|txt|c)$/.test(name)).sort();
  for (const path of [...own.map((name) => join(HERE, name)), join(HOME, "tests", "oracle.txt")]) {
    hash.update(path.slice(HOME.length)).update("\0").update(fs.readFileSync(path));
  }
  return hash.digest("hex");
}
