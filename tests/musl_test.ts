// The program for musl does its job where there is neither glibc nor anything else; see musl.ts.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TARGETS } from "../tasks/compiler.ts";
import { program } from "../tasks/release.ts";
import { channel } from "./channel/channel.ts";
import { libraries } from "./musl.ts";
import { oracle, tool } from "./oracle.ts";
import { call, type Called } from "./program.ts";
import { testWorld } from "./world.ts";

const LOADER = "/lib/ld-musl-x86_64.so.1";

/** Whether it can be tried: a processor of that kind, root for the folder, a compiler, musl. */
function possible(): boolean {
  if (process.arch !== "x64" || process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const there = fs.existsSync(LOADER);
  if (!there && process.env["CI"]) throw new Error(`there is no ${LOADER}: apt-get install musl`);
  return there && tool("gcc") !== "" && tool("unshare") !== "";
}
const ignore = !possible() || !(await oracle());

Deno.test(
  { name: "musl: makes an environment and enters it, without glibc and /proc; looks after it", ignore },
  async () => {
    const { url } = await channel();
    const { top } = testWorld({
      "root/proc/": "",
      "root/conda/": "",
      "root/work/environment.yml": "dependencies: [prefixed]\n",
    });
    const root = join(top, "root");
    fs.cpSync(await libraries("x86_64", LOADER), join(root, "lib"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    fs.renameSync(
      program(TARGETS.find(({ name }) => name === "linux-x64-musl")!, top),
      join(root, "mambaenv"),
    );
    const inside = (...words: string[]): Called => {
      // Without /proc where an environment is made and entered.
      const proc = words.length === 0 ? "" : 'mount -t proc proc "$0/proc" && ';
      const code = `${proc}mount --bind "$1" "$0/conda" && shift && exec chroot "$0" /mambaenv "$@"`;
      const argv = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", code, root, fileURLToPath(url), ...words];
      const env = { HOME: "/home", PATH: "/usr/sbin:/usr/bin:/sbin:/bin", MAMBAENV_CHANNEL: "file:///conda" };
      return call(argv, { cwd: top, env: { ...env, MAMBAENV_PROJECT: "/work", MAMBAENV_SHELL: "sh" } });
    };

    const made = inside();
    assert.equal(made.status, 0, made.err);
    const [, prefix = ""] = /MAMBAENV_ACTIVE="'([^']+)'/.exec(made.out) ?? [];
    assert.match(prefix, /^\/home\/\.local\/share\/mambaenv\/envs\/\.mambaenv\/work-/, made.out);
    assert.ok(
      fs.readFileSync(join(root, prefix, "bin", "prefixed")).includes(prefix),
      "the prefix is written in",
    );
    const again = inside();
    assert.deepEqual([again.status, again.out, again.err], [0, made.out, ""]);
    assert.match(inside("list").out, /^work +1 /m);
    assert.match(inside("doctor").out, /there is no glibc here/);
  },
);
