// Fills a new prefix with what the project asks for. (being written)
import type { Engine, Report } from "./engines/engine.ts";
import type { Facts } from "./facts.ts";
import { Problem } from "./problem.ts";
import type { World } from "./world.ts";

export interface Task {
  prefix: string;
  root: string;
  engine: Engine;
  facts: Facts;
  report: Report;
  clear: () => void;
}

export function provision(_task: Task, _world: World): Promise<{ files: string[]; requirements: string[] }> {
  throw new Problem("not yet");
}
