// The run of pip, with a real pip in a real Python: what it installs, what it leaves alone, what must not leak in.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pip, type PipOrder } from "../lib/pip.ts";
import { EXIT, Problem } from "../lib/problem.ts";
import { parseRequirements } from "../lib/requirements.ts";
import { createWorld } from "../lib/system.ts";
import type { World } from "../lib/world.ts";
import { call } from "./oracle.ts";
import { python } from "./reference.ts";

const ignore = !python;
const WORLD = createWorld([]);
/** No test asks the true index: a port where nothing listens. */
const NOWHERE = "http://127.0.0.1:9/simple";
const HERE = import.meta.dirname!;

/** A folder with a prefix (a Python of its own, with pip), a project and wheels. */
interface Place {
  dir: string;
  prefix: string;
  root: string;
  wheels: string;
  wheel(name: string, version: string, ...lines: string[]): string;
}

let template: string | undefined;

async function within(act: (place: Place) => Promise<void>): Promise<void> {
  template ??= made();
  const dir = fs.mkdtempSync(join(tmpdir(), "mambaenv-pip-"));
  const [prefix, root, wheels] = [join(dir, "env"), join(dir, "project"), join(dir, "wheels")] as const;
  fs.cpSync(template, prefix, { recursive: true, verbatimSymlinks: true });
  for (const each of [root, wheels, join(prefix, "conda-meta")]) fs.mkdirSync(each);
  try {
    await act({
      dir,
      prefix,
      root,
      wheels,
      wheel: (name, version, ...lines) =>
        call([python, join(HERE, "data", "wheel.py"), wheels, name, version, ...lines]).trim(),
    });
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

function made(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), "mambaenv-pip-template-"));
  call([python, "-m", "venv", dir]);
  globalThis.addEventListener("unload", () => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

interface Ran {
  added: string[];
  words: string;
}

/** Runs pip for a requirements file; `env` is all that the environment has besides PATH and HOME. */
async function run(
  place: Place,
  text: string,
  env: Record<string, string> = {},
  order: Partial<PipOrder> = {},
): Promise<Ran> {
  fs.writeFileSync(join(place.root, "requirements.txt"), text);
  const base = {
    PATH: process.env["PATH"]!,
    HOME: place.dir,
    PIP_INDEX_URL: NOWHERE,
    PIP_NO_INDEX: "1",
    PIP_RETRIES: "0",
    PIP_FIND_LINKS: place.wheels,
  };
  let words = "";
  const world: World = { ...WORLD, env: { ...base, ...env }, err: (text) => void (words += text) };
  const wanted = parseRequirements(join(place.root, "requirements.txt"), world);
  const { prefix, root } = place;
  const added = await pip(
    { ...wanted, prefix, root, offline: false, wheels: [], quiet: true, ...order },
    world,
    () => undefined,
  );
  return { added: added.map(({ name, version }) => `${name} ${version}`), words };
}

/** What the environment's Python says. */
function says({ prefix }: Place, code: string): string {
  return call([join(prefix, "bin", "python"), "-I", "-c", code]).trim();
}

function rejects(deed: Promise<unknown>, message: RegExp, exit: number, hint = /(?:)/): Promise<void> {
  return assert.rejects(deed, (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.match(error.message, message);
    assert.match(error.hint, hint);
    assert.equal(error.exit, exit);
    return true;
  });
}

Deno.test({
  name: "pip: installs into the prefix and tells what is new; nothing of it stays in conda-meta",
  ignore,
  fn: () =>
    within(async (place) => {
      place.wheel("one", "1.0", "Requires-Dist: two");
      place.wheel("two", "2.0");
      const { added, words } = await run(place, "one\n");
      assert.deepEqual(added, ["one 1.0", "two 2.0"]);
      assert.equal(words, "");
      assert.equal(says(place, "import one; print(one.__file__)").startsWith(place.prefix), true);
      assert.deepEqual(fs.readdirSync(join(place.prefix, "conda-meta")), []);
      assert.deepEqual((await run(place, "# nothing\n")).added, []);
    }),
});

Deno.test({
  name: "pip: variables and pip.conf that install elsewhere do not leak in; where packages come from does",
  ignore,
  fn: () =>
    within(async (place) => {
      place.wheel("one", "1.0");
      const target = join(place.dir, "elsewhere");
      fs.mkdirSync(join(place.dir, ".config", "pip"), { recursive: true });
      fs.writeFileSync(
        join(place.dir, ".config", "pip", "pip.conf"),
        `[global]\nno-index = true\nfind-links =\n    ${place.wheels}\n    ${place.dir}/it's\n[install]\nuser = true\ntarget = ${target}\ndry-run = true\n`,
      );
      // A module of the project with the name of one of Python's own.
      fs.writeFileSync(join(place.root, "logging.py"), "raise SystemExit('the project was searched')\n");
      const { added } = await run(place, "one\n", {
        PIP_NO_INDEX: "",
        PIP_FIND_LINKS: "",
        PIP_USER: "1",
        PIP_TARGET: target,
        PIP_PREFIX: target,
        PIP_REQUIRE_VIRTUALENV: "1",
        PIP_REQUIREMENT: "/nowhere",
        PIP_DRY_RUN: "1",
        PYTHONPATH: place.root,
        PYTHONHOME: "/nowhere",
        VIRTUAL_ENV: "/nowhere",
      });
      assert.deepEqual(added, ["one 1.0"]);
      assert.equal(fs.existsSync(target), false);
    }),
});

Deno.test({
  name: "pip: what is installed is held fixed, and pip's own words tell when that cannot be",
  ignore,
  fn: () =>
    within(async (place) => {
      place.wheel("base", "1.0", "Provides-Extra: more", "Requires-Dist: extra; extra == 'more'");
      place.wheel("extra", "1.0");
      await run(place, "base\n");
      place.wheel("base", "2.0");
      place.wheel("easy", "1.0", "Requires-Dist: base");
      place.wheel("hard", "1.0", "Requires-Dist: base>=2");
      assert.deepEqual((await run(place, "easy\nbase[more]\n")).added, ["easy 1.0", "extra 1.0"]);
      await rejects(
        run(place, "hard\n"),
        /^pip could not install hard \(status 1\)\n[^]*-r requirements.txt \(line 1\)[^]*The user requested \(constraint\) base==1.0/,
        EXIT.failed,
      );
      assert.equal(says(place, "import base; print(base.version)"), "1.0");
    }),
});

Deno.test({
  name: "pip: constraints of the user, hashes, paths relative to the project, options",
  ignore,
  fn: () =>
    within(async (place) => {
      place.wheel("one", "1.0");
      place.wheel("one", "2.0");
      const hash = place.wheel("two", "1.0");
      place.wheel("three", "1.0");
      fs.mkdirSync(join(place.root, "local"));
      fs.renameSync(
        join(place.wheels, "three-1.0-py3-none-any.whl"),
        join(place.root, "local", "three-1.0-py3-none-any.whl"),
      );
      fs.writeFileSync(join(place.root, "limits.txt"), "one<2\n");
      const links = { PIP_FIND_LINKS: "" };
      assert.deepEqual(
        (await run(place, `-c limits.txt\n-f ../wheels\none\n./local/three-1.0-py3-none-any.whl\n`, links))
          .added,
        [
          "one 1.0",
          "three 1.0",
        ],
      );
      const secret = { PIP_FIND_LINKS: "", PIP_DEPOT: place.wheels, PIP_WANTED: "five" };
      place.wheel("five", "1.0");
      assert.deepEqual((await run(place, "-f ${PIP_DEPOT}\n${PIP_WANTED}\n", secret)).added, ["five 1.0"]);
      assert.deepEqual((await run(place, `two==1.0 --hash=sha256:${hash}\n`)).added, ["two 1.0"]);
      fs.writeFileSync(join(place.wheels, "four-1.0-py3-none-any.whl"), "");
      await rejects(run(place, `four==1.0 --hash=sha256:${hash}\n`), /DO NOT MATCH THE HASHES/, EXIT.failed);
    }),
});

Deno.test({
  name: "pip: no such package names file and line; a token is not told",
  ignore,
  fn: () =>
    within(async (place) => {
      const text = "\nno_such.thing>=1\n--find-links https://me:s3cret@127.0.0.1:9/\n";
      await assert.rejects(run(place, text), (error: unknown) => {
        assert.ok(error instanceof Problem);
        assert.match(error.message, /No matching distribution found for no_such.thing>=1|no-such-thing/);
        assert.match(error.hint, /"requirements.txt" line 2/);
        assert.equal(`${error.message}${error.hint}`.includes("s3cret"), false);
        return true;
      });
    }),
});

Deno.test({
  name: "pip --offline: wheels at hand are taken, what is missing or on the network is exit 5",
  ignore,
  fn: () =>
    within(async (place) => {
      place.wheel("one", "1.0");
      const offline = { offline: true, wheels: [place.wheels] };
      const none = { PIP_FIND_LINKS: "", PIP_NO_INDEX: "" };
      const text =
        "--index-url http://127.0.0.1:9/simple\n--extra-index-url http://127.0.0.1:9/x\n--pre\none\n";
      assert.deepEqual((await run(place, text, none, offline)).added, ["one 1.0"]);
      await rejects(
        run(place, "two\n", none, offline),
        /^Offline, and no wheel of two is at hand\n/,
        EXIT.offline,
      );
      await rejects(
        run(place, "x @ git+https://u:p@h/x\n", none, offline),
        /^Offline, and x \(requirements.txt line 1\) is on the network$/,
        EXIT.offline,
      );
    }),
});

Deno.test({
  name: "pip check: what does not fit together is a warning",
  ignore,
  fn: () =>
    within(async (place) => {
      place.wheel("one", "1.0");
      const site = says(place, "import site; print(site.getsitepackages()[0])");
      fs.mkdirSync(join(site, "odd-1.dist-info"));
      fs.writeFileSync(
        join(site, "odd-1.dist-info", "METADATA"),
        "Metadata-Version: 2.1\nName: odd\nVersion: 1\nRequires-Dist: absent\n",
      );
      const { added, words } = await run(place, "one\n");
      assert.deepEqual(added, ["one 1.0"]);
      assert.match(words, /mambaenv: warning: pip check: odd 1 requires absent, which is not installed\.\n/);
    }),
});

Deno.test({
  name: "pip: a Python that does not start, or has no pip, is a Problem",
  ignore,
  fn: () =>
    within(async (place) => {
      const site = says(place, "import site; print(site.getsitepackages()[0])");
      fs.rmSync(join(site, "pip"), { recursive: true });
      await rejects(run(place, "one\n"), /^pip does not work in .*\n.*No module named pip/, EXIT.failed);
      fs.rmSync(join(place.prefix, "bin", "python"));
      fs.writeFileSync(join(place.prefix, "bin", "python"), "#!/bin/sh\necho broken >&2\nexit 7\n", {
        mode: 0o755,
      });
      await rejects(
        run(place, "one\n"),
        /^The environment's Python does not work: .*\(status 7\): broken$/,
        EXIT.failed,
        /python -V$/,
      );
    }),
});

Deno.test({
  name: "pip: a signal ends it with us, and no child is left behind",
  ignore: ignore || !fs.existsSync("/proc/self/cmdline"),
  fn: () =>
    within(async (place) => {
      // An index that never answers.
      const silent = createServer(() => undefined).listen(0, "127.0.0.1");
      await once(silent, "listening");
      const asked = once(silent, "connection");
      const lib = (name: string) => JSON.stringify(join(HERE, "..", "lib", name));
      const code = `import { pip } from ${lib("pip.ts")};
        import { createWorld } from ${lib("system.ts")};
        import { parseRequirements } from ${lib("requirements.ts")};
        const [prefix, root] = ${JSON.stringify([place.prefix, place.root])};
        const world = createWorld([]);
        const wanted = parseRequirements(root + "/requirements.txt", world);
        await pip({ ...wanted, prefix, root, offline: false, wheels: [], quiet: true }, world, () => undefined);`;
      fs.writeFileSync(join(place.root, "requirements.txt"), "one\n");
      const { port } = silent.address() as AddressInfo;
      const child = spawn(process.execPath, ["eval", "--no-check", code], {
        env: { ...process.env, PIP_INDEX_URL: `http://127.0.0.1:${port}/`, PIP_NO_INDEX: "" },
        stdio: ["ignore", "ignore", "inherit"],
      });
      const ended = once(child, "exit");
      const [socket] = await asked as [Socket];
      assert.equal(running(place.prefix).length, 1);
      process.kill(child.pid!, "SIGTERM");
      assert.deepEqual(await ended, [143, null]);
      for (let i = 0; i < 50 && running(place.prefix).length > 0; i++) {
        await new Promise((wake) => setTimeout(wake, 20));
      }
      assert.deepEqual(running(place.prefix), []);
      socket.destroy();
      silent.close();
      await once(silent, "close");
    }),
});

/** Processes whose program is of the prefix. */
function running(prefix: string): string[] {
  return fs.readdirSync("/proc").filter((pid) => /^[0-9]+$/.test(pid)).filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`${prefix}/`);
    } catch (error) {
      if (error instanceof Error && "code" in error) return false;
      throw error;
    }
  });
}
