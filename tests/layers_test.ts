// The layers of docs/architecture.md, held against the imports as they are.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** A file may import values from its own layer and those above it in this list; types are free. */
const LAYERS: readonly (readonly [string, RegExp])[] = [
  ["words", /^lib\/(code|vars|problem|version|bytes|suggest|secret)\.ts$/],
  ["effects", /^lib\/(world|system|signals|child|exec|libc|flush|flags|commands|args|typed)\.ts$/],
  ["decisions", /^lib\/(activation|plan|scope)(\/.*)?\.ts$|^lib\/shells\/.*\.ts$/],
  [
    "readings",
    /^lib\/(shells|foreground|project|prefix|settings|sources|inputs|table|stamp|mount|trust|installation|programs|condarc|yaml|hook|requirements|split|pip|lockfile|lock|progress)\.ts$|^lib\/(requirement|engines|builtin|condarc|lock|lockfile)\/.*\.ts$/,
  ],
  [
    "deeds",
    /^lib\/(store|inventory|facts|building|channels|staged|settle|fallback|background|remember|provision|perform)\.ts$/,
  ],
  ["commands", /^lib\/commands\/.*\.ts$/],
  ["program", /^main\.ts$/],
];

interface Import {
  from: string;
  lazy: boolean;
  type: boolean;
}

function sources(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? sources(`${dir}/${entry.name}`)
      : entry.name.endsWith(".ts")
      ? [`${dir}/${entry.name}`]
      : []
  );
}

const FILES = ["main.ts", ...sources("lib")].sort();
/** Each file's text; rules on code look at `CODE`, where comments are gone. */
const TEXT = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
const CODE = new Map([...TEXT].map(([file, text]) => [file, text.replace(/^\s*(\/\/|\/?\*).*$/gm, "")]));

function imports(file: string): Import[] {
  const text = TEXT.get(file)!;
  const found: Import[] = [];
  const local = (from: string) => from.startsWith(".") ? normalize(join(dirname(file), from)) : from;
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^;]*?)\bfrom\s+"([^"]+)"/gm)) {
    const names = /\{([^]*)\}/.exec(match[2]!)?.[1]?.split(",").map((name) => name.trim()).filter(Boolean);
    const type = match[1] !== undefined || (names?.every((name) => name.startsWith("type ")) ?? false);
    found.push({ from: local(match[3]!), lazy: false, type });
  }
  for (const match of text.matchAll(/\bimport\("([^"]+)"\)/g)) {
    found.push({ from: local(match[1]!), lazy: true, type: false });
  }
  return found;
}

function layer(file: string): number {
  return LAYERS.findIndex(([, form]) => form.test(file));
}

Deno.test("layers: every file has exactly one", () => {
  for (const file of FILES) {
    assert.equal(LAYERS.filter(([, form]) => form.test(file)).length, 1, `${file} is in no layer or in two`);
  }
});

Deno.test("layers: values come from the same layer or from above", () => {
  for (const file of FILES) {
    for (const { from, type } of imports(file)) {
      if (type || !TEXT.has(from)) continue;
      assert.ok(layer(from) <= layer(file), `${file} imports ${from} of a later layer`);
    }
  }
});

Deno.test("imports: no cycle of values", () => {
  const done = new Set<string>();
  const walk = (file: string, way: string[]): void => {
    assert.ok(!way.includes(file), `cycle: ${[...way, file].join(" → ")}`);
    if (done.has(file)) return;
    for (const { from, type, lazy } of imports(file)) {
      if (!type && !lazy && TEXT.has(from)) walk(from, [...way, file]);
    }
    done.add(file);
  };
  for (const file of FILES) walk(file, []);
});

Deno.test("imports: the runtime only in the files of the effects, builtin and main", () => {
  for (const file of FILES) {
    const free = /^lib\/(system|signals|child|exec|libc|flush)\.ts$|^lib\/builtin\/|^main\.ts$/
      .test(
        file,
      );
    if (free) continue;
    for (const { from } of imports(file)) {
      assert.ok(!from.startsWith("node:") || from === "node:path", `${file} imports ${from}`);
    }
    assert.ok(!/\bprocess\.|\bDeno\.|\bBun\./.test(CODE.get(file)!), `${file} uses the runtime's globals`);
  }
});

Deno.test("imports: dynamic ones are literal", () => {
  for (const [file, text] of TEXT) {
    for (const match of text.matchAll(/\bimport\(([^)]*)\)/g)) {
      assert.match(match[1]!, /^"[^"]+"(, \{ with: \{ type: "json" \} \})?$/, `${file}: import(${match[1]})`);
    }
  }
});

Deno.test("warm path: these modules and node:fs, nothing else", () => {
  const warm = new Set<string>();
  const walk = (file: string): void => {
    if (warm.has(file)) return;
    warm.add(file);
    for (const { from, type, lazy } of imports(file)) {
      if (!type && !lazy) {
        TEXT.has(from) ? walk(from) : warm.add(from);
      }
    }
  };
  walk("main.ts");
  const expected = readFileSync(join(ROOT, "tests/data/warm.txt"), "utf8").trim().split("\n");
  assert.deepEqual([...warm].sort(), expected);
});

Deno.test("style: files under 220 lines, an opening comment, no any", () => {
  for (const [file, text] of TEXT) {
    assert.match(text, /^\/\/ /, `${file} does not say what lives there`);
    assert.ok(text.split("\n").length <= 221, `${file} has ${text.split("\n").length} lines`);
    assert.ok(
      !/\bas any\b|: any\b|@ts-ignore|@ts-expect-error|catch\s*\{\s*\}/.test(CODE.get(file)!),
      `${file}: any or empty catch`,
    );
  }
});
