// The solver's own thread: rattler's WASM, whose every reading is answered by who started it (see solve.ts).
import { type Platform, simpleSolve } from "@conda-org/rattler";

/** A package that the machine has, in the form of the solver's locked packages. */
export interface Locked {
  packageName: string;
  version: string;
  build: string;
  buildNumber: number;
  url: string;
  filename: string;
  repoName: string;
  subdir: string;
  depends: string[];
}
/** To the solver: the task, then what it asked for, or will ask for. */
export type ToSolver =
  | { kind: "solve"; specs: string[]; channels: string[]; platforms: string[]; locked: Locked[] }
  | { kind: "body"; url: string; bytes: Uint8Array };
/** From the solver: URLs that it needs, then the URLs of the packages, or why there are none. */
export type FromSolver =
  | { kind: "read"; url: string }
  | { kind: "solved"; urls: string[] }
  | { kind: "failed"; panicked: boolean; message: string };

interface Thread {
  onmessage: ((event: { data: ToSolver }) => void) | null;
  postMessage(message: FromSolver): void;
}
const thread = globalThis as unknown as Thread;
const waiting = new Map<string, (bytes: Uint8Array) => void>();
/** What came before it was asked for. */
const held = new Map<string, Uint8Array>();

globalThis.fetch = async (input) => {
  const url = input instanceof Request ? input.url : String(input);
  const bytes = held.get(url) ?? await new Promise<Uint8Array>((wake) => {
    waiting.set(url, wake);
    thread.postMessage({ kind: "read", url });
  });
  // The solver panics where a response has no URL.
  return Object.defineProperty(new Response(bytes as Uint8Array<ArrayBuffer>), "url", { value: url });
};

// A panic of the solver shows nowhere else: its promise stays open for ever.
console.error = (...words: unknown[]) => {
  const message = words.map(String).join(" ");
  if (message.startsWith("panicked")) thread.postMessage({ kind: "failed", panicked: true, message });
};
console.warn = () => undefined;

thread.onmessage = async ({ data }) => {
  if (data.kind === "body") {
    held.set(data.url, data.bytes);
    waiting.get(data.url)?.(data.bytes);
    return;
  }
  try {
    const found = await simpleSolve(data.specs, data.channels, data.platforms as Platform[], data.locked);
    thread.postMessage({ kind: "solved", urls: found.map(({ url }) => url) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    thread.postMessage({ kind: "failed", panicked: false, message });
  }
};
