// Makes conda archives byte by byte, sound ones and ones that no tool would make.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { interpreter } from "../oracle.ts";

/** One member of a tar. */
export interface Made {
  path: string;
  /** The type flag: `0` a file (default), `1` hard link, `2` soft link, `5` folder, `x` pax … */
  flag?: string;
  body?: string | Uint8Array;
  target?: string;
  mode?: number;
  mtime?: number;
}

/** What every package has. */
export const INDEX: Made = { path: "info/index.json", body: '{"name": "p", "version": "1", "build": "0"}' };

/** A tar archive. */
export function tar(members: readonly Made[]): Buffer {
  return Buffer.concat([...members.flatMap(member), Buffer.alloc(1024)]);
}

/** A pax header for the member after it. */
export function pax(attributes: Record<string, string>): Made {
  const body = Object.entries(attributes).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (String(length).length + Buffer.byteLength(rest) !== length) length++;
    return `${length}${rest}`;
  });
  return { path: "PaxHeader", flag: "x", body: body.join("") };
}

function member(
  { path, flag = "0", body = "", target = "", mode = 0o644, mtime = 1_600_000_000 }: Made,
): Buffer[] {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write(mode.toString(8).padStart(7, "0"), 100);
  header.write(bytes.length.toString(8).padStart(11, "0"), 124);
  header.write(mtime.toString(8).padStart(11, "0"), 136);
  header.write(" ".repeat(8), 148);
  header.write(flag, 156);
  header.write(target, 157, 100);
  header.write("ustar\x0000", 257);
  header.write(header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0", 148);
  return [header, bytes, Buffer.alloc(-bytes.length & 511)];
}

/** A zip whose members are stored. */
export function zip(members: { [name: string]: Uint8Array }): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(members)) {
    const field = Buffer.alloc(26);
    field.writeUInt16LE(20, 0);
    field.writeUInt32LE(zlib.crc32(bytes), 10);
    field.writeUInt32LE(bytes.length, 14);
    field.writeUInt32LE(bytes.length, 18);
    field.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), field, Buffer.from(name), bytes]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\0"), field, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06"), end]);
}

/** A `.conda` of members below `info/` and others. */
export function conda(members: readonly Made[]): Buffer {
  const info = members.filter(({ path }) => path.startsWith("info/"));
  const rest = members.filter(({ path }) => !path.startsWith("info/"));
  return zip({
    "metadata.json": Buffer.from('{"conda_pkg_format_version": 2}'),
    "pkg-p-1-0.tar.zst": zlib.zstdCompressSync(tar(rest)),
    "info-p-1-0.tar.zst": zlib.zstdCompressSync(tar(info)),
  });
}

/** bzip2, by the machine's Python. */
export function bzip2(bytes: Uint8Array): Buffer {
  const code = "import bz2,sys;sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read()))";
  const ended = spawnSync(interpreter().path, ["-c", code], { input: bytes, maxBuffer: 1 << 28 });
  if (ended.status !== 0) throw new Error(ended.stderr.toString());
  return ended.stdout;
}

/** Every file, folder and link below a folder, with what it holds and whether it can be run. */
export function tree(root: string, skip = /^$/): { [path: string]: string } {
  const found: { [path: string]: string } = {};
  const walk = (dir: string) => {
    for (const name of fs.readdirSync(`${root}/${dir}`).sort()) {
      const path = dir === "" ? name : `${dir}/${name}`;
      if (skip.test(path)) continue;
      const stats = fs.lstatSync(`${root}/${path}`);
      if (stats.isSymbolicLink()) found[path] = `-> ${fs.readlinkSync(`${root}/${path}`)}`;
      else if (stats.isDirectory()) {
        found[path] = "folder";
        walk(path);
      } else {
        found[path] = (stats.mode & 0o100 ? "program " : "file ") +
          fs.readFileSync(`${root}/${path}`, "latin1");
      }
    }
  };
  walk("");
  return found;
}
