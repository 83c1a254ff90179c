// What the project's files ask for together, for `status`: nothing is looked for that they do not say.
import type { Facts } from "../../facts.ts";
import { readWanted, type Wanted } from "../../inputs.ts";
import { Problem } from "../../problem.ts";
import { counted } from "../../progress.ts";
import type { World } from "../../world.ts";
import type { Section } from "../status.ts";

/** What the files say, or why that cannot be told. */
export async function asking({ project, settings }: Facts, world: World): Promise<Wanted | Problem> {
  try {
    return await readWanted(project, world, settings);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** How much each file asks for, and what environment.yml says besides; values of variables may be secret. */
export function files(wanted: Wanted | Problem): Section[] {
  if (wanted instanceof Problem) {
    return [{ title: "requirements", lines: [wanted.message], value: { error: wanted.message } }];
  }
  const counts = Map.groupBy([...wanted.requirements, ...wanted.specs], ({ file }) => file);
  const limits = Map.groupBy(wanted.constraints, ({ file }) => file);
  const rows = [
    ...[...counts].map(([file, { length }]) => ({ file, requirements: length })),
    ...[...limits].map(([file, { length }]) => ({ file, constraints: length })),
  ];
  const lines = rows.map(({ file, ...count }) => {
    const [[kind, number] = ["", 0]] = Object.entries(count);
    return `${file}: ${counted(number, kind.slice(0, -1))}`;
  });
  const variables = Object.keys(wanted.variables ?? {});
  return [
    ...rows.length > 0 ? [{ title: "requirements", lines, value: rows }] : [],
    ...variables.length > 0
      ? [{ title: "variables", lines: [`${variables.join(", ")} (environment.yml)`], value: variables }]
      : [],
    ...wanted.prefix === undefined ? [] : [{
      title: "its prefix",
      lines: [`${wanted.prefix} (environment.yml: not used, as conda does; --prefix would be)`],
      value: wanted.prefix,
    }],
  ];
}
