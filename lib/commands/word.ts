// Words that a person is told to type.

/** A word as a POSIX shell reads it, quoted where that is needed. */
export function word(text: string): string {
  return /^[\w./:=@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
