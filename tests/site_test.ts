// What a site says for all of its users, and what a group shares: real users, and an /etc of the test's own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { small } from "./crash/small.ts";
import { tool } from "./oracle.ts";
import { type Called, lend, start } from "./program.ts";
import { put } from "./root.ts";
import { type TestWorld, testWorld } from "./world.ts";

const ignore = process.platform !== "linux" || process.getuid!() !== 0 ||
  !["setpriv", "unshare", "strace"].map(tool).every(Boolean) ||
  spawnSync("unshare", ["-m", "true"]).status !== 0;
const [ALICE, BOB, STRANGER, GROUP] = [43210, 43211, 43212, 43250];

let world: TestWorld;
let top: string;
Deno.test.beforeAll(() => {
  if (ignore) return;
  world = testWorld();
  top = world.top;
  fs.chmodSync(top, 0o755);
  lend(`${top}/mambaenv`);
  small(`${top}/channel`);
  assert.equal(spawnSync("cp", ["-a", "/etc", `${top}/etc`]).status, 0);
  fs.rmSync(`${top}/etc/mambaenv`, { recursive: true, force: true });
  for (const uid of [ALICE, BOB, STRANGER]) {
    put(`${top}/${uid}/work/environment.yml`, "name: work\ndependencies: [tool]\n");
    assert.equal(spawnSync("chown", ["-R", `${uid}:${GROUP}`, `${top}/${uid}`]).status, 0);
    fs.chmodSync(`${top}/${uid}`, 0o755);
  }
});
Deno.test.afterAll(() => world?.remove(top));

interface As {
  uid: number;
  env?: { [name: string]: string };
  cwd?: string;
  /** Run by root first, in mounts of its own. */
  first?: string;
}

/** Runs bash code as a user who sees the test's \`/etc\`. */
function as({ uid, env = {}, cwd = `${top}/${uid}/work`, first = ":" }: As, code: string): Promise<Called> {
  const group = uid === STRANGER ? uid : GROUP;
  const mounts = `mount --bind "$T/etc" /etc && ${first} || exit 99; cd "$W" && ` +
    `exec setpriv --reuid ${uid} --regid ${group} --clear-groups bash -c "$CODE"`;
  const own = {
    T: top,
    W: cwd,
    CODE: code,
    HOME: `${top}/${uid}`,
    USER: `u${uid}`,
    PATH: "/usr/bin:/bin:/usr/sbin",
  };
  const words = [
    "-i",
    ...Object.entries({ ...own, M: `${top}/mambaenv`, ...env }).map(([k, v]) => `${k}=${v}`),
  ];
  const argv = [...words, "unshare", "-m", "--propagation", "private", "bash", "-c", mounts];
  return start(["/usr/bin/env", ...argv], { cwd: "/", env: {} }).ended;
}

/** The site's configuration, as it is or as somebody spoilt it. */
function site(text: string, { mode = 0o644, dir = 0o755, uid = 0 } = {}): void {
  const path = `${top}/etc/mambaenv`;
  fs.rmSync(path, { recursive: true, force: true });
  put(`${path}/config.toml`, text, mode);
  fs.chmodSync(path, dir);
  fs.chownSync(`${path}/config.toml`, uid, uid);
}

Deno.test({
  name: "site: root, channels, mirrors and disks of /etc; the user's own, a variable, a flag win",
  ignore,
}, async () => {
  fs.mkdirSync(`${top}/scratch`, { mode: 0o1777 });
  fs.mkdirSync(`${top}/disk`);
  for (const dir of ["scratch", "disk"]) fs.chmodSync(`${top}/${dir}`, 0o1777);
  site(`root = "${top}/scratch/\${USER}/m"
channels = ["tiny"]
mirrors = {tiny = ["file://${top}/nowhere", "file://${top}/channel"]}
to = ["$NOWHERE/disk", "${top}/nothing", "${top}/disk"]
`);
  const made = await as(
    { uid: ALICE },
    'source <("$M") && tool && echo "$CONDA_PREFIX" && "$M" status && "$M" stage -v && source <("$M" --staged) && echo "$CONDA_PREFIX"',
  );
  assert.equal(made.status, 0, made.err + made.out);
  const lines = made.out.trim().split("\n");
  assert.match(lines[1]!, new RegExp(`^${top}/scratch/u${ALICE}/m/envs/.mambaenv/work-[0-9a-f]{8}$`));
  for (const key of ["root", "channels"]) {
    assert.ok(
      lines.some((line) => line.includes(key) && line.includes("/etc/mambaenv/config.toml")),
      made.out,
    );
  }
  assert.match(lines.at(-1)!, new RegExp(`^${top}/disk/mambaenv-${ALICE}/none/work-[0-9a-f]{8}$`));
  assert.match(made.err, /unpacked/);

  put(`${top}/${ALICE}/.config/mambaenv/config.toml`, 'root = "~/user"\n');
  const show = '"$M" status | grep -E "^ *root"';
  const rows: [string, { [name: string]: string }, RegExp][] = [
    [show, {}, new RegExp(`${top}/${ALICE}/user .*\\.config/mambaenv/config\\.toml`)],
    [show, { MAMBAENV_ROOT: `${top}/v` }, new RegExp(`${top}/v .*MAMBAENV_ROOT`)],
    [
      show.replace("status", `status --root ${top}/f`),
      { MAMBAENV_ROOT: `${top}/v` },
      new RegExp(`${top}/f .*--root`),
    ],
  ];
  for (const [code, env, form] of rows) {
    const { out, err } = await as({ uid: ALICE, env }, code);
    assert.match(out, form, err);
  }
  fs.rmSync(`${top}/${ALICE}/.config`, { recursive: true });
});

Deno.test({
  name: "site: a file that another than root could have written, or that makes no sense, is refused",
  ignore,
}, async () => {
  const rows: [Parameters<typeof site>, { [name: string]: string }, RegExp, number][] = [
    [["", { mode: 0o666 }], {}, /Not using "\/etc\/mambaenv\/config.toml": everybody may write to it/, 1],
    [["", { dir: 0o777 }], {}, /Not using "\/etc\/mambaenv": everybody may write to it/, 1],
    [["", { uid: BOB }], {}, new RegExp(`it belongs to user ${BOB}, not to root\n {2}try: chown root`), 1],
    [['root = "/s/$USER"'], { USER: "" }, /Cannot use root = "\/s\/\$USER" in \/etc\/.*: USER is not set/, 2],
    [["mirrors = {a = 1}"], {}, /Cannot use mirrors = \{"a":1\} in \/etc\/mambaenv\/config.toml/, 2],
    [["root = "], {}, /Cannot parse "\/etc\/mambaenv\/config.toml" line 1/, 2],
  ];
  for (const [[text, how], env, words, exit] of rows) {
    site(text, how);
    const { status, err, out } = await as({ uid: ALICE, env }, '"$M" --shell bash --no-create');
    assert.match(err, words);
    assert.deepEqual([status, out], [exit, `(\\builtin exit ${exit})\n`]);
  }
  site("");
});

/** Calls that would change something below the group's folder, whether they come through or not. */
const CHANGING =
  /^\d+ +(open(at)?\(.*O_(WRONLY|RDWR|CREAT|TRUNC)|(mkdir|rmdir|unlink|rename|link|symlink|chmod|chown|fchmod|fchown|utimens|truncate|mknod|setxattr)\w*\()/;

Deno.test({
  name: "group: one builds under a setgid folder, others enter it and write nothing, strangers are told",
  ignore,
}, async () => {
  site("");
  const root = `${top}/group`, work = `${top}/${ALICE}/work`;
  fs.mkdirSync(root);
  fs.chownSync(root, ALICE, GROUP);
  fs.chmodSync(root, 0o2750);
  const env = { MAMBAENV_ROOT: root, MAMBAENV_CHANNEL: `file://${top}/channel` };
  const built = await as({ uid: ALICE, env }, 'umask 027; "$M" sync');
  assert.equal(built.status, 0, built.err);
  const odd: string[] = [];
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`, stats = fs.lstatSync(path);
    const mode = (stats.mode & 0o7777).toString(8);
    const fine = entry.isSymbolicLink() ||
      /^(2750|640|750)$/.test(mode) && (mode === "2750") === entry.isDirectory();
    if (!fine || stats.gid !== GROUP || stats.uid !== ALICE) {
      odd.push(`${mode} ${stats.uid}:${stats.gid} ${path}`);
    }
  }
  assert.deepEqual(odd, []);

  const enter =
    'source <("$M") && [ "$(tool)" = tool ] && echo "$CONDA_PREFIX" && "$M" run tool && "$M" activate work --shell bash >/dev/null';
  const trace = `${top}/${BOB}/trace`;
  const seen = await as(
    { uid: BOB, env: { ...env, CODE2: enter }, cwd: work },
    `strace -f -o ${trace} bash -c "$CODE2"`,
  );
  assert.equal(seen.status, 0, seen.err);
  assert.match(seen.out, new RegExp(`^${root}/envs/.mambaenv/work-[0-9a-f]{8}\ntool\n$`));
  const calls = fs.readFileSync(trace, "utf8").split("\n").filter((line) => line.includes(`"${root}`));
  assert.ok(calls.length > 20, `${calls.length} calls`);
  assert.deepEqual(calls.filter((line) => CHANGING.test(line)), []);
  const first = `mount --bind ${root} ${root} && mount -o remount,bind,ro ${root}`;
  const readonly = await as({ uid: BOB, env, cwd: work, first }, enter);
  assert.deepEqual([readonly.status, readonly.out], [0, seen.out], readonly.err);

  // From a clone of their own the others take it as it is; nobody who may not write makes anything.
  const clone = await as(
    { uid: BOB, env },
    '"$M" --shell bash; source <("$M" --no-sync) && tool; "$M" sync -n mine; echo $?',
  );
  assert.match(clone.err, /Environment "work" belongs to the project/);
  assert.match(clone.out, /^\(\\builtin exit 2\)\ntool\n1\n$/, clone.err);
  assert.match(clone.err, new RegExp(`Cannot make "${root}/.*": permission denied\n {2}try: `));
  const out = await as({ uid: STRANGER, env }, '"$M" --no-create --shell bash');
  assert.equal(out.status, 1);
  assert.match(out.err, /envs\/work": permission denied/);
});
