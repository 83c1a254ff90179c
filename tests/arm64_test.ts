// The program for arm64 does its job where there is nothing but arm64's programs: Debian's, run by an emulator.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { TARGETS } from "../tasks/compiler.ts";
import { program } from "../tasks/release.ts";
import { debian, EMULATED, emulates } from "./debian.ts";
import { libraries } from "./musl.ts";
import { once } from "./once.ts";
import { call as run, oracle } from "./oracle.ts";
import { call } from "./program.ts";
import { testWorld } from "./world.ts";

const ignore = process.arch !== "x64" || !emulates() || !(await oracle());
const CHANNEL = join(import.meta.dirname!, "channel");

const PACKAGES = ["bash", "coreutils", "python3", "musl"];

/** What a user does, in bash. */
const JOB = `source <(/mambaenv --shell bash) || exit 9
echo "$CONDA_DEFAULT_ENV $CONDA_PREFIX"
python -c 'import hello, platform, sys; print(platform.machine(), sys.prefix, hello.__cached__)'
hello
where
cat "$CONDA_PREFIX/share/made/postlink"
source <(/mambaenv deactivate --shell bash); echo "left \${CONDA_PREFIX-it}"`;

Deno.test({
  name: "arm64: makes an environment, enters it and leaves it, among arm64's programs alone",
  ignore,
}, async () => {
  const root = await debian("arm64", PACKAGES);
  const sources = ["debian", "build", "package", "samples", "wheels"].map((name) =>
    join(CHANNEL, `${name}.py`)
  );
  const key = [root, ...sources.map((path) => fs.readFileSync(path, "utf8"))].join("\n");
  const python = await oracle();
  const made = await once(
    "channel-arm64",
    key,
    (dir) => run([python, sources[0]!, root, join(dir, "conda"), "linux-aarch64"]),
  );
  const { top } = testWorld({ "work/environment.yml": "dependencies: [hello, postlink]\n", "work/job": JOB });
  program(TARGETS.find(({ name }) => name === "linux-arm64")!, top);
  // What is Debian's stays as it is: folders of our own lie over it.
  const code =
    `${EMULATED} && cd "$1" && mkdir own root && mount -t tmpfs none own && mkdir own/up own/work &&
    mount -t overlay -o "lowerdir=$2,upperdir=own/up,workdir=own/work" none root && cd root &&
    mkdir conda work && mount --bind "$3" conda && mount --bind ../work work && mount -t proc proc proc &&
    touch mambaenv && mount --bind ../mambaenv-linux-arm64 mambaenv && exec chroot . /bin/bash -c 'cd /work && . ./job'`;
  const env = {
    HOME: "/home",
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    MAMBAENV_CHANNEL: "file:///conda",
    MAMBAENV_ROOT: "/store",
  };
  const words = ["/usr/bin/unshare", "-rmpf", "/bin/sh", "-c", code, "sh", top, root, join(made, "conda")];
  const { status, out, err } = call(words, { cwd: top, env, timeout: 600_000 });
  assert.equal(status, 0, err);
  const [name, prefix = ""] = out.split("\n")[0]!.split(" ");
  assert.equal(name, "work", err);
  const cached =
    /^aarch64 (\S+) \1\/lib\/python3\.\d+\/dist-packages\/hello\/__pycache__\/__init__\.cpython-\d+\.pyc$/m;
  assert.equal(cached.exec(out)?.[1], prefix, out);
  assert.deepEqual(out.split("\n").slice(2), ["hello 1.0", prefix, "aarch64", "left it", ""]);
});

Deno.test(
  { name: "arm64: the program for musl enters an environment, among its libraries alone", ignore },
  async () => {
    const loader = join(await debian("arm64", PACKAGES), "lib", "aarch64-linux-musl", "libc.so");
    const { top } = testWorld({ "proc/": "", "p/conda-meta/history": "" });
    fs.cpSync(await libraries("aarch64", loader), join(top, "lib"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    program(TARGETS.find(({ name }) => name === "linux-arm64-musl")!, top);
    const code =
      `${EMULATED} && cd "$1" && mount -t proc proc proc && exec chroot . "/$2" -p /p --shell bash`;
    const words = [
      "/usr/bin/unshare",
      "-rmpf",
      "/bin/sh",
      "-c",
      code,
      "sh",
      top,
      "mambaenv-linux-arm64-musl",
    ];
    const { status, out, err } = call(words, { cwd: top, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
    assert.deepEqual([status, err], [0, ""]);
    assert.match(out, /"CONDA_PREFIX="'\/p'/);
  },
);
