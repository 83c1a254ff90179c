// `mambaenv list`: the environments that mambaenv made, whose they are, and how big.
import type { Request } from "../args.ts";
import type { Answer } from "../code.ts";
import { inventory, type Kept, stores, Tally } from "../inventory.ts";
import { EXIT } from "../problem.ts";
import { bytes, plain } from "../progress.ts";
import type { World } from "../world.ts";
import { standing } from "./keep.ts";

/** Prints a line each, or JSON; changes nothing. */
export async function run(request: Request, world: World): Promise<Answer> {
  const facts = await standing(request, world);
  const all = stores(facts, world).flatMap((envs) => inventory(envs, world)).map((kept) =>
    about(kept, world)
  );
  if (request.flags.json) return { out: JSON.stringify(all, null, 2) + "\n", exit: EXIT.ok };
  if (all.length === 0) return { out: "No environments of mambaenv's.\n", exit: EXIT.ok };
  const rows = all.map(({ name, generations, size, made, engine, project }) => [
    name,
    String(generations.length),
    bytes(size),
    made === null ? "incomplete" : age(world.now() - made),
    engine ?? "",
    project ?? "",
  ]);
  const table = [["name", "generations", "size", "age", "engine", "project"], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const line = (row: string[]) => row.map((cell, i) => plain(cell).padEnd(widths[i]!)).join("  ").trimEnd();
  return { out: table.map((row) => `${line(row)}\n`).join(""), exit: EXIT.ok };
}

function about({ place, generations }: Kept, world: World) {
  const tally = new Tally();
  for (const { prefix } of generations) tally.add(prefix, world);
  const stamp = (generations.find(({ current }) => current) ?? generations[0])?.stamp;
  return {
    name: place.name,
    path: `${place.envs}/${place.name}`,
    project: stamp?.project ?? null,
    engine: stamp?.engine ?? null,
    made: stamp?.made ?? null,
    size: tally.bytes,
    files: tally.files,
    generations: generations.map(({ prefix, stamp, current }) => ({
      prefix,
      current,
      complete: stamp !== undefined,
      made: stamp?.made ?? null,
    })),
  };
}

function age(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000));
  return minutes < 120
    ? `${minutes} min`
    : minutes < 2880
    ? `${Math.floor(minutes / 60)} h`
    : `${Math.floor(minutes / 1440)} d`;
}
