// Variables that the runtime and the loader read before our first line: what acts is in docs/security.md, no more.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { COMPILER } from "../tasks/compiler.ts";
import { certificate } from "./certificate.ts";
import { oracle, tool } from "./oracle.ts";
import { call, PROGRAM } from "./program.ts";
import { staged } from "./stage.ts";
import { type TestWorld, testWorld } from "./world.ts";

const ROOT = join(import.meta.dirname!, "..");
const DOCS = fs.readFileSync(join(ROOT, "docs/security.md"), "utf8");
const EVIL = "require('fs').writeFileSync('%/pwned', '')";

/** A world with code that leaves `pwned` behind, if anything runs it. */
function place(): TestWorld {
  const world = testWorld({ "p/conda-meta/history": "" });
  fs.writeFileSync(`${world.top}/evil.js`, EVIL.replace("%", world.top));
  return world;
}

/** What entering a prefix does under a variable, in which `%` is the world's folder. */
function enter(world: TestWorld, more: { [name: string]: string }) {
  const env = Object.fromEntries(
    Object.entries(more).map(([name, value]) => [name, value.replaceAll("%", world.top)]),
  );
  const words = [PROGRAM, "-p", `${world.top}/p`, "--shell", "bash"];
  const ended = call(words, {
    cwd: world.cwd,
    env: { HOME: `${world.top}/home`, PATH: "/usr/bin:/bin", ...env },
  });
  return { ...ended, left: fs.readdirSync(world.top).sort().join(" "), work: fs.readdirSync(world.cwd) };
}

const NOTHING: [name: string, value: string][] = [
  ["BUN_INSPECT_CONNECT_TO", "unix://%/socket"],
  ["BUN_INSPECT_NOTIFY", "unix://%/socket"],
  ["BUN_INSPECT_PRELOAD", "%/evil.js"],
  ["BUN_INSTALL", "%/bun"],
  ["BUN_CONFIG_MAX_HTTP_REQUESTS", "1"],
  ["BUN_RUNTIME_TRANSPILER_CACHE_PATH", "%/cache"],
  ["NODE_OPTIONS", "--require=%/evil.js"],
  ["NODE_PATH", "%"],
  ["NODE_DEBUG", "fs"],
  ["NODE_ENV", "test"],
  ["NODE_TLS_REJECT_UNAUTHORIZED", "0"],
  ["NODE_EXTRA_CA_CERTS", "/nonexistent"],
  ["LD_LIBRARY_PATH", "%"],
];

for (const [name, value] of NOTHING) {
  Deno.test(`environment: ${name}=${value} changes nothing of entering`, () => {
    const world = place();
    const usual = enter(world, {});
    assert.equal(usual.status, 0, usual.err);
    assert.deepEqual(enter(world, { [name]: value }), usual);
    assert.ok(DOCS.includes(`\`${name}`), `${name} is not in docs/security.md`);
  });
}

const WORDS: [name: string, value: string][] = [
  ["BUN_JSC_dumpOptions", "1"],
  ["MIMALLOC_VERBOSE", "1"],
  ["NODE_CHANNEL_FD", "%"],
  ["LD_DEBUG", "libs"],
  ["LD_PRELOAD", "%/nonexistent.so"],
  ["LD_AUDIT", "%/nonexistent.so"],
];

for (const [name, value] of WORDS) {
  Deno.test({
    name: `environment: ${name} brings words on stderr at most, and stdout stays code`,
    ignore: process.platform !== "linux",
  }, () => {
    const world = place();
    const { err: _, ...usual } = enter(world, {});
    const { err: __, ...seen } = enter(world, { [name]: value });
    assert.deepEqual(seen, usual);
    assert.ok(DOCS.includes(`\`${name.replace(/^(BUN_JSC|MIMALLOC).*/, "$1_…")}`), name);
  });
}

/** Held here too, so that a Bun in which it is otherwise makes us mend the document. */
const ACTS: [name: string, value: string, left: RegExp, out: RegExp][] = [
  ["BUN_OPTIONS", "--preload=%/evil.js", /pwned/, /CONDA_PREFIX=/],
  ["BUN_OPTIONS", "--version", /^evil.js home p work$/, /^\d+\.\d+\.\d+\n$/],
  ["BUN_BE_BUN", "1", /^evil.js home p work$/, /^$/],
  ["BUN_JSC_", "1", /^evil.js home p work$/, /^$/],
  ["BUN_INSPECT", "ws+unix://%/socket", /socket/, /CONDA_PREFIX=/],
  ["BUN_BYTECODE_ORDER_OUT", "%/order", /order/, /CONDA_PREFIX=/],
  ["BUN_BYTECODE_DIGEST_OUT", "%/digest", /digest/, /CONDA_PREFIX=/],
];

for (const [name, value, left, out] of ACTS) {
  Deno.test(`environment: ${name}=${value} acts, and is documented to`, () => {
    let seen = enter(place(), { [name]: value });
    // A thread of the runtime's opens the debugger's port, and entering may be faster.
    for (let tries = 0; !left.test(seen.left) && tries < 20; tries++) {
      seen = enter(place(), { [name]: value });
    }
    assert.match(seen.left, left);
    assert.match(seen.out, out);
    assert.match(DOCS, new RegExp(`^\\| [^|]*\`${name}[^|]*\\| \\*\\*acts?\\*\\*`, "m"));
  });
}

/** What the runtime may read, by its bytes, but for what acts: a Bun that knows more makes us look again. */
const OTHERS = [
  ...new Set(
    [
      ...fs.readFileSync(PROGRAM, "latin1").matchAll(
        /(?:BUN|NODE)_[A-Z][A-Z0-9_]+?(?=BUN_|NODE_|[^A-Z0-9_])/g,
      ),
    ]
      .map(([name]) => name),
  ),
].filter((name) =>
  !ACTS.some(([acts]) => acts === name) && !/_CHANNEL_FD|_MEMORY_LIMIT$|_VERBOSE_FETCH/.test(name)
);
const all = (value: string) => Object.fromEntries(OTHERS.map((name) => [name, value]));

Deno.test("environment: all others that are in the runtime, at once, change nothing of entering", () => {
  assert.ok(
    OTHERS.length > 150 && OTHERS.includes("BUN_INSTALL") && OTHERS.includes("NODE_PATH"),
    `${OTHERS}`,
  );
  const world = place();
  const usual = enter(world, {});
  for (const value of ["1", "0", "true", "%/evil.js"]) {
    assert.deepEqual(enter(world, all(value)), usual, value);
  }
});

Deno.test({
  name: "environment: all others at once make the same environment; VERBOSE_FETCH shows its requests",
  ignore: !(await oracle()),
}, () =>
  staged("hello\n", async ({ world, bash }) => {
    const code = 'eval "$("$M" --shell bash)" && hello';
    const fresh = (more: { [name: string]: string }) => {
      for (const dir of [".local", ".cache"]) world.remove(`${world.top}/home/${dir}`);
      return bash(code, more);
    };
    const usual = await fresh({});
    assert.deepEqual([usual.status, usual.out], [0, "hello 1.1\n"], usual.err);
    assert.deepEqual(await fresh(all("1")), usual);
    const shown = await fresh({ BUN_CONFIG_VERBOSE_FETCH: "curl" });
    assert.match(shown.err, /user-agent: mambaenv/i);
    assert.match(DOCS, /^\| `BUN_CONFIG_VERBOSE_FETCH=curl` \| \*\*acts\*\*/m);
    const starved = await fresh({
      BUN_FEATURE_FLAG_SYNTHETIC_MEMORY_LIMIT: "x",
      BUN_GARBAGE_COLLECTOR_LEVEL: "1",
    });
    assert.notEqual(starved.status, 0);
    assert.match(DOCS, /^\| `BUN_FEATURE_FLAG_SYNTHETIC_MEMORY_LIMIT` \| \*\*acts\*\*/m);
  }));

Deno.test({ name: "environment: LD_PRELOAD acts, as on every program", ignore: !tool("gcc") }, () => {
  const world = place();
  const [source, library] = [`${world.top}/evil.c`, `${world.top}/evil.so`];
  fs.writeFileSync(
    source,
    `#include <stdio.h>\n__attribute__((constructor)) static void act(void) { fopen("${world.top}/pwned", "w"); }\n`,
  );
  execFileSync(tool("gcc"), ["-shared", "-fPIC", "-o", library, source]);
  assert.match(enter(world, { LD_PRELOAD: library }).left, /pwned/);
  assert.match(DOCS, /^\| `LD_PRELOAD`, `LD_AUDIT` \| \*\*act\*\*/m);
});

Deno.test({
  name: "environment: LD_LIBRARY_PATH acts where it has one of glibc's own libraries",
  ignore: !tool("gcc"),
}, () => {
  const world = place();
  const source = `${world.top}/evil.c`;
  fs.mkdirSync(`${world.top}/lib`);
  fs.writeFileSync(
    source,
    `#include <stdlib.h>\n__attribute__((constructor)) static void act(void) { system("touch ${world.top}/pwned"); }\n`,
  );
  execFileSync(tool("gcc"), [
    "-shared",
    "-fPIC",
    "-Wl,-soname,libdl.so.2",
    "-o",
    `${world.top}/lib/libdl.so.2`,
    source,
  ]);
  const acted = () => /pwned/.test(enter(world, { LD_LIBRARY_PATH: "%/lib" }).left);
  assert.ok(acted());
  fs.rmSync(`${world.top}/pwned`);
  fs.renameSync(`${world.top}/lib/libdl.so.2`, `${world.top}/lib/libstdc++.so.6`);
  assert.ok(!acted(), "no other library is looked for");
  assert.match(DOCS, /^\| `LD_LIBRARY_PATH` \| \*\*acts\*\*/m);
});

Deno.test({
  name:
    "environment: whom to trust is not for NODE_TLS_REJECT_UNAUTHORIZED to say, for NODE_EXTRA_CA_CERTS it is",
  ignore: !tool("openssl"),
}, async () => {
  const world = place();
  const { file: cert, pair } = certificate(world.top);
  const server = createServer(
    pair,
    (_, answer) => answer.end("read"),
  );
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  fs.writeFileSync(
    `${world.top}/read.ts`,
    `import { createHttp } from ${JSON.stringify(join(ROOT, "lib/builtin/http.ts"))};
const http = createHttp({ env: process.env, offline: false, tries: 1 });
const url = "https://localhost:${(server.address() as AddressInfo).port}/";
console.log(await http.read(url).then(({ bytes }) => String(bytes), (error) => error.name));\n`,
  );
  const read = (env: { [name: string]: string }) =>
    new Promise<string>((settle) => {
      const child = spawn("/usr/bin/env", [
        "-i",
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
        COMPILER,
        `${world.top}/read.ts`,
      ], { cwd: world.cwd, stdio: ["ignore", "pipe", "inherit"] });
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
      child.on("close", () => settle(out.trim()));
    });
  try {
    assert.equal(await read({}), "Problem");
    assert.equal(await read({ NODE_TLS_REJECT_UNAUTHORIZED: "0" }), "Problem");
    assert.equal(await read({ NODE_TLS_REJECT_UNAUTHORIZED: "0", SSL_CERT_FILE: cert }), "read");
    assert.equal(await read({ NODE_EXTRA_CA_CERTS: cert }), "read");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
