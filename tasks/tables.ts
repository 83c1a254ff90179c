// Writes the tables of flags and variables into README.md, from the program's own.
import { readFileSync, writeFileSync } from "node:fs";
import { FLAGS, variable } from "../lib/args.ts";
import { OURS, STANDING } from "../lib/vars.ts";

const README = new URL("../README.md", import.meta.url);
const [START, END] = ["by `deno task tables` -->\n", "<!-- end -->"];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n") + "\n";
}

/** The generated part of README. */
export function tables(): string {
  const flags = FLAGS.map((flag) => {
    const short = flag.short ? `-${flag.short}, ` : "";
    const own = flag.name === "help" || flag.name === "version" ? "" : `\`${variable(flag)}\``;
    return [`\`${short}--${flag.name}${flag.value ? ` ${flag.value}` : ""}\``, own, flag.text];
  });
  const vars = (list: typeof OURS) => list.map(({ name, text }) => [`\`${name}\``, text]);
  return [
    table(["flag", "variable", "meaning"], flags),
    table(["it also reads", ""], vars(STANDING)),
    table(["it sets, besides conda's own", ""], vars(OURS)),
  ].join("\n");
}

/** README with its tables as they should be. */
export function readme(): string {
  const text = readFileSync(README, "utf8");
  const start = text.indexOf(START) + START.length;
  return text.slice(0, start) + tables() + text.slice(text.indexOf(END));
}

if (import.meta.main) writeFileSync(README, readme());
