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
};

/** A `Report` and what clears its line. With `quiet` nothing is shown. */
export function createReport(world: World, quiet: boolean): { report: Report; clear: () => void } {
  const terminal = world.tty(2);
  let last = 0;
  let shown = false;
  let stage = "";
  const told = new Set<string>();
  const clear = () => {
    if (shown) world.err("\r\x1b[K");
    shown = false;
  };
  if (quiet) return { report: () => undefined, clear };
  const report = (progress: Progress) => {
    const changed = progress.stage !== stage;
    stage = progress.stage;
    if (!terminal) {
      if (!told.has(stage)) world.err(`mambaenv: ${VERBS[progress.stage]}\n`);
      told.add(stage);
      return;
    }
    if (progress.stage === "pip") {
      // pip writes lines of its own below.
      clear();
      return world.err(`${line(progress)}\n`);
    }
    if (!changed && world.now() - last < 80) return;
    last = world.now();
    shown = true;
    world.err(`\r\x1b[K${line(progress)}`);
  };
  return { report, clear };
}

/** What is being done, for those who wait. */
export function describe({ stage, what = "" }: Progress): string {
  return plain(`${VERBS[stage]} ${what}`.trim());
}

function line({ stage, what = "", done, total }: Progress): string {
  const bytes = stage === "download";
  const show = (count: number) => bytes ? `${(count / 1e6).toFixed(1)}` : String(count);
  const count = done === undefined
    ? ""
    : ` ${show(done)}${total ? `/${show(total)}` : ""}${bytes ? " MB" : ""}`;
  return `mambaenv: ${VERBS[stage]}${count} ${plain(what)}`.slice(0, 78).trimEnd();
}

/** Text of others, such that it can't command the terminal. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}

/** Bytes for people. */
export function bytes(count: number): string {
  return count < 1e6
    ? `${Math.ceil(count / 1e3)} kB`
    : count < 1e9
    ? `${(count / 1e6).toFixed(1)} MB`
    : `${(count / 1e9).toFixed(2)} GB`;
}
