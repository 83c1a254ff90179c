// placeholder until the pipeline stands
import { createWorld } from "./lib/world.ts";
createWorld(process.argv.slice(2)).out("");
