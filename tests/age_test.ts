// Old machines: what the program needs of glibc, and that it does without the system calls that Linux 3.10 lacks.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { later, needs } from "./elf.ts";
import { oracle, tool } from "./oracle.ts";
import { bare, call, lend, PROGRAM } from "./program.ts";
import { staged } from "./stage.ts";
import { type TestWorld, testWorld } from "./world.ts";

const LIBRARIES = /^(lib(c|m|dl|pthread)\.so\.\d+|ld-linux[\w-]*\.so\.\d+)$/;
const linux = process.platform === "linux";

Deno.test(
  { name: "age: only glibc's own libraries are needed, none later than 2.17", ignore: !linux },
  () => {
    const { libraries, versions } = needs(readFileSync(PROGRAM));
    assert.ok(libraries.includes("libc.so.6"), `${libraries}`);
    assert.deepEqual(libraries.filter((name) => !LIBRARIES.test(name)), []);
    assert.ok(versions.includes("GLIBC_2.17") || versions.includes("GLIBC_2.14"), `${versions}`);
    assert.deepEqual(versions.filter((version) => later(version, "2.17") || !/^GLIBC_\d/.test(version)), []);
  },
);

Deno.test({
  name: "age: the reader of ELF files finds what readelf finds",
  ignore: !linux || !tool("readelf"),
}, () => {
  for (const file of [PROGRAM, tool("readelf"), "/bin/sh"]) {
    const { stdout } = spawnSync(tool("readelf"), ["--dynamic", "--version-info", "--wide", file], {
      encoding: "utf8",
      env: { LC_ALL: "C" },
    });
    const { libraries, versions } = needs(readFileSync(file));
    assert.deepEqual(libraries, [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name), file);
    const part = stdout.slice(stdout.indexOf("Version needs section"));
    const named = [...part.matchAll(/Name: (\S+) +Flags/g)].map(([, name]) => name);
    assert.deepEqual(versions, [...new Set(named)].sort(), file);
  }
});

Deno.test("age: 2.18 and later are too late", () => {
  for (const version of ["GLIBC_2.18", "GLIBC_2.34", "GLIBC_3.0"]) assert.ok(later(version, "2.17"), version);
  for (const version of ["GLIBC_2.17", "GLIBC_2.2.5", "GLIBC_2.3.4"]) {
    assert.ok(!later(version, "2.17"), version);
  }
});

/** Every system call that came after Linux 3.10, of those that strace knows; `?`: if it knows it. */
const NEWER = `
  sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create kexec_file_load bpf execveat userfaultfd
  membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq
  pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount
  fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr
  quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease
  futex_waitv set_mempolicy_home_node ?cachestat ?fchmodat2 ?map_shadow_stack ?futex_wake ?futex_wait
  ?futex_requeue ?statmount ?listmount ?lsm_get_self_attr ?lsm_set_self_attr ?lsm_list_modules ?mseal
`.trim().split(/\s+/);

/** What a call prints on a machine without some system calls, and how often one of them was asked for. */
function without(calls: readonly string[], words: readonly string[], world: TestWorld) {
  const log = `${world.top}/log`;
  const inject = calls.length === 0 ? "trace=none" : `inject=${calls.join(",")}:error=ENOSYS`;
  const traced = [tool("strace"), "-f", "-qq", "-o", log, "-e", inject, PROGRAM, ...words];
  const env = { HOME: world.env["HOME"]!, PATH: "/usr/bin:/bin", TOLD: "as before" };
  const { status, stdout, stderr } = spawnSync("/usr/bin/env", bare(traced, env), {
    cwd: world.cwd,
    encoding: "utf8",
  });
  const refused = readFileSync(log, "utf8").match(/ENOSYS.*\(INJECTED\)/g)?.length ?? 0;
  return { shown: { status, stdout, stderr }, refused };
}

const JOBS: readonly (readonly [string, (prefix: string) => string[]])[] = [
  ["entering", (prefix) => ["-p", prefix, "--shell", "bash"]],
  ["run", (prefix) => ["run", "-p", prefix, "--", "/bin/sh", "-c", "echo $CONDA_PREFIX $TOLD"]],
];

for (const [job, words] of JOBS) {
  Deno.test(
    { name: `age: ${job} needs no system call newer than Linux 3.10`, ignore: !tool("strace") },
    () => {
      const world = testWorld({
        "p/conda-meta/history": "",
        "p/conda-meta/state": '{"env_vars": {"A": "1"}}',
        "p/etc/conda/activate.d/a.sh": "",
      });
      const prefix = `${world.top}/p`;
      const usual = without([], words(prefix), world);
      assert.equal(usual.shown.status, 0, usual.shown.stderr);
      assert.ok(usual.shown.stdout.includes(prefix), usual.shown.stdout);
      for (const name of NEWER) {
        assert.deepEqual(without([name], words(prefix), world).shown, usual.shown, name);
      }
      const all = without(NEWER, words(prefix), world);
      assert.deepEqual(all.shown, usual.shown);
      assert.ok(all.refused > 0, "some of them are asked for on this machine, and refused");
    },
  );
}

/** Whether this user may take parts of the file system away from a program, which some containers forbid. */
function detachable(): boolean {
  if (!linux || !tool("unshare") || !tool("mount")) return false;
  const { status, stderr } = spawnSync(tool("unshare"), ["-rm", "true"], { encoding: "utf8" });
  if (status !== 0) console.error(`age_test: skipped where mounts are needed: ${stderr.trim()}`);
  return status === 0;
}

/** What may be missing, and how it is taken away; `$T` is the folder for temporary files. */
const MISSING: readonly (readonly [string, string])[] = [
  ["/dev/shm", "mount -t tmpfs -o ro none /dev/shm"],
  ["folder for temporary files to write to or to run from", 'mount -t tmpfs -o ro,noexec none "$T"'],
  ["/sys", "mount -t tmpfs none /sys"],
];
const ignore = !detachable();
for (const [what, take] of MISSING) {
  Deno.test({ name: `age: entering needs no ${what}`, ignore }, () => {
    const world = testWorld({ "p/conda-meta/history": "", "t/": "" });
    const code = `${take} && TMPDIR=$T exec "$M" -p "$P" --shell bash`;
    const env = { HOME: world.env["HOME"]!, PATH: "/usr/bin:/bin", T: `${world.top}/t`, M: PROGRAM };
    const words = [tool("unshare"), "-rm", "/bin/sh", "-c", code];
    const { status, out, err } = call(words, { cwd: world.cwd, env: { ...env, P: `${world.top}/p` } });
    assert.deepEqual([status, err], [0, ""]);
    assert.ok(out.includes(`"CONDA_PREFIX="'${world.top}/p'`), out);
  });
}

Deno.test({
  name: "age: a user that no file names enters, without HOME and terminal",
  ignore: !linux || process.getuid!() !== 0 || !tool("setpriv"),
}, () => {
  // The checkout and the usual folder of the tests are closed to others.
  const top = mkdtempSync("/tmp/mambaenv-age-");
  try {
    chmodSync(top, 0o755);
    mkdirSync(`${top}/p/conda-meta`, { recursive: true });
    lend(`${top}/mambaenv`);
    const user = [tool("setpriv"), "--reuid", "43210", "--regid", "43210", "--clear-groups"];
    const words = [...user, `${top}/mambaenv`, "-p", `${top}/p`, "--shell", "bash"];
    const { status, out, err } = call(words, { cwd: top, env: { PATH: "/usr/bin:/bin" } });
    assert.deepEqual([status, err], [0, ""]);
    assert.ok(out.includes(`"CONDA_PREFIX="'${top}/p'`), out);
  } finally {
    rmSync(top, { recursive: true });
  }
});

Deno.test({
  name:
    "age: making an environment needs no system call newer than Linux 3.10: channel, links, compiled modules",
  ignore: !tool("strace") || !(await oracle()),
}, () =>
  // Without PyPI: Debian's own OpenSSL, which pip loads here, has no randomness without getrandom.
  staged("hello\nsix\n", async ({ world, bash, env }) => {
    const inject = `inject=${NEWER.join(",")}:error=ENOSYS`;
    const traced = `${tool("strace")} -f -qq -o "$LOG" -e ${inject} "$M" --shell bash`;
    const log = `${world.top}/log`;
    const made = await bash(`eval "$(${traced})" && python -c "import hello, six; print(1)"`, {
      ...env,
      LOG: log,
    });
    assert.deepEqual([made.status, made.out], [0, "1\n"], made.err);
    const calls = [...readFileSync(log, "utf8").matchAll(/(\w+)(?:\(| resumed>).*ENOSYS.*\(INJECTED\)/g)].map(
      ([, call]) => call!,
    );
    for (const call of ["statx", "getrandom"]) {
      assert.ok(calls.includes(call), `${call} is asked for, and refused`);
    }
  }));
