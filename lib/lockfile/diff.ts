// What changes from one lock to the next, for people.
import type { Locked } from "../lockfile.ts";
import { stem } from "../builtin/record.ts";

/** A line for each package that comes, goes or changes; with the platform where there are several. */
export function diff(before: readonly Locked[], after: readonly Locked[]): string[] {
  const several = new Set([...before, ...after].map(({ platform }) => platform)).size > 1;
  const key = ({ manager, name, platform }: Locked) => `${platform}\0${name}\0${manager}`;
  const [old, now] = [before, after].map((list) => new Map(list.map((each) => [key(each), each] as const)));
  return [...new Set([...old!.keys(), ...now!.keys()])].sort().flatMap((id) => {
    const [was, is] = [old!.get(id), now!.get(id)];
    const { name, platform, manager } = (is ?? was)!;
    const end = `${manager === "pip" ? " (PyPI)" : ""}${several ? ` [${platform}]` : ""}`;
    if (was === undefined) return [`+ ${name} ${is!.version}${end}`];
    if (is === undefined) return [`- ${name} ${was.version}${end}`];
    if (was.version !== is.version) return [`~ ${name} ${was.version} → ${is.version}${end}`];
    if (was.url !== is.url) return [`~ ${name} ${was.version}: ${file(was)} → ${file(is)}${end}`];
    return was.sha256 !== is.sha256 ? [`~ ${name} ${was.version}: other content${end}`] : [];
  });
}

function file({ url }: Locked): string {
  return stem(decodeURIComponent(url.slice(url.lastIndexOf("/") + 1)));
}
