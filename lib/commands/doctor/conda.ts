// The conda installations that were found: versions, which is taken and why, and whether `defaults` is in use.
import type { Found } from "../../installation.ts";
import { KINDS } from "../../programs.ts";
import type { World } from "../../world.ts";
import type { Case, Finding } from "./finding.ts";

/** Each installation, and the channels that are configured. */
export function installed({ all, taken, condarc, settings }: Case, world: World): Finding[] {
  // An active environment without conda around it is of nobody's interest: ours are such.
  const told = all.filter(({ refused, from, programs }) =>
    refused === undefined || from !== "CONDA_PREFIX" || KINDS.some((kind) => programs[kind])
  );
  const findings = told.map((found): Finding => {
    if (found.refused !== undefined) {
      const fix = /^(MINICONDA3_PATH|(CONDA|MAMBA)_EXE|MAMBA_ROOT_PREFIX)$/.test(found.from);
      const text = `${found.root} (${found.from}): not used: ${found.refused}`;
      return { topic: "conda", level: "note", text, ...fix && { fix: `unset ${found.from}` } };
    }
    const text = `${found.root} (${found.from}): ${versions(found, world)}`;
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
  return [...named, ...named.length === 0 ? KINDS.filter((kind) => programs[kind]) : []].join(", ") ||
    "no program";
}
