// A job array starts on one missing environment: one process builds, all enter the same, nothing is fetched twice.
import assert from "node:assert/strict";
import { oracle } from "./oracle.ts";
import { PROGRAM, start } from "./program.ts";
import { staged } from "./stage.ts";

const ignore = !(await oracle());
const MANY = 64;

for (const killed of [0, 8]) {
  const what = killed ? `the one that builds and ${killed - 1} more are killed` : "all succeed";
  Deno.test(
    { name: `crowd: ${MANY} at once, ${what}: one environment, no download twice`, ignore },
    () =>
      staged("hello\n", async ({ env, world, server, store }) => {
        const options = { cwd: world.cwd, env };
        const dying = killed ? [start([PROGRAM, "--shell", "bash"], options)] : [];
        await dying[0]?.says(/downloading/);
        for (let i = 1; i < killed; i++) dying.push(start([PROGRAM, "--shell", "bash"], options));
        const words = [
          "/bin/bash",
          "-c",
          'source <("$M" --lock-timeout 300) && hello >&2; echo "$? $CONDA_PREFIX"',
        ];
        const all = Array.from({ length: MANY }, () => start(words, options));
        for (const one of dying) process.kill(one.pid, "SIGKILL");
        await Promise.all(dying.map(({ ended }) => ended));
        server.faults.length = 0;
        const ended = await Promise.all(all.map(({ ended }) => ended));
        assert.equal(new Set(ended.map(({ out }) => out)).size, 1, JSON.stringify(ended.slice(0, 3)));
        assert.match(ended[0]!.out, /^0 \/\S+\n$/);
        const built = ended.filter(({ err }) => err.includes("making the environment")).length;
        const fetched = server.requests.map((request) => JSON.stringify(request)).filter((text) =>
          /\.conda|\.tar\.bz2/.test(text)
        );
        assert.equal(built, 1);
        if (!killed) assert.equal(new Set(fetched).size, fetched.length, fetched.join("\n"));
        assert.equal(store().length, 1, store().join());
        console.log(
          `${MANY + killed} processes, ${killed} killed, ${built} built, ${fetched.length} archives fetched`,
        );
      }, killed ? [{ path: /hello-1/, kind: "hang" }] : []),
  );
}
