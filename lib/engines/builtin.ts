// The engine that needs no other program: channels, solve, download, unpack, link.
import { fetchPackages } from "../builtin/fetch.ts";
import { cpuOnly } from "../builtin/gpu.ts";
import { readAhead } from "../builtin/manifest.ts";
import type { Record } from "../builtin/record.ts";
import { link } from "../builtin/link.ts";
import { solve, warm } from "../builtin/solve.ts";
import { recordOf } from "../builtin/entry.ts";
import { remember, sweep, unpack } from "../builtin/unpack.ts";
import { virtualPackages } from "../builtin/virtual.ts";
import { Problem } from "../problem.ts";
import type { World } from "../world.ts";
import type { Engine, Order, Supply, Tools } from "./engine.ts";

/** The built-in engine. */
export const builtin: Engine = {
  name: "builtin",
  prepare: warm,
  async install(order, tools) {
    await assemble(await resolve(order, tools), order, tools);
  },
  async restore(records, order, tools) {
    const { world, report, index } = tools;
    const { caches, prefix, platform, specs } = order;
    for (const cache of caches) if (world.writable(cache)) sweep(cache);
    const folders = await fetchPackages(records, index, {
      world,
      report,
      caches,
      async unpack(archive, into, record) {
        await unpack(archive, into, record);
        remember(into, complete(record, into, world));
      },
    });
    const packages = folders.map((dir, i) => ({ record: complete(records[i]!, dir, world), dir }));
    await link({ packages, prefix, platform, specs }, report, world);
  },
};

/** The packages for the specs of an order, dependencies first, `held` where they fit. Throws Conflict or Problem. */
export async function resolve(
  order: Order,
  { world, report, index }: Tools,
  held: readonly Record[] = [],
): Promise<Record[]> {
  const virtual = await virtualPackages(world, order.platform);
  const ahead = (names: ReadonlySet<string>, busy: () => boolean) => readAhead(order.caches, names, busy);
  const records = await solve(index, order.specs, { virtual, held, report, ahead });
  const slow = await cpuOnly(records, index, virtual);
  if (slow.length > 0) {
    world.err(
      `mambaenv: without graphics card: ${slow.join(", ")}; for a machine that has one: --cuda 12.4\n`,
    );
  }
  return records;
}

/** Puts packages into a new prefix: gets what no cache has, unpacks and links it. Throws Problem. */
export async function assemble(records: readonly Record[], order: Order, tools: Supply): Promise<void> {
  const { prefix, platform, specs, caches } = order;
  const { world, report, index } = tools;
  for (const cache of caches) if (world.writable(cache)) sweep(cache);
  const folders = await fetchPackages(records, index, { world, report, caches, unpack });
  const packages = records.map((record, i) => ({ record, dir: folders[i]! }));
  await link({ packages, prefix, platform, specs }, report, world);
}

/** A record of a lock file with what only the package itself knows: whether it is `noarch: python`, its licence. */
function complete(record: Record, dir: string, world: World): Record {
  const { name, version, build, subdir, depends, md5, sha256, fn, url, channel } = record;
  const place = { name, subdir, base: url.slice(0, url.lastIndexOf("/") + 1), channel };
  const own = JSON.parse(world.read(`${dir}/info/index.json`) ?? "{}");
  const whole = recordOf(fn, { ...own, name, version, build, depends, md5, sha256 }, place);
  if (own.name === name && own.version === version && own.build === build && whole) return { ...whole, url };
  throw new Problem(`${JSON.stringify(fn)} is another package inside`, `rm -r ${JSON.stringify(dir)}`);
}
