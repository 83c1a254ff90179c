// Trying again what may pass: a busy server, a broken connection.
import { Problem } from "../problem.ts";

/** A failure that may be gone at the next try; `wait` is what the server asked for, in milliseconds. */
export class Passing extends Error {
  override name = "Passing";
  constructor(message: string, readonly hint = "", readonly wait = 0) {
    super(message);
  }
}

/** Tries until it works; after the last try the failure is a Problem. */
export async function retried<T>(
  limits: { tries: number; pause: number },
  act: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      if (attempt >= limits.tries) throw new Problem(`${error.message} (tried ${attempt} times)`, error.hint);
      const backoff = limits.pause * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
      await new Promise((wake) => setTimeout(wake, Math.max(error.wait, backoff)));
    }
  }
}
