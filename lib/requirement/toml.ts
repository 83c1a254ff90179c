// TOML, whose parser nobody loads who has none to read.
import { parse, TomlError } from "smol-toml";
import { EXIT, Problem } from "../problem.ts";

/** The table of a TOML file's text. Throws Problem with file and line. */
export function toml(path: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const words = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    throw new Problem(`Cannot parse ${JSON.stringify(path)} line ${error.line}: ${words}`, "", EXIT.usage);
  }
}
