// `mambaenv shell` in real shells on a terminal: behind startup files that set PATH and the prompt anew.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { installed } from "./shells/run.ts";
import { tool } from "./oracle.ts";
import { call, PROGRAM, start } from "./program.ts";
import { put } from "./root.ts";
import { type TestWorld, testWorld } from "./world.ts";

const BOURNE =
  'PS1="rc> "; PATH=/pyenv/shims:$PATH; alias eval=false export=false rm=false; FROM_RC=yes; export FROM_RC';

/** The shells, the user's own startup file of each, and what that says. */
const SHELLS: { [name: string]: { file: string; text: string; env?: string[] } } = {
  bash: { file: ".bashrc", text: BOURNE },
  zsh: { file: ".zshrc", text: BOURNE },
  dash: { file: ".shrc", text: BOURNE, env: ["ENV=$HOME/.shrc"] },
  ksh: { file: ".kshrc", text: BOURNE },
  mksh: { file: ".mkshrc", text: BOURNE },
  yash: { file: ".yashrc", text: BOURNE },
  fish: {
    file: ".config/fish/config.fish",
    text: "set -x PATH /pyenv/shims $PATH\nset -x FROM_RC yes\nfunction fish_prompt; echo -n 'rc> '; end\n",
  },
  tcsh: {
    file: ".cshrc",
    text: 'set prompt="rc> "; setenv PATH /pyenv/shims:$PATH; setenv FROM_RC yes; alias setenv false',
  },
  xonsh: {
    file: ".xonshrc",
    text: '$PROMPT = "{env_name}rc> "\n$PATH.insert(0, "/pyenv/shims")\n$FROM_RC = "yes"\n',
  },
  elvish: {
    file: ".config/elvish/rc.elv",
    text: 'set edit:prompt = { put "rc> " }\nset-env PATH "/pyenv/shims:"$E:PATH\nset-env FROM_RC yes\n',
  },
};

function place(): TestWorld {
  const world = testWorld({
    "root/envs/it's/conda-meta/history": "",
    "root/envs/other/conda-meta/history": "",
    "it's/requirements.txt": "",
    "tmp/": "",
  });
  put(
    `${world.top}/show`,
    '#!/bin/sh\necho "<$CONDA_DEFAULT_ENV|$FROM_RC|$HOME|${ENV-}|${ZDOTDIR-}|$PATH>"\n',
    0o755,
  );
  return world;
}

/** Types the lines, slowly enough for every shell, into what is called on a terminal of its own. */
function session(world: TestWorld, called: string[], more: string[], lines: string[]) {
  const env = [
    `HOME=${world.top}/home`,
    "PATH=/usr/bin:/bin",
    "TERM=dumb",
    `MAMBAENV_ROOT=${world.top}/root`,
    `TMPDIR=${world.top}/tmp`,
    ...more,
  ];
  const word = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const program = ["env", "-i", ...env, ...called].map(word).join(" ");
  const typed = lines.map((line) => `sleep 1; printf '%s\\n' ${word(line)}`).join("; ");
  const code = `(${typed}; sleep 1) | timeout 30 ${tool("script")} -qec ${
    word(program)
  } ${world.top}/typescript`;
  const options = { cwd: `${world.top}/it's`, env: { PATH: "/usr/bin:/bin" } };
  return start(["/bin/bash", "-c", code], options).ended;
}

async function behind(name: string): Promise<void> {
  const { file, text, env = [] } = SHELLS[name]!;
  const world = place();
  put(`${world.top}/home/${file}`, `${text}\n`);
  const own = env.map((pair) => pair.replace("$HOME", `${world.top}/home`));
  const { out, status } = await session(world, [PROGRAM, "shell", "--shell", name], own, [
    `${world.top}/show`,
    "exit 5",
  ]);
  const path = `${world.top}/it's/bin:${world.top}/root/envs/it's/bin:/pyenv/shims:/usr/bin:/bin`;
  const given = own.map((pair) => pair.split("=")[1]!).join("");
  assert.ok(out.includes(`<it's|yes|${world.top}/home|${given}||${path}>`), `${name}: ${out}`);
  // ksh takes quotes out of PS1.
  assert.match(out, name === "ksh" ? /\(it'?s\) rc> / : /\(it's\) rc> /);
  // This xonsh forgets its own status.
  assert.equal(status, name === "xonsh" ? 0 : 5, name);
  const left = readdirSync(`${world.top}/tmp`).filter((entry) => entry.startsWith("tmp."));
  assert.deepEqual(left, [], `${name} leaves our folder`);
  assert.deepEqual(readdirSync(`${world.top}/it's`), ["requirements.txt"]);
}

Deno.test("shell: each shows the environment and has it first, behind the user's startup file", async () => {
  await Promise.all(Object.keys(SHELLS).filter((name) => installed(name) || Deno.env.get("CI")).map(behind));
});

Deno.test("shell: zsh with a ZDOTDIR of the user's, from outside or from .zshenv", {
  ignore: !installed("zsh") && !Deno.env.get("CI"),
}, async () => {
  for (const outside of [true, false]) {
    const world = place();
    const dot = `${world.top}/home/dot`;
    put(`${dot}/.zshrc`, BOURNE + "\n");
    if (!outside) put(`${world.top}/home/.zshenv`, `export ZDOTDIR='${dot}'\n`);
    const lines = [`${world.top}/show`, "exit"];
    const { out } = await session(
      world,
      [PROGRAM, "shell", "--shell", "zsh"],
      outside ? [`ZDOTDIR=${dot}`] : [],
      lines,
    );
    assert.ok(out.includes(`<it's|yes|${world.top}/home||${dot}|`), out);
    assert.match(out, /\(it's\) rc> /);
  }
});

Deno.test("shell: the shell that it is called from; -n any environment; nothing starts where there is none", async () => {
  const world = place();
  put(`${world.top}/home/.bashrc`, BOURNE + "\n");
  const called = ["/bin/bash", "-c", '"$@"; exit $?', "bash", PROGRAM, "shell", "-n", "other"];
  const { out } = await session(world, called, ["SHELL=/bin/sh"], [`${world.top}/show`, "exit"]);
  assert.match(out, /\(other\) rc> /);
  assert.match(out, /<other\|yes\|/);
  const env = { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin", TMPDIR: `${world.top}/tmp` };
  const rows: [string[], number, RegExp][] = [
    [["-n", "nope"], 1, /No environment is called "nope"/],
    [["--no-create", "--name", "nope"], 1, /No environment is called "nope"/],
    [["--no-create"], 3, /No environment "it's"/],
    [["--shell", "json"], 2, /Cannot start json/],
    [["--shell", "tclsh"], 2, /Unknown shell "tclsh"/],
    [["nope"], 2, /Unexpected "nope" after "shell"/],
  ];
  for (const [words, status, message] of rows) {
    const ended = call([PROGRAM, "shell", ...words], { cwd: `${world.top}/it's`, env });
    assert.deepEqual([ended.out, ended.status], ["", status], ended.err);
    assert.match(ended.err, message);
  }
  const missing = call([PROGRAM, "shell", "--shell", "fish"], {
    cwd: `${world.top}/it's`,
    env: { ...env, PATH: "/nowhere" },
  });
  assert.deepEqual([missing.out, missing.status], ["", 127]);
  assert.match(missing.err, /Command not found: "fish"/);
  const lost = call([PROGRAM, "shell", "--shell", "bash"], {
    cwd: `${world.top}/it's`,
    env: { ...env, TMPDIR: "/nowhere", MAMBAENV_ROOT: `${world.top}/root` },
  });
  assert.deepEqual([lost.out, lost.status], ["", 1]);
  assert.match(lost.err, /Cannot make a temporary folder/);
  assert.deepEqual(readdirSync(`${world.top}/tmp`), []);
});
