// A module for Environment Modules, in Tcl.
import { parent } from "../../project.ts";
import type { Deed, Module, Text } from "../modulefile.ts";

/** The module's text; what came with later versions is used where it is there. */
export function tcl({ name, prefix, link, deeds, conflicts }: Module): string {
  const about = `the conda environment ${name}`;
  return [
    "#%Module1.0",
    `# By mambaenv modulefile --tcl. What it sets is undone by unloading.`,
    `proc ModulesHelp {} { puts stderr ${word(about)} }`,
    `module-whatis ${word(about)}`,
    `if {[info commands family] ne ""} { family mambaenv }`,
    `conflict ${conflicts.join(" ")}`,
    `set prefix ${word(prefix)}`,
    `if {[module-info mode remove] && [info exists env(MAMBAENV_MODULE)]} {`,
    `  set prefix $env(MAMBAENV_MODULE)`,
    ...link === undefined ? [] : [
      `} elseif {![catch {file readlink ${word(link)}} to]} {`,
      `  set prefix "${escaped(parent(link))}/$to"`,
    ],
    "}",
    `if {[module-info mode load] && ![file isdirectory "\${prefix}/conda-meta"]} {`,
    `  error "There is no environment in \${prefix}"`,
    "}",
    KEEPING,
    `keep MAMBAENV_MODULE "\${prefix}"`,
    ...deeds.map(spelt),
    "",
  ].join("\n");
}

/** Sets a variable, or takes it away, such that unloading brings back what it was. */
const KEEPING = `proc keep {name value} {
  if {[info commands pushenv] ne ""} { pushenv $name $value } else { setenv $name $value }
}
proc away {name} {
  global env
  set kept MAMBAENV_KEPT_$name
  if {[module-info mode remove]} {
    if {[info exists env($kept)]} { unsetenv $name $env($kept); setenv $kept $env($kept) }
  } elseif {[info exists env($name)]} { setenv $kept $env($name); unsetenv $name }
}`;

function spelt(deed: Deed): string {
  switch (deed.kind) {
    case "prepend":
      return `prepend-path ${deed.name} ${joined(deed.value)}`;
    case "set":
      return `keep ${deed.name} ${joined(deed.value)}`;
    case "unset":
      return `away ${deed.name}`;
    case "source":
      return `if {[file isfile ${joined(deed.file)}]} { source-sh bash ${joined(deed.file)} }`;
    default:
      return deed satisfies never;
  }
}

function joined(text: Text): string {
  return `"${text.map((part) => typeof part === "string" ? escaped(part) : "${prefix}").join("")}"`;
}

/** A word of Tcl's. */
function word(text: string): string {
  return joined([text]);
}

/** Braces too: where they do not match, Tcl finds no end of the block around them. */
function escaped(text: string): string {
  return text.replace(/[\\"$[\]{}]/g, "\\$&");
}
