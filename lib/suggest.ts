// The word that was meant, where one was mistyped.

/** The nearest of the known words: at most one edit in three letters away, two in all; undefined where none is. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const most = (name: string) => Math.min(2, Math.floor(name.replace(/^-+/, "").length / 3));
  const near = known.map((name) => ({ name, away: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, away }) => away <= most(name));
  return near.sort((a, b) => a.away - b.away || (a.name < b.name ? -1 : 1))[0]?.name;
}

/** Letters to insert, leave out, change or swap with their neighbour: https://en.wikipedia.org/wiki/Damerau–Levenshtein_distance */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const [above, row] = [rows[i - 1]!, [i]];
    for (let j = 1; j <= b.length; j++) {
      const change = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, change, swap));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
