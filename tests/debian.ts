// A root folder of another processor's Debian, of packages that this machine's own apt fetches; and its programs run
// as if the kernel knew them.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { once } from "./once.ts";
import { call, tool } from "./oracle.ts";

/** apt in a folder of its own: what this machine has, and knows of, stays as it is. */
const APT = `
APT::Architecture "ARCH";
APT::Architectures { "ARCH"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "5";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::State "TOP/state";
Dir::State::status "/dev/null";
Dir::Cache "TOP/cache";
`;

/** The folder with these packages and what they need, unpacked and not configured, made once. */
export async function debian(arch: string, packages: readonly string[]): Promise<string> {
  const key = `${arch} ${packages.join(" ")} ${fs.readFileSync("/etc/os-release", "utf8")}`;
  const dir = await once(`debian-${arch}`, key, (dir) => {
    for (const folder of ["state/lists/partial", "cache/archives/partial", "root/proc", "root/dev"]) {
      fs.mkdirSync(join(dir, folder), { recursive: true });
    }
    const conf = join(dir, "apt.conf");
    fs.writeFileSync(conf, APT.replaceAll("ARCH", arch).replaceAll("TOP", dir));
    const env = { APT_CONFIG: conf };
    call(["apt-get", "-qq", "update"], env);
    const words = ["-qq", "-y", "--no-install-recommends", "--download-only", "install", ...packages];
    call(["apt-get", ...words], env);
    const archives = join(dir, "cache", "archives");
    for (const name of fs.readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
      call(["dpkg", "-x", join(archives, name), join(dir, "root")]);
    }
    fs.symlinkSync("/proc/self/fd", join(dir, "root", "dev", "fd"));
    for (const folder of ["state", "cache"]) fs.rmSync(join(dir, folder), { recursive: true });
  });
  return join(dir, "root");
}

/** ELF files of arm64, by their first bytes and which of these count; `F`: the emulator need not be in the root. */
const ARM64 =
  ":arm64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:" +
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:";

/** sh code for a user namespace of its own: there, and nowhere else, arm64's programs run. */
export const EMULATED = `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
  printf %s '${ARM64}${tool("qemu-aarch64-static")}:F' >/proc/sys/fs/binfmt_misc/register`;

/** Whether that is possible here: Linux 6.7 or newer, and namespaces, which some containers forbid. */
export function emulates(): boolean {
  if (process.platform !== "linux" || !["unshare", "apt-get", "dpkg", "qemu-aarch64-static"].every(tool)) {
    return false;
  }
  const { status, stderr } = spawnSync("unshare", ["-rmpf", "sh", "-c", EMULATED], { encoding: "utf8" });
  if (status !== 0) console.error(`skipped where arm64's programs are run: ${stderr.trim()}`);
  return status === 0;
}
