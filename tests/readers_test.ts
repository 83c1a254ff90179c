// Who reads us, and from where we are called, by the compiled program: other users, a hidden /proc, containers,
// words that are no text, folders that cannot be written.
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { call, type Called, lend } from "./program.ts";
import { installed } from "./shells/run.ts";
import { type TestWorld, testWorld } from "./world.ts";

const root = process.getuid?.() === 0;
if (!root) console.log("other users, a hidden /proc and containers are not tried: only root can make them");

/** A project and its environment where every user may look, and the program beside them. */
function place(): TestWorld {
  const world = testWorld({
    "root/envs/work/conda-meta/history": "",
    "root/envs/work/bin/": "",
    "work/requirements.txt": "",
    "home/": "",
  });
  chmodSync(world.top, 0o755);
  lend(`${world.top}/mambaenv`);
  return world;
}

/** Runs bash code in which `M` is the program and `T` the folder of all. */
function bash(world: TestWorld, code: string, more: { [name: string]: string } = {}): Called {
  const T = world.top;
  const env = { HOME: `${T}/home`, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", MAMBAENV_ROOT: `${T}/root` };
  return call(["/bin/bash", "-c", code], { cwd: world.cwd, env: { ...env, M: `${T}/mambaenv`, T, ...more } });
}

const NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups";
const HIDDEN = "mount -o remount,hidepid=2 /proc";
const ENTER = 'source <("$M"); echo "$CONDA_DEFAULT_ENV"';
const FISH = '"$M" | source; echo "$CONDA_DEFAULT_ENV"';

/** How the program is called, by code that leaves the environment's name: only a shell that was told can. */
const CALLS: { [how: string]: { code: string; needs?: string; root?: boolean } } = {
  "another user's shell": { code: `${NOBODY} bash -c '${ENTER}'`, root: true },
  "only the program is another user's": {
    code: `source <(${NOBODY} "$M"); echo "$CONDA_DEFAULT_ENV"`,
    root: true,
  },
  "su to another user": { code: `su -s /bin/bash nobody -c '${ENTER}'`, root: true },
  "su by a shell of another kind": {
    code: `fish --no-config -c 'su -s /bin/bash nobody -c \\$M | source; echo $CONDA_DEFAULT_ENV'`,
    needs: "fish",
    root: true,
  },
  // What sudo itself says of a host without a name is not ours.
  "sudo -u another user": {
    code:
      `sudo -u nobody env M="$M" MAMBAENV_ROOT="$MAMBAENV_ROOT" bash -c 'exec 2>&1; ${ENTER}' 2>/dev/null`,
    needs: "sudo",
    root: true,
  },
  "script(1) with bash": {
    code: `script -qec "bash --norc -c '${ENTER.replaceAll(/["$]/g, "\\$&")}'" /dev/null`,
  },
  "script(1) with fish": {
    code: `script -qec "fish --no-config -c '${FISH.replaceAll(/["$]/g, "\\$&")}'" /dev/null`,
    needs: "fish",
  },
  "a login shell": { code: `bash --noprofile -lc '${ENTER}'` },
  "an interactive shell": { code: `bash --norc -ic '${ENTER}' 2>/dev/null` },
  "an empty environment": { code: `env -i M="$M" MAMBAENV_ROOT="$MAMBAENV_ROOT" bash -c '${ENTER}'` },
  "/proc hidden, the shell one's own": {
    code: `unshare -mpf --mount-proc bash -c '${HIDDEN}; ${NOBODY} bash "$T/enter"; true'`,
    root: true,
  },
  "bash as a container's process 1": {
    code: `unshare -mpf --mount-proc bash -c 'eval "$("$M")"; echo "$CONDA_DEFAULT_ENV"'`,
    root: true,
  },
  "fish as a container's process 1": {
    code: `unshare -mpf --mount-proc fish --no-config -c '${FISH}'`,
    needs: "fish",
    root: true,
  },
};

for (const [how, { code, needs = "bash", root: only = false }] of Object.entries(CALLS)) {
  Deno.test({
    name: `readers: ${how}: found, and nothing said`,
    ignore: (only && !root) || (!installed(needs) && !Deno.env.get("CI")),
  }, () => {
    const world = place();
    world.write(`${world.top}/enter`, `${ENTER}\n`);
    const { out, err } = bash(world, code, { SHELL: "/bin/tcsh" });
    assert.deepEqual([out.trim(), err], ["work", ""]);
  });
}

Deno.test({
  name: "readers: /proc hidden and the shell another user's: guessed and said so; without SHELL refused",
  ignore: !root,
}, () => {
  const world = place();
  const hidden = (shell: string) =>
    bash(world, `unshare -mpf --mount-proc bash -c '${HIDDEN}; ${NOBODY} ${shell} "$M"; echo "# $?"'`);
  const guessed = hidden("env SHELL=/bin/fish");
  assert.match(guessed.out, /^builtin set -gx CONDA_PREFIX /m);
  assert.match(guessed.out, /^# 0$/m);
  assert.equal(
    guessed.err,
    "mambaenv: warning: the shell is guessed from SHELL=/bin/fish; --shell NAME makes it sure\n",
  );
  const refused = hidden("env -u SHELL");
  assert.match(refused.out, /^# 2$/m);
  assert.match(refused.err, /Cannot tell which shell reads this[^]*mambaenv --shell bash/);
});

const ODD = "$'odd\\xff\\xfe'";
const CODES: { [how: string]: string } = {
  "a name": `source <("$M" activate ${ODD})`,
  "a path": `source <("$M" activate "$T/root/envs/"${ODD})`,
  "a path from here": `source <(cd "$T/root/envs"; "$M" activate ./${ODD})`,
  "--name": `source <("$M" --name ${ODD})`,
  "run -p": `export CONDA_PREFIX=$("$M" run -p "$T/root/envs/"${ODD} printenv CONDA_PREFIX)`,
};

for (const [how, code] of Object.entries(CODES)) {
  Deno.test(`readers: bytes that are no UTF-8 in ${how} mean the folder of that name`, () => {
    const world = place();
    const make =
      `mkdir -p "$T/root/envs/"${ODD}/{bin,conda-meta}; : >"$T/root/envs/"${ODD}/conda-meta/history`;
    const same = `[ "$CONDA_PREFIX" = "$T/root/envs/"${ODD} ]`;
    const { out, err } = bash(world, `${make}; ${code}; ${same}; echo $?`);
    assert.deepEqual([out, err], ["0\n", ""]);
  });
}

Deno.test("readers: an unknown name that is no UTF-8 is said, and the shell lives", () => {
  const { out, err } = bash(place(), `source <("$M" activate ${ODD}); echo "$? alive"`);
  assert.equal(out, "1 alive\n");
  assert.match(err, /^mambaenv: No environment is called "odd\\udcff\\udcfe"/);
});

/** Where it runs: code that enters there and says so. */
const WHERE: { [where: string]: { code: string; root?: boolean } } = {
  "HOME missing on disk": { code: `HOME=/nowhere/at/all; ${ENTER}` },
  "HOME read-only": { code: `chmod 555 "$T/home"; ${NOBODY} bash -c '${ENTER}'`, root: true },
  "no HOME": { code: `unset HOME; ${ENTER}` },
  "a /tmp that cannot be written": {
    code: `unshare -m bash -c 'mount --bind "$T" /mnt && mount -t tmpfs -o ro none /tmp && cd /mnt/work &&
      export MAMBAENV_ROOT=/mnt/root M=/mnt/mambaenv && ${ENTER}'`,
    root: true,
  },
  "stdin closed": { code: `exec <&-; ${ENTER}` },
  "stderr closed": { code: `exec 2>&-; ${ENTER}` },
  "locale C": { code: `export LC_ALL=C LANG=C; ${ENTER}` },
  "an unknown locale": { code: `export LANG=xx_YY.UTF-8; ${ENTER}` },
  "PATH empty": { code: `PATH=; ${ENTER}` },
  "no PATH": { code: `unset PATH; ${ENTER}` },
  "64 descriptors": { code: `ulimit -n 64; ${ENTER}` },
  "umask 077": { code: `umask 077; ${ENTER}` },
};

for (const [where, { code, root: only = false }] of Object.entries(WHERE)) {
  Deno.test({ name: `where it runs: ${where}`, ignore: only && !root }, () => {
    const { out, err } = bash(place(), code);
    assert.deepEqual([out, err], ["work\n", ""]);
  });
}
