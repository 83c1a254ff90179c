// The conda installations that were found: versions, which is taken and why, and whether `defaults` is in use.
import type { Found } from "../../installation.ts";
import type { World } from "../../world.ts";
import type { Case, Finding } from "./finding.ts";

/** Each installation, and the channels that are configured. */
export function installed({ all, taken, condarc, settings }: Case, world: World): Finding[] {
  const findings = all.map((found): Finding => {
    const text = `${found.root} (${found.from}): ${versions(found, world)}`;
    if (found.refused !== undefined) {
      return { topic: "conda", level: "note", text: `${text}; not used: ${found.refused}` };
    }
    return { topic: "conda", level: "ok", text: found === taken ? `${text}; taken, being the first` : text };
  });
  if (taken === undefined) {
    findings.push({
      topic: "conda",
      level: "ok",
      text: "none is taken: the built-in engine makes environments",
    });
  }
  const channels = settings?.channels?.value ?? condarc?.channels ?? [];
  if (channels.some((word) => /^(defaults|(pkgs\/)?main)$|repo\.anaconda\.com/.test(word))) {
    const text = "`defaults` is among the channels: its terms ask larger organisations for a licence";
    const fix = "conda config --remove channels defaults, or mambaenv --channel conda-forge";
    findings.push({ topic: "defaults", level: "warning", text, fix });
  }
  return findings;
}

/** Versions as `conda-meta` lists them; of a micromamba alone there is none. */
function versions({ root, programs }: Found, world: World): string {
  const files = world.list(`${root}/conda-meta`) ?? [];
  const named = ["conda", "mamba", "python"].flatMap((name) => {
    const version = files.map((file) => new RegExp(`^${name}-(\\d[^-]*)-[^-]+\\.json$`).exec(file)?.[1]).find(
      Boolean,
    );
    return version ? [`${name} ${version}`] : [];
  });
  return [...named, ...named.length === 0 ? Object.keys(programs).sort() : []].join(", ") || "no program";
}
