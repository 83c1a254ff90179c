// Decompresses bzip2 as it arrives.

/** What we use of the library's stream: it calls its listeners before `write` and `end` return. */
interface Stream {
  on(event: "data", listen: (bytes: Uint8Array) => void): void;
  on(event: "error", listen: (error: Error) => void): void;
  write(bytes: Uint8Array): unknown;
  end(): unknown;
}

/** Gives the decompressed bytes to `take`, a block at a time. Throws an Error where they are damaged or cut off. */
export async function bunzip2(
  chunks: AsyncIterable<Uint8Array>,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  const create = (await import("unbzip2-stream")).default as () => Stream;
  const stream = create();
  let failure: Error | undefined;
  let empty = true;
  stream.on("error", (error) => failure ??= error);
  stream.on("data", (bytes) => {
    empty = false;
    if (!failure) take(bytes);
  });
  for await (const chunk of chunks) {
    stream.write(chunk);
    if (failure) throw failure;
  }
  stream.end();
  if (failure) throw failure;
  if (empty) throw new Error("it is empty");
}
