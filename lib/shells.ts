// The table of shells, and which of them reads our output.
import type { Shell } from "./code.ts";
import { csh } from "./shells/csh.ts";
import { elvish } from "./shells/elvish.ts";
import { fish } from "./shells/fish.ts";
import { json } from "./shells/json.ts";
import { family } from "./shells/posix.ts";
import { xonsh } from "./shells/xonsh.ts";
import type { World } from "./world.ts";

/** Every shell that the program writes for; the last is none. */
export const shells: readonly Shell[] = [...family, fish, csh, xonsh, elvish, json];

function called(name: string): Shell | undefined {
  for (const shell of shells) if (shell.names.includes(name)) return shell;
  return undefined;
}

/** The shell that a name, a path of a program or `$0` of a login shell stands for: `-bash`, `/bin/zsh-5.9`. */
export function shellNamed(name: string): Shell | undefined {
  const plain = called(name.slice(name.lastIndexOf("/") + 1));
  if (plain) return plain;
  const base = name.replace(/ \(deleted\)$/, "").replace(/^.*\//, "").replace(/^-/, "").toLowerCase();
  return called(base) ??
    called(base.replace(/\.(exe|distrib|real)$/, "").replace(/[-_]?\d[\d.]*$/, ""));
}

/** A shell and how it was found; `sure` is false for a guess that deserves a word to the user. */
export interface Detected {
  shell: Shell;
  how: string;
  sure: boolean;
}

/** How many processes upward one looks: shell, `sudo`, its monitor, `timeout`, `env` and so on. */
const DEPTH = 12;

/** The process that reads our output, by /proc alone (a container's shell is process 1); undefined if none is told. */
export function detect(world: World): Detected | undefined {
  let pid = world.ppid;
  const through: string[] = [];
  for (let i = 0; i < DEPTH && pid > 0; i++) {
    const program = world.readlink(`/proc/${pid}/exe`);
    const [name, shell] = named(pid, program, world);
    if (shell) {
      const passed = through.length ? `, through ${through.join(", ")}` : "";
      return { shell, how: `process ${pid} is ${name}${passed}`, sure: true };
    }
    through.push(name);
    const parent = statusOf(pid, world)?.parent;
    if (parent === undefined) break;
    pid = parent;
  }
  return undefined;
}

/** Programs that are many in one, run others, or interpret them. */
const AMBIGUOUS = /^(busybox|toybox|.*qemu|rosetta|box64|fex|python|pypy)/i;

/** What a process is: its own file tells, unless that is ambiguous or gone. */
function named(pid: number, program: string | undefined, world: World): [string, Shell | undefined] {
  const base = program?.slice(program.lastIndexOf("/") + 1) ?? "";
  // The usual case, for which no regular expression need be compiled.
  const plain = base === "busybox" ? undefined : called(base);
  if (program !== undefined && plain) return [program, plain];
  const ambiguous = AMBIGUOUS.test(base);
  const own = program === undefined || ambiguous ? undefined : shellNamed(program);
  if (own) return [program!, own];
  const comm = world.read(`/proc/${pid}/comm`)?.trim() ?? "";
  const shell = comm === "busybox" ? undefined : shellNamed(comm);
  if (shell) return [comm, shell];
  return [comm || base || `process ${pid}`, ambiguous ? applet(pid, base, world) : undefined];
}

/** The shell among the first words: `busybox sh`, `qemu-x86_64 /bin/bash`, `python /usr/bin/xonsh`. */
function applet(pid: number, base: string, world: World): Shell | undefined {
  const line = world.read(`/proc/${pid}/cmdline`) ?? "";
  // xonsh writes its title over the words, with blanks.
  if (/^py/i.test(base)) {
    return line.split(/[\0 ]/, 4).map(shellNamed).find((shell) => shell?.names[0] === "xonsh");
  }
  const words = line.split("\0").slice(0, 4).filter((word) => !/(^|\/)busybox$/.test(word));
  return words.map(shellNamed).find(Boolean);
}

/** What /proc tells of a process; `terminal`: the group that its terminal sends Ctrl-C to, `start`: when it began. */
interface Status {
  parent: number;
  group: number;
  terminal: number;
  start: string;
}

/** The status of a process; undefined where /proc does not tell. The name in field 2 may hold blanks and parentheses. */
export function statusOf(pid: number | "self", world: World): Status | undefined {
  const text = world.read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const words = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [, parent, group, , , terminal] = words.map(Number);
  return { parent: parent!, group: group!, terminal: terminal!, start: words[19] ?? "" };
}

/** Where /proc tells nothing: `ps`, then direnv's own bash, then $SHELL as a guess. */
export async function ask(world: World): Promise<Detected | undefined> {
  let pid = world.ppid;
  const through: string[] = [];
  for (let i = 0; i < DEPTH && pid > 0; i++) {
    const { status, stdout } = await world.run(["ps", "-o", "ppid=,comm=", "-p", String(pid)], {
      stdout: "capture",
      stderr: "capture",
      timeout: 2000,
    });
    const [, parent, comm] = /^\s*(\d+)\s+(.*?)\s*$/.exec(stdout) ?? [];
    if (status !== 0 || parent === undefined || comm === undefined) break;
    const shell = shellNamed(comm);
    if (shell) return { shell, how: `ps says that process ${pid} is ${comm}`, sure: true };
    through.push(comm);
    pid = Number(parent);
  }
  return guess(world);
}

function guess(world: World): Detected | undefined {
  const bash = world.env["DIRENV_IN_ENVRC"] !== undefined ? shellNamed("bash") : undefined;
  if (bash) return { shell: bash, how: "direnv evaluates .envrc in bash", sure: true };
  const name = world.env["SHELL"];
  const shell = name === undefined ? undefined : shellNamed(name);
  return shell && { shell, how: `guessed from SHELL=${name}`, sure: false };
}
