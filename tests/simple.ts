// The pages of a package index for pip, after PEP 503 (HTML), PEP 691 and 700 (JSON), of a folder of archives; their
// times are those of their uploads.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";

const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** The page `/simple/` or `/simple/NAME/`; archives are at `/wheels/FILE`. Undefined for a name that is not there. */
export function page(
  dir: string,
  path: string,
  accept: string,
): { body: Uint8Array; headers: Record<string, string> } | undefined {
  const names = fs.readdirSync(dir).filter((name) => /\.(whl|tar\.gz)$/.test(name)).sort();
  const wanted = path.slice("/simple/".length).replace(/\/$/, "");
  const files = names.filter((name) => project(name) === wanted).map((filename) => {
    const path = join(dir, filename);
    const sha256 = createHash("sha256").update(fs.readFileSync(path)).digest("hex");
    const uploaded = fs.statSync(path).mtime.toISOString();
    const url = `../../wheels/${encodeURIComponent(filename)}`;
    return { filename, url, hashes: { sha256 }, "upload-time": uploaded };
  });
  if (wanted !== "" && files.length === 0) return undefined;
  const projects = [...new Set(names.map(project))].map((name) => ({ name }));
  const meta = { "api-version": "1.1" };
  if (accept.includes(JSON_TYPE)) {
    const answer = wanted === "" ? { meta, projects } : { meta, name: wanted, files };
    return { body: Buffer.from(JSON.stringify(answer)), headers: { "content-type": JSON_TYPE } };
  }
  const links = wanted === ""
    ? projects.map(({ name }) => `<a href="${name}/">${name}</a>`)
    : files.map(({ filename, url, hashes }) => `<a href="${url}#sha256=${hashes.sha256}">${filename}</a>`);
  const html = `<!DOCTYPE html><html><body>\n${links.join("<br>\n")}\n</body></html>\n`;
  return { body: Buffer.from(html), headers: { "content-type": "text/html; charset=utf-8" } };
}

/** The project an archive belongs to, its name as PEP 503 normalises it. */
function project(filename: string): string {
  const name = /^(.+?)-\d/.exec(filename)?.[1] ?? filename;
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}
