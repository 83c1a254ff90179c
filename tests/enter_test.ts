// The main job, by the compiled program with the built-in engine, from a channel and an index on loopback.
import assert from "node:assert/strict";
import { readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { oracle, tool } from "./oracle.ts";
import { call, PROGRAM, start } from "./program.ts";
import type { Fault } from "./server.ts";
import { staged } from "./stage.ts";
import { frugal, lean } from "./warm.ts";
import { testWorld } from "./world.ts";

const REQUIREMENTS = `requests>=2.31  # of the channel
hello
numpy
onlypypi
click==8.2.1
links; python_version < "3"
`;

const ignore = !(await oracle());

Deno.test({
  name: "enter: makes the environment, enters it again without a request, and anew after a change",
  ignore,
}, () =>
  staged(REQUIREMENTS, async ({ world, server, bash, store, env }) => {
    const modules = "import requests, hello, numpy, onlypypi, click; print(numpy.arange(3).sum())";
    const first = await bash(`source <("$M") && python -W ignore -c '${modules}' && echo "$CONDA_PREFIX"`);
    assert.equal(first.status, 0, first.err);
    const [sum, prefix] = first.out.split("\n");
    assert.deepEqual([sum, store()], ["3", [prefix!.split("/").at(-1)]]);
    const rows: [string, string][] = [["requests", "conda"], ["numpy", "conda"], ["click", "PyPI"], [
      "onlypypi",
      "PyPI",
    ]];
    for (const [name, by] of rows) assert.match(first.err, new RegExp(`^  ${name} +[\\d.]+ +${by}`, "m"));
    assert.match(first.err, /^ {2}links +nobody +its marker is false here/m);

    // What was asked, and the answer: they spare the same question a solve.
    const answers = `${world.top}/home/.cache/mambaenv/repodata/answers`;
    assert.deepEqual(readdirSync(answers).map((name) => name.replace(/[0-9a-f]{64}$/, "…")).sort(), [
      "about-…",
      "…",
    ]);
    const asked = server.requests.length;
    const again = await bash('source <("$M"); source <("$M"); echo "$CONDA_PREFIX|$CONDA_SHLVL|$PATH"');
    assert.deepEqual([again.out, again.err], [
      `${prefix}|1|${world.cwd}/bin:${prefix}/bin:/usr/bin:/bin\n`,
      "",
    ]);
    assert.equal(server.requests.length, asked);

    if (tool("strace")) frugal({ cwd: world.cwd, env });
    await lean({ ...world, env });

    writeFileSync(`${world.cwd}/requirements.txt`, `${REQUIREMENTS}six\n`);
    const held = await bash('source <("$M" --no-sync); echo "$CONDA_PREFIX"');
    assert.equal(held.out, `${prefix}\n`);
    const changed = await bash('source <("$M") && python -c "import six" && echo "$CONDA_PREFIX"');
    assert.equal(changed.status, 0, changed.err);
    assert.match(changed.err, /making the environment "work": requirements.txt changed: \+ six$/m);
    assert.notEqual(changed.out, first.out);
    assert.equal(store().length, 2, "the old generation stays for those who are in it");
    assert.ok(statSync(`${prefix}/bin/python`).isFile());
    assert.match(
      readlinkSync(`${world.top}/home/.local/share/mambaenv/envs/work`),
      /^\.mambaenv\/work-[0-9a-f]{8}$/,
    );
  }));

Deno.test(
  { name: "enter: a rattler lists the environment as its own", ignore },
  () =>
    staged("hello\nsix\n", async ({ bash }) => {
      const made = await bash('source <("$M") && echo "$CONDA_PREFIX"');
      const code =
        "import sys, pathlib, rattler; print(*sorted(rattler.PrefixRecord.from_path(p).name.normalized " +
        "for p in pathlib.Path(sys.argv[1], 'conda-meta').glob('*-*-*.json')))";
      const listed = call([await oracle(), "-c", code, made.out.trim()], { cwd: "/" });
      assert.equal(listed.status, 0, listed.err);
      for (const name of ["hello", "python", "six"]) {
        assert.ok(listed.out.split(/\s/).includes(name), listed.out);
      }
    }),
);

Deno.test(
  { name: "enter: by zsh, fish, sh and under direnv", ignore },
  () =>
    staged("hello\n", async ({ world, env, bash }) => {
      const made = await bash('source <("$M"); echo "$CONDA_PREFIX"');
      const prefix = made.out.trim();
      const show = 'echo "$CONDA_PREFIX $CONDA_DEFAULT_ENV"; command -v hello';
      const rows: [string, string[]][] = [
        ["zsh", ["-fc", `source <("$M"); ${show}`]],
        ["dash", ["-c", `eval "$("$M")"; ${show}`]],
        ["fish", ["--no-config", "-c", `$M | source; ${show}`]],
      ];
      for (const [name, words] of rows) {
        const { out, err } = call([tool(name), ...words], { cwd: world.cwd, env });
        assert.deepEqual([out, err], [`${prefix} work\n${prefix}/bin/hello\n`, ""], name);
      }
      const direnv = tool("direnv");
      writeFileSync(`${world.cwd}/.envrc`, `source <("${PROGRAM}")\n`);
      call([direnv, "allow", "."], { cwd: world.cwd, env });
      const words = [direnv, "exec", ".", "/bin/sh", "-c", `${show}; env | grep -c ^PS1=`];
      const inside = call(words, { cwd: world.cwd, env });
      assert.equal(inside.out, `${prefix} work\n${prefix}/bin/hello\n0\n`, inside.err);
    }),
);

Deno.test(
  { name: "enter: of two at once one builds, the other waits, says so, and uses it", ignore },
  () =>
    staged("hello\n", async ({ env, world, store }) => {
      const words = ["/bin/bash", "-c", 'source <("$M"); echo "$CONDA_PREFIX"'];
      const options = { cwd: world.cwd, env };
      const [one, ...others] = await Promise.all([1, 2, 3].map(() => start(words, options).ended));
      const all = [one!, ...others];
      assert.equal(new Set(all.map(({ out }) => out)).size, 1, JSON.stringify(all));
      assert.ok(one!.out.startsWith("/"));
      assert.equal(all.filter(({ err }) => err.includes("making the environment")).length, 1);
      assert.ok(all.filter(({ err }) => /waiting for host \S+, pid \d+/.test(err)).length >= 1);
      assert.equal(store().length, 1);
    }, [{ path: /hello-1/, kind: "slow", wait: 400 }]),
);

/** Input that cannot work: requirements, faults, words for the program, the exit code, what is said. */
const BAD: { [name: string]: [string, readonly Fault[], string, number, RegExp] } = {
  "no such package anywhere": [
    "nowhere-at-all\n",
    [],
    "",
    1,
    /pip could not install nowhere-at-all[^]*correct "requirements.txt" line 1/,
  ],
  "unknown marker": [
    'six\nsix; pyton_version < "3"\n',
    [],
    "",
    1,
    /Cannot parse "requirements.txt" line 2: unknown marker "pyton_version"/,
  ],
  "unreadable line": ["six\n\nsix = 1\n", [], "", 1, /Cannot parse "requirements.txt" line 3/],
  "missing -r": ["-r more.txt\n", [], "", 1, /Cannot read "more.txt".*"requirements.txt" line 1/],
  "conflict with Python": ["", [], "--python 2.6", 1, /python 2\.6|Python 2\.6/],
  "channel not there": [
    "",
    [{ path: /repodata/, kind: "status", code: 404 }],
    "",
    1,
    /No channel at http:\/\/127/,
  ],
  "channel broken": ["", [{ path: /repodata/, kind: "status", code: 500 }], "", 1, /500/],
  "repodata garbage": ["", [{ path: /repodata/, kind: "garbage" }], "", 1, /repodata/],
  "archive cut": ["hello\n", [{ path: /hello-1/, kind: "cut", bytes: 100 }], "", 1, /hello-1/],
  "archive garbage": ["hello\n", [{ path: /hello-1/, kind: "garbage" }], "", 1, /sha256|SHA-?256/i],
  "archive gone": [
    "hello\n",
    [{ path: /hello-1/, kind: "status", code: 404 }],
    "",
    1,
    /hello-1[^]*it is not there, though the channel lists it/,
  ],
  "offline with empty caches": ["hello\n", [], "--offline", 5, /[Oo]ffline/],
  "the channel's address wrong": ["", [], "--channel http://127.0.0.1:9/none", 1, /127\.0\.0\.1:9/],
  "a root that cannot be": ["", [], "--root /proc/nowhere", 1, /Cannot make "\/proc\/nowhere/],
};

for (const [name, [requirements, faults, words, exit, message]] of Object.entries(BAD)) {
  Deno.test(
    { name: `enter: ${name}: a clear message, exit ${exit}, nothing half-made`, ignore },
    () =>
      staged(requirements, async ({ bash, store }) => {
        const { out, err } = await bash(
          `B=$(env); source <("$M" ${words}); S=$?; [ "$B" = "$(B= env)" ]; echo "$S alive"`,
        );
        assert.equal(out, `${exit} alive\n`, err);
        assert.match(err, message);
        assert.ok(!/^\s+at .*:\d+:\d+/m.test(err) && !/internal error/.test(err), err);
        assert.deepEqual(store(), []);
      }, faults),
  );
}

Deno.test(
  {
    name:
      "enter: a name with quotes and blanks is none of any path in the environment; pip and sysconfig work",
    ignore,
  },
  () =>
    staged("hello\nonlypypi\n", async ({ world, bash }) => {
      const folder = `${world.top}/my "odd" $dir's`;
      const code = `mkdir ${'"$D"'} && mv requirements.txt ${'"$D"'} && cd ${'"$D"'} && source <("$M") &&
python -c 'import sysconfig, onlypypi; sysconfig.get_config_vars()' && hello && echo "$CONDA_DEFAULT_ENV" && "$M" list`;
      const { status, out, err } = await bash(code, { D: folder });
      assert.equal(status, 0, err);
      assert.match(out, /^my "odd" \$dir's$/m);
      assert.match(out, /^my "odd" \$dir's +1 /m);
      const again = await bash(`cd "$D" && source <("$M") && echo "$CONDA_PREFIX"`, { D: folder });
      assert.match(again.out, /\/my__odd___dir_s\.[0-9a-f]{6}-[0-9a-f]{8}$/m, again.err);
    }),
);

Deno.test(
  { name: "enter: conda finds no way: all requirements go to pip, with the reasons", ignore },
  () =>
    staged("onlypypi  # conda: left ==2.0\ncowsay  # conda: right\n", async ({ bash }) => {
      const { out, err } = await bash('source <("$M") && python -c "import onlypypi, cowsay; print(7)"');
      assert.equal(out, "7\n", err);
      assert.match(err, /conda finds no way, so all requirements go to pip:\n[^]*right/);
      assert.match(err, /^ {2}onlypypi +[\d.]+ +PyPI +conda found no way$/m);
    }),
);

Deno.test(
  { name: "enter: conda finds no way with two of three: these go to pip, the third stays conda's", ignore },
  () =>
    staged("onlypypi  # conda: left ==2.0\ncowsay  # conda: right\nhello<2\n", async ({ bash }) => {
      const { out, err } = await bash(
        'source <("$M") && python -c "import onlypypi, cowsay, hello; print(7)"',
      );
      assert.equal(out, "7\n", err);
      assert.match(err, /conda finds no way, so cowsay, onlypypi go to pip:\n[^]*right/);
      assert.match(err, /^ {2}hello +1\.1 +conda$/m);
      assert.match(err, /^ {2}cowsay +[\d.]+ +PyPI +conda found no way with cowsay, onlypypi$/m);
    }),
);

const root = process.getuid?.() === 0;
if (!root) console.log("a full disk is not tried: only root can mount a small one");

Deno.test({
  name: "enter: the disk is full: it is said, nothing half-made, and elsewhere it works",
  ignore: ignore || !root,
}, () =>
  staged("hello\nnumpy\n", async ({ world, bash }) => {
    const small = `${world.top}/small`;
    const mounted = await bash(`mkdir ${small} && mount -t tmpfs -o size=95m none ${small}`);
    assert.equal(mounted.status, 0, mounted.err);
    try {
      const { out, err } = await bash(`source <("$M" --root ${small}); echo "$? alive"`);
      assert.equal(out, "1 alive\n", err);
      assert.match(err, /the disk is full[^]*MAMBAENV_ROOT=/);
      await bash(`umount ${small} && mount -t tmpfs -o size=2m none ${small}`);
      const tiny = await bash(`source <("$M" --root ${small}); echo "$? alive"`);
      assert.equal(tiny.out, "1 alive\n", tiny.err);
      assert.match(
        tiny.err,
        /The disk is too full: \d+ packages need room in .* or more, and [\d.]+ [kM]B are free/,
      );
      assert.deepEqual(world.list(`${small}/envs/.mambaenv`) ?? [], []);
      const elsewhere = await bash('source <("$M") && echo fine');
      assert.equal(elsewhere.out, "fine\n", elsewhere.err);
    } finally {
      await bash(`umount ${small}`);
    }
  }));

Deno.test(
  { name: "enter: the environment's Python is broken: it is entered all the same", ignore },
  () =>
    staged("hello\n", async ({ bash }) => {
      await bash(
        'source <("$M") && rm "$CONDA_PREFIX"/bin/python* && echo broken > "$CONDA_PREFIX/bin/python"',
      );
      const { out, err } = await bash('source <("$M"); echo "$? ${CONDA_DEFAULT_ENV}"');
      assert.deepEqual([out, err], ["0 work\n", ""]);
    }),
);

/** Where a build is when it is interrupted: a fault that holds it there, and what it says then. */
const HELD: { [stage: string]: [string, Fault[], RegExp] } = {
  "reading channels": ["hello\n", [{ path: /shards/, kind: "hang" }], /reading channels/],
  downloading: ["hello\n", [{ path: /hello-1/, kind: "hang" }], /downloading/],
  "in pip": ["onlypypi\n", [{ path: /simple/, kind: "hang" }], /mambaenv: pip/],
  "in pip's build": ["fromsource\n", [], /mambaenv: pip/],
};
const SIGNALS: [NodeJS.Signals, number][] = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]];

for (const [where, [requirements, faults, words]] of Object.entries(HELD)) {
  for (const [signal, exit] of where === "downloading" ? SIGNALS : SIGNALS.slice(0, 1)) {
    Deno.test({
      name: `enter: ${signal} while ${where}: status ${exit}, nothing half-made, no child left`,
      ignore,
    }, () =>
      staged(requirements, async ({ world, env, store, bash, server }) => {
        const mark = `mark${crypto.randomUUID()}`;
        const running = start([PROGRAM, "--shell", "bash"], { cwd: world.cwd, env: { ...env, MARK: mark } });
        await running.says(words);
        await world.sleep(where === "in pip's build" ? 900 : 300);
        process.kill(running.pid, signal);
        const { status, out } = await running.ended;
        assert.equal(status, exit);
        assert.match(out, new RegExp(`exit ${exit}\\)\\n$`));
        assert.deepEqual(store(), []);
        assert.deepEqual(pids(mark), []);
        server.faults.length = 0;
        const next = await bash('source <("$M") && echo fine');
        assert.equal(next.out, "fine\n", next.err);
      }, faults));
  }
}

Deno.test({
  name: "enter: SIGINT while linking: status 130, nothing half-made",
  ignore: ignore || !tool("strace"),
}, () =>
  staged("hello\n", async ({ world, env, store, bash }) => {
    const mark = `mark${crypto.randomUUID()}`;
    const slow = ["-e", "trace=link,linkat", "-e", "inject=link,linkat:delay_enter=3000"];
    const words = [tool("strace"), "-f", "-qq", "-o", "/dev/null", ...slow, PROGRAM, "--shell", "bash"];
    const running = start(words, { cwd: world.cwd, env: { ...env, MARK: mark } });
    await running.says(/linking/);
    await world.sleep(300);
    const pid = pids(mark).find((pid) => world.read(`/proc/${pid}/cmdline`)?.startsWith(PROGRAM));
    process.kill(Number(pid), "SIGINT");
    const { status, out, err } = await running.ended;
    assert.equal(status, 130, err);
    assert.match(out, /exit 130\)\n$/);
    assert.deepEqual(store(), []);
    const next = await bash('source <("$M") && echo fine');
    assert.equal(next.out, "fine\n", next.err);
  }));

/** Processes that inherited a variable. */
function pids(mark: string): string[] {
  const { read, list } = testWorld();
  return list("/proc")!.filter((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/environ`)?.includes(mark));
}

Deno.test(
  { name: "enter: killed, the next run sweeps what is left and succeeds", ignore },
  () =>
    staged("hello\n", async ({ world, env, store, bash, server }) => {
      const running = start([PROGRAM, "--shell", "bash"], { cwd: world.cwd, env });
      await running.says(/downloading/);
      await world.sleep(200);
      process.kill(running.pid, "SIGKILL");
      await running.ended;
      assert.ok(store().length > 0, "a killed build leaves traces");
      server.faults.length = 0;
      const next = await bash('source <("$M") && echo "${CONDA_PREFIX##*/}"');
      assert.equal(next.status, 0, next.err);
      assert.deepEqual(store(), [next.out.trim()]);
    }, [{ path: /hello-1/, kind: "hang" }]),
);
