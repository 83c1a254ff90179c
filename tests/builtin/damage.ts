// Unpacks archives with bytes changed at random and prints how each ended. Run by Bun, which the program is made of:
// Deno 2.9.6 ends a program from inside its zstd where the damaged bytes come late, whoever listens.
import * as fs from "node:fs";
import { join } from "node:path";
import { unpack } from "../../lib/builtin/unpack.ts";
import { Problem, reason } from "../../lib/problem.ts";

const [archive = "", dir = "", rounds = "0"] = process.argv.slice(2);
const bytes = fs.readFileSync(archive);
const copy = join(dir, archive.slice(archive.lastIndexOf("/") + 1));
const into = join(dir, "pkgs", "p-1-0");
let seed = 20240229;
const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
const counts: { [outcome: string]: number } = {};
for (let round = 0; round < Number(rounds); round++) {
  const damaged = Buffer.from(bytes);
  for (let i = 0; i < 1 + round % 4; i++) damaged[random(damaged.length)] = random(256);
  fs.writeFileSync(copy, damaged);
  const late = new Promise<string>((settle) => setTimeout(settle, 20_000, "hangs").unref());
  const ended = unpack(copy, into).then(() => "unpacked", (error) => {
    if (!(error instanceof Problem)) return `crashes: ${reason(error)}`;
    return error.message.includes(copy) || error.message.includes(into) ? "told" : `vague: ${error.message}`;
  });
  const outcome = await Promise.race([ended, late]);
  counts[outcome] = (counts[outcome] ?? 0) + 1;
  const left = fs.readdirSync(join(dir, "pkgs")).filter((name) => name !== "p-1-0");
  if (left.length > 0) counts[`leaves ${left}`] = 1;
  fs.rmSync(into, { recursive: true, force: true });
}
console.log(JSON.stringify(counts));
