// What may be printed, locked and stored of what has secrets in it: one table for the three ways to say it.
import assert from "node:assert/strict";
import { bare, secretless, shown } from "../lib/secret.ts";

const COMMIT = "0".repeat(40);
/** A URL, what is shown of it, what is written down of it (as shown, if not said), and what a text says of it. */
const URLS: [url: string, shown: string, bare: string | undefined, secretless: string][] = [
  ["https://h/c", "https://h/c", undefined, "https://h/c"],
  ["conda-forge", "conda-forge", undefined, "conda-forge"],
  ["conda-forge/label/t/x", "conda-forge/label/t/x", undefined, "conda-forge/label/t/x"],
  ["https://u:SECRET@h/c/", "https://h/c", undefined, "https://***@h/c/"],
  ["https://SECRET@h/c", "https://h/c", undefined, "https://***@h/c"],
  ["https://u:SEC@RET@h/c", "https://h/c", undefined, "https://***@h/c"],
  ['https://u:SEC"RET@h/c', "https://h/c", undefined, "https://***@h/c"],
  ["HTTPS://u:SECRET@h/t/SECRET/c", "https://h/c", undefined, "HTTPS://***@h/t/***/c"],
  [
    "https://h/t/SECRET/c/noarch/a-1-0.conda",
    "https://h/c/noarch/a-1-0.conda",
    undefined,
    "https://h/t/***/c/noarch/a-1-0.conda",
  ],
  ["https://h/conda/t/SECRET/c", "https://h/conda/c", undefined, "https://h/conda/t/***/c"],
  ["https://h/t/SECRET", "https://h", undefined, "https://h/t/***"],
  ["https://h/t", "https://h/t", undefined, "https://h/t"],
  ["file:///data/t/kept/c", "file:///data/t/kept/c", undefined, "file:///data/t/kept/c"],
  [
    "https://u:SECRET@[bad/t/SECRET/x?k=SECRET",
    "https://[bad/x",
    undefined,
    "https://***@[bad/t/***/x?k=SECRET",
  ],
  [
    "https://h/a.whl?X-Amz-Signature=SECRET&x=1",
    "https://h/a.whl",
    undefined,
    "https://h/a.whl?X-Amz-Signature=***&x=1",
  ],
  [
    "https://h/simple/?private_token=SECRET#x",
    "https://h/simple",
    undefined,
    "https://h/simple/?private_token=***#x",
  ],
  [
    "https://h/a.whl#sha256=0&subdirectory=x/y",
    "https://h/a.whl",
    "https://h/a.whl#subdirectory=x/y",
    "https://h/a.whl#sha256=0&subdirectory=x/y",
  ],
  [
    "https://h/a.zip#subdirectory=../../x",
    "https://h/a.zip",
    undefined,
    "https://h/a.zip#subdirectory=../../x",
  ],
  [
    `git+https://h/t/kept/a.git@${COMMIT}`,
    `git+https://h/t/kept/a.git@${COMMIT}`,
    undefined,
    `git+https://h/t/kept/a.git@${COMMIT}`,
  ],
  [
    "git+https://SECRET@h/a.git@1#subdirectory=p",
    "git+https://h/a.git@1",
    "git+https://h/a.git@1#subdirectory=p",
    "git+https://***@h/a.git@1#subdirectory=p",
  ],
  [
    `git+ssh://git@h/a.git@${COMMIT}`,
    `git+ssh://h/a.git@${COMMIT}`,
    `git+ssh://git@h/a.git@${COMMIT}`,
    `git+ssh://***@h/a.git@${COMMIT}`,
  ],
  ["git+ssh://git:SECRET@h/a.git@1", "git+ssh://h/a.git@1", undefined, "git+ssh://***@h/a.git@1"],
];

Deno.test("shown, bare, secretless: no password, token or query that is one; what is none stays", () => {
  for (const [url, short, written, text] of URLS) {
    assert.deepEqual([shown(url), bare(url), secretless(url)], [short, written ?? short, text], url);
    assert.equal(secretless(text), text, "twice is once");
  }
});

Deno.test("secretless: in the middle of words, several times, with variables", () => {
  const table: [text: string, said: string][] = [
    ["", ""],
    ["x @ https://u:p@h/x.whl ; python_version > '3'", "x @ https://***@h/x.whl ; python_version > '3'"],
    [
      "-i https://${USER}:${TOKEN}@h/simple -f http://h/t/${TOKEN}/x",
      "-i https://***@h/simple -f http://h/t/***/x",
    ],
    [
      "from 'https://h/t/SECRET' and \"https://u:p@h\"\nhttps://a@b",
      "from 'https://h/t/***' and \"https://***@h\"\nhttps://***@b",
    ],
    ["mail me@h, or https://h/about", "mail me@h, or https://h/about"],
  ];
  for (const [text, said] of table) assert.equal(secretless(text), said);
});
