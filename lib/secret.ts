// What of a URL is a secret, and what is printed, locked or stored in its place.

/** A token as conda has it in the path of a channel. */
const TOKEN = /\/t\/[^/?#\s]+(?=[/?#\s]|$)/g;
/** Words of a query that are a secret's name. */
const QUERY = /([?&][^=&#\s]*(?:token|key|secret|password|sign|sig|auth|credential)[^=&#\s]*=)[^&#\s]+/gi;

/** A URL without user, password, token and query; other words unchanged. */
export function shown(url: string): string {
  if (!URL.canParse(url)) {
    return /^[a-z][a-z0-9+.-]*:\/\//i.test(url)
      ? url.replace(/\/\/[^/]*@/, "//").replace(TOKEN, "").replace(/[?#].*$/s, "")
      : url;
  }
  const parsed = new URL(url);
  parsed.username =
    parsed.password =
    parsed.search =
    parsed.hash =
      "";
  // A folder called `t` of a disk or a repository is none.
  if (/^https?:$/.test(parsed.protocol)) parsed.pathname = parsed.pathname.replace(TOKEN, "");
  return parsed.href.replace(/\/+$/, "");
}

/** A URL as it may be written down: like `shown`, the user of ssh and the folder of an archive kept. */
export function bare(url: string): string {
  const below = /[#&](subdirectory=(?!\.\.?(\/|$))[\w.-]+(\/(?!\.\.?(\/|$))[\w.-]+)*)/.exec(url)?.[1];
  const user = /^(?:\w+\+)?ssh:\/\/([\w.-]+)@/.exec(url)?.[1];
  const clean = shown(url.replace(/#.*$/s, ""));
  return (user ? clean.replace("://", `://${user}@`) : clean) + (below ? `#${below}` : "");
}

/** A text with `***` for the passwords and tokens of its URLs. */
export function secretless(text: string): string {
  return text.replace(/(:\/\/)[^/?#\s]*@/g, "$1***@")
    .replace(
      /(?<![\w+])https?:\/\/[^\s"'<>]*/gi,
      (url) => url.replace(TOKEN, "/t/***").replace(QUERY, "$1***"),
    );
}
