// The user's own mamba, micromamba or conda: a row of words each.
import { Problem } from "../problem.ts";
import type { World } from "../world.ts";
import { topological } from "../builtin/order.ts";
import type { Record } from "../builtin/record.ts";
import { secretless } from "../secret.ts";
import { tellCpuOnly } from "../builtin/gpu.ts";
import { scrub } from "./scrub.ts";
import { Conflict, type Engine, type Installed, type Order, type Supply, type Tools } from "./engine.ts";

/** How one program is asked to create a prefix. */
interface Row {
  /** Words in front of what all of them share. */
  words: readonly string[];
  /** Variables that keep it quiet and on its own. */
  env: { [name: string]: string };
}

const ROWS: { [name in External]: Row } = {
  mamba: { words: ["create"], env: { CONDA_ALWAYS_YES: "1" } },
  micromamba: { words: ["create"], env: { MAMBA_ALWAYS_YES: "1" } },
  conda: { words: ["create"], env: { CONDA_ALWAYS_YES: "1", CONDA_NOTIFY_OUTDATED_CONDA: "false" } },
};
export const EXTERNAL = ["mamba", "micromamba", "conda"] as const;
export type External = (typeof EXTERNAL)[number];

/** What they print when no set of packages satisfies the specs, or a package is not there. */
const UNSOLVABLE =
  /could not solve|unsatisfiable|packagesnotfound|package not found|nothing provides|cannot be installed/i;

/** An engine that runs `program`, with its progress on stderr and stdin closed. */
export function external(name: External, program: string): Engine {
  return {
    name,
    async install(order: Order, { world, check, index }: Tools): Promise<void> {
      await create(
        [
          ...words(name, program, order),
          "--override-channels",
          ...order.channels.flatMap((channel) => ["--channel", channel]),
          ...order.specs,
        ],
        { name, ...order },
        world,
      );
      scrub(order.prefix, order.channels, world);
      const packages = installed(order.prefix, world);
      await check?.(packages);
      await tellCpuOnly(packages, order, { world, index });
    },
    async restore(records: readonly Record[], order: Order, { world, index }: Supply): Promise<void> {
      // Not in the prefix, which has to be new; the URLs may have secrets in them.
      const folder = `${order.prefix}.explicit`;
      world.mkdir(folder, 0o700);
      try {
        // They link in the order of the list.
        const ordered = topological(records.map((record) => ({ record }))).map(({ record }) => ({
          url: index.locate(record)[0]!,
          sum: sum(record),
        }));
        const lines = ordered.map(({ url, sum }) => `${url}#${sum}`);
        world.write(`${folder}/explicit.txt`, ["@EXPLICIT", ...lines, ""].join("\n"));
        await create(
          [...words(name, program, order), "--file", `${folder}/explicit.txt`],
          { name, ...order },
          world,
        );
        scrub(order.prefix, ordered.map(({ url }) => url), world);
      } finally {
        world.remove(folder);
      }
    },
  };
}

/** The packages of a prefix, as conda-meta has them. */
function installed(prefix: string, world: World): Installed[] {
  const files = (world.list(`${prefix}/conda-meta`) ?? []).filter((file) => file.endsWith(".json")).sort();
  return files.flatMap((file) => {
    const { name, version, build = "", depends = [] } = JSON.parse(
      world.read(`${prefix}/conda-meta/${file}`) ?? "{}",
    );
    return name === undefined || version === undefined ? [] : [{ name, version, build, depends }];
  });
}

/** How all of them name a checksum in an explicit list. */
function sum({ md5, sha256 }: Record): string {
  return md5 ?? `sha256:${sha256}`;
}

function words(name: External, program: string, { prefix, offline }: Order): string[] {
  return [program, ...ROWS[name].words, "--yes", "--prefix", prefix, ...offline ? ["--offline"] : []];
}

/** Runs it, its words on stderr. Throws Problem, or Conflict where it found no way. */
async function create(
  argv: readonly string[],
  { name, quiet }: { name: External; quiet?: boolean },
  world: World,
): Promise<void> {
  const env = { ...clean(world), ...ROWS[name].env };
  // Their first line begins where ours was.
  world.err("");
  const { status, stderr } = await world.run(
    argv,
    quiet ? { env, stdout: "capture", stderr: "capture" } : { env, stderr: "tee" },
  );
  if (status === 0) return;
  if (UNSOLVABLE.test(stderr)) throw new Conflict(secretless(stderr.trim()));
  throw new Problem(
    `${argv[0]} ended with status ${status}${quiet ? `\n${secretless(stderr.trim())}` : ""}`,
    `${quiet ? "" : "see its words above, or "}let mambaenv do it: mambaenv --engine builtin`,
  );
}

/** The environment without what would lead their own Python astray. */
function clean({ env }: World): { [name: string]: string | undefined } {
  const { PYTHONPATH: _path, PYTHONHOME: _home, ...rest } = env;
  return rest;
}
