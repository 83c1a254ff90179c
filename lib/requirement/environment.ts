// What markers find true in an environment that is not made yet: from conda's platform and a Python version.
import type { Environment } from "./marker.ts";

const SYSTEMS: Readonly<Record<string, readonly [name: string, sys: string, os: string]>> = {
  linux: ["Linux", "linux", "posix"],
  osx: ["Darwin", "darwin", "posix"],
  win: ["Windows", "win32", "nt"],
  freebsd: ["FreeBSD", "freebsd", "posix"],
};
const MACHINES: Readonly<Record<string, string>> = {
  "64": "x86_64",
  "32": "i686",
  "win-64": "AMD64",
  "win-32": "x86",
};

/** The markers' environment: `platform` as conda says it (`linux-64`), `python` in full (`3.11.4`). */
export function environment(
  platform: string,
  python: string,
  machine?: { release: string; version: string },
): Environment {
  const [system = platform, word = ""] = platform.split("-");
  const [name, sys, os] = SYSTEMS[system] ?? [system, system, "posix"];
  return {
    python_version: python.split(".").slice(0, 2).join("."),
    python_full_version: python,
    implementation_version: python,
    implementation_name: "cpython",
    platform_python_implementation: "CPython",
    os_name: os,
    sys_platform: sys,
    platform_system: name,
    platform_machine: MACHINES[platform] ?? MACHINES[word] ?? (platform === "win-arm64" ? "ARM64" : word),
    platform_release: machine?.release ?? "",
    platform_version: machine?.version ?? "",
    extra: "",
  };
}
