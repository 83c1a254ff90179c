// What the shell brings along: which one it is, PATH, and variables that get in the way of environments.
import { counted } from "../../progress.ts";
import { ask, detect } from "../../shells.ts";
import type { World } from "../../world.ts";
import type { Case, Finding } from "./finding.ts";

/** The shell, PATH and what leaks into environments. */
export async function inherited(_: Case, world: World): Promise<Finding[]> {
  return [await shell(world), ...path(world), ...variables(world), ...site(world), ...modules(world)];
}

async function shell(world: World): Promise<Finding> {
  const found = detect(world) ?? await ask(world);
  if (found === undefined) {
    const fix = "mambaenv --shell bash, or export MAMBAENV_SHELL=bash";
    return { topic: "shell", level: "warning", text: "cannot tell which shell this is", fix };
  }
  const text = `${found.shell.names[0]} (${found.how})`;
  return { topic: "shell", level: found.sure ? "ok" : "note", text };
}

function path(world: World): Finding[] {
  const topic = "PATH";
  const dirs = (world.env["PATH"] ?? "").split(":");
  const findings: Finding[] = [];
  const relative = dirs.filter((dir) => !dir.startsWith("/")).map((dir) =>
    dir === "" ? "an empty part" : dir
  );
  if (relative.length > 0) {
    const text = `${relative.join(", ")} in it means the current folder: whose programs are run then?`;
    findings.push({ topic, level: "warning", text, fix: "leave it out where PATH is set" });
  }
  const ours = [...new Set(dirs)].filter((dir) => dir.startsWith("/") && world.executable(`${dir}/mambaenv`));
  if (ours.length === 0) {
    const text = "mambaenv is not found by it, so a line such as source <(mambaenv) is not";
    findings.push({ topic, level: "warning", text, fix: "put the program's folder into PATH" });
  } else {
    const also = ours.length > 1 ? `, and is also in ${ours.slice(1).join(", ")}` : "";
    findings.push({
      topic,
      level: ours.length > 1 ? "note" : "ok",
      text: `mambaenv is taken from ${ours[0]}${also}`,
      ...ours.length > 1 && { fix: `remove those that are too many, or put the right one first` },
    });
  }
  return [...findings, ...shadowed(dirs, world)];
}

/** A startup file or a module that put another Python before the active environment's. */
function shadowed(dirs: readonly string[], world: World): Finding[] {
  const own = `${world.env["CONDA_PREFIX"]}/bin`;
  const first = dirs.find((dir) => dir.startsWith("/") && world.executable(`${dir}/python`));
  if (!own.startsWith("/") || first === own || !world.executable(`${own}/python`)) return [];
  const text = `python is ${
    first === undefined ? "not in it" : `taken from ${first}`
  }, though ${own} is active`;
  return [{ topic: "PATH", level: "warning", text, fix: "enter it once more: source <(mambaenv)" }];
}

const LEAKS: { [name: string]: { text: string; fix: string } } = {
  LD_LIBRARY_PATH: {
    text: "its libraries are taken before those of any environment",
    fix: "unset LD_LIBRARY_PATH, or unload the module that sets it",
  },
  LD_PRELOAD: { text: "it is loaded into every program", fix: "unset LD_PRELOAD" },
  PYTHONPATH: {
    text: "every Python imports from there first",
    fix: "unset PYTHONPATH, or mambaenv --pythonpath replace",
  },
  PYTHONHOME: { text: "it names one Python's library to all of them", fix: "unset PYTHONHOME" },
};

/** What Bun's runtime acts on before our first line; docs/security.md has them all. */
const RUNTIME = /^BUN_(OPTIONS|INSPECT|BYTECODE_\w+_OUT|JSC_\w*|CONFIG_VERBOSE_FETCH)$/;

function variables(world: World): Finding[] {
  const runtime = Object.keys(world.env).filter((name) => RUNTIME.test(name)).sort().map((name): Finding => {
    const text = "the runtime that mambaenv is compiled with acts on it, before mambaenv does";
    return { topic: name, level: "warning", text, fix: `unset ${name}` };
  });
  const leaks = Object.entries(LEAKS).flatMap(([name, { text, fix }]): Finding[] => {
    // What we put there ourselves is no leak.
    const own = name === "PYTHONPATH" ? world.env["MAMBAENV_ACTIVE_PROJECT"] : undefined;
    const value = (world.env[name] ?? "").split(":").filter((part) => part !== own).join(":");
    return value ? [{ topic: name, level: "warning", text: `${value}: ${text}`, fix }] : [];
  });
  return [...leaks, ...runtime];
}

/** `pip install --user` of years ago. */
function site({ env, list }: World): Finding[] {
  const lib = `${env["HOME"] ?? ""}/.local/lib`;
  return (list(lib) ?? []).filter((name) => /^python\d/.test(name)).flatMap((name): Finding[] => {
    const count = (list(`${lib}/${name}/site-packages`) ?? []).filter((entry) =>
      entry.endsWith(".dist-info")
    ).length;
    if (count === 0) return [];
    const text = `${
      counted(count, "package")
    } in ${lib}/${name}: mambaenv keeps them out, conda activate does not`;
    return [{ topic: "user site", level: "note", text, fix: "export PYTHONNOUSERSITE=1" }];
  });
}

function modules({ env }: World): Finding[] {
  const loaded = (env["LOADEDMODULES"] ?? "").split(":").filter(Boolean);
  if (loaded.length === 0) return [];
  const python = loaded.filter((name) => /python|conda|mamba|forge/i.test(name));
  const finding: Finding = {
    topic: "modules",
    level: python.length > 0 ? "warning" : "note",
    text: loaded.join(", "),
  };
  return [python.length > 0 ? { ...finding, fix: `module unload ${python.join(" ")}` } : finding];
}
