// A disk that forgets: the system calls of a program are played on a model, which tells what may be there after the
// power went at any of them. What was synced stays; of the rest, names may be on disk before contents, and the names
// in one folder before those in another. https://lwn.net/Articles/457667/
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { CHANGING } from "./trace.ts";
import { tool } from "../oracle.ts";

/** A file, folder or link. */
interface Node {
  kind: "file" | "dir" | "link";
  mode: number;
  /** Milliseconds since 1970. */
  mtime: number;
  /** Of a file its content, of a link where it leads. */
  bytes: Buffer;
  /** Where the next writing goes. */
  at: number;
  entries: Map<string, Node>;
}

/** What happened: names came or went, all at once; a content became another; something was synced. */
type Event =
  | { kind: "names"; sets: { dir: Node; name: string; node: Node | undefined }[] }
  | { kind: "bytes"; node: Node; bytes: Buffer }
  | { kind: "synced"; node: Node | undefined };

/** What is lost with the power, of what was not synced. */
export interface Loss {
  /** Whether a folder's new names are on disk. */
  names(path: string): boolean;
  /** What is on disk of a new content. */
  bytes(bytes: Buffer): Buffer;
}

const SYNCS = ["fsync", "fdatasync", "sync", "syncfs"];

/** Words that run a program under strace, which writes down each call that changes the disk, with all its bytes. */
export function recorded(log: string): string[] {
  const calls = [...CHANGING, ...SYNCS].map((call) => `?${call}`).join();
  const how = ["--seccomp-bpf", "-f", "-qq", "-y", "-xx", "-s", "100000000"];
  return [tool("strace"), ...how, "-o", log, "-e", `trace=${calls}`];
}

/** A folder as it was, and all that a log says of it. */
export class Disk {
  readonly #events: Event[] = [];
  /** The tree as the program saw it last. */
  readonly #now: Node;
  readonly #paths = new Map<Node, string>();
  readonly #first: Map<Node, Map<string, Node>>;
  readonly #contents = new Map<Node, Buffer>();

  /** `top` is the folder in the log; it was as `before` is, all of it on disk. */
  constructor(readonly top: string, before: string, log: string) {
    this.#now = read(before, new Map());
    this.#walk(this.#now, "");
    this.#first = new Map([...this.#paths.keys()].map((node) => [node, new Map(node.entries)]));
    for (const node of this.#paths.keys()) this.#contents.set(node, node.bytes);
    for (const call of calls(log)) this.#play(call);
  }

  /** How many events there are: the power may go before each, and behind the last. */
  get events(): number {
    return this.#events.length;
  }

  /** Folders whose names changed since the last sync of all before an event. */
  changed(cut: number): string[] {
    const since = this.#events.slice(this.#synced(cut), cut);
    const dirs = since.flatMap((event) => event.kind === "names" ? event.sets.map(({ dir }) => dir) : []);
    return [...new Set(dirs)].map((dir) => this.#paths.get(dir)!);
  }

  /** What is there after the power went before an event; a key that tells it from others. */
  after(cut: number, loss: Loss): { key: string; write(to: string): void } {
    const names = new Map([...this.#first].map(([dir, entries]) => [dir, new Map(entries)]));
    const contents = new Map(this.#contents);
    const all = this.#synced(cut), events = this.#events.slice(0, cut);
    const last = (node: Node) =>
      events.findLastIndex((event) => event.kind === "synced" && event.node === node);
    events.forEach((event, i) => {
      if (event.kind === "names") {
        const { dir } = event.sets.at(-1)!;
        if (i >= all && i > last(dir) && !loss.names(this.#paths.get(dir)!)) return;
        for (const { dir, name, node } of event.sets) {
          if (!names.has(dir)) names.set(dir, new Map());
          node ? names.get(dir)!.set(name, node) : names.get(dir)!.delete(name);
        }
      } else if (event.kind === "bytes") {
        const safe = i < all || i < last(event.node);
        contents.set(event.node, safe ? event.bytes : loss.bytes(event.bytes));
      }
    });
    const hash = createHash("sha256");
    const made = new Map<Node, string>();
    const walk = (node: Node, path: string, act: (node: Node, path: string, bytes: Buffer) => void) => {
      // Where a link leads is kept with its name.
      act(node, path, node.kind === "link" ? node.bytes : contents.get(node) ?? Buffer.alloc(0));
      for (const [name, child] of [...names.get(node) ?? []].sort()) walk(child, `${path}/${name}`, act);
    };
    walk(this.#now, "", (node, path, bytes) => hash.update(`${path}\0${node.kind}\0`).update(bytes));
    return {
      key: hash.digest("hex"),
      write: (to) => walk(this.#now, to, (node, path, bytes) => write(node, path, bytes, made)),
    };
  }

  /** The event behind the last sync of all before another. */
  #synced(cut: number): number {
    return this.#events.slice(0, cut).findLastIndex((event) =>
      event.kind === "synced" && event.node === undefined
    ) + 1;
  }

  #walk(node: Node, path: string): void {
    this.#paths.set(node, path);
    for (const [name, child] of node.entries) this.#walk(child, `${path}/${name}`);
  }

  #node(path: string): Node | undefined {
    if (path !== this.top && !path.startsWith(`${this.top}/`)) return undefined;
    let node: Node | undefined = this.#now;
    for (const part of path.slice(this.top.length).split("/").filter(Boolean)) node = node?.entries.get(part);
    return node;
  }

  /** Gives names to nodes, or takes them away. */
  #name(...pairs: [path: string, node: Node | undefined][]): void {
    const sets = pairs.map(([path, node]) => {
      const cut = path.lastIndexOf("/"), name = path.slice(cut + 1), dir = this.#node(path.slice(0, cut))!;
      node ? dir.entries.set(name, node) : dir.entries.delete(name);
      if (node && !this.#paths.has(node)) this.#paths.set(node, path.slice(this.top.length));
      return { dir, name, node };
    });
    this.#events.push({ kind: "names", sets });
  }

  #fill(node: Node, bytes: Buffer): void {
    node.bytes = bytes;
    this.#events.push({ kind: "bytes", node, bytes });
  }

  #play({ name, texts, fds, rest, result }: Call): void {
    const below = (path: string) => path.startsWith(`${this.top}/`);
    const [first = "", second = ""] = texts.map((text) => text.toString());
    const full = (path: string, at = 0) => path.startsWith("/") ? path : `${fds[at]}/${path}`;
    const path = full(first), open = this.#node(fds[0] ?? "");
    const mode = parseInt(/, 0([0-7]{3,4})\b/.exec(rest)?.[1] ?? "666", 8) & 0o755;
    switch (name.replace(/at2?$|64$/, "")) {
      case "sync":
      case "syncfs":
        return void this.#events.push({ kind: "synced", node: undefined });
      case "fsync":
      case "fdatasync":
        if (open) this.#events.push({ kind: "synced", node: open });
        return;
      case "mkdir":
        if (below(path)) this.#name([path, node("dir", mode)]);
        return;
      case "open": {
        if (!below(path) || !/O_CREAT|O_TRUNC/.test(rest)) return;
        const there = this.#node(path);
        if (there === undefined) this.#name([path, node("file", mode)]);
        else if (rest.includes("O_TRUNC") && there.bytes.length > 0) this.#fill(there, Buffer.alloc(0));
        this.#node(path)!.at = 0;
        return;
      }
      case "write":
      case "pwrite": {
        if (open?.kind !== "file") return;
        const at = name === "write" ? open.at : Number(/(\d+) *\)/.exec(rest)![1]);
        open.at = at + result;
        return this.#fill(open, put(open.bytes, texts[0]!.subarray(0, result), at));
      }
      case "ftruncate": {
        const size = Number(/, (\d+) *\)/.exec(rest)![1]);
        if (open && open.bytes.length !== size) {
          this.#fill(open, put(open.bytes.subarray(0, size), Buffer.alloc(0), size));
        }
        return;
      }
      case "rename":
      case "renameat": {
        if (below(path)) this.#name([path, undefined], [full(second, 1), this.#node(path)]);
        return;
      }
      case "link":
        if (below(path)) this.#name([full(second, 1), this.#node(path)]);
        return;
      case "symlink":
        if (below(full(second))) this.#name([full(second), node("link", 0o777, texts[0])]);
        return;
      case "unlink":
      case "rmdir":
        if (below(path)) this.#name([path, undefined]);
        return;
      case "utimens": {
        const times = [...rest.matchAll(/tv_sec=(\d+)/g)];
        const changed = texts.length > 0 ? this.#node(path) : open;
        if (changed && times.length === 2) changed.mtime = Number(times[1]![1]) * 1000;
        return;
      }
      case "chmod":
      case "fchmod":
        if (open ?? this.#node(path)) (open ?? this.#node(path))!.mode = mode;
        return;
    }
    if ([...fds, path].some(below)) throw new Error(`the model does not know ${name}: ${rest}`);
  }
}

function node(kind: Node["kind"], mode: number, bytes: Buffer = Buffer.alloc(0)): Node {
  return { kind, mode, mtime: Date.now(), bytes, at: 0, entries: new Map() };
}

/** Bytes with others put in at a place; what is between is zero. */
function put(bytes: Buffer, more: Buffer, at: number): Buffer {
  const whole = Buffer.alloc(Math.max(bytes.length, at + more.length));
  bytes.copy(whole);
  more.copy(whole, at);
  return whole;
}

/** A folder of the real disk; what has several names is one node. */
function read(path: string, known: Map<number, Node>): Node {
  const stat = fs.lstatSync(path);
  const found = known.get(stat.ino);
  if (found) return found;
  const kind = stat.isDirectory() ? "dir" : stat.isSymbolicLink() ? "link" : "file";
  const bytes = kind === "dir"
    ? Buffer.alloc(0)
    : kind === "link"
    ? Buffer.from(fs.readlinkSync(path))
    : fs.readFileSync(path);
  const made = { ...node(kind, stat.mode & 0o777, bytes), mtime: stat.mtimeMs };
  known.set(stat.ino, made);
  if (kind !== "dir") return made;
  for (const name of fs.readdirSync(path)) made.entries.set(name, read(`${path}/${name}`, known));
  return made;
}

function write(node: Node, path: string, bytes: Buffer, made: Map<Node, string>): void {
  const there = made.get(node);
  if (there !== undefined) return fs.linkSync(there, path);
  made.set(node, path);
  if (node.kind === "dir") return void fs.mkdirSync(path, { mode: node.mode });
  if (node.kind === "link") return fs.symlinkSync(bytes.toString(), path);
  fs.writeFileSync(path, bytes, { mode: node.mode });
  fs.utimesSync(path, node.mtime / 1000, node.mtime / 1000);
}

/** One call of a log that did what it was to. */
interface Call {
  name: string;
  /** What stands in quotes. */
  texts: Buffer[];
  /** The paths of descriptors. */
  fds: string[];
  rest: string;
  result: number;
}

/** The calls in the order in which they ended. */
function calls(log: string): Call[] {
  const begun = new Map<string, string>();
  return log.split("\n").flatMap((line) => {
    const [, thread, words = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined) return [];
    if (words.endsWith("<unfinished ...>")) {
      begun.set(thread, words.slice(0, -"<unfinished ...>".length));
      return [];
    }
    const [, end] = /^<\.\.\. \w+ resumed>(.*)$/.exec(words) ?? [];
    const whole = end === undefined ? words : begun.get(thread) + end;
    const [, name, rest, result] = /^(\w+)\((.*) = (\d+)[^=]*$/.exec(whole) ?? [];
    if (name === undefined) return [];
    const texts = [...rest!.matchAll(/"((?:\\x..)*)"/g)].map(([, hex]) => plain(hex!));
    const fds = [...rest!.matchAll(/<((?:\\x..)*)>/g)].map(([, hex]) => plain(hex!).toString());
    return [{ name, texts, fds, rest: rest!, result: Number(result) }];
  });
}

function plain(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}
