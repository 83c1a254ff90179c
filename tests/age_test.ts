// Old machines: what the program needs of glibc, and that it does without the system calls that Linux 3.10 lacks.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { later, needs } from "./elf.ts";
import { oracle, tool } from "./oracle.ts";
import { bare, PROGRAM } from "./program.ts";
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
  ?setxattrat ?getxattrat ?listxattrat ?removexattrat ?open_tree_attr ?file_getattr ?file_setattr
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

/** Bash code that makes the environment of a stage while strace refuses calls, and uses it. */
function making(calls: readonly string[], ...words: string[]): string {
  const inject = `inject=${calls.join(",")}:error=ENOSYS`;
  const traced = [
    tool("strace"),
    "-f",
    "-qq",
    ...words,
    "-o",
    '"$LOG"',
    "-e",
    inject,
    '"$M"',
    "--shell",
    "bash",
  ];
  return `eval "$(${traced.join(" ")})" && python -c "import hello, six; print(1)"`;
}

Deno.test({
  name:
    "age: making an environment needs no system call newer than Linux 3.10: channel, links, compiled modules",
  ignore: !tool("strace") || !(await oracle()),
}, () =>
  // Without PyPI: Debian's own OpenSSL, which pip loads here, has no randomness without getrandom.
  staged("hello\nsix\n", async ({ world, bash }) => {
    const log = `${world.top}/log`;
    const made = await bash(making(NEWER), { LOG: log });
    assert.deepEqual([made.status, made.out], [0, "1\n"], made.err);
    const asked = new Set(
      [...readFileSync(log, "utf8").matchAll(/(\w+)(?:\(| resumed>).*ENOSYS.*\(INJECTED\)/g)].map((
        [, call],
      ) => call!),
    );
    for (const call of ["statx", "getrandom", "clone3"]) {
      assert.ok(asked.has(call), `${call} is asked for, and refused`);
    }
    // One missing alone leads elsewhere than all of them do.
    for (const call of asked) {
      world.remove(`${world.top}/home/.local/share/mambaenv/envs`);
      const made = await bash(making([call], "-b", "execve"), { LOG: log });
      assert.deepEqual([made.status, made.out], [0, "1\n"], `${call}: ${made.err}`);
    }
  }));

Deno.test({
  name: "age: with packages of PyPI, too, where the program alone has no newer system calls",
  ignore: !tool("strace") || !(await oracle()),
}, () =>
  staged("hello\nsix\nonlypypi\n", async ({ world, bash }) => {
    const made = await bash(`${making(NEWER, "-b", "execve")} && python -c "import onlypypi"`, {
      LOG: `${world.top}/log`,
    });
    assert.deepEqual([made.status, made.out], [0, "1\n"], made.err);
    assert.match(readFileSync(`${world.top}/log`, "utf8"), /statx(\(| resumed>).*ENOSYS.*\(INJECTED\)/);
  }));
