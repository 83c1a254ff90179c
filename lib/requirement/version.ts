// Versions as PEP 440 has them: read, compared. https://packaging.python.org/specifications/version-specifiers

/** One version; numbers are big because PEP 440 sets no bound and dates are used as versions. */
export interface Version {
  epoch: bigint;
  release: readonly bigint[];
  pre?: readonly ["a" | "b" | "rc", bigint];
  post?: bigint;
  dev?: bigint;
  local?: readonly (bigint | string)[];
}

const PRE = "[-_.]?(?:alpha|beta|preview|pre|a|b|c|rc)[-_.]?[0-9]*";
const POST = "-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*";
const DEV = "[-_.]?dev[-_.]?[0-9]*";
/** Pieces of regular expressions that `specifier.ts` is made of, too. */
export const GRAMMAR = {
  release: "v?(?:[0-9]+!)?[0-9]+(?:\\.[0-9]+)*",
  suffix: `(?:${PRE})?(?:${POST})?(?:${DEV})?`,
  local: "\\+[a-z0-9]+(?:[-_.][a-z0-9]+)*",
} as const;

const WHOLE = new RegExp(
  `^\\s*v?(?:([0-9]+)!)?([0-9]+(?:\\.[0-9]+)*)(${PRE})?(${POST})?(${DEV})?(${GRAMMAR.local})?\\s*$`,
  "i",
);

/** Reads a version; undefined where it is none by PEP 440. */
export function parseVersion(text: string): Version | undefined {
  const match = WHOLE.exec(text);
  if (!match) return undefined;
  const [, epoch, release, pre, post, dev, local] = match;
  return {
    epoch: BigInt(epoch ?? 0),
    release: release!.split(".").map(BigInt),
    pre: pre === undefined ? undefined : [letter(pre), digits(pre)],
    post: post === undefined ? undefined : digits(post),
    dev: dev === undefined ? undefined : digits(dev),
    local: local?.slice(1).toLowerCase().split(/[-_.]/).map((part) =>
      /^[0-9]+$/.test(part) ? BigInt(part) : part
    ),
  };
}

function digits(text: string): bigint {
  return BigInt(/[0-9]+$/.exec(text)?.[0] ?? 0);
}

function letter(text: string): "a" | "b" | "rc" {
  const first = /[abcpr]/i.exec(text)![0].toLowerCase();
  return first === "a" || first === "b" ? first : "rc";
}

/** Less than, equal to or greater than zero, as `a` comes before, with or after `b`. */
export function compareVersions(a: Version, b: Version): number {
  return big(a.epoch, b.epoch) || releases(a.release, b.release) || stages(a, b) || locals(a.local, b.local);
}

function big(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function releases(a: readonly bigint[], b: readonly bigint[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = big(a[i] ?? 0n, b[i] ?? 0n);
    if (order !== 0) return order;
  }
  return 0;
}

/** Where a version stands within its release: `.dev` before `a`, `b`, `rc`, before the release, before `.post`. */
function stages(a: Version, b: Version): number {
  const rank = (version: Version) =>
    version.pre
      ? { a: 1, b: 2, rc: 3 }[version.pre[0]]
      : version.post === undefined && version.dev !== undefined
      ? 0
      : 4;
  return rank(a) - rank(b) || big(a.pre?.[1] ?? 0n, b.pre?.[1] ?? 0n) ||
    big(a.post ?? -1n, b.post ?? -1n) ||
    Number(a.dev === undefined) - Number(b.dev === undefined) || big(a.dev ?? 0n, b.dev ?? 0n);
}

function locals(a: Version["local"], b: Version["local"]): number {
  if (!a || !b) return Number(a !== undefined) - Number(b !== undefined);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    if (typeof left !== typeof right) return typeof left === "bigint" ? 1 : -1;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Whether it is an alpha, beta, release candidate or development release. */
export function prerelease(version: Version): boolean {
  return version.pre !== undefined || version.dev !== undefined;
}

/** Whether both are of the same release, whatever their suffixes. */
export function sameRelease(a: Version, b: Version): boolean {
  return a.epoch === b.epoch && releases(a.release, b.release) === 0;
}

/** The normal spelling: `1.0.0RC-1` is `1.0.0rc1`. */
export function formatVersion(version: Version): string {
  const { epoch, release, pre, post, dev, local } = version;
  return (epoch ? `${epoch}!` : "") + release.join(".") + (pre ? pre.join("") : "") +
    (post === undefined ? "" : `.post${post}`) + (dev === undefined ? "" : `.dev${dev}`) +
    (local ? `+${local.join(".")}` : "");
}
