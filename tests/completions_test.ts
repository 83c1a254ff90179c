// Completions in the real shells: what is offered behind what was typed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { COMMANDS } from "../lib/args.ts";
import { tool } from "./oracle.ts";
import { bare, call, PROGRAM } from "./program.ts";
import { type TestWorld, testWorld } from "./world.ts";

function place(): { world: TestWorld; env: { [name: string]: string } } {
  const world = testWorld({
    "home/.conda/envs/alpha/conda-meta/": "",
    "home/.conda/envs/albatross/conda-meta/": "",
    "home/.conda/envs/$(touch pwned)/conda-meta/": "",
    "home/.conda/envs/no-environment/": "",
    "work/folder/": "",
  });
  mkdirSync(`${world.top}/bin`);
  symlinkSync(PROGRAM, `${world.top}/bin/mambaenv`);
  const PATH = `${world.top}/bin:/usr/local/bin:/usr/bin:/bin`;
  return { world, env: { HOME: `${world.top}/home`, PATH, TERM: "dumb" } };
}

/** What is typed, with the cursor at its end, and what is offered then; with a star, among others. */
const TABLE: [typed: string, offered: string][] = [
  ["stat", "status"],
  ["activate al", "albatross alpha"],
  ["-n alp", "alpha"],
  ["--engine mi", "micromamba"],
  ["status --js", "--json"],
  ["lock --js", ""],
  ["lock --plat", "--platform"],
  ["help dea", "deactivate"],
  ["help con", "config"],
  ["completions zs", "zsh"],
  ["activate --no-s", "--no-stack --no-sync"],
];

const BASH = `
source <(mambaenv completions bash) || exit 9
read -ra COMP_WORDS <<<"mambaenv $1"
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_mambaenv mambaenv
printf '%s\\n' "\${COMPREPLY[@]}" | sort`;
const FISH = `mambaenv completions fish | source; or exit 9
complete -C "mambaenv $argv[1]" | string split -f1 \\t | sort`;
/** zsh completes at a terminal only: one of its own, in which a tab is typed and the offers are caught. */
const ZSH = `
zmodload zsh/zpty || exit 9
zpty shell zsh -f -i
zpty -w shell 'PROMPT= RPROMPT=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D
source <(mambaenv completions zsh)
compadd() {
  if [[ \${@[(I)-[OAD]]} -gt 0 ]]; then builtin compadd "$@"; return; fi
  local -a found; builtin compadd -O found "$@"
  (( $#found )) && print -rl -- "offer:"$^found >>$HOME/offers
  builtin compadd "$@"
}
zstyle ":completion:*" list-prompt ""
LISTMAX=1000
print ready >$HOME/ready'
for i in {1..200}; do [[ -e $HOME/ready ]] && break; sleep 0.05; done
[[ -e $HOME/ready ]] || exit 8
zpty -w -n shell "mambaenv $1"$'\\t'
for i in {1..40}; do sleep 0.05; zpty -r -t shell line; [[ -s $HOME/offers ]] && break; done
sleep 0.2
zpty -d shell
sed -n 's/^offer://p' $HOME/offers 2>/dev/null | sed 's/=$//' | sort -u`;

for (const [shell, code] of [["bash", BASH], ["fish", FISH], ["zsh", ZSH]] as const) {
  Deno.test(
    { name: `completions: ${shell} offers commands, flags, values and names`, ignore: !tool(shell) },
    () => {
      const { world, env } = place();
      for (const [typed, offered] of TABLE) {
        for (const file of ["offers", "ready"]) world.remove(`${world.top}/home/${file}`);
        const plain = shell === "bash"
          ? ["--norc", "--noprofile"]
          : shell === "zsh"
          ? ["-f"]
          : ["--no-config"];
        const words = [tool(shell), ...plain, "-c", code, shell === "fish" ? "--" : "x", typed];
        const seen = spawnSync("/usr/bin/env", bare(words, env), { cwd: world.cwd, encoding: "utf8" });
        assert.equal(seen.status, 0, seen.stderr);
        assert.equal(seen.stdout.trim().split("\n").join(" "), offered, `${typed}: ${seen.stderr}`);
      }
      assert.deepEqual(world.list(world.cwd), ["folder"], "no name was run");
    },
  );
}

Deno.test("completions: every command is in each; an unknown shell is an error", () => {
  const { world, env } = place();
  const ask = (...words: string[]) => call([PROGRAM, "completions", ...words], { cwd: world.cwd, env });
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out, status } = ask(shell);
    assert.equal(status, 0);
    for (const { name } of COMMANDS) assert.ok(out.includes(name), `${shell}: ${name}`);
  }
  assert.equal(ask("names").out, "albatross\nalpha\n");
  for (const words of [[], ["tcsh"], ["toString"], ["bsh"]]) assert.equal(ask(...words).status, 2);
  assert.match(ask("bsh").err, /did you mean bash\?/);
});
