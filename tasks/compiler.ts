// Where Bun is, which compiles the program: the npm package of this machine holds the binary itself.
import { join } from "node:path";

/** npm packages of Bun, by Node's names of platform and processor. */
const PACKAGES: { [machine: string]: string } = {
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
  "darwin-x64": "@oven/bun-darwin-x64",
  "darwin-arm64": "@oven/bun-darwin-aarch64",
};

/** The checkout. */
export const ROOT = join(import.meta.dirname!, "..");
/** Name of the npm package for this machine. */
export const PACKAGE = PACKAGES[`${process.platform}-${process.arch}`] ?? "@oven/bun";
/** Path of Bun. */
export const COMPILER = join(ROOT, "node_modules", PACKAGE, "bin", "bun");
