// Prints which shell `detect` finds above this process.
import { detect } from "../../lib/shells.ts";
import { createWorld } from "../../lib/system.ts";

console.log(detect(createWorld([]))?.shell.names[0] ?? "nobody");
