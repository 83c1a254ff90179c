// What parts of a requirements file throw when they cannot be read; requirements.ts adds the file and the line.

/** A text that is no marker or no requirement: `message` says why, `hint` what to write instead. */
export class Unreadable extends Error {
  override name = "Unreadable";
  constructor(message: string, readonly hint = "") {
    super(message);
  }
}

/** The one of `names` that differs from `word` in the fewest letters. */
export function nearest(word: string, names: readonly string[]): string {
  const distance = (a: string, b: string) => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1]));
      }
      row = next;
    }
    return row[b.length]!;
  };
  return names.map((name) => ({ name, far: distance(word, name) }))
    .reduce((best, each) => each.far < best.far ? each : best).name;
}
