// The virtual packages of machines: this one against py-rattler's reading, others from their files.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { subdirOf, virtualPackages } from "../../lib/builtin/virtual.ts";
import type { Ended, Env, World } from "../../lib/world.ts";
import { Problem } from "../../lib/problem.ts";
import { oracle } from "../oracle.ts";
import { testWorld } from "../world.ts";

interface Machine {
  files?: { [path: string]: string };
  programs?: { [program: string]: string };
  env?: Env;
  platform?: string;
}

/** A world in which these files and the answers of these programs are all that can be known. */
function machine({ files = {}, programs = {}, env = {}, platform = "linux" }: Machine): World {
  const run = ([program = ""]: readonly string[]): Promise<Ended> => {
    const stdout = programs[program];
    return Promise.resolve({ status: stdout === undefined ? 127 : 0, stdout: stdout ?? "", stderr: "" });
  };
  return testWorld({}, { platform, env, run, read: (path) => files[path] });
}

async function list(of: Machine, subdir: string): Promise<string> {
  const found = await virtualPackages(machine(of), subdir);
  return found.map(({ name, version, build }) => `${name}=${version}=${build}`).sort().join(" ");
}

const flags = (words: string) => `processor\t: 0\nflags\t\t: fpu ${words} end\nbogomips\t: 1\n`;
const V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3";
const V3 = `${V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave`;
const V4 = `${V3} avx512f avx512bw avx512cd avx512dq avx512vl`;

Deno.test("virtualPackages: from the files and programs of a machine", async () => {
  const cpu = "/proc/cpuinfo", kernel = "/proc/sys/kernel/osrelease", nvidia = "/proc/driver/nvidia/version";
  const driver = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5\n";
  const old = {
    files: { [kernel]: "3.10.0-1160.el7.x86_64\n", [cpu]: flags("sse2") },
    programs: { getconf: "glibc 2.17\n" },
  };
  const bare = "__archspec=1=x86_64 __glibc=2.17=0 __linux=3.10.0=0 __unix=0=0";
  const table: [of: Machine, subdir: string, expected: string][] = [
    [old, "linux-64", bare],
    [{ ...old, env: { CONDA_OVERRIDE_GLIBC: "2.35" } }, "linux-64", bare.replace("2.17", "2.35")],
    [{ ...old, env: { CONDA_OVERRIDE_GLIBC: "" } }, "linux-64", bare.replace("__glibc=2.17=0 ", "")],
    [
      { ...old, env: { CONDA_OVERRIDE_LINUX: "", CONDA_OVERRIDE_ARCHSPEC: "" } },
      "linux-64",
      "__glibc=2.17=0 __unix=0=0",
    ],
    [
      { ...old, env: { CONDA_OVERRIDE_CUDA: "12.4" } },
      "linux-64",
      bare.replace(" __glibc", " __cuda=12.4=0 __glibc"),
    ],
    [{ ...old, env: { CONDA_OVERRIDE_ARCHSPEC: "zen3" } }, "linux-64", bare.replace("x86_64", "zen3")],
    ...[["sse2", "x86_64"], [V2, "x86_64_v2"], [V3, "x86_64_v3"], [V4, "x86_64_v4"]].map(([words, level]) =>
      [
        { ...old, files: { ...old.files, [cpu]: flags(words!) } },
        "linux-64",
        bare.replace("x86_64", level!),
      ] satisfies [
        Machine,
        string,
        string,
      ]
    ),
    [
      { ...old, files: { ...old.files, [nvidia]: driver } },
      "linux-64",
      bare.replace(" __glibc", " __cuda=12.4=0 __glibc"),
    ],
    [
      {
        files: { ...old.files, [nvidia]: driver },
        programs: { ...old.programs, "nvidia-smi": "| Driver Version: 550.54.15  CUDA Version: 12.5 |\n" },
      },
      "linux-64",
      bare.replace(" __glibc", " __cuda=12.5=0 __glibc"),
    ],
    [
      {
        files: {
          ...old.files,
          "/lib64/libc.so.6": "\0GNU C Library (GNU libc) stable release version 2.28.\n\0",
        },
      },
      "linux-64",
      bare.replace("2.17", "2.28"),
    ],
    [{ ...old, programs: {} }, "linux-64", bare.replace("__glibc=2.17=0 ", "")],
    [{ files: { [kernel]: "5.1-x\n" } }, "linux-aarch64", "__archspec=1=aarch64 __linux=5.1=0 __unix=0=0"],
    [old, "osx-arm64", "__archspec=1=aarch64 __osx=11.0=0 __unix=0=0"],
    [
      { platform: "darwin", programs: { sw_vers: "14.5\n" } },
      "osx-64",
      "__archspec=1=x86_64 __osx=14.5=0 __unix=0=0",
    ],
    [old, "linux-constructor", bare.replace("x86_64", "constructor")],
    [old, "win-64", "__archspec=1=x86_64 __win=0=0"],
  ];
  for (const [of, subdir, expected] of table) {
    assert.equal(await list(of, subdir), expected, JSON.stringify(of));
  }
});

Deno.test("virtualPackages: an override that is no version is a Problem that names it", async () => {
  for (const value of ["2.36; rm", "../x", "a b", "2.36-1"]) {
    await assert.rejects(
      virtualPackages(machine({ env: { CONDA_OVERRIDE_GLIBC: value } }), "linux-64"),
      (error) => error instanceof Problem && error.message.includes("CONDA_OVERRIDE_GLIBC"),
    );
  }
});

Deno.test("virtualPackages: this machine as py-rattler sees it, but for its finer __archspec", async () => {
  const python = await oracle();
  const code = "import rattler\nfor p in rattler.VirtualPackage.detect():\n" +
    "  g = p.into_generic()\n  print(f'{g.name.normalized}={g.version}={g.build_string}')";
  const theirs = execFileSync(python, ["-c", code], { encoding: "utf8" }).trim().split("\n").sort();
  const world = testWorld();
  const ours = (await virtualPackages(world, subdirOf(world))).map(({ name, version, build }) =>
    `${name}=${version}=${build}`
  ).sort();
  const plain = (lines: string[]) => lines.filter((line) => !line.startsWith("__archspec"));
  assert.deepEqual(plain(ours), plain(theirs));
});

Deno.test("subdirOf: conda's names of machines; CONDA_SUBDIR decides", () => {
  const table: [changes: Partial<World>, subdir: string | undefined][] = [
    [{ platform: "linux", arch: "x64" }, "linux-64"],
    [{ platform: "linux", arch: "arm64" }, "linux-aarch64"],
    [{ platform: "darwin", arch: "arm64" }, "osx-arm64"],
    [{ platform: "linux", arch: "x64", env: { CONDA_SUBDIR: "osx-64" } }, "osx-64"],
    [{ platform: "aix", arch: "ppc64" }, undefined],
    [{ platform: "linux", arch: "x64", env: { CONDA_SUBDIR: "../../etc" } }, undefined],
    [{ platform: "linux", arch: "x64", env: { CONDA_SUBDIR: "linux-64/x" } }, undefined],
  ];
  for (const [changes, subdir] of table) {
    if (subdir === undefined) assert.throws(() => subdirOf(testWorld({}, changes)), Problem);
    else assert.equal(subdirOf(testWorld({}, changes)), subdir);
  }
});
