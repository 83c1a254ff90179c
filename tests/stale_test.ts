// What makes an environment stale, by the compiled program, git and real file systems: content does, and nothing else.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { ENTER, Lab } from "./crash/lab.ts";
import { tool } from "./oracle.ts";
import { call } from "./program.ts";

const SCENE = { name: "stale", had: [], has: "tool", words: ENTER, locked: false };
const FILE = "environment.yml";

/** What is done in the project, one after the other, and why a new environment is made; undefined where none is. */
const STEPS: readonly [title: string, code: string, why?: string][] = [
  ["nothing", ":"],
  ["touched", `touch ${FILE}`],
  ["as if of tomorrow", `touch -d '+1 day' ${FILE}`],
  ["as if of 1970", `touch -d @1 ${FILE}`],
  ["another branch and back", "git checkout -q more && git checkout -q main"],
  ["another branch of the same content", "git checkout -q same"],
  ["written anew as it was", `cat ${FILE} >x && mv x ${FILE}`],
  ["another branch", "git checkout -q more", `${FILE} changed: + more`],
  ["the same once more", `touch ${FILE}`],
  ["and back", "git checkout -q main", `${FILE} changed: - more`],
  ["a comment", `echo '# x' >>${FILE}`, `${FILE} changed`],
  ["a file that counts, and is empty", "touch requirements.txt", "requirements.txt is new"],
  ["that is gone again", "rm requirements.txt", "requirements.txt is gone"],
  [
    "another content of the same size and the same time",
    `cp -p ${FILE} old && sed -i 's/# x/# y/' ${FILE} && touch -r old ${FILE} && rm old`,
    `${FILE} changed`,
  ],
  ["stashed", "git stash -q", `${FILE} changed`],
  ["and popped", "git stash pop -q", `${FILE} changed`],
  ["changed and changed back", `cp ${FILE} old && echo y >>${FILE} && cp old ${FILE} && rm old`],
  ["one commit back and forth", "git commit -qam x && git checkout -q HEAD~ && git checkout -q main"],
];

Deno.test({
  name: "stale: git, touch, clocks: never a new environment for nothing, never a change missed",
  ignore: !tool("git"),
}, async () => {
  const lab = await Lab.open(SCENE);
  const work = `${lab.top}/work`;
  const sh = (code: string) => {
    const identity = [
      "user.name=x",
      "user.email=x@example.org",
      "init.defaultBranch=main",
      "core.hooksPath=/dev/null",
    ];
    const env = {
      PATH: "/usr/bin:/bin",
      HOME: "/nowhere",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_COUNT: String(identity.length),
      ...Object.fromEntries(identity.flatMap((pair, i) => {
        const [key, value] = pair.split("=") as [string, string];
        return [[`GIT_CONFIG_KEY_${i}`, key], [`GIT_CONFIG_VALUE_${i}`, value]];
      })),
    };
    const { status, err } = call(["/bin/sh", "-ec", code], { cwd: work, env });
    assert.equal(status, 0, `${code}: ${err}`);
  };
  let made = 0;
  try {
    sh(`git init -q; git add .; git commit -qm 1; git branch same; git checkout -qb more
      sed -i 's/tool/tool, more/' ${FILE}; git commit -qam 2; git checkout -q same; git commit -q --allow-empty -m 3
      git checkout -q main`);
    await lab.call(ENTER);
    for (const [title, code, why] of STEPS) {
      sh(code);
      const { status, err } = await lab.call(ENTER);
      const [, said] = /^mambaenv: making the environment "work": (.*)$/m.exec(err) ?? [];
      assert.deepEqual([status, said], [0, why], `${title}: ${err}`);
      assert.equal((await lab.call(ENTER)).err, "", `${title}: once is enough`);
      if (why) made++;
    }
  } finally {
    lab.close();
  }
  console.log(`stale: ${STEPS.length} deeds, ${made} environments made`);
});

Deno.test({
  name: "stale: on a disk with whole seconds, a change of the same size in the same second is noticed",
  ignore: process.getuid!() !== 0 || !tool("mkfs.ext4"),
}, async () => {
  const lab = await Lab.open(SCENE);
  const [image, disk] = [`${lab.top}/image`, `${lab.top}/work`];
  try {
    fs.writeFileSync(image, "");
    fs.truncateSync(image, 8 << 20);
    // Inodes of 128 bytes have no room for fractions of a second.
    execFileSync(tool("mkfs.ext4"), ["-q", "-F", "-I", "128", image], { stdio: "ignore" });
    if (call(["/bin/mount", "-o", "loop", image, disk], { cwd: "/" }).status !== 0) {
      return console.log("stale: not on a disk with whole seconds: this machine mounts none");
    }
    let same = 0;
    const write = (text: string) => fs.writeFileSync(`${disk}/${FILE}`, `dependencies: [tool] # ${text}\n`);
    const times = () => {
      const { mtimeMs, ctimeMs, size } = fs.statSync(`${disk}/${FILE}`);
      return [mtimeMs, ctimeMs, size].join();
    };
    write("0");
    assert.equal(fs.statSync(`${disk}/${FILE}`).mtimeMs % 1000, 0);
    await lab.call(ENTER);
    let tried = 0;
    // A slow machine needs some tries to do both within one second.
    for (; same < 2 && tried < 20; tried++) {
      write("a");
      assert.equal((await lab.call(["sync"])).status, 0);
      const before = times();
      write("b");
      if (times() === before) same++;
      const { err } = await lab.call(ENTER);
      assert.match(err, /"work": environment\.yml changed\n/, `${tried}`);
    }
    console.log(`stale: ${tried} changes behind the reading, ${same} of them with the same times and size`);
  } finally {
    call(["/bin/umount", disk], { cwd: "/" });
    lab.close();
  }
});
