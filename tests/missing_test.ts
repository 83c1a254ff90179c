// What a machine may lack: folders of the kernel, HOME, a terminal, a name for the user, a disk that is fast.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { channel } from "./channel/channel.ts";
import { oracle, tool } from "./oracle.ts";
import { call, lend, PROGRAM } from "./program.ts";
import { staged } from "./stage.ts";
import { testWorld } from "./world.ts";

/** Whether this user may take parts of the file system away from a program, which some containers forbid. */
function detachable(): boolean {
  if (process.platform !== "linux" || !tool("unshare") || !tool("mount")) return false;
  const { status, stderr } = spawnSync(tool("unshare"), ["-rm", "true"], { encoding: "utf8" });
  if (status !== 0) console.error(`missing_test: skipped where mounts are needed: ${stderr.trim()}`);
  return status === 0;
}
const ignore = !detachable();
const root = process.getuid?.() === 0 && tool("setpriv") !== "";

/** What may be missing, and how it is taken away; `$T` is the folder for temporary files. */
const MISSING: readonly (readonly [string, string])[] = [
  ["/dev/shm", "mount -t tmpfs -o ro none /dev/shm"],
  ["folder for temporary files to write to or to run from", 'mount -t tmpfs -o ro,noexec none "$T"'],
  ["/sys", "mount -t tmpfs none /sys"],
];

/** Enters the environment `p` of a world after `take`. */
function without(take: string) {
  const world = testWorld({ "p/conda-meta/history": "", "t/": "" });
  const code = `${take} && TMPDIR=$T exec "$M" -p "$P" --shell bash`;
  const env = { HOME: world.env["HOME"]!, PATH: "/usr/bin:/bin", T: `${world.top}/t`, M: PROGRAM };
  const words = [tool("unshare"), "-rm", "/bin/sh", "-c", code];
  return { world, ...call(words, { cwd: world.cwd, env: { ...env, P: `${world.top}/p` } }) };
}

for (const [what, take] of MISSING) {
  Deno.test({ name: `missing: entering needs no ${what}`, ignore }, () => {
    const { world, status, out, err } = without(take);
    assert.deepEqual([status, err], [0, ""]);
    assert.ok(out.includes(`"CONDA_PREFIX="'${world.top}/p'`), out);
  });
}

Deno.test({
  name: "missing: /proc is needed by glibc's program, as README says; musl_test goes without",
  ignore,
}, () => {
  const { status, out, err } = without("mount -t tmpfs none /proc");
  assert.deepEqual([status, out], [null, ""]); // ended by a signal
  assert.match(err, /panic\(main thread\): abort/);
  const readme = fs.readFileSync(join(import.meta.dirname!, "..", "README.md"), "utf8");
  assert.match(readme, /programs for glibc need `\/proc`: without it Bun's runtime ends itself/);
});

Deno.test(
  { name: "missing: a user that no file names enters, without HOME and terminal", ignore: !root },
  () => {
    // The checkout and the usual folder of the tests are closed to others.
    const top = fs.mkdtempSync("/tmp/mambaenv-age-");
    try {
      fs.chmodSync(top, 0o755);
      fs.mkdirSync(`${top}/p/conda-meta`, { recursive: true });
      lend(`${top}/mambaenv`);
      const user = [tool("setpriv"), "--reuid", "43210", "--regid", "43210", "--clear-groups"];
      const words = [...user, `${top}/mambaenv`, "-p", `${top}/p`, "--shell", "bash"];
      const { status, out, err } = call(words, { cwd: top, env: { PATH: "/usr/bin:/bin" } });
      assert.deepEqual([status, err], [0, ""]);
      assert.ok(out.includes(`"CONDA_PREFIX="'${top}/p'`), out);
    } finally {
      fs.rmSync(top, { recursive: true });
    }
  },
);

Deno.test({
  name: "missing: makes an environment, with PyPI, without all of that at once, from a read-only disk",
  ignore: ignore || !root || !(await oracle()),
}, () =>
  staged("hello\nonlypypi\n", async ({ world, bash }) => {
    const T = world.top;
    for (const name of ["program", "own", "t"]) fs.mkdirSync(`${T}/${name}`);
    lend(`${T}/program/mambaenv`);
    fs.chmodSync(T, 0o755);
    fs.chownSync(`${T}/own`, 43210, 43210);
    const code = `mount -t tmpfs -o ro none /dev/shm && mount -t tmpfs none /sys &&
      mount -t tmpfs -o noexec,mode=1777 none "$T/t" && mount --bind -o ro "$T/program" "$T/program" &&
      exec setpriv --reuid 43210 --regid 43210 --clear-groups bash -c 'unset HOME
        ! touch "$T/program/x" 2>/dev/null || exit 9
        source <("$T/program/mambaenv") && hello && python -c "import onlypypi, sys; print(sys.prefix)"'`;
    const { status, out, err } = await bash(
      `exec setsid -w unshare -m bash -c '${code.replaceAll("'", "'\\''")}'`,
      {
        T,
        TMPDIR: `${T}/t`,
        MAMBAENV_ROOT: `${T}/own/root`,
        XDG_CACHE_HOME: `${T}/own/cache`,
      },
    );
    assert.deepEqual([status, out.split("\n")[0]], [0, "hello 1.1"], err);
    assert.match(out, new RegExp(`^${T}/own/root/envs/\\.mambaenv/work-[0-9a-f]{8}$`, "m"));
  }));

Deno.test({
  name: "missing: a fast disk: program, project and store on one of 50 MB a second",
  ignore: ignore || !tool("bindfs") || !fs.existsSync("/dev/fuse") || !(await oracle()),
}, async () => {
  const { url } = await channel();
  const world = testWorld({
    "real/home/": "",
    "real/work/environment.yml": "dependencies: [prefixed]\n",
    "slow/": "",
  });
  fs.copyFileSync(PROGRAM, `${world.top}/real/mambaenv`);
  fs.chmodSync(`${world.top}/real/mambaenv`, 0o755);
  // The namespace of processes ends bindfs, too.
  const code =
    `mount -t proc none /proc && bindfs --read-rate=50M --write-rate=50M real slow && cd slow/work &&
    source <(../mambaenv) && echo "$CONDA_PREFIX" && prefixed | sed -n 1p && source <(../mambaenv) && echo "$CONDA_PREFIX"`;
  const env = {
    HOME: `${world.top}/slow/home`,
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    MAMBAENV_CHANNEL: `${fileURLToPath(url)}`,
  };
  const { status, out, err } = call([tool("unshare"), "-rmpf", "/bin/bash", "-c", code], {
    cwd: world.top,
    env,
  });
  assert.equal(status, 0, err);
  const [first = "", ...others] = out.trim().split("\n");
  assert.ok(first.startsWith(`${world.top}/slow/home/.local/share/mambaenv/envs/.mambaenv/work-`), out);
  assert.deepEqual(others, [first, first]);
});
