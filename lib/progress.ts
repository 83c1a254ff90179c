// Progress on stderr: one line that is rewritten in a terminal, a plain line for each stage in a log.
import type { Progress, Report } from "./engines/engine.ts";
import type { World } from "./world.ts";

const VERBS: { [stage in Progress["stage"]]: string } = {
  repodata: "reading channels",
  solve: "solving",
  download: "downloading",
  unpack: "unpacking",
  link: "linking",
  compile: "compiling",
  pip: "pip",
  flush: "writing to the disk",
};

/** Milliseconds between two changes of the line, and between two lines in a log. */
const OFTEN = 80, SELDOM = 10_000;
/** Milliseconds until a rate means something, and of which it is one. */
const SOON = 500, WINDOW = 2000;

/** How much is shown: nothing, or a line for each package besides. */
export interface Loudness {
  quiet?: boolean;
  verbose?: boolean;
}

/** A `Report`, what clears its line, and the world whose words begin where that line was. */
export function createReport(
  world: World,
  { quiet, verbose }: Loudness,
): { report: Report; clear: () => void; world: World } {
  const terminal = world.tty(2);
  const told = new Set<string>();
  const rate = meter(world);
  let last = 0;
  let shown = false;
  const clear = () => {
    if (shown) world.err("\r\x1b[K");
    shown = false;
  };
  const err = (text: string) => {
    clear();
    world.err(text);
  };
  const aside = { ...world, err };
  if (quiet) return { report: () => undefined, clear, world: aside };
  const first = (key: string) => !told.has(key) && told.add(key);
  const report = (progress: Progress) => {
    const { stage, what = "", total } = progress;
    const now = world.now();
    const speed = rate(progress);
    const begins = first(stage);
    if (!terminal && begins && stage !== "flush") {
      world.err(`${line({ stage, ...stage !== "compile" && total && { done: total } }, "")}\n`);
      last = now;
    }
    if (verbose && what !== "" && stage !== "pip" && first(`${stage} ${what}`)) {
      clear();
      world.err(`mambaenv: ${describe(progress)}\n`);
    } else if (stage === "pip" && terminal) {
      // pip writes lines of its own below.
      clear();
      world.err(`${line(progress, speed)}\n`);
    } else if (!terminal && stage === "download" && now - last >= SELDOM) {
      world.err(`${line({ ...progress, what: "" }, speed)}\n`);
      last = now;
    } else if (terminal && (begins || now - last >= OFTEN)) {
      world.err(`\r\x1b[K${line(progress, speed)}`);
      [shown, last] = [true, now];
    }
  };
  return { report, clear, world: aside };
}

/** Bytes a second, of the last few seconds. */
function meter(world: World): (progress: Progress) => string {
  type Mark = { at: number; done: number };
  let marks: [before: Mark, last: Mark] | undefined;
  return ({ stage, done }) => {
    if (stage !== "download" || done === undefined) return "";
    const now = { at: world.now(), done };
    marks ??= [now, now];
    if (now.at - marks[1].at >= WINDOW) marks = [marks[1], now];
    const passed = now.at - marks[0].at;
    return passed < SOON ? "" : `, ${bytes((done - marks[0].done) / passed * 1000)}/s`;
  };
}

/** What is being done, for those who wait. */
export function describe({ stage, what = "" }: Progress): string {
  return plain(`${VERBS[stage]} ${what}`.trim());
}

function line({ stage, what = "", done, total }: Progress, speed: string): string {
  const mega = stage === "download";
  const unit = mega ? " MB" : stage === "link" ? " files" : "";
  const show = (count: number) => mega ? (count / 1e6).toFixed(1) : String(count);
  const count = done === undefined
    ? ""
    : ` ${show(done)}${total && total !== done ? `/${show(total)}` : ""}${unit}${speed}`;
  return `mambaenv: ${VERBS[stage]}${count} ${plain(what)}`.slice(0, 78).trimEnd();
}

/** Text of others, such that it can't command the terminal. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}

/** The last line of what a program said: as a rule, why it failed. */
export function last(text: string): string {
  return plain(text.trim().split("\n").at(-1) ?? "");
}

/** A number with its noun, and what follows that: `1 file`, `2 files more`. */
export function counted(count: number, noun: string, rest = ""): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}${rest}`;
}

/** Bytes for people. */
export function bytes(count: number): string {
  return count < 1e6
    ? `${Math.ceil(count / 1e3)} kB`
    : count < 1e9
    ? `${(count / 1e6).toFixed(1)} MB`
    : `${(count / 1e9).toFixed(2)} GB`;
}
