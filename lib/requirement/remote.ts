// Files that requirements include by URL: read where something is solved, since only there a network may be asked.
import type { Read } from "../builtin/http.ts";
import { decode } from "../bytes.ts";
import type { Wanted } from "../inputs.ts";
import { Problem } from "../problem.ts";
import { type Option, parseRequirements, type Requirements } from "../requirements.ts";
import { shown } from "../secret.ts";
import type { World } from "../world.ts";
import { type Flag, formatFlags } from "./options.ts";

/** Bytes that such a file may have. */
const MOST = 10_000_000;
/** Paths below it stand for URLs while a file is read: `/mambaenv-url/0/path` is of the first origin. */
const TOP = "/mambaenv-url";
const PATH = /\/mambaenv-url\/(\d+)([^"\s]*)/g;

/** What reads a URL. */
export interface Pages {
  read(url: string, ask: { most: number }): Promise<Pick<Read, "status" | "bytes">>;
}

/** A file that is to be read first. */
class Needed extends Error {
  constructor(readonly path: string) {
    super(path);
  }
}

/** What is wanted with all that is included by URL, each line as if the file were here. Throws Problem. */
export async function included(wanted: Wanted, http: Pages, world: World): Promise<Wanted> {
  if (!wanted.options.some(remote)) return wanted;
  const whole: Wanted = { ...wanted, options: [] };
  const seen = new Set<string>(), origins: string[] = [], texts = new Map<string, string>();
  const add = async (options: readonly Option[]) => {
    for (const option of options) {
      const flag = remote(option);
      if (flag === undefined) whole.options.push(option);
      else if (!seen.has(`${flag.name} ${flag.value}`)) {
        seen.add(`${flag.name} ${flag.value}`);
        const lists = await read(flag, option);
        for (const key of ["requirements", "constraints", "specs"] as const) {
          Object.assign(whole, { [key]: [...whole[key], ...lists[key]] });
        }
        await add(lists.options);
      }
    }
  };
  const url = (path: string) =>
    path.replace(PATH, (_, i: string, rest: string) => origins[Number(i)]! + rest);
  const named = (text: string) => text.replace(PATH, (path) => shown(url(path)));
  const read = async ({ name, value }: Flag, option: Option): Promise<Requirements> => {
    const [, origin = "", rest = ""] = /^(https?:\/\/[^/?#]*)([^#]*)/i.exec(value) ?? [];
    if (!origins.includes(origin)) origins.push(origin);
    const line = formatFlags([{ name, value: `${TOP}/${origins.indexOf(origin)}${rest}` }]);
    for (;;) {
      try {
        return placed(parse(line, texts, world), named);
      } catch (error) {
        if (error instanceof Problem) throw new Problem(named(error.message), named(error.hint), error.exit);
        if (!(error instanceof Needed)) throw error;
        texts.set(error.path, await get(url(error.path), option, http));
      }
    }
  };
  await add(wanted.options);
  return whole;
}

/** The flag that includes a file by its URL. */
export function remote({ flags }: Option): Flag | undefined {
  return flags.find(({ name, value }) =>
    ["--requirement", "--constraint"].includes(name) && /^https?:\/\//i.test(value)
  );
}

/** Reads a line as if it were a file; nothing of this machine can be included there. */
function parse(line: string, texts: ReadonlyMap<string, string>, { env }: World): Requirements {
  const read = (path: string) => {
    if (path === `${TOP}/line`) return line;
    if (!/^\/mambaenv-url\/\d+\//.test(path)) return undefined;
    const text = texts.get(path);
    if (text === undefined) throw new Needed(path);
    return text;
  };
  return parseRequirements(`${TOP}/line`, { env, read, stat: () => undefined }, "/nowhere");
}

function placed(lists: Requirements, named: (text: string) => string): Requirements {
  const renamed = <T extends { file: string }>(list: readonly T[]) =>
    list.map((each) => ({ ...each, file: named(each.file) }));
  return {
    requirements: renamed(lists.requirements),
    constraints: renamed(lists.constraints),
    specs: renamed(lists.specs),
    options: renamed(lists.options),
    inputs: [],
  };
}

async function get(url: string, { file, line }: Option, http: Pages): Promise<string> {
  const { status, bytes } = await http.read(url, { most: MOST });
  if (status === 200) return decode(bytes);
  throw new Problem(
    `Cannot read ${shown(url)}, which ${
      JSON.stringify(file)
    } line ${line} includes: the server answered ${status}`,
    `curl ${shown(url)}`,
  );
}
