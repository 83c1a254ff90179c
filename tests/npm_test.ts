// npm: of a registry's packages it takes this machine's, and what it puts on PATH is the program itself or becomes it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { VERSION } from "../lib/version.ts";
import { launcher, manifest, PACKAGES, packed } from "../tasks/npm.ts";
import { tool } from "./oracle.ts";
import { PROGRAM, start } from "./program.ts";

const HERE = `${process.platform}-${process.arch}`;
const OWN = PACKAGES.find(({ name }) => name === `@mambaenv/${HERE}`);
const NPM = tool("npm");
const SAID = new RegExp(`^mambaenv ${VERSION.replaceAll(".", "\\.")}\\b`);

/** A folder with the packed packages, and how programs are run in it. */
interface Stage {
  dir: string;
  files: { [name: string]: string };
  ran(argv: readonly string[], cwd?: string): Promise<{ status: number | null; out: string; err: string }>;
}

async function staged(test: (stage: Stage) => Promise<void>): Promise<void> {
  const dir = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "npm-")));
  const env = {
    HOME: dir,
    PATH: `${dirname(NPM)}:/usr/bin:/bin`,
    NPM_CONFIG_UPDATE_NOTIFIER: "false",
    NPM_CONFIG_AUDIT: "false",
    NPM_CONFIG_FUND: "false",
  };
  try {
    const files = { mambaenv: launcher(dir), [OWN!.name]: packed(OWN!, PROGRAM, dir) };
    await test({ dir, files, ran: (argv, cwd = dir) => start(argv, { cwd, env }).ended });
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

/** A registry that knows all packages and has the archives that were packed; `asked` are those that it was asked for. */
async function registry({ dir, files, ran }: Stage) {
  const shown = await ran(["tar", "-xOzf", files["mambaenv"]!, "package/package.json"]);
  const manifests = [JSON.parse(shown.out), ...PACKAGES.map(manifest)];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    const found = manifests.find(({ name }) => path === `/${name}`);
    if (path.startsWith("/-/")) asked.push(path.slice(3));
    const file = files[path.slice(3)];
    if (found) return void response.end(JSON.stringify(packument(found)));
    if (file) return void response.end(fs.readFileSync(join(dir, file)));
    response.writeHead(404).end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const packument = (manifest: { name: string }) => {
    const { name } = manifest;
    const bytes = files[name] === undefined ? "" : fs.readFileSync(join(dir, files[name]));
    const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    const scripts = name === "mambaenv" ? { hasInstallScript: true } : {};
    const version = { ...manifest, ...scripts, dist: { tarball: `${url}-/${name}`, integrity } };
    return { name, "dist-tags": { latest: VERSION }, versions: { [VERSION]: version } };
  };
  return { url, asked, close: () => new Promise((closed) => server.close(closed)) };
}

async function fromRegistry(stage: Stage): Promise<void> {
  const { dir, ran } = stage;
  const { url, asked, close } = await registry(stage);
  try {
    const prefix = join(dir, "global");
    const words = ["install", "--global", "--prefix", prefix, "--registry", url, "mambaenv"];
    const { status, err } = await ran([NPM, ...words]);
    assert.equal(status, 0, err);
    const command = join(prefix, "bin", "mambaenv");
    assert.ok(fs.readFileSync(command).equals(fs.readFileSync(PROGRAM)), "nothing stands in between");
    assert.match((await ran([command, "--version"])).out, SAID);
    const [major = 0] = (await ran([NPM, "--version"])).out.split(".").map(Number);
    // npm knows of C libraries since 9.6; what it could not take for another reason it leaves out.
    const others = asked.filter((name) => major >= 10 || !name.endsWith("-musl"));
    assert.deepEqual(others.sort(), [OWN!.name, "mambaenv"].sort());
    // Again, as npm does for an upgrade or a repair.
    assert.equal((await ran([NPM, ...words])).status, 0);
    assert.equal((await ran([NPM, "rebuild", "--global", "--prefix", prefix])).status, 0);
    assert.match((await ran([command, "--version"])).out, SAID);
    assert.equal((await ran([NPM, "uninstall", "--global", "--prefix", prefix, "mambaenv"])).status, 0);
    assert.ok(!fs.existsSync(command));
  } finally {
    await close();
  }
}

async function fromFiles({ dir, files, ran }: Stage): Promise<void> {
  const project = join(dir, "it's a $project");
  fs.mkdirSync(join(project, "p", "conda-meta"), { recursive: true });
  fs.writeFileSync(join(project, "package.json"), "{}");
  const paths = Object.values(files).map((file) => join(dir, file));
  const words = ["install", "--offline", "--ignore-scripts", ...paths];
  const { status, err } = await ran([NPM, ...words], project);
  assert.equal(status, 0, err);
  const command = join(project, "node_modules", ".bin", "mambaenv");
  assert.equal(fs.readFileSync(command, "latin1").slice(0, 9), "#!/bin/sh");
  assert.match((await ran([command, "--version"])).out, SAID);
  // The shell is found out, since there is no process in between.
  const code = `source <(node_modules/.bin/mambaenv -p "$PWD/p" --no-create) && echo "$CONDA_PREFIX"`;
  const entered = await ran(["/bin/bash", "-c", code], project);
  assert.deepEqual([entered.out, entered.err], [`${project}/p\n`, ""]);
  const ended = await ran(
    [command, "run", "-p", "p", "sh", "-c", 'echo "$1"; exit 7', "sh", "a  'b"],
    project,
  );
  assert.deepEqual([ended.status, ended.out], [7, "a  'b\n"]);

  fs.rmSync(join(project, "node_modules", "@mambaenv"), { recursive: true });
  const failed = await ran([command, "--version"], project);
  assert.deepEqual([failed.status, failed.out], [1, ""]);
  assert.match(
    failed.err,
    /^mambaenv: npm installed no program for this machine \(.*\): npm install --include=/,
  );
  const placed = await ran(["sh", "place.sh"], join(project, "node_modules", "mambaenv"));
  assert.deepEqual([placed.status, placed.err], [0, ""]);
}

function twice({ dir, files }: Stage): void {
  const first = fs.readFileSync(join(dir, files["mambaenv"]!));
  launcher(dir);
  assert.ok(fs.readFileSync(join(dir, files["mambaenv"]!)).equals(first));
}

Deno.test(
  { name: "npm: installs the program", ignore: OWN === undefined || NPM === "" },
  (t) =>
    staged(async (stage) => {
      await t.step("from a registry, this machine's program alone, byte for byte", () => fromRegistry(stage));
      await t.step(
        "from files, offline, without scripts: the launcher becomes the program",
        () => fromFiles(stage),
      );
      await t.step("packed twice, the same bytes", () => twice(stage));
    }),
);
