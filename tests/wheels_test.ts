// Wheels: what judges them finds nothing, and pip puts the program itself, not a script of Python, where it looks.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { page } from "../lib/commands/man.ts";
import { VERSION } from "../lib/version.ts";
import { enlist } from "../tasks/dist.ts";
import { PLATFORMS, wheel } from "../tasks/wheels.ts";
import { zip } from "../tasks/zip.ts";
import { interpreter, publisher } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";

const HERE = `${process.platform}-${process.arch}`;
const TARGET = Object.keys(PLATFORMS).find((name) => name.replace("-baseline", "") === HERE);
const PYTHON = TARGET === undefined ? "" : await publisher();
const ENV = {
  PATH: "/usr/bin:/bin",
  PIP_NO_INDEX: "1",
  PIP_NO_CACHE_DIR: "1",
  PIP_BREAK_SYSTEM_PACKAGES: "1",
};

function folder(test: (dir: string) => void): void {
  const dir = fs.mkdtempSync(join(tmpdir(), "wheels-"));
  try {
    test(dir);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

function ran(argv: readonly string[], dir: string, env: { [name: string]: string } = {}): string {
  const { status, out, err } = call(argv, { cwd: dir, env: { ...ENV, HOME: dir, ...env } });
  assert.equal(status, 0, `${argv.join(" ")}: ${out}${err}`);
  return out + err;
}

Deno.test(
  { name: "wheels: judged, installed into a venv and for the user, run, removed", ignore: !PYTHON },
  () =>
    folder((dir) => {
      const bytes = fs.readFileSync(PROGRAM);
      const packed = gzipSync(bytes, { level: 1 });
      const file = wheel(TARGET!, bytes, packed, dir);
      const first = fs.readFileSync(join(dir, file));
      wheel(TARGET!, bytes, packed, dir);
      assert.ok(fs.readFileSync(join(dir, file)).equals(first), "the same bytes a second time");

      const tags = PLATFORMS[TARGET!]!.split(".");
      if (process.platform === "linux") {
        const judged = ran([PYTHON, "-m", "auditwheel", "show", file], dir).replace(/\s+/g, " ");
        assert.ok(judged.includes(`is consistent with the following platform tag: "${tags[0]}"`), judged);
      }
      assert.match(ran([PYTHON, "-m", "twine", "check", "--strict", file], dir, { NO_COLOR: "1" }), /PASSED/);

      const python = interpreter().path;
      ran([python, "-m", "venv", "--without-pip", "venv"], dir);
      const places: [string, string, string[]][] = [
        [join(dir, "venv", "bin", "python"), join(dir, "venv", "bin"), []],
        [python, join(dir, "user", "bin"), ["--user"]],
      ];
      for (const [python, bin, words] of places) {
        const env = { PYTHONUSERBASE: join(dir, "user") };
        const pip = [PYTHON, "-m", "pip", "--python", python];
        ran([...pip, "install", ...words, "--find-links", dir, "mambaenv"], dir, env);
        const installed = join(bin, "mambaenv");
        assert.deepEqual(fs.readdirSync(bin).filter((name) => name.startsWith("mambaenv")), ["mambaenv"]);
        assert.ok(fs.readFileSync(installed).equals(bytes), "byte for byte the program");
        const manual = join(bin, "..", "share", "man", "man1", "mambaenv.1");
        assert.equal(fs.readFileSync(manual, "utf8"), page());
        assert.match(ran([installed, "--version"], dir), new RegExp(`^mambaenv ${VERSION}\\b`));
        ran([...pip, "uninstall", "--yes", "mambaenv"], dir, env);
        assert.ok(!fs.existsSync(installed));
      }
    }),
);

Deno.test({ name: "wheels: Python's zipfile reads what zip writes", ignore: !PYTHON }, () =>
  folder((dir) => {
    const members = [["empty", 0o644], ["a/\u00e9 b", 0o755], ["z".repeat(300), 0o600]] as const;
    const bytes = (name: string) => Buffer.from(name === "empty" ? "" : name.repeat(999));
    fs.writeFileSync(
      join(dir, "a.zip"),
      zip(members.map(([name, mode]) => ({ name, mode, bytes: bytes(name) }))),
    );
    const code = `import hashlib, json, zipfile
z = zipfile.ZipFile("a.zip")
assert z.testzip() is None
print(json.dumps([[i.filename, i.external_attr >> 16, hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist()]))`;
    const sum = (name: string) => createHash("sha256").update(bytes(name)).digest("hex");
    assert.deepEqual(
      JSON.parse(ran([PYTHON, "-c", code], dir)),
      members.map(([name, mode]) => [name, 0o100000 | mode, sum(name)]),
    );
  }));

Deno.test("wheels: another program than the one that was packed is refused", () => {
  const member = { name: "a", bytes: Buffer.from("abc"), mode: 0o644, packed: gzipSync("abcd") };
  assert.throws(() => zip([member]), /a: not what was packed/);
});

Deno.test("wheels: their sums are in SHA256SUMS once, beside those of the programs", () =>
  folder((dir) => {
    const sum = (text: string) => createHash("sha256").update(text).digest("hex");
    fs.writeFileSync(join(dir, "SHA256SUMS"), `${sum("p")}  mambaenv-p\n`);
    for (const text of ["1", "2"]) {
      fs.writeFileSync(join(dir, "a.whl"), text);
      assert.equal(enlist(dir, "a.whl"), "0.0 MB");
    }
    assert.equal(
      fs.readFileSync(join(dir, "SHA256SUMS"), "utf8"),
      `${sum("p")}  mambaenv-p\n${sum("2")}  a.whl\n`,
    );
  }));
