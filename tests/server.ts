// A web server on loopback for a folder and for an index of wheels, which answers badly where it is told to.
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { page } from "./simple.ts";

/** What goes wrong for paths that match, the first `times` times (always, unless said). */
export type Fault = { path: RegExp; times?: number } & Deed;
type Deed =
  /** An answer of this status and nothing else. */
  | { kind: "status"; code: number; headers?: Record<string, string> }
  /** The connection is cut after so many bytes of the body. */
  | { kind: "cut"; bytes: number }
  /** The answer waits, then comes in 64 KiB pieces with as much waiting between them, in milliseconds. */
  | { kind: "slow"; wait: number }
  /** The file's length, of bytes that are not the file's. */
  | { kind: "garbage" }
  /** Another body, with status 200. */
  | { kind: "body"; body: string | Uint8Array }
  /** Elsewhere. */
  | { kind: "redirect"; to: (path: string) => string }
  /** Refused with 401 without these words after `Authorization:`. */
  | { kind: "auth"; words: string }
  /** No answer, ever. */
  | { kind: "hang" };

/** One request that came in, and the status that went out (0: none). */
export interface Request {
  method: string;
  path: string;
  status: number;
  headers: http.IncomingHttpHeaders;
}

/** A server that runs. */
export interface Server {
  /** Without a slash at the end; `${url}/simple/` is the index of wheels. */
  url: string;
  /** In the order in which they came. */
  requests: Request[];
  /** More or other faults from now on. */
  faults: Fault[];
  close(): Promise<void>;
}

/** Serves a folder, and what lies in `wheels` as an index for pip. */
export async function serve(dir: string, faults: readonly Fault[] = [], wheels?: string): Promise<Server> {
  const requests: Request[] = [];
  const now: Fault[] = faults.map((fault) => ({ ...fault }));
  const server = http.createServer((incoming, answer) => {
    const { method = "GET", headers, url = "/" } = incoming;
    const request: Request = { method, path: url.replace(/[?#].*/s, ""), status: 0, headers };
    requests.push(request);
    const answered = Promise.resolve().then(() => {
      request.path = decodeURIComponent(request.path);
      const fault = now.find((one) => one.path.test(request.path) && (one.times ?? 1) > 0);
      if (fault?.times !== undefined) fault.times--;
      return respond(request, answer, locate(dir, request, wheels), fault);
    });
    answered.catch((error) => {
      if (!(error instanceof URIError)) console.error("the test server:", error);
      answer.destroy();
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, requests, faults: now, close };
}

interface Found {
  body: Uint8Array;
  headers: Record<string, string>;
}

/** What a path without faults answers. */
function locate(dir: string, request: Request, wheels?: string): Found | undefined {
  const { path, headers: { accept = "" } } = request;
  if (path.split("/").includes("..") || path.includes("\0")) return undefined;
  if (wheels !== undefined && path.startsWith("/simple/")) return page(wheels, path, accept);
  const file = wheels !== undefined && path.startsWith("/wheels/")
    ? join(wheels, path.slice("/wheels/".length))
    : join(dir, path);
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile()) return undefined;
  const own = {
    "content-type": file.endsWith(".json") ? "application/json" : "application/octet-stream",
    etag: `"${stats.size.toString(16)}-${Math.trunc(stats.mtimeMs).toString(16)}"`,
    "last-modified": stats.mtime.toUTCString(),
    "accept-ranges": "bytes",
  };
  return { body: fs.readFileSync(file), headers: own };
}

function respond(
  request: Request,
  answer: http.ServerResponse,
  found: Found | undefined,
  fault: Fault | undefined,
): void | Promise<void> {
  const end = (status: number, headers: Record<string, string> = {}, body: Uint8Array | string = "") => {
    request.status = status;
    const length = { "content-length": String(Buffer.byteLength(body)) };
    answer.writeHead(status, status === 304 ? headers : { ...length, ...headers });
    answer.end(request.method === "HEAD" || status === 304 ? undefined : body);
  };
  if (fault?.kind === "hang") return;
  if (fault?.kind === "status") return end(fault.code, fault.headers, `${fault.code}\n`);
  if (fault?.kind === "redirect") return end(302, { location: fault.to(request.path) });
  if (fault?.kind === "body") return end(200, {}, fault.body);
  if (fault?.kind === "auth" && request.headers.authorization !== fault.words) {
    return end(401, { "www-authenticate": 'Basic realm="channel"' }, "401\n");
  }
  if (found === undefined) return end(404, {}, "404\n");
  const { status, headers, body } = selected(found, request.headers);
  if (fault?.kind === "garbage") return end(status, headers, body.map((byte) => byte ^ 0x5a));
  if (fault?.kind === "cut" || fault?.kind === "slow") {
    request.status = status;
    answer.writeHead(status, { ...headers, "content-length": String(body.length) });
    return fault.kind === "cut" ? cut(answer, body.subarray(0, fault.bytes)) : drip(answer, body, fault.wait);
  }
  return end(status, headers, body);
}

/** The whole, the range that was asked for, or that nothing changed. */
function selected(found: Found, wanted: http.IncomingHttpHeaders): Found & { status: number } {
  const { body, headers } = found;
  const modified = headers["last-modified"];
  const tag = wanted["if-none-match"];
  const same = tag !== undefined
    ? tag.split(/\s*,\s*/).some((one) => one === "*" || one.replace(/^W\//, "") === headers["etag"])
    : modified !== undefined && wanted["if-modified-since"] === modified;
  if (same) return { status: 304, body: new Uint8Array(), headers };
  const range = /^bytes=(\d*)-(\d*)$/.exec(wanted.range ?? "");
  const condition = wanted["if-range"];
  if (
    range === null || (condition !== undefined && ![headers["etag"], modified].includes(String(condition)))
  ) {
    return { status: 200, body, headers };
  }
  const [from, to] = span(range[1] ?? "", range[2] ?? "", body.length);
  const size = `/${body.length}`;
  if (from >= to) {
    return {
      status: 416,
      body: new Uint8Array(),
      headers: { ...headers, "content-range": `bytes *${size}` },
    };
  }
  const part = { ...headers, "content-range": `bytes ${from}-${to - 1}${size}` };
  return { status: 206, body: body.subarray(from, to), headers: part };
}

function span(first: string, last: string, size: number): [number, number] {
  if (first === "") return [Math.max(0, size - Number(last)), size];
  return [Number(first), last === "" ? size : Math.min(size, Number(last) + 1)];
}

async function cut(answer: http.ServerResponse, body: Uint8Array): Promise<void> {
  await new Promise((sent) => answer.write(body, sent));
  await new Promise((wake) => setTimeout(wake, 20));
  answer.destroy();
}

async function drip(answer: http.ServerResponse, body: Uint8Array, wait: number): Promise<void> {
  for (let at = 0; at < body.length && !answer.destroyed; at += 65536) {
    await new Promise((wake) => setTimeout(wake, wait));
    await new Promise((sent) => answer.write(body.subarray(at, at + 65536), sent));
  }
  answer.end();
}
