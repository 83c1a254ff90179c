// The flags that were typed, as words for this program started once more; variables it inherits.
import { FLAGS, type Flags, type Request } from "./args.ts";

/** Those of our own flags among `names` that came as words. */
export function typed({ flags, origins }: Request, names: readonly (keyof Flags)[]): string[] {
  return FLAGS.flatMap(({ name }) => {
    const value = flags[name];
    if (!names.includes(name) || !origins[name]?.startsWith("--")) return [];
    if (typeof value === "boolean") return value ? [`--${name}`] : [];
    return [value ?? []].flat().map((each) => `--${name}=${each}`);
  });
}
