// One reading of one URL: over http(s) with its own time-outs, or of a file as if a server had sent it.
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { Problem, reason } from "../problem.ts";
import { Passing } from "./retry.ts";
import { attempt } from "./stock.ts";
import { type Connection, SYSTEM } from "./transport.ts";
import { shown } from "../secret.ts";

/** What is asked of a URL besides its content. */
export interface Ask {
  etag?: string;
  modified?: string;
  /** First byte wanted; a server may answer with all of them (status 200). */
  from?: number;
  /** Bytes after which the reading is given up as hostile. */
  most?: number;
  /** Whether "forbidden" means "not there": some stores answer so for what they do not have. */
  optional?: boolean;
}
/** What came back; `fresh` is for how many seconds it need not be asked for again. */
export interface Answer {
  status: number;
  etag?: string;
  modified?: string;
  /** What the server's clock says. */
  date?: string;
  fresh: number;
  /** Bytes that `body` is to yield, where that is known. */
  length?: number;
  /** Where the first byte of `body` belongs, and the size of the whole. */
  start: number;
  body: AsyncIterable<Uint8Array>;
}
/** Statuses with which servers say that there is no such file. */
const MISSING = [404, 410, 501];
const BUSY = [408, 425, 429, 500, 502, 503, 504];

/** How a connection is made, and after how many milliseconds of silence it is given up. */
export interface Line {
  transport(url: string): Connection;
  idle: number;
}

/** Asks a server. Throws Passing for what another try may mend, Problem for the rest. */
export async function openRemote(url: string, ask: Ask, { transport, idle }: Line): Promise<Answer> {
  const abort = new AbortController();
  const watch = watchdog(abort, idle);
  try {
    const init = { ...transport(url), headers: headers(url, ask), signal: abort.signal };
    return answer(url, await fetch(bare(url), init as RequestInit), watch, ask.optional);
  } catch (error) {
    watch.stop();
    throw error instanceof Problem || error instanceof Passing ? error : failure(url, error, abort);
  }
}

function headers(url: string, { etag, modified, from }: Ask): Headers {
  // Archives and shards are compressed already; a transfer encoding would only hide their length.
  const all = new Headers({ "accept-encoding": "identity", "user-agent": "mambaenv" });
  const { username, password } = new URL(url);
  if (username !== "" || password !== "") {
    const pair = `${username}:${password}`.replace(
      /%([0-9a-f]{2})/gi,
      (_, hex) => String.fromCharCode(parseInt(hex, 16)),
    );
    all.set("authorization", `Basic ${Buffer.from(pair, "latin1").toString("base64")}`);
  }
  if (from !== undefined) {
    all.set("range", `bytes=${from}-`);
    if (etag?.startsWith('"')) all.set("if-range", etag);
  } else {
    if (etag) all.set("if-none-match", etag);
    if (modified) all.set("if-modified-since", modified);
  }
  return all;
}

/** The URL without user and password, which `fetch` refuses. */
function bare(url: string): string {
  const parsed = new URL(url);
  parsed.username = parsed.password = "";
  return parsed.href;
}

function answer(url: string, response: Response, watch: Watch, optional = false): Answer {
  const status = optional && response.status === 403 ? 404 : response.status;
  if (BUSY.includes(status)) {
    watch.stop();
    const wait = Number(response.headers.get("retry-after"));
    throw new Passing(
      `${shown(url)} answered ${status}`,
      "try again later, or: mambaenv --offline",
      Number.isFinite(wait) ? Math.min(wait, 30) * 1000 : 0,
    );
  }
  if (status >= 400 && status !== 416 && !MISSING.includes(status)) {
    watch.stop();
    const hint = status === 401 || status === 403 || status === 407
      ? "put the token or password into the channel's URL in .condarc"
      : "check the channel's URL";
    throw new Problem(`${shown(url)} answered ${status}`, hint);
  }
  const range = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "");
  const encoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
  const length = encoded ? null : response.headers.get("content-length");
  return {
    status: MISSING.includes(status) ? 404 : status,
    etag: response.headers.get("etag") ?? undefined,
    modified: response.headers.get("last-modified") ?? undefined,
    date: response.headers.get("date") ?? undefined,
    fresh: lifetime(response.headers.get("cache-control")),
    length: length === null || status === 304 ? undefined : Number(length),
    start: status === 206 ? Number(range?.[1] ?? 0) : 0,
    body: watch.over(url, response.body),
  };
}

function lifetime(control: string | null): number {
  if (control === null || /\b(no-cache|no-store)\b/.test(control)) return 0;
  return Number(/\bmax-age=(\d+)/.exec(control)?.[1] ?? 0);
}

interface Watch {
  stop(): void;
  over(url: string, body: ReadableStream<Uint8Array> | null): AsyncIterable<Uint8Array>;
}
/** Ends a connection that is silent for too long. */
function watchdog(abort: AbortController, idle: number): Watch {
  const bark = () => abort.abort(new Error(`nothing came for ${idle / 1000} s`));
  let timer = setTimeout(bark, idle);
  const stop = () => clearTimeout(timer);
  async function* over(url: string, body: ReadableStream<Uint8Array> | null) {
    try {
      for await (const part of body ?? []) {
        stop();
        yield part;
        timer = setTimeout(bark, idle);
      }
    } catch (error) {
      throw error instanceof Problem || error instanceof Passing ? error : failure(url, error, abort);
    } finally {
      stop();
    }
  }
  return { stop, over };
}

/** What mends a failed connection. */
export const NETWORK = "check the network and HTTPS_PROXY, or: mambaenv --offline";

/** A failed connection: worth another try, with the words that mend it. */
function failure(url: string, error: unknown, abort: AbortController): Passing {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${reason(error.cause)}` : "";
  const said = abort.signal.aborted ? reason(abort.signal.reason) : reason(error) + cause;
  const words = said.replace(/https?:\/\/[^\s"'()<>]+/g, shown);
  const hint = /certificate|issuer|self.signed/i.test(said)
    ? `SSL_CERT_FILE=${
      SYSTEM.find((path) => fs.existsSync(path)) ?? SYSTEM[0]
    } mambaenv; the clock has to be right, too`
    : NETWORK;
  return new Passing(`Cannot read ${shown(url)}: ${words}`, hint);
}

/** A file as if a server had sent it; its time and size are its ETag. */
export function openFile(url: string, { etag, from = 0 }: Ask): Answer {
  const path = attempt(() => fileURLToPath(url));
  const stat = path === undefined ? undefined : attempt(() => fs.statSync(path));
  const none = { fresh: 0, start: 0, body: empty() };
  if (path === undefined || !stat?.isFile()) return { ...none, status: 404 };
  const tag = `${stat.mtimeMs}-${stat.size}`;
  if (from === 0 && tag === etag) return { ...none, status: 304, etag: tag };
  const body = fs.createReadStream(path, { start: from });
  return { ...none, status: from > 0 ? 206 : 200, etag: tag, start: from, length: stat.size - from, body };
}

async function* empty(): AsyncGenerator<Uint8Array> {}
