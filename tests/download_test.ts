// install.sh from a server: one that misbehaves, behind a proxy, with a certificate of one's own.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { certificate } from "./certificate.ts";
import { type Files, install, place, PROGRAM, SUMS, tools } from "./installer.ts";
import { tool } from "./oracle.ts";

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on loopback for one test. */
async function served(serve: Serve, test: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(serve);
  await new Promise<void>((ready) => server.listen(0, "localhost", ready));
  try {
    await test(`http://localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

const FILES: Files = { "/v1/SHA256SUMS": SUMS, "/v1/mambaenv": PROGRAM };
const serveFiles: Serve = ({ url }, response) => {
  const text = FILES[url ?? ""];
  response.writeHead(text === undefined ? 404 : 200).end(text ?? "<h1>Not here</h1>");
};
/** Names more bytes than it sends. */
const serveCut: Serve = (request, response) => {
  if (!request.url?.endsWith("/mambaenv")) return serveFiles(request, response);
  response.writeHead(200, { "content-length": PROGRAM.length });
  response.write(PROGRAM.slice(0, -9), () => response.destroy());
};
const SERVERS: { title: string; serve: Serve; path?: string; status: number; said: RegExp }[] = [
  { title: "installs", serve: serveFiles, status: 0, said: /^Installed/m },
  {
    title: "404",
    serve: serveFiles,
    path: "/v2",
    status: 1,
    said: /cannot get SHA256SUMS from http:.*\/v2$/m,
  },
  {
    title: "a cut download",
    serve: serveCut,
    status: 1,
    said: /cannot get mambaenv from|is not what SHA256SUMS says/,
  },
  {
    title: "a wrong checksum",
    serve: (_, response) => void response.end(SUMS),
    status: 1,
    said: /is not what SHA256SUMS says; nothing was installed/,
  },
  {
    title: "an error page instead of SHA256SUMS",
    serve: (_, response) => void response.end("<html>"),
    status: 1,
    said: /names no program/,
  },
  {
    title: "a redirection is followed",
    serve: (request, response) =>
      request.url?.startsWith("/v1/")
        ? void response.writeHead(302, { location: request.url.replace("/v1/", "/moved/") }).end()
        : serveFiles(Object.assign(request, { url: request.url?.replace("/moved/", "/v1/") }), response),
    status: 0,
    said: /^Installed/m,
  },
];
for (const tool of ["curl", "wget", "busybox"]) {
  for (const { title, serve, path = "/v1", status, said } of SERVERS) {
    Deno.test(`install.sh: ${tool === "busybox" ? "busybox's wget" : tool}: ${title}: status ${status}`, () =>
      place({}, (top) =>
        served(serve, async (url) => {
          const PATH = tools(top, tool, "sha256sum");
          const result = await install(top, ["--from", url + path], { PATH });
          assert.match(result.said, said);
          assert.equal(result.status, status);
          assert.deepEqual(fs.readdirSync(`${top}/home/.local/bin`), status === 0 ? ["mambaenv"] : []);
        })));
  }
}

Deno.test("install.sh: says that curl and wget are missing", () =>
  place({}, async (top) => {
    const { status, said } = await install(top, ["--from", "http://localhost:1"], {
      PATH: tools(top, "sha256sum"),
    });
    assert.equal(status, 1);
    assert.match(said, /neither curl nor wget is here/);
  }));

Deno.test("install.sh: a server that is not there, and no password on the screen", () =>
  place({}, async (top) => {
    const { status, said } = await install(top, ["--from", "http://me:secret@localhost:1/x"]);
    assert.equal(status, 1);
    assert.match(said, /cannot get SHA256SUMS from http:\/\/localhost:1\/x$/m);
    assert.doesNotMatch(said, /secret/);
  }));

Deno.test("install.sh: ended in the middle of a download, it leaves nothing", () =>
  place({}, (top) => {
    let pid = 0;
    const serve: Serve = (request, response) => {
      if (!request.url?.endsWith("/mambaenv")) return serveFiles(request, response);
      response.writeHead(200, { "content-length": 1e6 });
      response.write("#", () => process.kill(-pid, "SIGTERM"));
    };
    return served(serve, async (url) => {
      const { status } = await install(top, ["--from", `${url}/v1`], { started: (child) => pid = child });
      assert.equal(status, 143);
      assert.deepEqual(fs.readdirSync(`${top}/home/.local/bin`), []);
    });
  }));

/** A proxy for http: and, by CONNECT, for https:; what it was asked for. */
async function proxied(test: (url: string, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const serve: Serve = (request, response) => {
    asked.push(`${request.method} ${request.headers["proxy-authorization"] ?? ""}`);
    serveFiles(Object.assign(request, { url: new URL(request.url ?? "").pathname }), response);
  };
  await served(serve, (url) => test(url.replace("//", "//me:secret@"), asked));
}

const WORDS = `Basic ${btoa("me:secret")}`;
const PROXIES: [names: string[], used: boolean][] = [
  [["HTTP_PROXY"], true],
  [["http_proxy"], true],
  [["ALL_PROXY"], true],
  [["all_proxy"], true],
  [["HTTPS_PROXY"], false],
  [["HTTP_PROXY", "NO_PROXY"], false],
];
for (const tool of ["curl", "wget", "busybox"]) {
  Deno.test(`install.sh: ${tool}: through the proxy that is set, in capitals or not`, () =>
    served(serveFiles, (url) =>
      proxied(async (proxy, asked) => {
        for (const [names, used] of PROXIES) {
          await place({}, async (top) => {
            const env = Object.fromEntries(
              names.map((name) => [name, name === "NO_PROXY" ? "localhost" : proxy]),
            );
            const PATH = tools(top, tool, "sha256sum");
            asked.length = 0;
            const { status, said } = await install(top, ["--from", `${url}/v1`], { PATH, env });
            assert.equal(status, 0, `${names}: ${said}`);
            // busybox has the one and not the other: what NO_PROXY names is asked for through the proxy.
            const through = used || (tool === "busybox" && names.length > 1);
            assert.deepEqual(asked, through ? [`GET ${WORDS}`, `GET ${WORDS}`] : [], `${names}`);
            assert.doesNotMatch(said, /secret/);
          });
        }
      })));
}

for (const by of ["curl", "wget"]) {
  Deno.test({
    name: `install.sh: ${by}: trusts a certificate that a variable names, and no other, through a proxy too`,
    ignore: !tool("openssl"),
  }, () =>
    place({}, async (top) => {
      const { file, pair } = certificate(top);
      const server = createSecure(pair, serveFiles);
      await new Promise<void>((ready) => server.listen(0, "localhost", ready));
      const { port } = server.address() as AddressInfo;
      const url = `https://localhost:${port}/v1`, PATH = tools(top, by, "sha256sum");
      const tunnels: Duplex[] = [];
      const tunnel = createServer().on("connect", (_, socket) => {
        const there = connect(port, "localhost", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
        there.pipe(socket).pipe(there);
        tunnels.push(socket, there);
      });
      await new Promise<void>((ready) => tunnel.listen(0, "localhost", ready));
      const HTTPS_PROXY = `http://localhost:${(tunnel.address() as AddressInfo).port}`;
      try {
        const run = (env: { [name: string]: string }) => install(top, ["--from", url], { PATH, env });
        const refused = await run({});
        assert.deepEqual(
          [refused.status, /cannot get SHA256SUMS/.test(refused.said)],
          [1, true],
          refused.said,
        );
        for (const name of ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]) {
          const { status, said } = await run({ [name]: file });
          assert.equal(status, 0, `${name}: ${said}`);
          fs.rmSync(`${top}/home/.local/bin/mambaenv`);
        }
        const through = await run({ SSL_CERT_FILE: file, HTTPS_PROXY });
        assert.deepEqual([through.status, tunnels.length > 0], [0, true], through.said);
      } finally {
        for (const socket of tunnels) socket.destroy();
        for (const each of [server, tunnel]) {
          each.closeAllConnections();
          await new Promise((closed) => each.close(closed));
        }
      }
    }));
}

for (const by of ["curl", "wget", "busybox"]) {
  Deno.test(`install.sh: ${by}: --version is taken from its own folder where there is one`, () =>
    place({}, (top) =>
      served(serveFiles, async (url) => {
        const PATH = tools(top, by, "sha256sum");
        const other = await install(top, ["--from", `${url}/v1`, "--version", "9.9.8"], { PATH });
        assert.deepEqual(
          [other.status, /is mambaenv 9\.9\.9, not 9\.9\.8/.test(other.said)],
          [1, true],
          other.said,
        );
        for (const version of ["1", "9.9.9"]) {
          const from = version === "1" ? url : `${url}/v1`;
          const { status, said } = await install(top, ["--from", from, "--version", version], { PATH });
          assert.equal(status, version === "1" ? 1 : 0, said);
          assert.match(said, version === "1" ? /\/v1 is mambaenv 9\.9\.9, not 1;/ : /^Installed/m);
        }
      })));
}
