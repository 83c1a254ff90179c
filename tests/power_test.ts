// The power goes: of what was not synced, any part may be lost. What was there works, or what is new, and the next run
// makes what is wanted.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { ENTER, Lab, type Scene } from "./crash/lab.ts";
import { Disk, type Loss, recorded } from "./crash/power.ts";
import { small } from "./crash/small.ts";
import { tree } from "./builtin/archive.ts";
import { tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";
import { testWorld } from "./world.ts";

const SCENES: readonly Scene[] = [
  { name: "change", had: ["tool"], has: "tool, more", words: ENTER, locked: true },
  { name: "solve and create", had: [], has: "tool", words: ENTER, locked: false },
  { name: "clean", had: ["tool", "tool, more"], has: "tool, more", words: ["clean"], locked: true },
  { name: "rollback", had: ["tool", "tool, more"], has: "tool, more", words: ["rollback"], locked: true },
];
const ignore = process.platform !== "linux" || !tool("strace");
const NOTHING = Buffer.alloc(0);

/** What may be lost at a cut: contents, all or half of them, and the names in one folder or in all but that. */
function* losses(disk: Disk, cut: number, locked: boolean): Generator<Loss & { title: string }> {
  // All of it where the new environment becomes the current one, some of the way there.
  const late = cut > disk.events - 10;
  if (!late && cut % (locked ? 4 : 12) > 0) return;
  const all = () => true;
  yield { title: "no content", names: all, bytes: () => NOTHING };
  if (!late && cut % 2 > 0) return;
  yield { title: "half of each content", names: all, bytes: (bytes) => bytes.subarray(0, bytes.length / 2) };
  for (const dir of disk.changed(cut).filter((dir) => /\/(envs|\.mambaenv|pkgs)$/.test(dir))) {
    yield { title: `only names in ${dir}`, names: (path) => path === dir, bytes: () => NOTHING };
    yield { title: `no names in ${dir}`, names: (path) => path !== dir, bytes: (bytes) => bytes };
  }
}

for (const scene of SCENES) {
  Deno.test({ name: `power: ${scene.name}: it goes at any call, what is there works`, ignore }, async () => {
    const labs = await Promise.all([1, 2].map(() => Lab.open(scene)));
    const seen = new Set<string>();
    let events = 0, tried = 0;
    try {
      await Promise.all(labs.map(async (lab, which) => {
        const log = `${lab.top}/log`;
        const done = await lab.call(scene.words, recorded(log));
        assert.equal(done.status, 0, done.err);
        const disk = new Disk(`${lab.top}/home`, `${lab.top}/before`, fs.readFileSync(log, "utf8"));
        events = disk.events;
        for (let cut = disk.events - which; cut >= 0; cut -= labs.length) {
          for (const loss of losses(disk, cut, scene.locked)) {
            const { key, write } = disk.after(cut, loss);
            if (seen.has(key)) continue;
            seen.add(key);
            fs.rmSync(`${lab.top}/home`, { recursive: true, force: true });
            write(`${lab.top}/home`);
            unlock(lab);
            await lab.recovers().catch((error) => {
              throw new Error(`before event ${cut} of ${disk.events}, ${loss.title}`, { cause: error });
            });
            tried++;
          }
        }
      }));
    } finally {
      for (const lab of labs) lab.close();
    }
    console.log(`power: ${scene.name}: ${events} events, ${tried} states of the disk`);
    assert.ok(tried > 5, `${tried}`);
  });
}

Deno.test(
  { name: "power: what the disk cannot keep is told, and the last good entered", ignore },
  async () => {
    const lab = await Lab.open(SCENES[0]!);
    try {
      const eio = [tool("strace"), "-f", "-qq", "-o", `${lab.top}/log`, "-e", "inject=syncfs:error=EIO"];
      const called = await lab.call(ENTER, eio);
      assert.match(called.err, /Cannot write ".*\.mambaenv" to its disk: .*Input\/output error/);
      lab.entered(called, "tool");
      await lab.recovers();
    } finally {
      lab.close();
    }
  },
);

Deno.test({
  name:
    "power: a real ext4, whose names are on disk before contents, as it is behind the build: all is whole",
  ignore: process.getuid!() !== 0 || !tool("mkfs.ext4"),
}, () => {
  const { top } = testWorld({ "work/environment.yml": "dependencies: [tool, more]\n", "disk/": "" });
  const [disk, image, then] = [`${top}/disk`, `${top}/image`, `${top}/then`];
  const env = { HOME: `${disk}/home`, PATH: "/usr/bin:/bin", MAMBAENV_CHANNEL: small(`${top}/channel`) };
  const run = (...argv: string[]) => call(argv, { cwd: `${top}/work`, env });
  const done = (...argv: string[]) => assert.equal(run(...argv).status, 0, argv.join(" "));
  fs.writeFileSync(image, "");
  fs.truncateSync(image, 64 << 20);
  done(tool("mkfs.ext4"), "-q", "-F", image);
  if (run("/bin/mount", "-o", "loop", image, disk).status !== 0) {
    return console.log("power: not on a real ext4: this machine mounts none");
  }
  try {
    fs.mkdirSync(`${disk}/home`);
    done("/bin/sync", "-f", disk);
    done(PROGRAM, ...ENTER);
    const prefix = fs.realpathSync(`${disk}/home/.local/share/mambaenv/envs/work`);
    const before = tree(prefix);
    // Another's file is synced, and with it all names; the disk is then as the power would leave it.
    done("/bin/dd", "if=/dev/zero", `of=${disk}/other`, "bs=1", "count=1", "conv=fsync");
    done("/bin/cp", image, then);
    done("/bin/umount", disk);
    done("/bin/mount", "-o", "loop", then, disk);
    assert.deepEqual(tree(prefix), before);
    assert.ok(run(PROGRAM, "--no-create", "--offline", ...ENTER).out.includes(prefix));
  } finally {
    run("/bin/umount", disk);
  }
});

Deno.test({ name: "power: where `sync` is none that knows -f, libc is called", ignore }, async () => {
  const lab = await Lab.open(SCENES[0]!);
  try {
    const [bin, log] = [`${lab.top}/bin`, `${lab.top}/log`];
    const watched = [tool("strace"), "-f", "-qq", "-y", "-o", log, "-e", "trace=syncfs"];
    fs.mkdirSync(bin);
    // As coreutils before 8.24 says it; then none at all.
    fs.writeFileSync(`${bin}/sync`, `#!/bin/sh\necho "sync: invalid option -- 'f'" >&2\nexit 1\n`, {
      mode: 0o755,
    });
    for (const path of [`${bin}:/usr/bin:/bin`, "/nowhere"]) {
      lab.reset();
      const called = await lab.call(ENTER, ["/usr/bin/env", `PATH=${path}`, ...watched]);
      lab.entered(called, "tool, more");
      assert.match(fs.readFileSync(log, "utf8"), /^\d+ +syncfs\(\d+<.*\.mambaenv>\) += 0$/m);
    }
  } finally {
    lab.close();
  }
});

/** A lock whose owner cannot be read is waited for some seconds: not each time. */
function unlock({ top }: Lab): void {
  for (const file of fs.globSync(`${top}/home/.local/share/mambaenv/envs/.mambaenv/*.lock/*.owner`)) {
    if (!fs.readFileSync(file, "utf8").endsWith("}")) fs.rmSync(file);
  }
}
