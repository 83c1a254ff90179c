// The peer: conda's, mamba's and micromamba's command line, with real work behind it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { channel } from "./channel/channel.ts";
import { oracle, tool } from "./oracle.ts";
import { type Name, peer } from "./peer/peer.ts";
import { serve } from "./server.ts";

const ignore = !(await oracle());
const NAMES: readonly Name[] = ["conda", "mamba", "micromamba"];

interface Ended {
  code: number;
  out: string;
  err: string;
}

/** An installation whose path has a space and a quote, and what runs one of its programs. */
async function within(
  use: (root: string, run: (name: string, ...words: string[]) => Promise<Ended>) => Promise<void>,
): Promise<void> {
  const top = fs.mkdtempSync(join(tmpdir(), "peer-"));
  const root = join(top, "it's a root");
  try {
    await peer(root, NAMES);
    await use(root, async (name, ...args) => {
      const ended = await new Deno.Command(join(root, "bin", name), { args, stdin: "null" }).output();
      const [out = "", err = ""] = [ended.stdout, ended.stderr].map((bytes) =>
        new TextDecoder().decode(bytes)
      );
      return { code: ended.code, out, err };
    });
  } finally {
    fs.rmSync(top, { recursive: true, force: true });
  }
}

Deno.test({
  name: "peer: each program creates, installs into, and lists an environment",
  ignore,
  fn: () =>
    within(async (root, run) => {
      const { url } = await channel();
      for (const name of NAMES) {
        const prefix = join(root, "envs", name);
        const share = ["--yes", "--prefix", prefix, "--override-channels", "--channel", url];
        assert.equal((await run(name, "create", ...share, "left", "hooks")).code, 0);
        assert.equal((await run(name, "install", ...share, "right")).code, 0);
        const { out } = await run(name, "list", "-p", prefix, "--json");
        const rows: { name: string; version: string }[] = JSON.parse(out);
        const found = rows.map((row) => `${row.name} ${row.version}`);
        assert.deepEqual(found, ["core 1.5", "hooks 1.0", "left 1.0", "right 1.0"]);
        assert.match((await run(name, "--version")).out, name === "conda" ? /^conda \d/ : /^\d/);
      }
      const info = JSON.parse((await run("conda", "info", "--json")).out);
      assert.deepEqual(info.envs, [root, ...NAMES.map((name) => join(root, "envs", name))]);
      assert.equal(info.root_prefix, root);
    }),
});

Deno.test({
  name: "peer: what cannot be done ends with 1, words on stderr and no environment",
  ignore,
  fn: () =>
    within(async (root, run) => {
      const { url } = await channel();
      const full = join(root, "full");
      fs.mkdirSync(full);
      fs.writeFileSync(join(full, "mine"), "");
      const create = ["create", "-y", "-p", join(root, "new"), "--override-channels"];
      const table: [words: string[], code: number, said: RegExp][] = [
        [[...create, "-c", url, "left 2.*", "right"], 1, /core >=2/],
        [[...create, "-c", url, "nosuch"], 1, /nosuch/],
        [[...create, "-c", url, "core ==>1"], 1, /==>1/],
        [[...create, "-c", "http://127.0.0.1:1/x", "core"], 1, /127\.0\.0\.1:1/],
        [[...create, "core"], 1, /--channel/],
        [["create", "-y", "-p", full, "--override-channels", "-c", url, "core"], 1, /something else/],
        [["create", "-p", join(root, "new"), "--override-channels", "-c", url, "core"], 1, /yes/],
        [["install", "-y", "-p", join(root, "new"), "-c", url, "core"], 1, /Not a conda environment/],
        [["list", "-p", join(root, "new")], 1, /Not a conda environment/],
        [["shell.posix", "activate", "nosuch"], 1, /nosuch/],
        [["frobnicate"], 2, /frobnicate/],
      ];
      for (const [words, code, said] of table) {
        const ended = await run("mamba", ...words);
        assert.equal(ended.code, code, words.join(" ") + ended.err);
        assert.match(ended.err, said);
      }
      assert.equal(fs.existsSync(join(root, "new")), false);
      assert.deepEqual(fs.readdirSync(full), ["mine"]);
    }),
});

Deno.test({
  name: "peer: --offline uses what is cached, and nothing else",
  ignore,
  fn: () =>
    within(async (root, run) => {
      const server = await serve((await channel()).dir);
      try {
        const create = (name: string, ...more: string[]) =>
          run(
            "mamba",
            "create",
            "-y",
            "-p",
            join(root, name),
            "--override-channels",
            "-c",
            server.url,
            ...more,
          );
        assert.equal((await create("a", "--offline", "core")).code, 1);
        assert.equal(server.requests.length, 0);
        assert.equal((await create("b", "core")).code, 0);
        const asked = server.requests.length;
        assert.equal((await create("c", "--offline", "core")).code, 0);
        assert.equal((await create("d", "--offline", "guard")).code, 1);
        assert.equal(server.requests.length, asked);
      } finally {
        await server.close();
      }
    }),
});

const ACTIVATE =
  "conda activate x && echo $HOOKS_ON && mamba deactivate && echo ${CONDA_PREFIX-none}; echo $PATH";
for (const shell of ["bash", "zsh", "dash", "fish"]) {
  Deno.test({
    name: `peer: its functions activate in ${shell}, and leave PATH as it was`,
    ignore: ignore || !tool(shell),
    fn: () =>
      within(async (root, run) => {
        const prefix = join(root, "envs", "x");
        await run(
          "conda",
          "create",
          "-y",
          "-p",
          prefix,
          "--override-channels",
          "-c",
          (await channel()).url,
          "hooks",
        );
        const [dir, end] = shell === "fish" ? ["etc/fish/conf.d", "fish"] : ["etc/profile.d", "sh"];
        const files = ["conda", "mamba"].map((name) =>
          `. '${root.replace("'", `'"'"'`)}/${dir}/${name}.${end}'`
        );
        const code = shell === "fish"
          ? ACTIVATE.replace("${CONDA_PREFIX-none}", "(set -q CONDA_PREFIX; or echo none)")
            .replace("echo $PATH", "string join : $PATH")
          : ACTIVATE;
        const env = { PATH: "/usr/bin:/bin", HOME: root };
        const flags = shell === "zsh" ? ["-f"] : [];
        const words = [...flags, "-c", [...files, code].join("\n")];
        const { stdout, stderr, status } = spawnSync(tool(shell), words, { env, encoding: "utf8" });
        const path = `${shell === "fish" ? "" : `${root}/condabin:`}/usr/bin:/bin`;
        assert.equal(stdout, `${prefix}\nnone\n${path}\n`, stderr);
        assert.equal(status, 0);
      }),
  });
}
