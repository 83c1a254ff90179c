// Where the project is, and where its values come from.
import assert from "node:assert/strict";
import { parse } from "../lib/args.ts";
import { Problem } from "../lib/problem.ts";
import { findProject, resolve } from "../lib/project.ts";
import { readSettings } from "../lib/settings.ts";
import { testWorld } from "./world.ts";

Deno.test("resolve: absolute, relative, dots, doubled slashes", () => {
  const rows = [["/a/b", "c", "/a/b/c"], ["/a/b", "../c", "/a/c"], ["/a", "/x//y/./z/..", "/x/y"], [
    "/",
    "..",
    "/",
  ]];
  for (const [base, path, result] of rows) assert.equal(resolve(base!, path!), result);
});

Deno.test("findProject: nearest marker upward, not above HOME, --project and direnv first", () => {
  const world = testWorld({
    "home/.envrc": "",
    "home/a/requirements.txt": "",
    "home/a/b/c/": "",
    "home/a/b/pyproject.toml/": "",
    "work/x": "",
    "above/requirements.txt": "",
    "requirements.txt": "",
  });
  const find = (cwd: string, argv: string[] = [], env = {}) =>
    findProject(parse(argv, {}).flags, {
      ...world,
      cwd: `${world.top}/${cwd}`,
      env: { ...world.env, ...env },
    })?.root
      .slice(world.top.length);
  assert.equal(find("home/a/b/c"), "/home/a");
  assert.equal(find("home/a"), "/home/a");
  assert.equal(find("home"), "/home");
  assert.equal(find("work", ["--project", "../above/"]), "/above");
  assert.equal(find("work", [], { DIRENV_IN_ENVRC: "1" }), "/work");
  assert.equal(find("home/a/b/c", [], { HOME: `${world.top}/home/a/b` }), undefined);
  assert.throws(() => find("work", ["--project", "nowhere"]), /No project folder/);
});

Deno.test("readSettings: the first source that says decides, and is named", async () => {
  const world = testWorld({
    "work/pyproject.toml": '[tool.mambaenv]\nname = "tool"\nchannels = ["a", "b"]\n[tool.other]\nx = 1\n',
    "work/.python-version": "# pinned\npython-3.10\n",
    "home/.config/mambaenv/config.toml": 'python = "3.9"\nengine = "conda"\nroot = "~/envs"\n',
  });
  const read = async (argv: string[], variables = {}) => {
    const env = { ...world.env, ...variables };
    const request = parse(argv, env);
    const here = { ...world, env };
    return await readSettings(request, findProject(request.flags, here), here);
  };
  const plain = await read([], { PYTHON_VERSION: "3.8", ENV_NAME: "old" });
  assert.deepEqual(plain.name, { value: "tool", from: "pyproject.toml [tool.mambaenv]" });
  assert.deepEqual(plain.python, { value: "3.10", from: ".python-version" });
  assert.deepEqual(plain.channels?.value, ["a", "b"]);
  assert.deepEqual(plain.engine, { value: "conda", from: `${world.top}/home/.config/mambaenv/config.toml` });
  assert.deepEqual(plain.root?.value, `${world.top}/home/envs`);
  const flagged = await read(["-n", "flag", "-c", "c"], {
    MAMBAENV_PYTHON: "3.12",
    MAMBAENV_NAME: "variable",
  });
  assert.deepEqual(flagged.name, { value: "flag", from: "--name" });
  assert.deepEqual(flagged.python, { value: "3.12", from: "MAMBAENV_PYTHON" });
  assert.deepEqual(flagged.channels, { value: ["c"], from: "--channel" });
});

Deno.test("readSettings: the old script's variables and the folder's name come last", async () => {
  const world = testWorld({ "work/requirements.txt": "" });
  const read = async (env: { [name: string]: string }) => {
    const request = parse([], env);
    const here = { ...world, env: { ...world.env, ...env } };
    return await readSettings(request, findProject(request.flags, here), here);
  };
  const old = await read({ PYTHON_VERSION: "3.11", ENV_NAME: "old" });
  assert.deepEqual([old.python?.value, old.python?.from], ["3.11", "PYTHON_VERSION"]);
  assert.deepEqual([old.name?.value, old.name?.from], ["old", "ENV_NAME"]);
  assert.equal((await read({})).name?.value, "work");
});

Deno.test("readSettings: bad files and names are told with file, line and value, exit 2", async () => {
  const rows: [{ [path: string]: string }, string[], RegExp][] = [
    [{ "work/pyproject.toml": "[tool.mambaenv]\nname = \n" }, [], /Cannot parse ".*pyproject.toml" line 2/],
    [{ "work/pyproject.toml": "[tool.mambaenv]\nname = 3\n" }, [], /Cannot use name = 3 in pyproject.toml/],
    [{ "home/.config/mambaenv/config.toml": "x" }, ["-n", "a"], /config.toml" line 1/],
    [{}, ["-n", "../evil"], /Cannot name an environment "..\/evil" \(from --name\)/],
    [{}, ["-n", "a\nb"], /Cannot name an environment/],
    [{}, ["-n", ".mambaenv"], /Cannot name an environment/],
  ];
  for (const [files, argv, words] of rows) {
    const world = testWorld(files);
    const request = parse(argv, {});
    await assert.rejects(
      readSettings(request, findProject(request.flags, world), world),
      (error) => error instanceof Problem && error.exit === 2 && words.test(error.message),
      String(words),
    );
  }
});
