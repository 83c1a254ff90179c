// A package in a cache that is not as it was unpacked.
import { Problem } from "../problem.ts";

/** The package in a cache is not what it says of itself, which unpacking it again mends. */
export class Damaged extends Problem {
  constructor(readonly dir: string, words: string) {
    super(
      `The package in ${JSON.stringify(dir)} is damaged: ${words}`,
      `remove it, and it is unpacked again: rm -r ${JSON.stringify(dir)}`,
    );
  }
}
