// Environment markers as PEP 508 has them: `python_version < "3.9" and sys_platform == "linux"`.
import { contains, readClause } from "./specifier.ts";
import { nearest, Unreadable } from "./unreadable.ts";

/** What markers ask about; `extra` is always empty in a requirements file. */
export type Variable =
  | "python_version"
  | "python_full_version"
  | "os_name"
  | "sys_platform"
  | "platform_release"
  | "platform_system"
  | "platform_version"
  | "platform_machine"
  | "platform_python_implementation"
  | "implementation_name"
  | "implementation_version"
  | "extra";
export type Environment = Readonly<Record<Variable, string>>;

type Operand = { variable: Variable } | { value: string };
/** A marker as a tree. */
export type Marker =
  | { kind: "and" | "or"; parts: readonly Marker[] }
  | { kind: "compare"; left: Operand; operator: string; right: Operand };

const NAMES: Readonly<Record<string, Variable>> = {
  python_version: "python_version",
  python_full_version: "python_full_version",
  os_name: "os_name",
  "os.name": "os_name",
  sys_platform: "sys_platform",
  "sys.platform": "sys_platform",
  platform_release: "platform_release",
  platform_system: "platform_system",
  platform_version: "platform_version",
  "platform.version": "platform_version",
  platform_machine: "platform_machine",
  "platform.machine": "platform_machine",
  platform_python_implementation: "platform_python_implementation",
  "platform.python_implementation": "platform_python_implementation",
  python_implementation: "platform_python_implementation",
  implementation_name: "implementation_name",
  implementation_version: "implementation_version",
  extra: "extra",
};
const VERSIONS: ReadonlySet<string> = new Set([
  "implementation_version",
  "platform_release",
  "python_full_version",
  "python_version",
]);

/** Reads a marker. Throws Unreadable. */
export function parseMarker(text: string): Marker {
  const tokens = tokenize(text);
  if (tokens.filter((token) => token === "(").length > 1000) {
    throw new Unreadable("the marker is nested too deep");
  }
  const marker = disjunction(tokens);
  if (tokens.length > 0) throw new Unreadable(`unexpected ${JSON.stringify(tokens[0])} in the marker`);
  return marker;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const pattern = /[ \t]*(?:('[^']*'|"[^"]*"|===|[=~!<>]=|[<>()]|[A-Za-z_][A-Za-z0-9_.]*)|(\S))/y;
  let rest = text.trim();
  while (rest !== "") {
    pattern.lastIndex = 0;
    const [all, token, stray] = pattern.exec(rest)!;
    if (token === undefined) {
      throw new Unreadable(
        stray === "'" || stray === '"'
          ? "the marker has an open quote"
          : `unexpected ${JSON.stringify(stray)} in the marker`,
      );
    }
    tokens.push(token);
    rest = rest.slice(all.length).trim();
  }
  return tokens;
}

function disjunction(tokens: string[]): Marker {
  const parts = [conjunction(tokens)];
  while (tokens[0] === "or") {
    tokens.shift();
    parts.push(conjunction(tokens));
  }
  return parts.length === 1 ? parts[0]! : { kind: "or", parts };
}

function conjunction(tokens: string[]): Marker {
  const parts = [atom(tokens)];
  while (tokens[0] === "and") {
    tokens.shift();
    parts.push(atom(tokens));
  }
  return parts.length === 1 ? parts[0]! : { kind: "and", parts };
}

function atom(tokens: string[]): Marker {
  if (tokens[0] !== "(") return comparison(tokens);
  tokens.shift();
  const inner = disjunction(tokens);
  if (tokens.shift() !== ")") throw new Unreadable("the marker has an open parenthesis");
  return inner;
}

function comparison(tokens: string[]): Marker {
  const left = operand(tokens.shift());
  let operator = tokens.shift() ?? "";
  if (operator === "not" && tokens[0] === "in") operator += " " + tokens.shift();
  if (!/^([=~!<>]=|===|[<>]|in|not in)$/.test(operator)) {
    throw new Unreadable(
      operator === ""
        ? "the marker ends too early"
        : `unknown operator ${JSON.stringify(operator)} in the marker`,
      "operators are ==, !=, <, <=, >, >=, ~=, ===, in and not in",
    );
  }
  const right = operand(tokens.shift());
  if ("value" in left && "value" in right) throw new Unreadable("the marker compares two texts");
  return { kind: "compare", left, operator, right };
}

function operand(token: string | undefined): Operand {
  if (token === undefined) throw new Unreadable("the marker ends too early");
  if (/^['"]/.test(token)) return { value: token.slice(1, -1) };
  const variable = Object.hasOwn(NAMES, token) ? NAMES[token] : undefined;
  if (variable) return { variable };
  if (!/^[A-Za-z_]/.test(token)) throw new Unreadable(`unexpected ${JSON.stringify(token)} in the marker`);
  throw new Unreadable(
    `unknown marker ${JSON.stringify(token)}`,
    `did you mean ${nearest(token, Object.keys(NAMES))}?`,
  );
}

/** Whether a marker holds in an environment. Throws Unreadable for a comparison without a meaning. */
export function evaluate(marker: Marker, environment: Environment): boolean {
  switch (marker.kind) {
    case "and":
      return marker.parts.map((part) => evaluate(part, environment)).every(Boolean);
    case "or":
      return marker.parts.map((part) => evaluate(part, environment)).some(Boolean);
    case "compare":
      return compare(marker.left, marker.operator, marker.right, environment);
    default:
      return marker satisfies never;
  }
}

function compare(left: Operand, operator: string, right: Operand, environment: Environment): boolean {
  const key = "variable" in left ? left.variable : "variable" in right ? right.variable : undefined;
  const value = (side: Operand) => {
    const text = "variable" in side ? environment[side.variable] : side.value;
    return key === "extra" ? text.toLowerCase().replace(/[-_.]+/g, "-") : text;
  };
  const [a, b] = [value(left), value(right)];
  if (key !== undefined && VERSIONS.has(key)) {
    const text = operator + b.trim();
    const read = readClause(text);
    if (read?.length === text.length) return contains([read.clause], a);
  }
  switch (operator) {
    case "==":
    case "<=":
    case ">=":
      return a === b;
    case "!=":
      return a !== b;
    case "in":
      return b.includes(a);
    case "not in":
      return !b.includes(a);
    case "<":
    case ">":
      return false;
    default:
      throw new Unreadable(
        `${JSON.stringify(operator)} compares versions, not ${JSON.stringify(a)} and ${JSON.stringify(b)}`,
      );
  }
}
