// What fails is said on stderr, with a status that is not 0, in a shell that lives on with its environment as it
// was: in every shell, by the compiled program in the form that users are told, as a user who is not root.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { shellNamed } from "../lib/shells.ts";
import { call, type Called, lend } from "./program.ts";
import { put } from "./root.ts";
import { installed, RUNNERS } from "./shells/run.ts";

const root = process.getuid?.() === 0;

/** How a shell is started, and its lines that run our code and leave the status in a file. */
interface Player {
  name: string;
  argv: readonly string[];
  play: (form: string, status: string) => string;
}

const PLAYERS: readonly Player[] = [
  ...RUNNERS.map(({ name, argv }): Player => {
    const last = name === "fish" || name === "tcsh" ? "$status" : "$?";
    return { name, argv, play: (form, status) => `${form}\n/bin/echo ${last} >${status}` };
  }),
  {
    name: "xonsh",
    argv: ["xonsh", "--no-rc"],
    play: (form, status) => `${form}\nopen('${status}', 'w').write(str($LAST_RETURN_CODE))`,
  },
  {
    // A failure is an exception there.
    name: "elvish",
    argv: ["elvish", "-norc"],
    play: (form, status) =>
      `try { ${form}; print 0 >${status} } catch e { print $e[reason][exit-status] >${status} }`,
  },
];

/** What is in the way, what is called, what is said, the status, and whether the environment is entered. */
interface Row {
  bad: (top: string) => void;
  words: string;
  says: RegExp;
  status: number;
  entered?: boolean;
}

const STATE = "root/envs/demo/conda-meta/state";
const SCRIPTS = "root/envs/demo/etc/conda/activate.d";
const UNREADABLE =
  /^mambaenv: Cannot read the environment ".*\/root\/envs\/demo": permission denied\n {2}try: ls /;
const ROWS: { [what: string]: Row } = {
  "an unknown environment": {
    bad: () => {},
    words: "activate nope",
    says: /^mambaenv: No environment is called "nope" in .*\n {2}try: /,
    status: 1,
  },
  "no project": { bad: () => {}, words: "", says: /^mambaenv: No project in .*\n {2}try: /, status: 2 },
  "a folder of environments that cannot be read": {
    bad: (top) => chmodSync(`${top}/root/envs`, 0),
    words: "activate demo",
    says: /^mambaenv: No environment is called "demo" in .*\/root\/envs \(permission denied\).*\n {2}try: /,
    status: 1,
  },
  "an environment that cannot be read, by path": {
    bad: (top) => chmodSync(`${top}/root/envs/demo`, 0),
    words: "activate ../root/envs/demo",
    says: UNREADABLE,
    status: 1,
  },
  "an environment that cannot be read, by name": {
    bad: (top) => chmodSync(`${top}/root/envs/demo`, 0),
    words: "activate demo",
    says: UNREADABLE,
    status: 1,
  },
  "an environment that can be listed, and no more": {
    bad: (top) => chmodSync(`${top}/root/envs/demo`, 0o444),
    words: "activate demo",
    says: UNREADABLE,
    status: 1,
  },
  "an environment that cannot be read, as the project's": {
    bad: (top) => chmodSync(`${top}/root/envs/demo`, 0),
    words: "--name demo --no-create",
    says: UNREADABLE,
    status: 1,
  },
  "an environment that cannot be read, where one is to be made": {
    bad: (top) => {
      chmodSync(`${top}/root/envs`, 0o1777);
      chmodSync(`${top}/root/envs/demo`, 0);
    },
    words: "--name demo --quiet",
    says: UNREADABLE,
    status: 1,
  },
  "a folder of scripts that cannot be read": {
    bad: (top) => {
      put(`${top}/${SCRIPTS}/a.sh`, "");
      chmodSync(`${top}/${SCRIPTS}`, 0);
    },
    words: "activate demo",
    says: /^mambaenv: warning: Cannot read ".*\/activate\.d": it is left out\n$/,
    status: 0,
    entered: true,
  },
  "a folder of records that cannot be read": {
    bad: (top) => chmodSync(`${top}/root/envs/demo/conda-meta`, 0),
    words: "activate demo",
    says: /^mambaenv: warning: Cannot read ".*\/state": its variables are left out\n$/,
    status: 0,
    entered: true,
  },
  "a root in which nothing can be made": {
    bad: (top) => chmodSync(`${top}/root/envs`, 0o555),
    words: "--name other",
    says: /^mambaenv: Cannot make ".*": permission denied\n {2}try: /m,
    status: 1,
  },
  "a broken state file": {
    bad: (top) => put(`${top}/${STATE}`, '{"env'),
    words: "activate demo",
    says: /^mambaenv: warning: Cannot parse ".*state": .*; its variables are left out\n$/,
    status: 0,
    entered: true,
  },
  "a state file that cannot be read": {
    bad: (top) => put(`${top}/${STATE}`, "{}", 0),
    words: "activate demo",
    says: /^mambaenv: warning: .*state/,
    status: 0,
    entered: true,
  },
};

const OWN = /^(_|SHLVL|PWD|OLDPWD|A__z|COLUMNS|LINES|XONSH.*|PROMPT.*|LAST_RETURN_CODE|__XONSH.*)=/;

/** A folder where every user may look, with an environment `demo`, and the program where all can run it. */
function withPlace<T>(test: (top: string) => T): T {
  // Not in TMPDIR, which may be its owner's alone.
  const top = mkdtempSync("/tmp/mambaenv-failure-");
  try {
    chmodSync(top, 0o755);
    put(`${top}/root/envs/demo/conda-meta/history`, "");
    put(`${top}/root/envs/demo/bin/tool`, "#!/bin/sh\n", 0o755);
    for (const folder of ["left", "home"]) {
      put(`${top}/${folder}/.keep`, "");
      chmodSync(`${top}/${folder}`, 0o777);
    }
    lend(`${top}/mambaenv`);
    chmodSync(`${top}/mambaenv`, 0o755);
    return test(top);
  } finally {
    for (const folder of ["root/envs", "root/envs/demo", "root/envs/demo/conda-meta", SCRIPTS]) {
      if (existsSync(`${top}/${folder}`)) chmodSync(`${top}/${folder}`, 0o755);
    }
    rmSync(top, { recursive: true, force: true });
  }
}

/** Runs a script in a shell as somebody who is not root. */
function as(top: string, argv: readonly string[], script: string): Called {
  put(`${top}/script`, `${script}\n`);
  const nobody = root ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : [];
  const env = {
    HOME: `${top}/home`,
    PATH: "/usr/bin:/bin",
    LANG: "C.UTF-8",
    MAMBAENV_ROOT: `${top}/root`,
    M: `${top}/mambaenv`,
  };
  return call([...nobody, ...argv, `${top}/script`], { cwd: `${top}/home`, env, timeout: 30_000 });
}

function read(file: string): string {
  return Deno.readTextFileSync(file);
}

function dumped(file: string): string[] {
  return read(file).split("\0").filter((entry) => entry !== "" && !OWN.test(entry)).sort();
}

for (const player of PLAYERS) {
  const program = player.argv[0]!;
  const there = installed(program);
  if (!there && !Deno.env.get("CI")) console.log(`skipped: ${player.name} is not installed`);
  for (const [what, { bad, words, says, status, entered = false }] of Object.entries(ROWS)) {
    Deno.test({
      name: `failure: ${player.name}: ${what}: said, status ${status}, the shell lives`,
      ignore: !there && !Deno.env.get("CI"),
    }, () =>
      withPlace((top) => {
        bad(top);
        const command = `${top}/mambaenv ${words}`.trim();
        // What xonsh 0.13 captures it may lose the end of.
        const form = player.name === "xonsh"
          ? `${command} > ${top}/left/code\nexecx(open('${top}/left/code').read())`
          : shellNamed(player.name)!.form.replace("%", command);
        const dump = (name: string) => `/bin/sh -c 'exec env -0 >${top}/left/${name}'`;
        const lines = [dump("before"), player.play(form, `${top}/left/status`), dump("after")];
        const { out, err } = as(top, player.argv, lines.join("\n"));
        assert.equal(out, "");
        assert.match(err, says);
        assert.equal(read(`${top}/left/status`).trim(), String(status));
        const [before, after] = [dumped(`${top}/left/before`), dumped(`${top}/left/after`)];
        if (!entered) assert.deepEqual(after, before);
        else assert.ok(after.includes(`CONDA_PREFIX=${top}/root/envs/demo`), after.join("\n"));
      }));
  }
}

const CALL = { bash: 'source <("$M" activate nope)', dash: 'eval "$("$M" activate nope)"' };
const WITHIN: { [how: string]: [string, string] } = {
  "in a function it is that command's status, and the function goes on": [
    'f() { CALL; echo "$? within"; return 7; }; f; echo "$? alive ${CONDA_PREFIX-}"',
    "1 within\n7 alive \n",
  ],
  "as a function's last command it is the function's status": [
    'f() { CALL; }; f; echo "$? alive ${CONDA_PREFIX-}"',
    "1 alive \n",
  ],
  "|| and if see it": [
    'set -e; CALL || echo or; if CALL; then echo then; else echo else; fi; echo "alive ${CONDA_PREFIX-}"',
    "or\nelse\nalive \n",
  ],
  "set -e ends the shell, as any failing command": ["set -e; echo before; CALL; echo alive", "before\n"],
  "set -e in a function, too": ["set -e; f() { CALL; echo within; }; f; echo alive", "\n".slice(1)],
  "a trap on EXIT still runs under set -e": [
    "set -e; trap 'echo \"trap $?\"' EXIT; CALL; echo alive",
    "trap 1\n",
  ],
};

for (const name of ["bash", "zsh", "dash", "ksh93", "mksh", "yash", "ash"]) {
  const { argv } = RUNNERS.find((runner) => runner.name === name)!;
  for (const [how, [code, expected]] of Object.entries(WITHIN)) {
    Deno.test({
      name: `failure: ${name}: ${how}`,
      ignore: !installed(argv[0]!) && !Deno.env.get("CI"),
    }, () =>
      withPlace((top) => {
        const form = name === "bash" || name === "zsh" ? CALL.bash : CALL.dash;
        const { out, err, status } = as(top, argv, code.replaceAll("CALL", form));
        assert.equal(out, expected, err);
        assert.match(err, /^mambaenv: No environment is called "nope"/);
        assert.equal(status, expected.includes("alive") ? 0 : 1);
      }));
  }
}
