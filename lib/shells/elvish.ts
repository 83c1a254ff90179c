// How elvish spells changes.
import type { Shell, Word } from "../code.ts";
import { BODY, OWN } from "./foreign.ts";

/** elvish 0.18 and later; there are no functions of conda's for it. */
export const elvish: Shell = {
  names: ["elvish"],
  scripts: ".sh",
  hook: "posix",
  form: "eval (% | slurp)",
  word,
  set: (name, value) => `set-env ${name} ${value}`,
  unset: (name) => `unset-env ${name}`,
  path: (dirs) => `set-env PATH ${dirs.join(`':'`) || "''"}`,
  source,
  prompt: () => "",
  functions: () => "",
  // What conda prints for a POSIX shell is none of elvish's.
  verbatim: () => "",
  status: (code) => code === 0 ? "nop" : `e:sh -c 'exit ${code}'`,
};

function word(text: string): Word {
  const escaped = text.replace(/[\\"\x00-\x1f\x7f]|(?<![\ud800-\udbff])[\udc80-\udcff]/g, (c) => {
    const code = c.charCodeAt(0);
    if (c === "\\" || c === '"') return `\\${c}`;
    return `\\x${(code < 0x80 ? code : code - 0xdc00).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"` as Word;
}

function source(file: Word): string {
  const own = OWN.map((name) => `&${name}=1`).join(" ");
  return `{
use str
var read = {|text| var all = [&]; for entry [(str:split "\\x00" $text)] {
  var parts = [(str:split &max=2 '=' $entry)]
  if (== (count $parts) 2) { set all[$parts[0]] = $parts[1] }
}; put $all }
var own = [${own}]
var shell = sh; if (has-external bash) { set shell = bash }
var before = ($read (e:env -0 | slurp))
var after = ($read ((external $shell) -c ${word(BODY)} sh ${file} | slurp))
if (> (count $after) 0) {
  for name [(keys $before)] { if (not (or (has-key $after $name) (has-key $own $name))) { unset-env $name } }
  for name [(keys $after)] { if (not (has-key $own $name)) { set-env $name $after[$name] } }
}
}`;
}
