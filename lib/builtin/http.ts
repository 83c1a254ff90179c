// Reading URLs over http(s) and file:// with conditions, ranges, time-outs and retries; no secret leaves in words.
import * as fs from "node:fs";
import { dirname } from "node:path";
import { EXIT, Problem } from "../problem.ts";
import { effect } from "../system.ts";
import { Passing, retried } from "./retry.ts";
import { createTransport, type Trust } from "./transport.ts";
import { type Answer, type Ask, NETWORK, openFile, openRemote } from "./wire.ts";
import { shown } from "../secret.ts";

/** How a body is put into a file. */
export interface Save extends Ask {
  /** Whether what `file` holds already is the beginning of the body. */
  resume?: boolean;
  /** Hears how many bytes are there. */
  tell?: (done: number) => void;
}
/** An answer whose body was read. */
export type Read = Omit<Answer, "body"> & { bytes: Uint8Array };

export interface Http {
  /** The whole body, retried; a status other than 2xx, 304 and those of a missing thing is a Problem. */
  read(url: string, ask?: Ask): Promise<Read>;
  /** Writes the body to `file`, each try going on where the last stopped; the status is then 200. */
  save(url: string, file: string, ask?: Save): Promise<Omit<Answer, "body">>;
}
export interface HttpOptions extends Trust {
  offline: boolean;
  /** Milliseconds before the second try; doubled for each one after. */
  pause?: number;
  /** Tries in all. */
  tries?: number;
  /** Milliseconds without a byte after which a connection is given up. */
  idle?: number;
}

/** A reader of URLs. Every failure is a Problem that names the URL without its secrets. */
export function createHttp(options: HttpOptions): Http {
  const { tries = 4, pause = 500, idle = 60_000, offline } = options;
  const again = { tries, pause };
  const transport = createTransport(options);
  const open = (url: string, ask: Ask): Answer | Promise<Answer> => {
    if (url.startsWith("file:")) return openFile(url, ask);
    if (offline) {
      throw new Problem(`Cannot read ${shown(url)} offline`, "mambaenv, with the network", EXIT.offline);
    }
    return openRemote(url, ask, { idle, transport });
  };

  return {
    read: (url, ask = {}) =>
      retried(again, async () => {
        const { body, ...rest } = await open(url, ask);
        const parts: Uint8Array[] = [];
        for await (const part of counted(url, { body, ...rest }, ask.most)) parts.push(part);
        return { ...rest, bytes: Buffer.concat(parts) };
      }),
    save: (url, file, ask = {}) => {
      let begun = ask.resume ? { etag: undefined as string | undefined } : undefined;
      return retried(again, async () => {
        const have = begun === undefined ? 0 : size(file);
        const found = await open(url, have > 0 ? { from: have, etag: begun?.etag } : ask);
        if (found.status === 416 || (found.status === 206 && found.start !== have)) {
          fs.rmSync(file, { force: true });
          throw new Passing(`${shown(url)} does not go on at byte ${have}`);
        }
        // Without a strong mark of the version, the rest may be another file's: then only checksums can tell.
        begun = ask.resume || found.etag?.startsWith('"') ? { etag: found.etag } : undefined;
        await pour(url, file, found, ask);
        const { body: _, ...rest } = found;
        return { ...rest, status: rest.status === 206 ? 200 : rest.status };
      });
    },
  };
}

async function pour(url: string, file: string, found: Answer, { most, tell }: Save): Promise<void> {
  if (found.status !== 200 && found.status !== 206) {
    for await (const _ of found.body);
    return;
  }
  effect("make", dirname(file), () => fs.mkdirSync(dirname(file), { recursive: true }));
  const handle = effect("write", file, () => fs.openSync(file, found.start > 0 ? "r+" : "w"));
  let done = found.start;
  try {
    if (done > 0) effect("write", file, () => fs.ftruncateSync(handle, done));
    for await (const part of counted(url, found, most)) {
      effect("write", file, () => {
        for (let at = 0; at < part.length;) at += fs.writeSync(handle, part, at, part.length - at, done + at);
      });
      done += part.length;
      tell?.(done);
    }
  } finally {
    fs.closeSync(handle);
  }
}

/** Yields the body and fails where it is shorter than announced, or longer than allowed. */
async function* counted(url: string, found: Answer, most = Infinity): AsyncGenerator<Uint8Array> {
  const { start, length } = found;
  let done = 0;
  const broken = (hint?: string) => {
    const whole = length === undefined ? "" : ` of ${start + length}`;
    return new Passing(`${shown(url)} broke off after ${start + done}${whole} bytes`, hint ?? NETWORK);
  };
  try {
    for await (const part of found.body) {
      done += part.length;
      if (start + done > most) {
        throw new Problem(
          `${shown(url)} is larger than the ${most} bytes announced`,
          "tell the channel's owner",
        );
      }
      yield part;
    }
  } catch (error) {
    throw error instanceof Passing ? broken(error.hint) : error;
  }
  if (length !== undefined && done < length) throw broken();
}

function size(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
