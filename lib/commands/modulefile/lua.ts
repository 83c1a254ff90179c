// A module for Lmod, in Lua.
import { parent } from "../../project.ts";
import type { Deed, Module, Text } from "../modulefile.ts";

/** The module's text. */
export function lua({ name, prefix, link, deeds, conflicts }: Module): string {
  return [
    `-- The conda environment ${
      JSON.stringify(name)
    }, by mambaenv modulefile --lmod. What it sets is undone by unloading.`,
    `whatis("Name: " .. ${word(name)})`,
    `whatis("Description: the conda environment " .. ${word(name)})`,
    `family("mambaenv")`,
    `conflict(${conflicts.map(word).join(", ")})`,
    `local prefix = ${word(prefix)}`,
    ...link === undefined ? [] : [
      `local to = require("posix").readlink(${word(link)})`,
      `if to then prefix = ${word(parent(link))} .. "/" .. to end`,
    ],
    `if mode() == "unload" then prefix = os.getenv("MAMBAENV_MODULE") or prefix`,
    `elseif mode() == "load" and not isDir(prefix .. "/conda-meta") then`,
    `  LmodError("There is no environment in ", prefix)`,
    `end`,
    `pushenv("MAMBAENV_MODULE", prefix)`,
    ...deeds.map(spelt),
    "",
  ].join("\n");
}

function spelt(deed: Deed): string {
  switch (deed.kind) {
    case "prepend":
      return `prepend_path(${word(deed.name)}, ${joined(deed.value)})`;
    case "set":
      return `pushenv(${word(deed.name)}, ${joined(deed.value)})`;
    case "unset":
      return `pushenv(${word(deed.name)}, false)`;
    case "source":
      return `if isFile(${joined(deed.file)}) then source_sh("bash", ${joined(deed.file)}) end`;
    default:
      return deed satisfies never;
  }
}

function joined(text: Text): string {
  return text.map((part) => typeof part === "string" ? word(part) : "prefix").join(" .. ");
}

/** A string of Lua's. */
function word(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
