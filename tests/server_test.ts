// The loopback server itself: what tests of downloads rely on.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fault, serve } from "./server.ts";

const TEXT = "0123456789".repeat(20_000);

async function served(faults: readonly Fault[], use: (url: string) => Promise<void>): Promise<void> {
  const top = fs.mkdtempSync(join(tmpdir(), "server-"));
  fs.mkdirSync(join(top, "root"));
  fs.writeFileSync(join(top, "secret"), "secret");
  fs.writeFileSync(join(top, "root", "a b.txt"), TEXT);
  const server = await serve(join(top, "root"), faults);
  try {
    await use(server.url);
  } finally {
    await server.close();
    fs.rmSync(top, { recursive: true });
  }
}

const get = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${url}/a%20b.txt`, { headers, redirect: "manual" });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

Deno.test("serve: the whole, 304 by tag and by date, parts by range", () =>
  served([], async (url) => {
    const whole = await get(url);
    assert.equal(whole.text, TEXT);
    const tag = whole.headers.get("etag") ?? "";
    const date = whole.headers.get("last-modified") ?? "";
    const table: [Record<string, string>, number, string][] = [
      [{ "if-none-match": tag }, 304, ""],
      [{ "if-none-match": `W/${tag}, "x"` }, 304, ""],
      [{ "if-none-match": '"x"', "if-modified-since": date }, 200, TEXT],
      [{ "if-modified-since": date }, 304, ""],
      [{ range: "bytes=3-5" }, 206, "345"],
      [{ range: "bytes=199998-" }, 206, "89"],
      [{ range: "bytes=-1" }, 206, "9"],
      [{ range: "bytes=3-5", "if-range": tag }, 206, "345"],
      [{ range: "bytes=3-5", "if-range": '"x"' }, 200, TEXT],
      [{ range: "bytes=200000-" }, 416, ""],
    ];
    for (const [headers, status, text] of table) {
      const found = await get(url, headers);
      assert.deepEqual([found.status, found.text === text], [status, true], JSON.stringify(headers));
    }
  }));

Deno.test("serve: nothing outside its folder, and a bad path is no crash", () =>
  served([], async (url) => {
    const port = Number(new URL(url).port);
    for (const path of ["/../secret", "/%2e%2e/secret", "/x/..%2f../secret", "/%", "/a%00", "/", "/none"]) {
      const answer = await new Promise<string>((done) => {
        let text = "";
        const socket = net.connect(port, "127.0.0.1", () => socket.write(`GET ${path} HTTP/1.0\r\n\r\n`));
        socket.on("data", (data) => text += data).on("close", () => done(text)).on("error", () => undefined);
      });
      assert.doesNotMatch(answer, /secret| 200 /, path);
    }
    assert.equal((await get(url)).status, 200);
  }));

Deno.test("serve: faults, as often as told", () =>
  served([
    { path: /txt$/, kind: "status", code: 500, times: 2 },
    { path: /txt$/, kind: "status", code: 429, headers: { "retry-after": "1" }, times: 1 },
    { path: /txt$/, kind: "redirect", to: (path) => `/moved${path}`, times: 1 },
    { path: /txt$/, kind: "body", body: "other", times: 1 },
    { path: /txt$/, kind: "garbage", times: 1 },
    { path: /txt$/, kind: "cut", bytes: 1000, times: 1 },
    { path: /txt$/, kind: "slow", wait: 20, times: 1 },
    { path: /txt$/, kind: "auth", words: "Bearer x", times: 2 },
  ], async (url) => {
    assert.deepEqual([(await get(url)).status, (await get(url)).status], [500, 500]);
    assert.equal((await get(url)).headers.get("retry-after"), "1");
    assert.equal((await get(url)).headers.get("location"), "/moved/a b.txt");
    assert.equal((await get(url)).text, "other");
    const garbage = await get(url);
    assert.deepEqual([garbage.text.length, garbage.text === TEXT], [TEXT.length, false]);
    await assert.rejects(get(url));
    const start = Date.now();
    assert.equal((await get(url)).text, TEXT);
    assert.ok(Date.now() - start >= 80, "slow");
    assert.equal((await get(url)).status, 401);
    assert.equal((await get(url, { authorization: "Bearer x" })).status, 200);
    assert.equal((await get(url)).status, 200);
  }));
