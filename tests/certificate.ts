// A certificate for localhost that nobody trusts yet, by openssl.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Makes it in a folder: its file, and the pair that a server takes. */
export function certificate(dir: string): { file: string; pair: { cert: Buffer; key: Buffer } } {
  const [file, key] = [`${dir}/cert.pem`, `${dir}/key.pem`];
  const subject =
    "-subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
  const words = `req -x509 -newkey rsa:2048 -nodes -days 2 ${subject} -keyout`.split(" ");
  execFileSync("openssl", [...words, key, "-out", file], { stdio: "ignore" });
  return { file, pair: { cert: readFileSync(file), key: readFileSync(key) } };
}
