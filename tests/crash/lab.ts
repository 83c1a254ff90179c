// A project, its home as it was before something happens, and the look at what is there after.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tree } from "../builtin/archive.ts";
import { type Called, PROGRAM, start } from "../program.ts";
import { testWorld } from "../world.ts";
import { small } from "./small.ts";

/** What happens to a project: the requirements that it had, one after the other, those that it has, and the words. */
export interface Scene {
  name: string;
  had: readonly string[];
  has: string;
  words: readonly string[];
  /** Whether a lock says what goes in: nothing is solved, which takes most of the time. */
  locked: boolean;
}

/** The words that enter. */
export const ENTER = ["--shell", "bash"];

/** Makes a scene, and makes it anew as often as one likes, always at the same paths. */
export class Lab {
  readonly top: string;
  readonly env: { [name: string]: string };
  /** The environments that may be there, whole. */
  readonly #good = new Map<string, string>();

  private constructor(readonly scene: Scene) {
    this.top = testWorld().top;
    const channel = small(`${this.top}/channel`);
    this.env = { HOME: `${this.top}/home`, PATH: "/usr/bin:/bin", MAMBAENV_CHANNEL: channel };
  }

  static async open(scene: Scene): Promise<Lab> {
    const lab = new Lab(scene);
    for (const wants of scene.had) lab.#good.set(wants, lab.whole(await lab.#made(wants)));
    copy(`${lab.top}/home`, `${lab.top}/before`);
    lab.#good.set(scene.has, lab.whole(await lab.#made(scene.has)));
    lab.reset();
    return lab;
  }

  close(): void {
    fs.rmSync(this.top, { recursive: true, force: true });
  }

  /** All as it was. */
  reset(): void {
    fs.rmSync(`${this.top}/home`, { recursive: true, force: true });
    copy(`${this.top}/before`, `${this.top}/home`);
  }

  /** Calls the program in the project, `before` being words before it. */
  call(words: readonly string[], before: readonly string[] = []): Promise<Called> {
    return start([...before, PROGRAM, ...words], { cwd: `${this.top}/work`, env: this.env }).ended;
  }

  /** What is in a prefix, its own path, the cache's, times, and whether packages were linked or copied taken out. */
  whole(prefix: string): string {
    const found = tree(prefix, /^conda-meta\/(history|mambaenv\.json)$/);
    // A sum of what has the path in it differs as that does.
    return JSON.stringify(found, null, 1).replaceAll(prefix, "PREFIX")
      .replace(/(?<=_in_prefix\W+)\w{64}/g, "").replace(/[^"\\]*\/pkgs\//g, "PKGS/")
      .replace(/(?<="type\W+)[123]\b/g, "");
  }

  /** The environment that the printed code enters, which is whole. */
  entered({ out }: Called, only?: string): string {
    const [, prefix] = /"MAMBAENV_ACTIVE="'([^']+)'/.exec(out) ?? [];
    assert.ok(prefix, out);
    const now = this.whole(prefix);
    const good = [...this.#good].filter(([wants]) => only === undefined || wants === only);
    const wanted = good.at(-1)![1].split("\n");
    const odd = now.split("\n").filter((line) => !wanted.includes(line)).map((line) => line.slice(0, 300));
    assert.ok(good.some(([, whole]) => whole === now), `${prefix} is not whole: ${odd.join("\n")}`);
    return prefix;
  }

  /** The last good environment works, the next run makes what is wanted, and what was left is gone. */
  async recovers(): Promise<void> {
    const { scene } = this;
    const last = await this.call(["--no-create", "--no-sync", ...ENTER]);
    if (scene.had.length > 0 || last.status === 0) this.entered(last);
    else assert.equal(last.status, 3, last.err);
    const next = await this.call([...ENTER, "--no-fallback"]);
    assert.equal(next.status, 0, next.err);
    const prefix = this.entered(next, scene.has);
    assert.equal((await start([`${prefix}/bin/tool`], { cwd: "/", env: {} }).ended).out, "tool\n");
    if (this.left().length > 0) {
      const again = await this.call(["sync", "--force"]);
      assert.equal(again.status, 0, again.err);
    }
    assert.deepEqual(this.left(), []);
  }

  /** What nobody needs: neither environments nor packages. */
  left(): string[] {
    const root = `${this.top}/home/.local/share/mambaenv`;
    const names = (dir: string, fine: RegExp) =>
      fs.readdirSync(`${root}/${dir}`).filter((name) => !fine.test(name)).map((name) => `${dir}/${name}`);
    return [
      ...names("envs", /^(work|\.mambaenv)$/),
      ...names("envs/.mambaenv", /^work-[0-9a-f]{8}$/),
      ...names("pkgs", /^\w+-[\d.]+-0(\.conda)?$/),
    ];
  }

  async #made(wants: string): Promise<string> {
    fs.writeFileSync(`${this.top}/work/environment.yml`, `name: work\ndependencies: [${wants}]\n`);
    const locking = await this.call(this.scene.locked ? ["lock"] : ["--version"]);
    const called = await this.call(ENTER);
    assert.deepEqual([locking.status, called.status], [0, 0], locking.err + called.err);
    return /"MAMBAENV_ACTIVE="'([^']+)'/.exec(called.out)![1]!;
  }
}

/** Copies a folder, its links being links. */
function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync("/bin/cp", ["-a", from, to], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
