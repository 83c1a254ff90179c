// The environment's Python, and what `noarch: python` packages need of it: where files go, and their programs.
import { Problem } from "../problem.ts";
import { inside } from "./extract.ts";
import type { Record } from "./record.ts";
import { interpreterLine } from "./rewrite.ts";

/** The Python that is linked into an environment. */
export interface Python {
  /** `3.11` */
  version: string;
  /** Its library of modules, relative to the prefix. */
  site: string;
  /** Relative to the prefix. */
  program: string;
}

/** What the record of the package `python` says of it. */
export function pythonOf(records: readonly Record[]): Python | undefined {
  const record = records.find(({ name }) => name === "python");
  if (record === undefined) return undefined;
  const version = /^\d+\.\d+/.exec(record.version)?.[0];
  if (version === undefined) {
    throw new Problem(`The version ${JSON.stringify(record.version)} is none of Python's`);
  }
  const site = inside(record.python_site_packages_path ?? `lib/python${version}/site-packages`);
  if (site === undefined) {
    throw new Problem(`${JSON.stringify(record.fn)} has its modules outside of the environment`);
  }
  return { version, site, program: `bin/python${version}` };
}

/** Where a file of a `noarch: python` package goes. */
export function destination(path: string, python: Python): string {
  if (path.startsWith("site-packages/")) return `${python.site}/${path.slice(14)}`;
  return path.startsWith("python-scripts/") ? `bin/${path.slice(15)}` : path;
}

/** A program that calls a function of a module. */
export interface Entry {
  command: string;
  module: string;
  call: string;
}

/** Reads `COMMAND = MODULE:FUNCTION`. What it names ends up in a path and in code, so it must be plain. */
export function readEntry(text: string, owner: string): Entry {
  const [, command = "", module = "", call = ""] =
    /^([^=]*)=([^:]*):(.*)$/s.exec(text)?.map((part) => part.trim()) ?? [];
  const dotted = /^[\p{ID_Start}_][\p{ID_Continue}]*(\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u;
  if (!/^[^./\\\0\n\r][^/\\\0\n\r]*$/.test(command) || !dotted.test(module) || !dotted.test(call)) {
    throw new Problem(`The entry point ${JSON.stringify(text)} of ${JSON.stringify(owner)} makes no sense`);
  }
  return { command, module, call };
}

/** The program's text, the same that conda and rattler write: tools compare it. */
export function entryScript({ module, call }: Entry, interpreter: string): string {
  return [
    interpreterLine(interpreter),
    "# -*- coding: utf-8 -*-",
    "import re",
    "import sys",
    "",
    `from ${module} import ${call.split(".")[0]}`,
    "",
    "if __name__ == '__main__':",
    "\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])",
    `\tsys.exit(${call}())`,
    "",
  ].join("\n");
}
