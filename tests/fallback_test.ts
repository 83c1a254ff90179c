// A change that fails leaves the last good environment in use: one warning, a variable, status 0.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { oracle } from "./oracle.ts";
import type { Fault } from "./server.ts";
import { staged } from "./stage.ts";

const ignore = !(await oracle());
const SHOW = 'echo "$? ${CONDA_PREFIX-} ${MAMBAENV_DID_FALLBACK-unset}"';

/** What makes the change fail: requirements, faults, words, what is said. */
const FAILING: { [name: string]: [string, Fault[], string, RegExp] } = {
  "no such package": ["hello\nnowhere-at-all\n", [], "", /could not install nowhere-at-all/],
  "the channel is down": [
    "six\n",
    [{ path: /repodata|shards/, kind: "status", code: 404 }],
    "--channel",
    /No channel at/,
  ],
  "a line that cannot be read": ["hello\nsix = 1\n", [], "", /Cannot parse "requirements.txt" line 2/],
  "no network": ["hello\ncowsay\n", [], "--offline --channel http://127.0.0.1:9/none", /[Oo]ffline/],
};

for (const [name, [requirements, faults, words, message]] of Object.entries(FAILING)) {
  Deno.test(
    { name: `fallback: ${name}: the last good environment, one warning, status 0`, ignore },
    () =>
      staged("hello\n", async ({ world, server, bash, store }) => {
        const first = await bash(`source <("$M"); ${SHOW}; "$M" deactivate >/dev/null`);
        const [, prefix, before] = first.out.trim().split(" ");
        assert.equal(before, "unset", first.err);
        writeFileSync(`${world.cwd}/requirements.txt`, requirements);
        server.faults.push(...faults);
        const more = words === "--channel" ? `--channel ${server.url}/repodata-none` : words;
        const code =
          `source <("$M" ${more}); ${SHOW}; hello >/dev/null && source <("$M" deactivate); ${SHOW}`;
        const { out, err } = await bash(code);
        assert.equal(out, `0 ${prefix} 1\n0  unset\n`, err);
        assert.equal(
          err.match(/warning: the last good environment of \d{4}-\S+ is entered/g)?.length,
          1,
          err,
        );
        assert.match(err, message);
        assert.match(err, /^ {2}try: \S/m);
        assert.equal(store().length, 1);

        const ran = await bash(`"$M" run ${more} sh -c '${SHOW}'`);
        assert.equal(ran.out, `0 ${prefix} 1\n`, ran.err);
        const strict = await bash(`source <("$M" ${more} --no-fallback); ${SHOW}`);
        assert.match(strict.out, /^[15] {2}unset\n$/, strict.err);
        assert.doesNotMatch(strict.err, /last good/);

        server.faults.length = 0;
        writeFileSync(`${world.cwd}/requirements.txt`, "hello\n");
        const well = await bash(`source <("$M"); ${SHOW}`, { MAMBAENV_DID_FALLBACK: "1" });
        assert.equal(well.out, `0 ${prefix} unset\n`, well.err);
      }),
  );
}

Deno.test(
  { name: "fallback: --locked asks for what the lock says: exit 4, nothing else is entered", ignore },
  () =>
    staged("hello\n", async ({ bash }) => {
      await bash('source <("$M")');
      const { out, err } = await bash(`source <("$M" --locked); ${SHOW}`);
      assert.equal(out, "4  unset\n", err);
    }),
);

Deno.test(
  { name: "fallback: a damaged generation that cannot be built anew: the one before", ignore },
  () =>
    staged("hello\n", async ({ world, bash }) => {
      const first = await bash(`source <("$M"); ${SHOW}`);
      writeFileSync(`${world.cwd}/requirements.txt`, "hello\nsix\n");
      const changed = await bash(
        'source <("$M"); rm "$CONDA_PREFIX/conda-meta/mambaenv.json"; echo "$CONDA_PREFIX"',
      );
      assert.notEqual(changed.out.trim(), first.out.split(" ")[1]);
      writeFileSync(`${world.cwd}/requirements.txt`, "hello\nnowhere-at-all\n");
      const { out, err } = await bash(`source <("$M"); ${SHOW}`);
      assert.equal(out, first.out.replace("unset", "1"), err);
    }),
);
