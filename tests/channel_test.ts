// The test channel: py-rattler reads it in every form, installs all of it, and what it installed works.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { channel, runtime, SUBDIR } from "./channel/channel.ts";
import { call, interpreter, oracle, tool, which } from "./oracle.ts";
import { peer } from "./peer/peer.ts";
import { serve } from "./server.ts";

const ignore = !(await oracle());
const ALL =
  "python pip six requests rich numpy pytest hello hooks links odd modes texts antique broken twin " +
  "clobber-a clobber-b postlink badlink flavour guard";

/** Uses a folder whose path is longer than a kernel reads of a shebang, and an installation of conda in it. */
async function within(use: (top: string, conda: string) => unknown): Promise<void> {
  const base = fs.mkdtempSync(join(tmpdir(), "channel-"));
  const top = join(base, "long".repeat(30));
  try {
    await peer(join(top, "root"), ["conda"]);
    await use(top, join(top, "root", "bin", "conda"));
  } finally {
    fs.rmSync(base, { recursive: true, force: true });
  }
}

function create(conda: string, prefix: string, urls: readonly string[], specs: readonly string[]): string {
  const channels = urls.flatMap((url) => ["-c", url]);
  return call([conda, "create", "--yes", "--override-channels", ...channels, "-p", prefix, ...specs]);
}

Deno.test({
  name: "channel: all of it installs under a long prefix, and runs from there",
  ignore,
  fn: () =>
    within(async (top, conda) => {
      const { url, wheels } = await channel();
      const prefix = join(top, "env");
      const compiled = which("cc") ? ["prefixed"] : [];
      create(conda, prefix, [url], [...ALL.split(" "), ...compiled]);
      const bin = (name: string) => join(prefix, "bin", name);
      const python = (code: string) => call([bin("python"), "-I", "-c", code]).trim();
      assert.equal(python("import sys; print(sys.prefix)"), prefix);
      assert.equal(
        python("import requests, rich, numpy, ssl, venv, broken; print(numpy.ones(3).sum())"),
        "3.0",
      );
      const paths =
        "import sysconfig as s; print(s.get_path('purelib'), s.get_path('scripts'), s.get_config_var('prefix'))";
      const version = call([bin("python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).trim();
      assert.equal(python(paths), `${prefix}/lib/python${version}/site-packages ${prefix}/bin ${prefix}`);
      for (const name of ["texts-python", "antique-python", "texts-sh"]) {
        assert.equal(call([bin(name)]).trim(), prefix, name);
      }
      for (const name of ["hello", "hello-script"]) assert.equal(call([bin(name)]), "hello 1.1\n");
      assert.match(call([bin("pytest"), "--version"]), /^pytest 8/);
      assert.match(fs.readFileSync(join(prefix, "share/made/postlink"), "utf8"), /^PKG_NAME=postlink$/m);
      assert.equal(fs.readlinkSync(join(prefix, "share/links/folder-link")), "folder");
      if (compiled.length > 0) {
        const lines = [
          prefix,
          `data=${prefix}/share/prefixed:${prefix}/etc;end`,
          `${prefix}/lib ${prefix.length + 4}`,
        ];
        assert.equal(call([bin("prefixed")]), [...lines, `${prefix}/bin`, "after", ""].join("\n"));
      }
      const left = spawnSync("grep", [
        "-rlF",
        "/opt/mambaenv_placeholder",
        prefix,
        "--exclude-dir=conda-meta",
      ]);
      assert.equal(left.stdout.toString(), "");
      await pip(bin("python"), wheels);
    }),
});

async function pip(python: string, wheels: string): Promise<void> {
  const server = await serve(wheels, [], wheels);
  try {
    // In another process: this one has to serve.
    const words = ["-m", "pip", "--isolated", "install", "--quiet", "--root-user-action=ignore"];
    const specs = [
      "--index-url",
      `${server.url}/simple/`,
      "onlypypi",
      "hello==2.0",
      "fromsource",
      "click>8.1.7",
    ];
    const { code, stderr } = await new Deno.Command(python, { args: [...words, ...specs] }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const show = "import onlypypi, hello, fromsource, click; print(onlypypi.__version__, hello.__version__)";
    assert.equal(call([python, "-I", "-c", show]), "1.1 2.0\n");
    assert.equal(server.requests.some(({ path }) => path === "/simple/fromsource/"), true);
  } finally {
    await server.close();
  }
}

Deno.test({
  name: "channel: each form of repodata is enough",
  ignore,
  fn: () =>
    within(async (top, conda) => {
      const { dir } = await channel();
      const forms = {
        shards: /shards/,
        zst: /repodata\.json\.zst$/,
        bz2: /\.json\.bz2$/,
        json: /repodata\.json$/,
      };
      for (const [form, path] of Object.entries(forms)) {
        const others = Object.values(forms).filter((one) => one !== path);
        const faults = others.map((path) => ({ path, kind: "status" as const, code: 404 }));
        const server = await serve(dir, faults);
        const words = [
          "create",
          "-d",
          "-y",
          "--override-channels",
          "-c",
          server.url,
          "-p",
          join(top, form),
          "requests",
        ];
        const env = { CONDA_PKGS_DIRS: join(top, `pkgs-${form}`) };
        const { code, stdout, stderr } = await new Deno.Command(conda, { args: words, env }).output();
        await server.close();
        assert.equal(code, 0, form + new TextDecoder().decode(stderr));
        assert.match(new TextDecoder().decode(stdout), /requests {2}2\.32\.3/);
        const taken = server.requests.filter((one) => one.status === 200);
        assert.deepEqual([taken.length > 0, taken.every((one) => path.test(one.path))], [true, true], form);
      }
    }),
});

Deno.test({
  name: "channel: versions exclude and prefer one another as they say",
  ignore,
  fn: () =>
    within(async (top, conda) => {
      const { url } = await channel();
      const table: [specs: string[], found: RegExp | string][] = [
        [["left", "right"], "core  1.5"],
        [["left 2.*", "right"], /core >=2/],
        [["core"], "core  2.0"],
        [["core", "guard"], "core  1.5"],
        [["flavour"], "flavour  1.0  plain_0"],
        [["flavour * special*"], "flavour  1.0  special_1"],
        [["requests", "urllib3 <2"], "urllib3  1.26.20"],
        [["future"], /__glibc >=99/],
        [["tomorrow"], /python >=4/],
        [["nosuch"], /nosuch/],
      ];
      for (const [specs, found] of table) {
        const words = [
          "create",
          "-d",
          "-y",
          "--override-channels",
          "-c",
          url,
          "-p",
          join(top, "none"),
          ...specs,
        ];
        const { status, stdout, stderr } = spawnSync(conda, words, { encoding: "utf8" });
        assert.equal(status, typeof found === "string" ? 0 : 1, specs.join(", "));
        if (typeof found === "string") assert.ok(stdout.includes(found), specs.join(", ") + stdout);
        else assert.match(stderr, found);
      }
      const env = { ...process.env, CONDA_OVERRIDE_CUDA: "12.4" };
      const words = ["create", "-d", "-y", "--override-channels", "-c", url, "-p", join(top, "none"), "gpu"];
      assert.equal(spawnSync(conda, words, { env }).status, 0);
      assert.equal(spawnSync(conda, words, { env: { ...env, CONDA_OVERRIDE_CUDA: "" } }).status, 1);
    }),
});

const first = tool("python3") && interpreter().path;
const others = ["/usr/bin/python3", "/usr/local/bin/python3"].filter((path) => fs.existsSync(path));
for (const other of others.filter((path) => interpreter(path).path !== first)) {
  Deno.test({
    name: `channel: ${other} becomes a package, too, and pip installs with it`,
    ignore,
    fn: () =>
      within(async (top, conda) => {
        const { url, wheels } = await channel();
        const prefix = join(top, "env");
        const made = await runtime(interpreter(other));
        create(conda, prefix, [made.url, url], ["python", "pip", "six"]);
        const program = join(prefix, "bin", "python");
        const code =
          "import ssl, sys, sysconfig; print(sys.version.split()[0], sys.prefix, sysconfig.get_path('scripts'))";
        assert.equal(call([program, "-I", "-c", code]).trim(), `${made.python} ${prefix} ${prefix}/bin`);
        await pip(program, wheels);
      }),
  });
}

Deno.test({
  name: "build.py: the same sources give the same archives",
  ignore,
  fn: async () => {
    const top = fs.mkdtempSync(join(tmpdir(), "build-"));
    const venv = join(await oracle(), "..");
    const script = join(import.meta.dirname!, "channel", "build.py");
    const built = ["a", "b"].map((name) => {
      const words = [
        join(venv, "python"),
        "-B",
        script,
        "python",
        join(top, name),
        SUBDIR,
        interpreter().path,
      ];
      call(words, { PATH: `${venv}:${process.env["PATH"]}` });
      const list = call([
        "sh",
        "-c",
        `cd "$1" && find . -name '*.conda' | sort | xargs sha256sum`,
        "sh",
        join(top, name),
      ]);
      assert.match(list, /python-3/);
      return list;
    });
    fs.rmSync(top, { recursive: true });
    assert.equal(built[0], built[1]);
  },
});
