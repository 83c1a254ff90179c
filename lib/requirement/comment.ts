// Comments that steer the split: `# conda: spec` and `# pip`; all others are only comments.
import { Unreadable } from "./unreadable.ts";

/** What a comment, without its `#`, says. Throws Unreadable where `conda:` is followed by no spec. */
export function readComment(text: string): { spec?: string; forced: boolean } {
  const conda = /^conda:\s*(.+)$/i.exec(text);
  return conda ? { spec: condaSpec(conda[1]!), forced: false } : { forced: /^pip$/i.test(text) };
}

// No leading dash: specs become arguments of external engines.
const SPEC =
  /^(?:[\w./][\w./:+-]*::)?[a-z0-9_][a-z0-9_.-]*(?:(?: |(?=[=<>!~]))[=<>!~\d*][^\s\[\]]*(?: [^\s\[\]]+)?)?(?:\[[^\[\]]*\])?$/i;

function condaSpec(text: string): string {
  const spec = text.trim().replace(/\s*([,|])\s*/g, "$1").replace(/([=<>!~])\s+/g, "$1").replace(/\s+/g, " ");
  if (SPEC.test(spec)) return spec;
  throw new Unreadable(
    `${JSON.stringify(text)} is no conda spec`,
    'write "# conda: NAME" or "# conda: NAME >=1.2,<2"',
  );
}
