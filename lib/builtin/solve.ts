// Solving: specs and channels in, records in link order out. The solver runs in a thread that can be ended.
import { Conflict, type Report } from "../engines/engine.ts";
import { Problem } from "../problem.ts";
import { Question } from "./answers.ts";
import { topological } from "./order.ts";
import type { Index } from "./repodata.ts";
import type { Record } from "./record.ts";
import { createShelf, type Shelf } from "./shelf.ts";
import type { FromSolver, Locked, ToSolver } from "./solver.ts";
import type { Virtual } from "./virtual.ts";

export interface SolveOptions {
  virtual: readonly Virtual[];
  /** Records of the index that are to be taken again where they fit. */
  held?: readonly Record[];
  report?: Report;
  /** Called while the solver starts, with the names that it will choose from; `busy` says whether it still thinks. */
  ahead?(names: ReadonlySet<string>, busy: () => boolean): Promise<void>;
  /** Whether the answer is probably known: the solver then starts only where it is not. */
  patient?: boolean;
  /** Milliseconds that the solver may think without reading anything; 10 minutes by default. */
  limit?: number;
}

/** The records that satisfy all specs, dependencies first. Throws Conflict with the solver's reasons, or Problem. */
export async function solve(
  index: Index,
  specs: readonly string[],
  options: SolveOptions,
): Promise<Record[]> {
  const shelf = createShelf(index);
  const plain = specs.map(shelf.spec);
  options.report?.({ stage: "solve", what: plain.join(", ") });
  const urls = await think(shelf, index, plain, options).catch(async (error) => {
    throw error instanceof Conflict ? new Conflict(error.message + await shelf.others(plain)) : error;
  });
  const own = urls.filter((url) => !url.startsWith(MACHINE));
  const records = await Promise.all(own.map(async (url) => ({ record: await shelf.record(url) })));
  return topological(records).map(({ record }) => record);
}

let spare: Worker | undefined;

/** Starts the solver's thread ahead of its task: loading it takes longer than reading the channels. */
export function warm(): void {
  spare ??= createWorker();
}

function createWorker(): Worker {
  return new Worker(new URL("./solver.ts", import.meta.url).href, { type: "module" });
}

function think(
  shelf: Shelf,
  index: Index,
  specs: readonly string[],
  { virtual, held = [], limit = 600_000, ahead, patient = false }: SolveOptions,
): Promise<string[]> {
  const task = taskOf(shelf, index, specs, [...virtual.map(locked), ...known(held, shelf, index)]);
  const question = new Question();
  let worker: Worker | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = true;
  return new Promise<string[]>((resolve, reject) => {
    const post = (message: ToSolver) => worker?.postMessage(message);
    const send = (url: string, bytes: Uint8Array) => post({ kind: "body", url, bytes });
    const watch = () => {
      clearTimeout(timer);
      const late = () => reject(new Problem(`The solver found no answer in ${limit / 1000} s`, LATE));
      timer = setTimeout(late, limit);
    };
    const listen = ({ data }: { data: FromSolver }) => {
      watch();
      if (data.kind === "failed") return reject(failure(data.panicked, shelf.plain(data.message)));
      if (data.kind === "read") {
        const { url } = data;
        if (!question.asks(url)) shelf.read(url).then((bytes) => send(url, bytes), reject);
        return;
      }
      question.keep(data.urls);
      resolve(data.urls);
    };
    const start = () => {
      worker = spare ?? createWorker();
      spare = undefined;
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Problem(`The solver broke down: ${event.message}`, LATE));
      };
      worker.onmessage = listen;
      watch();
      post(task);
      for (const [url, bytes] of question.foreseen) send(url, bytes);
    };
    const foresee = (url: string, bytes: Uint8Array) => {
      question.foreseen.set(url, bytes);
      send(url, bytes);
    };
    if (!patient) start();
    shelf.ahead(specs, foresee).then((names) => {
      const urls = question.known(index.cache, [task, [...names].sort()]);
      if (urls) return resolve(urls);
      if (patient) start();
      return ahead?.(names, () => busy);
    }).catch(reject);
  }).finally(() => {
    busy = false;
    clearTimeout(timer);
    worker?.terminate();
  });
}

function taskOf({ channels }: Shelf, { platform }: Index, specs: readonly string[], locked: Locked[]) {
  const platforms = platform === "noarch" ? ["noarch"] : [platform, "noarch"];
  return { kind: "solve", specs: [...specs], channels, platforms, locked } as const satisfies ToSolver;
}

/** Records of the index that are to be taken again, as the solver knows them. */
function known(held: readonly Record[], { channels }: Shelf, index: Index): Locked[] {
  return held.flatMap((record) => {
    const channel = index.channels.findIndex(({ url }) => url === record.channel);
    return channel < 0 ? [] : [again(record, channels[channel]!)];
  });
}

const LATE = "ask for less at once, or name versions: python=3.12";

/** The solver's words as what they mean. They have no code: the texts are those of @conda-org/rattler 0.3. */
function failure(panicked: boolean, message: string): Error {
  const [, reasons] = /^Cannot solve the request because of: (.*)$/s.exec(message) ?? [];
  if (reasons !== undefined) return new Conflict(reasons.trim());
  if (!panicked) {
    return new Problem(`Cannot read a requirement: ${message.trim()}`, "conda's form is: numpy >=1.26,<2");
  }
  const words = message.split("\n").filter((line) => line !== "" && !line.startsWith("panicked"))[0] ??
    message;
  return new Problem(`The solver broke down: ${words}`, LATE);
}

/** Where the solver believes virtual packages to be. */
const MACHINE = "https://virtual.invalid/";

function locked({ name, version, build }: Virtual): Locked {
  const filename = `${name}-${version}-${build}.conda`;
  const url = `${MACHINE}noarch/${filename}`;
  return {
    packageName: name,
    version,
    build,
    buildNumber: 0,
    url,
    filename,
    repoName: "@",
    subdir: "noarch",
    depends: [],
  };
}

/** A record as the solver knows it, so that it prefers it to others of that name. */
function again(record: Record, channel: string): Locked {
  const { name, version, build, build_number, subdir, depends, fn } = record;
  return {
    packageName: name,
    version,
    build,
    buildNumber: build_number,
    url: `${channel}/${subdir}/${encodeURIComponent(fn)}`,
    filename: fn,
    repoName: `${channel}/`,
    subdir,
    depends,
  };
}
