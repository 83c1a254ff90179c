// pip's surroundings in an environment: what is installed, its settings, and variables that must not leak in.
import { Problem } from "../problem.ts";
import type { Env, World } from "../world.ts";
import { normalize } from "./parse.ts";

/** A distribution that Python finds: its name as PEP 503 spells it. */
export interface Installed {
  name: string;
  version: string;
}

const LIST = `import importlib.metadata as m, json
print(json.dumps([[d.metadata["Name"], d.version] for d in m.distributions() if d.metadata["Name"] and d.version]))`;

/** The distributions of a prefix, the first found of each name, sorted. Throws Problem if its Python is broken. */
export async function inventory(prefix: string, env: Env, world: World): Promise<Installed[]> {
  const program = `${prefix}/bin/python`;
  const ended = await world.run([program, "-I", "-c", LIST], { env, stdout: "capture", stderr: "capture" });
  if (ended.status !== 0) {
    const words = ended.stderr.trim().split("\n").at(-1);
    throw new Problem(
      `The environment's Python does not work: ${program} (status ${ended.status}): ${words}`,
      `${program} -V`,
    );
  }
  const found = new Map<string, string>();
  for (const [name, version] of JSON.parse(ended.stdout.trim().split("\n").at(-1)!) as [string, string][]) {
    if (!found.has(normalize(name))) found.set(normalize(name), version);
  }
  return [...found].map(([name, version]) => ({ name, version })).sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Settings that say where packages come from and how to get there; the others say where to put them: not ours. */
const KEPT: ReadonlySet<string> = new Set([
  "index-url",
  "extra-index-url",
  "no-index",
  "find-links",
  "trusted-host",
  "cert",
  "client-cert",
  "proxy",
  "timeout",
  "default-timeout",
  "retries",
  "resume-retries",
  "cache-dir",
  "no-cache-dir",
  "keyring-provider",
  "use-feature",
  "use-deprecated",
  "only-binary",
  "no-binary",
  "prefer-binary",
  "pre",
  "all-releases",
  "only-final",
  "uploaded-prior-to",
  "constraint",
  "build-constraint",
  "no-build-isolation",
  "progress-bar",
  "no-color",
]);
const DROPPED = [
  "PYTHONPATH",
  "PYTHONHOME",
  "PYTHONSTARTUP",
  "PYTHONUSERBASE",
  "VIRTUAL_ENV",
  "__PYVENV_LAUNCHER__",
];

/** The environment of pip: the prefix first, user site and misplaced settings out; `used` stays in any case. */
export function environ(prefix: string, env: Env, used: ReadonlySet<string> = new Set()): Env {
  const kept = Object.entries(env).filter(([name]) =>
    used.has(name) ||
    (!DROPPED.includes(name) &&
      (!name.startsWith("PIP_") || name === "PIP_CONFIG_FILE" || KEPT.has(key(name))))
  );
  return {
    ...Object.fromEntries(kept),
    PATH: `${prefix}/bin:${env["PATH"] ?? "/usr/bin:/bin"}`,
    CONDA_PREFIX: prefix,
    PYTHONNOUSERSITE: "1",
    PYTHONSAFEPATH: "1",
    PIP_USER: "0",
    // The environment is ours, whatever a distribution's EXTERNALLY-MANAGED in its Python says.
    PIP_BREAK_SYSTEM_PACKAGES: "1",
    PIP_ROOT_USER_ACTION: "ignore",
  };
}

function key(variable: string): string {
  return variable.slice("PIP_".length).toLowerCase().replaceAll("_", "-");
}

/**
 * What pip's configuration files say, as variables, without what would install elsewhere: pip lets no variable
 * take back a `target` of a file, so that the files are read once and then left out.
 */
export async function settings(prefix: string, env: Env, world: World): Promise<Env> {
  const words = [`${prefix}/bin/python`, "-I", "-m", "pip", "--disable-pip-version-check", "config", "list"];
  const ended = await world.run(words, { env, stdout: "capture", stderr: "capture" });
  if (ended.status !== 0) {
    throw new Problem(
      `pip does not work in ${prefix}\n${(ended.stderr || ended.stdout).trim()}`,
      words.join(" "),
    );
  }
  const found: { [name: string]: string } = {};
  const entries = [...ended.stdout.matchAll(/^(global|install)\.([a-z-]+)=(['"])(.*)\3$/gm)];
  for (const section of ["global", "install"]) {
    for (const [, at, name = "", , value = ""] of entries) {
      const variable = `PIP_${name.toUpperCase().replaceAll("-", "_")}`;
      if (at === section && KEPT.has(name) && !env[variable]) found[variable] = unescape(value);
    }
  }
  return { ...found, PIP_CONFIG_FILE: "/dev/null" };
}

/** A text as Python's repr wrote it. */
function unescape(text: string): string {
  const plain: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
  return text.replace(
    /\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)/g,
    (_, code: string) =>
      code.length > 1 ? String.fromCodePoint(parseInt(code.slice(1), 16)) : plain[code] ?? code,
  );
}
