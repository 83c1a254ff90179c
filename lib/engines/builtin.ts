// The engine that needs no other program: channels, solve, download, unpack, link.
import { fetchPackages } from "../builtin/fetch.ts";
import type { Record } from "../builtin/record.ts";
import { link } from "../builtin/link.ts";
import { solve } from "../builtin/solve.ts";
import { unpack } from "../builtin/unpack.ts";
import { virtualPackages } from "../builtin/virtual.ts";
import type { Engine, Order, Tools } from "./engine.ts";

/** The built-in engine. */
export const builtin: Engine = {
  name: "builtin",
  async install(order, tools) {
    await assemble(await resolve(order, tools), order, tools);
  },
};

/** The packages for the specs of an order, dependencies first. Throws Conflict or Problem. */
export async function resolve(order: Order, { world, report, index }: Tools): Promise<Record[]> {
  const virtual = await virtualPackages(world, order.platform);
  return await solve(index, order.specs, { virtual, report });
}

/** Puts packages into a new prefix: gets what no cache has, unpacks and links it. Throws Problem. */
export async function assemble(records: readonly Record[], order: Order, tools: Tools): Promise<void> {
  const { prefix, platform, specs, caches } = order;
  const { world, report, index } = tools;
  const folders = await fetchPackages(records, index, { world, report, caches, unpack });
  const packages = records.map((record, i) => ({ record, dir: folders[i]! }));
  await link({ packages, prefix, platform, specs }, report, world);
}
