// The lines of a requirements file as pip sees them: decoded, continued, without comments, variables filled in.
import { encode } from "../bytes.ts";
import type { Env } from "../world.ts";
import { Problem } from "../problem.ts";

/** A logical line: where it starts, its text without and with variables filled in, and its comment. */
export interface Line {
  number: number;
  raw: string;
  text: string;
  /** Without `#`. */
  comment: string;
}

// What Python's str.splitlines takes for an end of line.
const ENDS = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;
const COMMENT = /(?:^|\s)#(.*)$/;

/** Cuts a file into its logical lines; empty ones are left out unless they have a comment. */
export function linesOf(content: string, env: Env): Line[] {
  return join(content.split(ENDS)).flatMap(({ number, text }) => {
    const match = COMMENT.exec(text);
    const raw = (match ? text.slice(0, match.index) : text).trim();
    const comment = match?.[1]?.trim() ?? "";
    return raw === "" && comment === "" ? [] : [{ number, raw, text: expand(raw, env), comment }];
  });
}

/** A line that ends in `\` goes on in the next; a comment ends it. */
function join(lines: readonly string[]): { number: number; text: string }[] {
  const joined: { number: number; text: string }[] = [];
  let open: { number: number; text: string } | undefined;
  lines.forEach((line, i) => {
    const comment = /^\s*#/.test(line);
    const text = comment ? ` ${line}` : line;
    if (line.endsWith("\\") && !comment) {
      open = { number: open?.number ?? i + 1, text: (open?.text ?? "") + line.replace(/^\\+|\\+$/g, "") };
    } else {
      joined.push(open ? { number: open.number, text: open.text + text } : { number: i + 1, text });
      open = undefined;
    }
  });
  return open ? [...joined, open] : joined;
}

function expand(text: string, env: Env): string {
  return text.replace(/\$\{([A-Z0-9_]+)\}/g, (all, name: string) => env[name] || all);
}

const MARKS: readonly (readonly [readonly number[], string])[] = [
  [[0xef, 0xbb, 0xbf], "utf-8"],
  [[0xff, 0xfe, 0, 0], "utf-32"],
  [[0, 0, 0xfe, 0xff], "utf-32"],
  [[0xfe, 0xff], "utf-16be"],
  [[0xff, 0xfe], "utf-16le"],
];

/** The text of a file that was read byte for byte: by its byte order mark, its coding cookie, or as UTF-8. */
export function decodeFile(read: string, file: string): string {
  const bytes = encode(read);
  const mark = MARKS.find(([start]) => start.every((byte, i) => bytes[i] === byte));
  const cookie = /^(?:[^\n]*\n)?#[^\n]*?coding[:=]\s*([-\w.]+)/.exec(read)?.[1];
  const label = mark?.[1] ?? cookie ?? "utf-8";
  const body = bytes.subarray(mark?.[0].length ?? 0);
  if (/^(latin[-_]?1|iso[-_]?8859[-_]?1|l1)$/i.test(label)) return body.toString("latin1");
  try {
    return new TextDecoder(label.replaceAll("_", "-"), { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    if (error instanceof RangeError) {
      throw new Problem(
        `Cannot read ${JSON.stringify(file)}: unknown encoding ${label}`,
        "save the file as UTF-8",
      );
    }
    if (!(error instanceof TypeError)) throw error;
    throw new Problem(
      `Cannot read ${JSON.stringify(file)}: it is not ${label.toUpperCase()}`,
      'save the file as UTF-8, or name its encoding in the first line: "# -*- coding: latin-1 -*-"',
    );
  }
}
