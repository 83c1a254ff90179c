// What conda calls an environment, and what it puts in front of the prompt.
import { Problem } from "../problem.ts";
import { normal } from "./path.ts";
import { active, type Env, type Options, stacked } from "./state.ts";

/** CONDA_DEFAULT_ENV of a prefix: base, its name in an `envs` folder (a generation's NAME), else the path. */
export function nameOf(prefix: string, root?: string): string {
  if (root !== undefined && normal(prefix) === normal(root)) return "base";
  const [base = "", parent, grandparent] = prefix.split("/").reverse();
  if (parent === "envs") return base;
  const generation = parent === ".mambaenv" && grandparent === "envs" && /^(.+)-[0-9a-f]{8}$/.exec(base);
  return generation ? generation[1]! : prefix;
}

/** The step whose prompt is wanted: to a new level, stacked or not, back one, or none. */
export interface Step {
  kind: "switch" | "stack" | "back" | "same";
  prefix: string;
  name: string;
}

/** CONDA_PROMPT_MODIFIER after the step. Throws Problem for an `env_prompt` that cannot be filled in. */
export function modifier(env: Env, step: Step, options: Options): string {
  if (options.changeps1 === false) return "";
  const template = options.envPrompt;
  if (template === undefined) return `(${step.name}) `;
  return format(template, {
    default_env: step.name,
    stacked_env: template.includes("{stacked_env") ? shown(env, step, options).reverse().join(",") : "",
    prefix: step.prefix,
    name: step.prefix.split("/").at(-1) ?? "",
  });
}

/** The names that a prompt of stacked environments shows, outermost first. */
function shown(env: Env, step: Step, options: Options): string[] {
  const now = active(env);
  const all: string[] = [];
  let names: string[] = [];
  for (let i = 1; i <= now.level; i++) {
    const prefix = i === now.level ? now.prefix : (env[`CONDA_PREFIX_${i}`] ?? "").trimEnd();
    const name = nameOf(prefix, options.root);
    all.push(name);
    names = [...(stacked(env, i) ? names : names.slice(0, -1)), name];
  }
  if (step.kind === "same") return names;
  if (step.kind === "stack") return [...names, step.name];
  names = names.slice(0, -1);
  if (step.kind === "switch") return [...names, step.name];
  return stacked(env, now.level) || all.length < 2 ? names : [...names, all.at(-2)!];
}

/** Python's `str.format` for plain named fields. */
function format(template: string, fields: Record<string, string>): string {
  return template.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (found, field?: string) => {
    if (found === "{{" || found === "}}") return found[0]!;
    const value = field !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (value !== undefined) return value;
    throw new Problem(
      `Cannot fill in env_prompt ${JSON.stringify(template)}: unknown field ${JSON.stringify(found)}`,
      `use {default_env}, {stacked_env}, {prefix} or {name}: conda config --set env_prompt '({name}) '`,
    );
  });
}
