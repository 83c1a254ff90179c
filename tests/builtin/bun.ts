// Runs test files under Bun, whose runtime is in the compiled program: `bun bun.ts FILE…`.
import { pathToFileURL } from "node:url";

type Act = () => unknown;
const tests: { name: string; act: Act }[] = [];

function test(name: string, options: { ignore?: boolean } | Act, act?: Act): void {
  if (typeof options === "function") tests.push({ name, act: options });
  else if (act && !options.ignore) tests.push({ name, act });
}

for (const file of process.argv.slice(2)) {
  Object.assign(globalThis, { Deno: { test } });
  await import(pathToFileURL(file).href);
}
// What is tested is not to take this for Deno.
Reflect.deleteProperty(globalThis, "Deno");

let failed = 0;
for (const { name, act } of tests) {
  try {
    await act();
  } catch (error) {
    failed++;
    console.log(`${name}:`, error);
  }
}
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exit(tests.length > 0 && failed === 0 ? 0 : 1);
