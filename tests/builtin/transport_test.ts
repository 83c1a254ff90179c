// Proxies and certificates, with real ones on loopback.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { openChannels } from "../../lib/builtin/repodata.ts";
import { Problem } from "../../lib/problem.ts";
import type { Condarc } from "../../lib/condarc.ts";
import type { Env } from "../../lib/world.ts";
import { certificate } from "../certificate.ts";
import { tool } from "../oracle.ts";
import { testWorld } from "../world.ts";
import { entry, folder, made } from "./made.ts";

/** Reads a channel; how many records it has of `good`. */
async function read(url: string, env: Env, condarc: Partial<Condarc> = {}): Promise<number> {
  const index = await openChannels([url], "noarch", { world: testWorld({}, { env }), condarc, pause: 1 });
  const { length } = await index.records("good");
  index.close();
  return length;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return (server.address() as AddressInfo).port;
}

Deno.test("proxies: by .condarc and the usual variables, but for NO_PROXY", async () => {
  const { dir } = made(entry("good-1.0-0.conda"));
  const seen: string[] = [];
  const proxy = createServer(({ url = "", headers }, answer) => {
    seen.push(`${url.replace(/^(http:\/\/[^/]+).*/, "$1")} ${headers["proxy-authorization"] ?? ""}`.trim());
    const file = join(dir, new URL(url, "http://direct").pathname);
    const found = fs.existsSync(file);
    answer.writeHead(found ? 200 : 404).end(found ? fs.readFileSync(file) : "");
  });
  proxy.on("connect", ({ url }, socket) => {
    seen.push(`CONNECT ${url}`);
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  const port = await listening(proxy);
  const at = `127.0.0.1:${port}`, far = "http://far.invalid";
  const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
  const table: [url: string, env: Env, condarc: Partial<Condarc>, seen: string | undefined][] = [
    [far, { http_proxy: `http://${at}` }, {}, far],
    [far, { HTTP_PROXY: at }, {}, far],
    [far, { ALL_PROXY: `http://${at}` }, {}, far],
    [far, { HTTP_PROXY: `http://u:p@${at}` }, {}, `${far} ${basic}`],
    [far, { HTTP_PROXY: "http://127.0.0.1:9" }, { proxy_servers: { http: `http://${at}` } }, far],
    [far, {}, { proxy_servers: { "http://far.invalid": at } }, far],
    [far, { HTTP_PROXY: at, REQUEST_METHOD: "GET" }, {}, undefined],
    [far, { HTTP_PROXY: at, NO_PROXY: "other.invalid, .invalid" }, {}, undefined],
    [far, { HTTP_PROXY: at, no_proxy: "*" }, {}, undefined],
    ["https://far.invalid", { HTTPS_PROXY: `http://${at}` }, {}, "CONNECT far.invalid:443"],
    [`http://${at}`, { HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" }, {}, ""],
  ];
  try {
    for (const [url, env, condarc, expected] of table) {
      seen.splice(0);
      const label = JSON.stringify([url, env, condarc]);
      const reading = read(url, env, condarc);
      if (expected === undefined || expected.startsWith("CONNECT")) {
        await assert.rejects(
          reading,
          (error) => error instanceof Problem && error.hint.includes("PROXY"),
          label,
        );
      } else assert.equal(await reading, 1, label);
      if (expected === undefined) assert.deepEqual(seen, [], label);
      else if (expected !== "") assert.deepEqual([...new Set(seen)], [expected], label);
    }
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

Deno.test(
  "certificates: SSL_CERT_FILE, REQUESTS_CA_BUNDLE, ssl_verify",
  { ignore: !tool("openssl") },
  async () => {
    const { dir } = made(entry("good-1.0-0.conda"));
    const { file: cert, pair } = certificate(folder());
    const server = createSecure(pair, ({ url = "" }, answer) => {
      const file = join(dir, url);
      const found = fs.existsSync(file);
      answer.writeHead(found ? 200 : 404).end(found ? fs.readFileSync(file) : "");
    });
    const url = `https://localhost:${await listening(server)}`;
    try {
      for (const name of ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]) {
        assert.equal(await read(url, { [name]: cert }), 1, name);
      }
      assert.equal(await read(url, {}, { ssl_verify: cert }), 1);
      // Deno lets no program turn this off from within.
      if (!("Deno" in globalThis)) assert.equal(await read(url, {}, { ssl_verify: false }), 1);
      await assert.rejects(
        read(url, {}),
        (error) => error instanceof Problem && /^SSL_CERT_FILE=/.test(error.hint),
      );
      const unreadable: [env: Env, condarc: Partial<Condarc>][] = [
        [{ SSL_CERT_FILE: "/no/such.pem" }, {}],
        [{}, { ssl_verify: "/no/such.pem" }],
      ];
      for (const [env, condarc] of unreadable) {
        await assert.rejects(read(url, env, condarc), (error) => {
          return error instanceof Problem && error.message.includes('"/no/such.pem"') && error.hint !== "";
        });
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
);
