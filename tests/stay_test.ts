// A lock that does not fit any more: what it has stays where it can, whoever makes the environment.
import assert from "node:assert/strict";
import { oracle } from "./oracle.ts";
import { peer } from "./peer/peer.ts";
import { staged } from "./stage.ts";

Deno.test({
  name:
    "a lock that does not fit: one requirement more changes no other package, with every engine; what is in the way goes",
  ignore: !(await oracle()),
}, () =>
  staged("hello ==1.0\nonlypypi ==1.0\n", async ({ bash, world }) => {
    const root = `${world.top}/root`;
    await peer(root, ["mamba"]);
    const put = (text: string) => world.write(`${world.cwd}/requirements.txt`, text);
    const show = 'ls "$CONDA_PREFIX/conda-meta" | grep -oE "^(hello|six)-[0-9.]+"; ' +
      'python -c "import onlypypi; print(onlypypi.__version__)"; grep -o \'"engine": ".*"\' "$CONDA_PREFIX/conda-meta/mambaenv.json"';
    assert.equal((await bash('"$M" lock -q')).status, 0);
    const lock = world.read(`${world.cwd}/conda-lock.yml`);
    put("hello\nonlypypi\nsix\n");
    const rows: [name: string, env: { [name: string]: string }, engine: string][] = [
      ["own", {}, "builtin"],
      ["theirs", { MINICONDA3_PATH: root }, "mamba"],
    ];
    for (const [name, env, engine] of rows) {
      const { out, err } = await bash(`source <("$M" --name ${name}) && ${show}`, env);
      assert.equal(out, `hello-1.0\nsix-1.17.0\n1.0\n"engine": "${engine}"\n`, err);
      assert.match(
        err,
        /conda-lock\.yml does not fit: it has no six; what it has stays where it can; .*mambaenv lock/,
      );
    }
    put("hello >1\nonlypypi >1\nsix\n");
    const away = await bash(`source <("$M" --name own) && ${show}`);
    assert.equal(away.out, 'hello-1.1\nsix-1.17.0\n1.1\n"engine": "builtin"\n', away.err);
    assert.equal(
      world.read(`${world.cwd}/conda-lock.yml`),
      lock,
      "nothing is written to the project unasked",
    );
  }));
