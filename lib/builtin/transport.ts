// How a connection is made: through which proxy, trusting which certificates.
import * as fs from "node:fs";
import type { Condarc } from "../condarc.ts";
import { Problem, reason } from "../problem.ts";
import type { Env } from "../world.ts";

/** Where proxies and certificates are named. */
export interface Trust {
  env: Env;
  condarc?: Partial<Pick<Condarc, "ssl_verify" | "proxy_servers">>;
}
/** What `fetch` takes beyond the standard: Bun has `proxy` and `tls`, Deno a `client`. */
export interface Connection {
  proxy?: string;
  tls?: { ca?: string; rejectUnauthorized?: boolean };
  client?: unknown;
}

/** For each URL the connection that environment and `.condarc` ask for. Throws Problem. */
export function createTransport({ env, condarc }: Trust): (url: string) => Connection {
  const verify = condarc?.ssl_verify ?? true;
  const ca = verify === false ? undefined : certificates(verify, env);
  // Bun trusts anybody where this variable is 0, unless it is told not to: whom to trust is for ssl_verify to say.
  const strict = env["NODE_TLS_REJECT_UNAUTHORIZED"] !== undefined && { rejectUnauthorized: true };
  const tls = verify === false
    ? { rejectUnauthorized: false }
    : ca || strict
    ? { ...strict, ...(ca !== undefined && { ca }) }
    : undefined;
  const made = new Map<string, Connection>();
  return (url) => {
    const proxy = proxyFor(url, env, condarc?.proxy_servers ?? {});
    const key = proxy ?? "";
    const known = made.get(key);
    if (known !== undefined) return known;
    const connection = native({ ...(proxy && { proxy }), ...(tls && { tls }) });
    made.set(key, connection);
    return connection;
  };
}

/** Deno's `fetch` wants a client where Bun's takes words. */
function native(connection: Connection): Connection {
  const { proxy, tls } = connection;
  const runtime = (globalThis as { Deno?: { createHttpClient(options: unknown): unknown } }).Deno;
  if (runtime === undefined || (proxy === undefined && tls?.ca === undefined)) return connection;
  return {
    client: runtime.createHttpClient({
      ...(proxy && { proxy: { url: proxy } }),
      ...(tls?.ca && { caCerts: [tls.ca] }),
    }),
  };
}

/** Where systems keep the certificates that they trust. */
export const SYSTEM = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The certificates to trust instead of the built-in ones. */
function certificates(verify: boolean | string, env: Env): string | undefined {
  const named = typeof verify === "string" && verify !== "truststore"
    ? { file: verify, by: "ssl_verify" }
    : ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"].map((by) => ({ file: env[by], by }))
      .find(({ file }) => file);
  const file = named?.file ??
    (verify === "truststore" ? SYSTEM.find((path) => fs.existsSync(path)) : undefined);
  if (file === undefined) return undefined;
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    const by = named?.by ?? "ssl_verify";
    const hint = by === "ssl_verify" ? "conda config --remove-key ssl_verify" : `unset ${by}`;
    throw new Problem(`Cannot read certificates ${by}=${JSON.stringify(file)}: ${reason(error)}`, hint);
  }
}

/** The proxy for a URL, by `.condarc`, then by the usual variables. */
function proxyFor(url: string, env: Env, servers: { [scheme: string]: string }): string | undefined {
  const { protocol, hostname, host } = new URL(url);
  const scheme = protocol.slice(0, -1);
  if (excluded(hostname, host, env["no_proxy"] ?? env["NO_PROXY"] ?? "")) return undefined;
  const own = servers[`${scheme}://${hostname}`] ?? servers[scheme] ?? servers["all"];
  // HTTP_PROXY in capitals is a CGI request header where a web server runs us: https://httpoxy.org
  const upper = scheme === "http" && env["REQUEST_METHOD"] ? undefined : env[`${scheme.toUpperCase()}_PROXY`];
  const named = own || env[`${scheme}_proxy`] || upper || env["all_proxy"] || env["ALL_PROXY"];
  if (!named) return undefined;
  return named.includes("://") ? named : `http://${named}`;
}

function excluded(hostname: string, host: string, list: string): boolean {
  return list.split(",").map((part) => part.trim().toLowerCase()).filter(Boolean).some((part) =>
    part === "*" || part === host || part === hostname || hostname.endsWith(`.${part.replace(/^\*?\./, "")}`)
  );
}
