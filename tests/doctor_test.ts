// `mambaenv doctor`: what is in the way is found and mended by what it says, and no secret is shown.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mounted } from "../lib/mount.ts";
import type { Finding } from "../lib/commands/doctor/finding.ts";
import { PROGRAM, start } from "./program.ts";
import { type TestWorld, testWorld } from "./world.ts";

type Files = { [path: string]: string };
/** Programs that tell of a disk with room enough, and of no quota. */
const df = (left: number, inodes: number) =>
  `#!/bin/sh\necho 'Filesystem Blocks Used Available Capacity Mounted on'\n` +
  `case $1 in -Pi) echo "/dev/x y 9 9 ${inodes} 50% /" ;; *) echo "/dev/x y 9 9 ${left} 50% /" ;; esac\n`;
const CALM = { "bin/df": df(90e6, 1e6), "bin/quota": "#!/bin/sh\n" };

function place(files: Files = {}): { world: TestWorld; env: { [name: string]: string } } {
  const world = testWorld({
    "channel/noarch/repodata.json": '{"packages": {}}',
    "work/requirements.txt": "",
    ...CALM,
    ...files,
  });
  for (const name of fs.readdirSync(`${world.top}/bin`)) fs.chmodSync(`${world.top}/bin/${name}`, 0o755);
  fs.symlinkSync(PROGRAM, `${world.top}/bin/mambaenv`);
  const env = {
    HOME: `${world.top}/home`,
    PATH: `${world.top}/bin:/usr/bin:/bin`,
    MAMBAENV_CHANNEL: `${world.top}/channel`,
  };
  return { world, env };
}

async function doctor(world: TestWorld, env: { [name: string]: string }, ...words: string[]) {
  // As users have it: a shell is above it.
  const argv = ["/bin/bash", "-c", '"$0" doctor "$@"; exit $?', PROGRAM, ...words];
  const { status, out, err } = await start(argv, { cwd: world.cwd, env }).ended;
  const findings: Finding[] = words.includes("--json") ? JSON.parse(out).findings : [];
  return { status, out, err, findings };
}

Deno.test("doctor: where nothing is in the way it says so, ends with 0, and changes nothing", async () => {
  const { world, env } = place();
  const before = fs.readdirSync(world.top, { recursive: true }).sort();
  const { status, out, err } = await doctor(world, env);
  assert.deepEqual([status, err], [0, ""], out);
  for (
    const said of [
      /^ {2}shell +bash/m,
      /^ {2}machine +\w+ \w+ \(/m,
      /^ {2}channel +file:.*in \d+ ms$/m,
      /\nNothing is in the way\.\n$/,
    ]
  ) {
    assert.match(out, said);
  }
  assert.deepEqual(fs.readdirSync(world.top, { recursive: true }).sort(), before);
});

type Row = [
  title: string,
  files: Files,
  env: { [name: string]: string },
  topic: string,
  level: Finding["level"],
  text: RegExp,
  fix: RegExp,
];
const TABLE: Row[] = [
  [
    "the current folder in PATH",
    {},
    { PATH: "%/bin::.:/usr/bin:/bin" },
    "PATH",
    "warning",
    /an empty part, \. in it/,
    /PATH/,
  ],
  [
    "two programs",
    { "other/mambaenv": "" },
    { PATH: "%/bin:%/other:/usr/bin:/bin" },
    "PATH",
    "note",
    /taken from \/.*\/bin, and is also in \/.*\/other/,
    /put the right one first/,
  ],
  [
    "another Python before the environment's",
    { "bin/python": "", "env/bin/python": "" },
    { PATH: "%/bin:%/env/bin:/usr/bin:/bin", CONDA_PREFIX: "%/env" },
    "PATH",
    "warning",
    /^python is taken from \/.*\/bin, though \/.*\/env\/bin is active$/,
    /^enter it once more/,
  ],
  [
    "a cache that is a file",
    { "file": "" },
    { XDG_CACHE_HOME: "%/file" },
    "cache",
    "error",
    /file is no folder/,
    /XDG_CACHE_HOME/,
  ],
  [
    "a program that is not there",
    {},
    { CONDA_EXE: "/no/conda" },
    "conda",
    "note",
    /^\/no\/conda \(CONDA_EXE\): not used: there is no such program/,
    /^unset CONDA_EXE$/,
  ],
  [
    "micromamba alone",
    { "home/micromamba/bin/micromamba": "" },
    { MAMBA_ROOT_PREFIX: "%/home/micromamba" },
    "conda",
    "ok",
    /\(MAMBA_ROOT_PREFIX\): micromamba; taken/,
    /^$/,
  ],
  [
    "LD_LIBRARY_PATH",
    {},
    { LD_LIBRARY_PATH: "/opt/lib" },
    "LD_LIBRARY_PATH",
    "warning",
    /^\/opt\/lib: /,
    /unset LD_LIBRARY_PATH/,
  ],
  [
    "PYTHONPATH",
    {},
    { PYTHONPATH: "/a:/b", MAMBAENV_ACTIVE_PROJECT: "/a" },
    "PYTHONPATH",
    "warning",
    /^\/b: /,
    /--pythonpath/,
  ],
  [
    "a debugger's port",
    {},
    { BUN_INSPECT: "ws+unix://%/socket" },
    "BUN_INSPECT",
    "warning",
    /^the runtime/,
    /^unset BUN_INSPECT$/,
  ],
  ["PYTHONHOME", {}, { PYTHONHOME: "/usr" }, "PYTHONHOME", "warning", /^\/usr: /, /unset/],
  [
    "a module of Python",
    {},
    { LOADEDMODULES: "gcc/12:python/3.8" },
    "modules",
    "warning",
    /gcc\/12, python\/3\.8/,
    /^module unload python\/3\.8$/,
  ],
  [
    "the user site",
    { "home/.local/lib/python3.9/site-packages/x-1.dist-info/": "" },
    {},
    "user site",
    "note",
    /^1 package in/,
    /PYTHONNOUSERSITE/,
  ],
  [
    "defaults",
    { "home/.condarc": "channels: [defaults]\n" },
    { MAMBAENV_CHANNEL: "", MAMBAENV_OFFLINE: "1" },
    "defaults",
    "warning",
    /licence/,
    /--remove channels defaults/,
  ],
  ["a broken .condarc", { "home/.condarc": "channels: [\n" }, {}, ".condarc", "error", /\.condarc/, /./],
  [
    "ssl_verify off",
    { "home/.condarc": "ssl_verify: false\n" },
    {},
    "certificates",
    "warning",
    /anybody/,
    /ssl_verify/,
  ],
  [
    "certificates that are not there",
    {},
    { SSL_CERT_FILE: "/no/such.pem" },
    "channel",
    "error",
    /"\/no\/such\.pem"/,
    /unset SSL_CERT_FILE/,
  ],
  [
    "a file without certificates",
    { "empty.pem": "\n" },
    { SSL_CERT_FILE: "%/empty.pem" },
    "certificates",
    "error",
    /SSL_CERT_FILE=\/.*\/empty\.pem: there are no certificates in it/,
    /^unset SSL_CERT_FILE$/,
  ],
  ["whom it trusts", {}, {}, "certificates", "ok", /^those that the program brings along$/, /^$/],
  ["a full disk", { "bin/df": df(1000, 1e6) }, {}, "environments", "warning", /little room/, /MAMBAENV_ROOT/],
  ["few inodes", { "bin/df": df(90e6, 12) }, {}, "packages", "warning", /12 more files/, /MAMBAENV_ROOT/],
  [
    "a quota",
    { "bin/quota": "#!/bin/sh\necho '/dev/x 50* 40 50 6days 5 0 0'\nexit 1\n" },
    {},
    "quota",
    "error",
    /^\/.*: 0 kB left, by quota$/,
    /MAMBAENV_ROOT/,
  ],
  [
    "a small quota",
    { "bin/quota": "#!/bin/sh\necho '/dev/x 50 0 9000000 5 0 60'\n" },
    {},
    "quota",
    "warning",
    /^\/.*: 9\.22 GB and 55 files left, by quota$/,
    /MAMBAENV_ROOT/,
  ],
  [
    "a large quota",
    { "bin/quota": "#!/bin/sh\necho '/dev/x 50 0 9000000 5 0 0'\n" },
    {},
    "quota",
    "ok",
    /left, by quota$/,
    /^$/,
  ],
  [
    "a root that is a file",
    { "file": "" },
    { MAMBAENV_ROOT: "%/file" },
    "environments",
    "error",
    /file is no folder/,
    /MAMBAENV_ROOT/,
  ],
  [
    "no channel",
    { "empty/": "" },
    { MAMBAENV_CHANNEL: "%/empty" },
    "channel",
    "error",
    /is no channel/,
    /check the channel/,
  ],
  [
    "an installation",
    { "home/miniforge3/bin/conda": "", "home/miniforge3/conda-meta/conda-24.1.0-py_0.json": "" },
    {},
    "conda",
    "ok",
    /conda 24\.1\.0; taken/,
    /^$/,
  ],
];
for (const [title, files, more, topic, level, text, fix] of TABLE) {
  Deno.test(`doctor: ${title} is ${level === "ok" ? "told" : `a finding (${level})`}`, async () => {
    const { world, env } = place(files);
    for (
      const path of [
        "other/mambaenv",
        "env/bin/python",
        "home/miniforge3/bin/conda",
        "home/micromamba/bin/micromamba",
      ]
    ) {
      if (files[path] === "") fs.chmodSync(`${world.top}/${path}`, 0o755);
    }
    const changed = Object.entries(more).map(([name, value]) => [name, value.replaceAll("%", world.top)]);
    const seen = await doctor(world, { ...env, ...Object.fromEntries(changed) }, "--json");
    const found = seen.findings.find((finding) => finding.topic === topic && text.test(finding.text));
    assert.ok(found, seen.out + seen.err);
    assert.equal(found.level, level);
    assert.match(found.fix ?? "", fix);
    assert.equal(seen.status, seen.findings.some(({ level }) => level === "error") ? 1 : 0);
  });
}

Deno.test("doctor: asks a channel with its secrets and shows none; what does not answer is an error", async () => {
  const { world, env } = place();
  const asked: string[] = [];
  const server = createServer(({ url = "", headers }, answer) => {
    asked.push(`${url} ${headers.authorization ?? ""}`);
    answer.writeHead(url.endsWith("/repodata.json.zst") ? 200 : 404).end("x");
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const channel = `http://me:hidden@${at}/t/TOKEN/good`;
    const good = await doctor(world, env, "-c", channel);
    assert.equal(good.status, 0, good.out);
    assert.match(good.out, new RegExp(`channel +http://${at}/good: repodata\\.json\\.zst in \\d+ ms`));
    assert.equal(asked.at(-1), `/t/TOKEN/good/noarch/repodata.json.zst Basic ${btoa("me:hidden")}`);
    const proxy = { http_proxy: "http://me:hidden@127.0.0.1:1" };
    for (const words of [["-c", channel], ["-c", channel, "--json"]]) {
      const bad = await doctor(world, { ...env, ...proxy }, ...words);
      assert.equal(bad.status, 1);
      assert.match(bad.out, /Cannot read http:.* through http:\/\/127\.0\.0\.1:1/);
      for (const { out, err } of [good, bad]) assert.doesNotMatch(out + err, /hidden|TOKEN/);
    }
    const count = asked.length;
    const offline = await doctor(world, env, "-c", channel, "--offline");
    assert.match(offline.out, /not asked, being offline/);
    assert.equal(asked.length, count);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

Deno.test("doctor: no secret of conda's settings, of proxies and indexes, nor of a word that was mistyped", async () => {
  const at = "://me:hidden@127.0.0.1:1";
  const condarc = `channels: [https${at}/a, http://127.0.0.1:1/t/hidden-1/b]
channel_alias: https${at}
proxy_servers: {https: "http${at}"}
custom_channels: {mine: "https${at}/x"}
mirrored_channels: {conda-forge: ["https${at}/y"]}
ssl_verify: https${at}
odd: https${at}\n`;
  const variables: { [name: string]: string }[] = [
    { MAMBAENV_CHANNEL: "" },
    { MAMBAENV_CHANNEL: `mine,conda-forge,https${at}/c` },
    { MAMBAENV_CHANNEL: `ftp${at}/c` },
    { MAMBAENV_CHANNEL: "", HTTPS_PROXY: `socks9${at}`, PIP_INDEX_URL: `https${at}/simple` },
    { MAMBAENV_ENGINE: `https${at}` },
  ];
  for (const text of [condarc, `${condarc} bad: [\n`]) {
    const { world, env } = place({ "home/.condarc": text });
    for (const more of variables) {
      for (const words of "MAMBAENV_ENGINE" in more ? [[]] : [[], ["--json"]]) {
        const { out, err } = await doctor(world, { ...env, ...more }, ...words);
        assert.match(out + err, /127\.0\.0\.1|condarc/);
        assert.doesNotMatch(out + err, /hidden/);
      }
    }
  }
});

Deno.test("doctor: a clock that is not the servers' is a finding", async () => {
  const { world, env } = place();
  let off = 0;
  const server = createServer((_, answer) => {
    answer.writeHead(200, { date: new Date(Date.now() + off).toUTCString() }).end("x");
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    const channel = `http://127.0.0.1:${(server.address() as AddressInfo).port}/good`;
    const table: [number, RegExp | undefined][] = [
      [-60_000, undefined],
      [3_600_000, /^it is 60 minutes behind that of http:/],
      [-3_600_000, /^it is 60 minutes ahead of that of http:/],
    ];
    for (const [minutes, text] of table) {
      off = minutes;
      const { findings, out } = await doctor(world, env, "-c", channel, "--json");
      const found = findings.find(({ topic, level }) => topic === "clock" && level === "warning");
      if (text) assert.match(found?.text ?? "", text, out);
      else assert.equal(found, undefined, out);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

Deno.test("doctor: the file system of a folder is that of the mount it is in", () => {
  const mounts =
    "a / ext4 rw 0 0\nb /home nfs4 rw,noexec 0 0\nc /home/with\\040blank tmpfs rw 0 0\nd /ho xfs rw 0 0\n";
  const world = { read: () => mounts, realpath: (path: string) => path };
  const table: [string, string, boolean][] = [
    ["/", "ext4", false],
    ["/homes", "ext4", false],
    ["/home", "nfs4", true],
    ["/home/me", "nfs4", true],
    ["/home/with blank/x", "tmpfs", false],
  ];
  for (const [path, kind, noexec] of table) {
    const found = mounted(path, world);
    assert.deepEqual([found.kind, found.options.includes("noexec")], [kind, noexec], path);
  }
});
