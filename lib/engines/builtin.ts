// The engine that needs no other program: channels, solve, download, unpack, link.
import { before } from "../builtin/answers.ts";
import { type FetchOptions, fetchPackages } from "../builtin/fetch.ts";
import { tellCpuOnly } from "../builtin/gpu.ts";
import { Damaged } from "../builtin/damaged.ts";
import { pardon, readAhead } from "../builtin/manifest.ts";
import type { Record } from "../builtin/record.ts";
import { link } from "../builtin/link.ts";
import { cacheOf } from "../builtin/repodata.ts";
import { solve, warm } from "../builtin/solve.ts";
import { recordOf } from "../builtin/entry.ts";
import { discard, remember, sweep, unpack } from "../builtin/unpack.ts";
import { virtualPackages } from "../builtin/virtual.ts";
import { Problem } from "../problem.ts";
import { trust } from "../trust.ts";
import type { World } from "../world.ts";
import type { Engine, Order, Supply, Tools } from "./engine.ts";

/** The built-in engine. */
export const builtin: Engine = {
  name: "builtin",
  prepare(about, world) {
    last = before(cacheOf(world), about);
    if (!last.asked) warm();
  },
  async install(order, tools) {
    const records = await resolve(order, tools);
    await tools.check?.(records);
    await assemble(records, order, tools);
  },
  async restore(records, order, tools) {
    const { world } = tools;
    const told = (record: Record, dir: string) => complete(record, dir, world);
    await furnish(records, order, tools, {
      async unpack(archive, into, record) {
        await unpack(archive, into, record);
        remember(into, told(record, into));
      },
      told,
    });
  },
};

/** What is prepared for, and whether it was asked for before. */
let last: ReturnType<typeof before> | undefined;

/** The packages for the specs of an order, dependencies first, `held` where they fit. Throws Conflict or Problem. */
export async function resolve(
  order: Order,
  { world, report, index, held = [] }: Tools,
): Promise<Record[]> {
  const virtual = await virtualPackages(world, order.platform);
  const ahead = (names: ReadonlySet<string>, busy: () => boolean) => readAhead(order.caches, names, busy);
  const records = await solve(index, order.specs, { virtual, held, report, ahead, patient: last?.asked });
  last?.note();
  await tellCpuOnly(records, order, { world, index });
  return records;
}

/** Puts packages into a new prefix: gets what no cache has, unpacks and links it. Throws Problem. */
export async function assemble(records: readonly Record[], order: Order, tools: Supply): Promise<void> {
  await furnish(records, order, tools, { unpack, told: (record) => record });
}

/** How packages are unpacked, and what their records are then. */
interface Handling {
  unpack: FetchOptions["unpack"];
  told(record: Record, dir: string): Record;
}

/** Gets and links packages. One that is damaged in a cache is unpacked again, and in a cache of others passed over. */
async function furnish(
  records: readonly Record[],
  { prefix, platform, specs, caches }: Order,
  { world, report, index }: Supply,
  { unpack, told }: Handling,
): Promise<void> {
  trust(caches, world);
  for (const cache of caches) if (world.writable(cache)) sweep(cache);
  const fresh = new Set<string>(), passed = new Set<string>();
  let mending = false;
  for (;;) {
    const folders = await fetchPackages(records, index, {
      world,
      report,
      caches,
      passed,
      async unpack(archive, into, record) {
        await unpack(archive, into, record);
        if (mending) pardon(into);
        fresh.add(into);
      },
    });
    try {
      const packages = records.map((record, i) => ({ record: told(record, folders[i]!), dir: folders[i]! }));
      return await link({ packages, prefix, platform, specs, fresh }, report, world);
    } catch (error) {
      if (!(error instanceof Damaged) || fresh.has(error.dir) || passed.has(error.dir)) throw error;
      world.err(`mambaenv: warning: ${error.message}: it is unpacked again\n`);
      mending = true;
      if (!discard(error.dir)) passed.add(error.dir);
      world.remove(prefix);
    }
  }
}

/** A record of a lock file with what only the package itself knows: whether it is `noarch: python`, its licence. */
function complete(record: Record, dir: string, world: World): Record {
  const { name, version, build, subdir, depends, md5, sha256, fn, url, channel } = record;
  const place = { name, subdir, base: url.slice(0, url.lastIndexOf("/") + 1), channel };
  const own = indexOf(dir, world);
  const whole = recordOf(fn, { ...own, name, version, build, depends, md5, sha256 }, place);
  if (own.name === name && own.version === version && own.build === build && whole) return { ...whole, url };
  throw new Problem(`${JSON.stringify(fn)} is another package inside`, `rm -r ${JSON.stringify(dir)}`);
}

function indexOf(dir: string, world: World): { [key: string]: unknown } {
  try {
    return Object(JSON.parse(world.read(`${dir}/info/index.json`) ?? ""));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Damaged(dir, "info/index.json is not whole");
    throw error;
  }
}
