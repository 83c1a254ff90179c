// Which URLs a channel's name means, what is shown of them, and where its packages may lie.
import assert from "node:assert/strict";
import { baseOf, channelsOf } from "../../lib/builtin/channel.ts";
import { Problem } from "../../lib/problem.ts";

const CONDARC = {
  custom_channels: { lab: "https://conda.example.org/a/", "lab/inner": "https://inner.example.org" },
  mirrored_channels: {
    "conda-forge": ["https://near.example.org/t/SECRET/cf", "https://far.example.org/conda-forge/"],
  },
};

Deno.test("channelsOf: names, paths and URLs in conda's ways", () => {
  const table: [word: string, names: Parameters<typeof channelsOf>[1], url: string][] = [
    ["bioconda", {}, "https://conda.anaconda.org/bioconda"],
    ["bioconda/label/dev", {}, "https://conda.anaconda.org/bioconda/label/dev"],
    ["bioconda", { channel_alias: "https://mirror.example.org/c/" }, "https://mirror.example.org/c/bioconda"],
    ["bioconda", { channel_alias: "mirror.example.org" }, "https://mirror.example.org/bioconda"],
    ["lab", CONDARC, "https://conda.example.org/a/lab"],
    ["lab/more", CONDARC, "https://conda.example.org/a/lab/more"],
    ["lab/inner/x", CONDARC, "https://inner.example.org/lab/inner/x"],
    ["conda-forge", CONDARC, "https://near.example.org/cf"],
    ["constructor", CONDARC, "https://conda.anaconda.org/constructor"],
    ["pkgs/main", {}, "https://repo.anaconda.com/pkgs/main"],
    ["./local", {}, "file:///here/local"],
    ["/abs/a b", {}, "file:///abs/a%20b"],
    ["file:///abs/x/", {}, "file:///abs/x"],
    ["https://example.org/c/linux-64/", {}, "https://example.org/c"],
    ["https://example.org/c/noarch", {}, "https://example.org/c"],
    ["https://user:pass@example.org/t/TOKEN/c?x=1#y", {}, "https://example.org/c"],
  ];
  for (const [word, names, url] of table) {
    assert.deepEqual(channelsOf([word], names, "/here").map((one) => one.url), [url], word);
  }
});

Deno.test("channelsOf: secrets and mirrors stay in what is asked, doubles go", () => {
  const [forge, plain, ...more] = channelsOf(
    ["conda-forge", "https://u:p@example.org/c", "conda-forge"],
    CONDARC,
  );
  assert.deepEqual(forge?.bases, [
    "https://near.example.org/t/SECRET/cf",
    "https://far.example.org/conda-forge",
  ]);
  assert.deepEqual(plain?.bases, ["https://u:p@example.org/c"]);
  assert.deepEqual(more, []);
  assert.deepEqual(channelsOf(["defaults"]).map(({ url }) => url), [
    "https://repo.anaconda.com/pkgs/main",
    "https://repo.anaconda.com/pkgs/r",
  ]);
});

Deno.test("channelsOf: other schemes are refused without their secrets", () => {
  for (
    const word of [
      "ftp://u:HIDDEN@example.org/c",
      "javascript://x",
      "s3://bucket/c",
      "https://",
      "file://host/c",
    ]
  ) {
    assert.throws(() => channelsOf([word]), (error) => {
      assert.ok(error instanceof Problem && error.exit === 2, String(error));
      assert.doesNotMatch(error.message + error.hint, /HIDDEN/);
      return true;
    }, word);
  }
});

Deno.test("baseOf: relative and absolute, secrets only for their own host, nowhere it may not", () => {
  const secret = "https://u:p@example.org/t/TK/c/linux-64/";
  const table: [named: string, served: string, base: string | undefined][] = [
    ["", "https://example.org/c/noarch/", "https://example.org/c/noarch/"],
    ["./", "file:///c/noarch/", "file:///c/noarch/"],
    ["../pool", "file:///c/noarch/", "file:///c/pool/"],
    ["./", secret, "https://u:p@example.org/t/TK/c/linux-64/"],
    ["https://example.org/c/linux-64", secret, "https://u:p@example.org/t/TK/c/linux-64/"],
    ["https://other.example.org/x/", secret, "https://other.example.org/x/"],
    ["//other.example.org/x/", secret, "https://other.example.org/x/"],
    ["https://example.org/x", "file:///c/noarch/", "https://example.org/x/"],
    ["../../etc", "file:///c/noarch/", undefined],
    ["file:///etc/", "file:///c/noarch/", undefined],
    ["file:///c/", "https://example.org/c/noarch/", undefined],
    ["http://example.org/x", "https://example.org/c/noarch/", undefined],
    ["http://localhost/x", "file:///c/noarch/", undefined],
    ["javascript:alert(1)", "https://example.org/c/noarch/", undefined],
  ];
  for (const [named, served, base] of table) {
    if (base === undefined) assert.throws(() => baseOf(named, served), Problem, named);
    else assert.equal(baseOf(named, served), base, named);
  }
});
