// Modules, as Lmod and Environment Modules load and unload them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { small } from "./crash/small.ts";
import { type Reader, readers } from "./modules.ts";
import { bare, PROGRAM, start } from "./program.ts";
import { put } from "./root.ts";
import { type TestWorld, testWorld } from "./world.ts";

const all = process.platform === "linux" ? await readers() : [];
let world: TestWorld;
Deno.test.beforeAll(() => {
  world = testWorld();
  small(`${world.top}/channel`);
});
Deno.test.afterAll(() => world.remove(world.top));

type Vars = { [name: string]: string };
/** What the two programs keep for themselves, shells count, and a module does not have or has for itself. */
const OWN =
  /^(_|SHLVL|OLDPWD|LOADEDMODULES.*|_LMFILES_.*|__?(LMOD|MODULES?|ModuleTable).*|(LMOD|MODULES)_.*|MODULE\w*|FPATH|MANPATH|MAMBAENV_(UNDO|MODULE|KEPT_.*)|__CONDA_SHLVL_.*)$/;

function vars(text: string): Vars {
  const pairs = text.split("\0").filter(Boolean).map((entry) => entry.split(/=([^]*)/) as [string, string]);
  return Object.fromEntries(
    pairs.filter(([name]) => !OWN.test(name) && !name.startsWith("BASH_FUNC")).sort(),
  );
}

/** Runs bash code in a project; the environments after each \`show\`, and what it said. */
async function shown(cwd: string, code: string, more: Vars = {}): Promise<{ seen: Vars[]; err: string }> {
  const env = {
    HOME: `${world.top}/home`,
    PATH: "/usr/bin:/bin",
    LANG: "C.UTF-8",
    MAMBAENV_CHANNEL: `file://${world.top}/channel`,
    MAMBAENV_ROOT: `${cwd.slice(0, cwd.lastIndexOf("/"))}/.root`,
    M: PROGRAM,
    O: `${world.top}/shown`,
    ...more,
  };
  fs.rmSync(env.O, { force: true });
  const text = `show() { env -0 >>"$O"; printf '\\1\\0' >>"$O"; }\n${code}`;
  const { status, err, out } = await start(["/usr/bin/env", ...bare(["bash", "-c", text], env)], {
    cwd,
    env: {},
  }).ended;
  assert.equal(status, 0, err + out);
  return { seen: fs.readFileSync(env.O, "utf8").split("\x01\0").slice(0, -1).map(vars), err };
}

/** A project with its environment, and a module for it in a folder of modules. */
async function set(
  name: string,
  { flag, ending }: Reader,
): Promise<{ cwd: string; dir: string; prefix(): string }> {
  const cwd = `${world.top}/${flag}/${name}`;
  const dir = `${world.top}/${flag}/.modules`;
  put(`${cwd}/environment.yml`, "dependencies: [tool, python]\n");
  fs.mkdirSync(dir, { recursive: true });
  const envs = `${world.top}/${flag}/.root/envs`;
  await shown(cwd, '"$M" sync -q; show');
  const prefix = () => `${envs}/${fs.readlinkSync(`${envs}/${name}`)}`;
  await shown(cwd, `"$M" modulefile ${flag} >"$F"; show`, { F: `${dir}/work${ending}` });
  return { cwd, dir, prefix };
}

/** A script of the environment's, as compilers' packages have them. */
const SCRIPT =
  'export EXTRA="of $CONDA_DEFAULT_ENV at $CONDA_PREFIX" LISTED="$CONDA_PREFIX/x${LISTED:+:$LISTED}"\n';
const BUSY = {
  VIRTUAL_ENV: "/venv",
  STATED: "secret",
  PYTHONHOME: "/h",
  PYTHONPATH: "/p:/q",
  PYTHONNOUSERSITE: "0",
  LISTED: "/l",
};

for (const reader of all) {
  const { name, flag, start, ending } = reader;
  const ready = `set -u; ${start}; module use "$D"; show;`;
  Deno.test(`modulefile: ${name}: loaded it is as activated, unloaded as before, also when made anew meanwhile`, async () => {
    const { cwd, dir, prefix } = await set("work", reader);
    put(`${prefix()}/etc/conda/activate.d/x.sh`, SCRIPT);
    put(`${prefix()}/conda-meta/state`, JSON.stringify({ env_vars: { STATED: "by the environment" } }));
    const file = `${dir}/work${ending}`;
    await shown(cwd, `"$M" modulefile ${flag} >"$F"; show`, { ...BUSY, F: file });
    // What the shell had that printed it is nobody else's business.
    assert.equal(fs.readFileSync(file, "utf8").includes("secret"), false);
    for (const more of [{}, BUSY]) {
      const { seen: [before, active] } = await shown(cwd, 'show; source <("$M" -q); show', {
        ...more,
        D: dir,
      });
      const code = `${ready} module load work; show; tool; module unload work; show`;
      const { seen: [first, loaded, unloaded], err } = await shown(cwd, code, { ...more, D: dir });
      assert.deepEqual(first, before, err);
      assert.deepEqual(loaded, active, err);
      assert.equal(loaded!["CONDA_PREFIX"], prefix());
      assert.match(loaded!["EXTRA"]!, /^of work at /);
      assert.deepEqual(unloaded, first, err);
    }
    // What was loaded is what is unloaded.
    const old = prefix();
    const code =
      `${ready} module load work; "$M" sync -q --force; module unload work; show; module load work; show`;
    const { seen: [first, unloaded, loaded], err } = await shown(cwd, code, { D: dir });
    assert.notEqual(prefix(), old);
    assert.deepEqual(unloaded, first, err);
    assert.equal(loaded!["CONDA_PREFIX"], prefix());
    assert.equal(loaded!["PATH"]!.includes(old), false);
  });

  Deno.test(`modulefile: ${name}: names that break what is not quoted are names; control characters are refused`, async () => {
    const nasty = [
      'a"b]c[exec touch pwned]{',
      "$(touch pwned)${PATH}`touch pwned`",
      "x}y\\",
      "a b  c it's ünï 环境",
      "]]..os.execute('touch pwned')--; touch pwned;",
      "%s%d&|<>*?~!#",
    ];
    for (const odd of nasty) {
      const { cwd, dir, prefix } = await set(odd, reader);
      const code = `${ready} module load work; show; tool; module unload work; show`;
      const { seen: [first, loaded, unloaded], err } = await shown(cwd, code, { D: dir });
      assert.equal(loaded!["CONDA_PREFIX"], prefix(), odd + err);
      assert.equal(loaded!["CONDA_DEFAULT_ENV"], odd);
      assert.equal(loaded!["PYTHONPATH"], cwd);
      assert.equal(loaded!["MAMBAENV_ACTIVE_PROJECT"], cwd);
      assert.ok(loaded!["PATH"]!.startsWith(`${cwd}/bin:${prefix()}/bin:`), loaded!["PATH"]);
      assert.deepEqual(unloaded, first, odd + err);
      assert.deepEqual(fs.readdirSync(cwd), ["environment.yml"], odd);
    }
    const odd = `${world.top}/${flag}/new\nline`;
    put(`${odd}/environment.yml`, "name: line\ndependencies: [tool]\n");
    const { err } = await shown(odd, `"$M" modulefile ${flag} -q; echo $? >&2; show`);
    assert.match(err, /No module can set .*newline or another control character\n.*\n1\n/);
  });

  Deno.test(`modulefile: ${name}: another of its kind or another Python is named as being in the way; what is gone too`, async () => {
    const { cwd, dir, prefix } = await set("conflict", reader);
    put(`${dir}/python/3.9${ending}`, ending ? 'setenv("OTHER", "1")\n' : "#%Module1.0\nsetenv OTHER 1\n");
    fs.copyFileSync(`${dir}/work${ending}`, `${dir}/second${ending}`);
    const rows: [string, RegExp][] = [
      ["module load python; module load work", /python/],
      [`rm -rf '${prefix()}'; module load work`, /There is no environment in/],
    ];
    for (const [code, words] of rows) {
      const { seen: [, after], err } = await shown(cwd, `${ready} { ${code}; } || true; show`, { D: dir });
      assert.match(err, words);
      assert.equal(after!["CONDA_PREFIX"], undefined, err);
    }
    await shown(cwd, '"$M" sync -q --force; show');
    const code = `${ready} module load work; module load second || true; module purge; show`;
    const { seen: [first, after], err } = await shown(cwd, code, { D: dir });
    assert.deepEqual(after, first, err);
    assert.match(err, /\bwork\b|unload mambaenv/);
  });
}
