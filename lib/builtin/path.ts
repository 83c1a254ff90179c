// Paths as text: Bun's node:path (1.4.5) turns names that are not UTF-8 into others.

/** The folder that a path is in; `.` for a mere name. */
export function parent(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut < 0 ? "." : cut === 0 ? "/" : path.slice(0, cut);
}

/** The last name of a path. */
export function last(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
