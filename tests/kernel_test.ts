// Jupyter's own client starts the kernels that `mambaenv kernel` writes.
import assert from "node:assert/strict";
import { cluster } from "./oracle.ts";
import { lodge, put } from "./root.ts";
import { testWorld } from "./world.ts";
import { call, PROGRAM } from "./program.ts";

const python = await cluster();

/** Starts a kernel from outside of the environment, runs a cell, and prints what that prints. */
const CLIENT = `
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1], startup_timeout=60)
def show(message):
    if message["msg_type"] == "stream": print(message["content"]["text"], end="")
    if message["msg_type"] == "error": print("\\n".join(message["content"]["traceback"]))
code = """
import os, sys
print(*(os.environ.get(name) for name in ["CONDA_PREFIX", "PYTHONPATH", "MAMBAENV_ACTIVE", "FROM_SCRIPT"]), sys.prefix, sep="|")
"""
client.execute_interactive(code, timeout=60, output_hook=show)
manager.interrupt_kernel()
manager.shutdown_kernel()
`;

Deno.test({
  name: "kernel: Jupyter starts it in the environment, with the variables of its scripts",
  ignore: !python,
}, () => {
  const world = testWorld({ "work/requirements.txt": "ipykernel\n" });
  const prefix = `${world.top}/root/envs/work`, home = `${world.top}/home`;
  lodge(prefix, python);
  put(`${prefix}/etc/conda/activate.d/x.sh`, "export FROM_SCRIPT=yes\n");
  const env = { HOME: home, PATH: "/usr/bin:/bin", MAMBAENV_ROOT: `${world.top}/root` };
  const run = (...argv: string[]) => {
    const { status, out, err } = call(argv, { cwd: world.cwd, env });
    assert.equal(status, 0, err);
    return { out, err };
  };
  const file = `${home}/.local/share/jupyter/kernels/work/kernel.json`;
  assert.equal(run(PROGRAM, "kernel").err, `mambaenv: Jupyter's kernel "work": ${file}\n`);
  run(PROGRAM, "kernel", "--name", "Mine", "--display-name", "My own", "--prefix", `${home}/p`);
  const mine = JSON.parse(world.read(`${home}/p/share/jupyter/kernels/mine/kernel.json`)!);
  assert.equal(mine.display_name, "My own");
  const printed = run(PROGRAM, "kernel", "--print").out;
  assert.equal(printed, world.read(file));
  assert.equal(JSON.parse(printed).display_name, "Python (work)");

  world.write(`${world.top}/client.py`, CLIENT);
  const others = { HOME: home, PATH: "/usr/bin:/bin", JUPYTER_PATH: `${home}/p/share/jupyter` };
  for (const name of ["work", "mine"]) {
    const { out, err } = call([python, `${world.top}/client.py`, name], { cwd: "/", env: others });
    assert.equal(out, `${prefix}|${world.cwd}|${prefix}|yes|${prefix}\n`, err);
  }
  world.remove(world.top);
});

Deno.test("kernel: what cannot be one is told: no ipykernel, names, braces, another's kernel", () => {
  const world = testWorld({
    "work/requirements.txt": "",
    "root/envs/work/lib/python3.11/site-packages/x": "",
    "root/envs/work/conda-meta/history": "",
    "root/envs/with/lib/python3.11/site-packages/ipykernel_launcher.py": "",
    "root/envs/with/conda-meta/history": "",
    "{a}/requirements.txt": "",
    "home/.local/share/jupyter/kernels/taken/kernel.json": "{}",
  });
  const env = { HOME: `${world.top}/home`, MAMBAENV_ROOT: `${world.top}/root` };
  const with_ = { ...env, MAMBAENV_NAME: "with" };
  const rows: [string[], { [name: string]: string }, string, RegExp, number][] = [
    [[], env, "work", /The environment "work" has no ipykernel.*\n {2}try: add the line ipykernel/, 1],
    [["--name", "a b"], with_, "work", /Cannot call a kernel "a b"/, 2],
    [["--name", "../x"], with_, "work", /Cannot call a kernel "..\/x"/, 2],
    [["--name", "taken"], with_, "work", /another program's kernel of the name "taken"/, 1],
    [["--user", "--prefix", "/p"], with_, "work", /--user and --prefix exclude each other/, 2],
    [[], with_, "{a}", /Jupyter would change ".*\{a\}": it has braces in it/, 1],
    [["none"], env, "work", /No environment is called "none"/, 1],
  ];
  for (const [words, env, dir, form, exit] of rows) {
    const { status, err, out } = call([PROGRAM, "kernel", ...words], { cwd: `${world.top}/${dir}`, env });
    assert.match(err, form);
    assert.deepEqual([status, out], [exit, ""], err);
  }
  assert.deepEqual(world.list(`${world.top}/home/.local/share/jupyter/kernels`), ["taken"]);
  const { out, err } = call([PROGRAM, "kernel", "with", "--print"], { cwd: world.top, env });
  const { argv, env: own } = JSON.parse(out);
  assert.deepEqual([argv.slice(1, 7), own], [[
    "run",
    "--name",
    "with",
    "--root",
    `${world.top}/root`,
    "--quiet",
  ], {}], err);
  const named = call([PROGRAM, "kernel", "--print"], { cwd: world.cwd, env: with_ });
  assert.deepEqual(JSON.parse(named.out).env, { MAMBAENV_NAME: "with" });
  world.remove(world.top);
});
