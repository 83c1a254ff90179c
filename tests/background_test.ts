// A change made behind: the last good environment at once, one process that holds nothing of ours, its log.
import assert from "node:assert/strict";
import { appendFileSync, readlinkSync, writeFileSync } from "node:fs";
import { oracle, tool } from "./oracle.ts";
import { staged } from "./stage.ts";

const ignore = !(await oracle());
const BEHIND = { MAMBAENV_BACKGROUND: "1" };

async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
  for (let i = 0; i < 600; i++) {
    const found = look();
    if (found) return found;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`never: ${what}`);
}

Deno.test(
  { name: "background: the last good one at once, the new one behind, never two", ignore },
  () =>
    staged("hello\n", async ({ world, server, bash, store }) => {
      const first = await bash('source <("$M"); echo "$CONDA_PREFIX"', BEHIND);
      const old = first.out.trim();
      assert.equal(store().length, 1, "without a last good one, it is waited for");
      appendFileSync(`${world.cwd}/requirements.txt`, "six\n");
      server.faults.push({ path: /six-.*conda$/, kind: "slow", wait: 300 });
      const both = await bash(
        'source <("$M"); echo "$CONDA_PREFIX"; source <("$M"); echo "$CONDA_PREFIX"',
        BEHIND,
      );
      assert.equal(both.out, `${old}\n${old}\n`, both.err);
      assert.match(both.err, /requirements.txt changed: the new environment is made behind \(.*work\.log\)/);
      const folder = `${world.top}/home/.local/share/mambaenv/envs`;
      await until(
        () => readlinkSync(`${folder}/work`) !== `.mambaenv/${old.split("/").at(-1)}`,
        "the switch",
      );
      const next = await bash('source <("$M") && python -c "import six, hello; print(7)"', BEHIND);
      assert.deepEqual([next.out, next.err], ["7\n", ""]);
      const log = world.read(`${folder}/.mambaenv/work.log`) ?? "";
      assert.equal(log.match(/making the environment/g)?.length, 1, log);
      assert.match(log, /^Made: /m);
    }),
);

Deno.test(
  { name: "background: the process has no terminal, no pipe and no file of the shell's", ignore },
  () =>
    staged("hello\n", async ({ world, bash }) => {
      await bash('source <("$M")');
      appendFileSync(`${world.cwd}/requirements.txt`, "cowsay\n");
      const code = `exec 7<"$HOME" 8>/dev/null; source <("$M")
for i in $(seq 100); do
  P=$(cat "$L"/*.owner 2>/dev/null | sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p'); [ -n "$P" ] && break; sleep 0.05
done
echo "$P $(ps -o sid=,tty= -p "$P")"; ls -l /proc/$P/fd | sed -n 's/.* -> //p' | sort -u`;
      const { out, err } = await bash(code, { ...BEHIND, L: log(world.top).replace(/log$/, "lock") });
      const [who = "", ...files] = out.trim().split("\n");
      const [pid, sid, tty] = who.trim().split(/\s+/);
      assert.deepEqual([sid, tty], [pid, "?"], err);
      const own = files.filter((file) =>
        !/^(anon_inode|socket:|\/dev\/null|\/proc|\/dev\/urandom)/.test(file)
      );
      assert.deepEqual(
        own.filter((file) => file.startsWith("pipe:") || file === `${world.top}/home`),
        [],
        out,
      );
      assert.ok(own.some((file) => file.endsWith("/work.log")), out);
      await until(() => /^Made: /m.test(world.read(log(world.top)) ?? ""), "its end");
    }),
);

const log = (top: string) => `${top}/home/.local/share/mambaenv/envs/.mambaenv/work.log`;

Deno.test(
  { name: "background: a try that failed is told at the next entering, and tried again", ignore },
  () =>
    staged("hello\n", async ({ world, bash }) => {
      await bash('source <("$M")');
      writeFileSync(`${world.cwd}/requirements.txt`, "hello\nnowhere-at-all\n");
      const first = await bash('source <("$M"); echo $?', BEHIND);
      assert.equal(first.out, "0\n", first.err);
      await until(
        () => /could not install nowhere-at-all/.test(world.read(log(world.top)) ?? ""),
        "its failure",
      );
      await until(
        () => world.list(`${world.top}/home/.local/share/mambaenv/envs/.mambaenv/work.lock`) === undefined,
        "its lock",
      );
      const failed = () => /could not install nowhere-at-all/.test(world.read(log(world.top)) ?? "");
      const next = await bash('source <("$M"); echo $?; hello', BEHIND);
      assert.match(next.out, /^0\n/, next.err);
      assert.match(next.err, /the last try failed: pip could not install nowhere-at-all/);
      await until(failed, "the end of the second try");
    }),
);

const direnv = tool("direnv");

Deno.test({
  name: "background: status says who makes it; direnv reads again when it is done",
  ignore: ignore || !direnv,
}, () =>
  staged("hello\n", async ({ world, server, bash, env }) => {
    writeFileSync(`${world.cwd}/.envrc`, `source <("$M")\n`);
    await bash('source <("$M")');
    // direnv looks at whole seconds: the input is an old one, and the link as old as before.
    const code = `touch -d @1000000000 requirements.txt
${direnv} allow . && eval "$(${direnv} export bash)" && echo "$CONDA_PREFIX"; A=$(stat -c @%Y "$E")
echo six >> requirements.txt; eval "$(${direnv} export bash)"; echo "$CONDA_PREFIX"
for i in $(seq 100); do "$M" status | grep -o "a new one is being made: host .*pid" && break; sleep 0.05; done
for i in $(seq 300); do grep -q '^Made: ' "$L" && break; sleep 0.1; done
touch -h -d "$A" "$E"; touch -d "$A" "$E"
[ -n "$(${direnv} export bash 2>/dev/null)" ] && echo reads; eval "$(${direnv} export bash)"; python -c 'import six; print(7)'
[ -z "$(${direnv} export bash)" ] && echo quiet`;
    server.faults.push({ path: /six-.*conda$/, kind: "slow", wait: 300 });
    const { out, err } = await bash(code, {
      ...env,
      ...BEHIND,
      L: log(world.top),
      E: `${world.top}/home/.local/share/mambaenv/envs/work`,
    });
    const [before, behind, made, ...rest] = out.trim().split("\n");
    assert.equal(behind, before, err);
    assert.match(made ?? "", /^a new one is being made: host \S+, pid/, err);
    assert.deepEqual(rest, ["reads", "7", "quiet"], err);
  }));
