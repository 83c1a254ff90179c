// Writes the members of an archive below one folder. Links are made last, so nothing is ever written through one.
import * as fs from "node:fs";
import { effect, native } from "../system.ts";
import { parent } from "./path.ts";
import type { Member, Sink } from "./tar.ts";

/** The parts of a relative path joined anew; undefined where it would leave its folder, or is the folder itself. */
export function inside(path: string): string | undefined {
  if (path === "" || path.startsWith("/") || path.includes("\0")) return undefined;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") ? undefined : parts.join("/");
}

/** A new folder that members are written to; setuid bits and owners are dropped, the umask holds. */
export class Folder implements Sink {
  #made = new Map<string, "file" | "dir">();
  #soft = new Map<string, Member>();
  #open: { fd: number; path: string; mtime: number } | undefined;

  constructor(readonly root: string) {}

  open(member: Member): void {
    if (member.kind === "dir" && /^[./]*$/.test(member.path) && !member.path.includes("..")) return;
    const path = inside(member.path);
    if (path === undefined) throw new Error(`${JSON.stringify(member.path)} in it would leave its folder`);
    switch (member.kind) {
      case "dir":
        return this.#folder(path);
      case "file":
        return this.#file(path, member);
      case "softlink":
        return this.#later(path, member);
      case "hardlink":
        return this.#hard(path, member);
      default:
        return member.kind satisfies never;
    }
  }

  data(bytes: Uint8Array): void {
    const { fd, path } = this.#open!;
    effect("write", path, () => {
      for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
    });
  }

  close(): void {
    if (this.#open === undefined) return;
    const { fd, path, mtime } = this.#open;
    this.#open = undefined;
    effect("write", path, () => {
      fs.futimesSync(fd, mtime, mtime);
      fs.closeSync(fd);
    });
  }

  /** Whether the archive had a file of that path: not a link, and no link on the way to it. */
  has(path: string): boolean {
    return this.#made.get(path) === "file" && !this.#soft.has(path);
  }

  /** Makes the soft links; call it after the last member. */
  finish(): void {
    for (const [path, { target }] of this.#soft) {
      this.#room(path);
      const full = this.#full(path);
      effect("link", full, () => fs.symlinkSync(native(target), native(full)));
    }
  }

  /** Lets go of what an interrupted member has open. */
  abandon(): void {
    if (this.#open !== undefined) fs.closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #full(path: string): string {
    return `${this.root}/${path}`;
  }

  #folder(path: string): void {
    if (this.#made.get(path) === "dir" || path === ".") return;
    if (this.#made.has(path)) throw new Error(`${JSON.stringify(path)} in it is a file and a folder`);
    this.#folder(parent(path));
    const full = this.#full(path);
    effect("make", full, () => fs.mkdirSync(native(full)));
    this.#made.set(path, "dir");
  }

  /** Makes the folder that `path` is to be in, and room for it: the last member of a name counts, as in tar. */
  #room(path: string): void {
    const before = this.#made.get(path);
    if (before === "dir") throw new Error(`${JSON.stringify(path)} in it is a folder and something else`);
    if (before === "file") fs.rmSync(native(this.#full(path)));
    else this.#folder(parent(path));
    this.#made.set(path, "file");
  }

  #file(path: string, { mode, mtime }: Member): void {
    this.#soft.delete(path);
    this.#room(path);
    const full = this.#full(path);
    const fd = effect("write", full, () => fs.openSync(native(full), "wx", mode | 0o600));
    this.#open = { fd, path: full, mtime };
  }

  #later(path: string, member: Member): void {
    if (member.target === "") throw new Error(`${JSON.stringify(path)} in it is a link to nothing`);
    this.#soft.set(path, member);
  }

  /** Only to what this archive wrote here: never to what was there before. */
  #hard(path: string, member: Member): void {
    const target = inside(member.target);
    const soft = target === undefined ? undefined : this.#soft.get(target);
    if (soft) return this.#later(path, soft);
    if (target === undefined || this.#made.get(target) !== "file" || target === path) {
      throw new Error(
        `${JSON.stringify(path)} in it is a link to ${JSON.stringify(member.target)}, which it has not`,
      );
    }
    this.#room(path);
    const full = this.#full(path);
    effect("link", full, () => fs.linkSync(native(this.#full(target)), native(full)));
  }
}
