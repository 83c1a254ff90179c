// Words and variables become a request, or a clear error with exit 2.
import assert from "node:assert/strict";
import { COMMANDS, type Flags, parse } from "../lib/args.ts";
import { Problem } from "../lib/problem.ts";
import { typed } from "../lib/typed.ts";

const GOOD: [string[], { [name: string]: string }, string, Flags, string[]][] = [
  [[], {}, "enter", {}, []],
  [["--no-create"], {}, "enter", { "no-create": true }, []],
  [["-n", "a b"], {}, "enter", { name: "a b" }, []],
  [["-na=b"], {}, "enter", { name: "a=b" }, []],
  [["--name=a=b"], {}, "enter", { name: "a=b" }, []],
  [["-c", "x", "--channel", "y"], { MAMBAENV_CHANNEL: "z" }, "enter", { channel: ["x", "y"] }, []],
  [[], { MAMBAENV_CHANNEL: "x, y," }, "enter", { channel: ["x", "y"] }, []],
  [["-qv"], {}, "enter", { quiet: true, verbose: true }, []],
  [["-qn", "x"], {}, "enter", { quiet: true, name: "x" }, []],
  [
    [],
    { MAMBAENV_NO_CREATE: "1", MAMBAENV_OFFLINE: "0" },
    "enter",
    { "no-create": true, offline: false },
    [],
  ],
  [["--python", "3.12"], { MAMBAENV_PYTHON: "3.11" }, "enter", { python: "3.12" }, []],
  [["status", "--json"], {}, "status", { json: true }, []],
  [["help", "status"], {}, "help", {}, ["status"]],
  [["help", "--", "--name"], {}, "help", {}, ["--name"]],
  [["activate", "a", "--stack", "-n", "--", "--json"], {}, "activate", {}, [
    "a",
    "--stack",
    "-n",
    "--",
    "--json",
  ]],
  [["activate", "--shell", "zsh", "a", "--offline"], {}, "activate", { shell: "zsh", offline: true }, ["a"]],
  [["activate", "a", "-h"], { MAMBAENV_STACK: "1" }, "activate", { help: true, stack: true }, ["a"]],
  [["deactivate", "--python", "3"], {}, "deactivate", {}, ["--python", "3"]],
  [[], { MAMBAENV_NAME: "" }, "enter", {}, []],
];

Deno.test("parse: commands, flags, variables", () => {
  for (const [argv, env, command, flags, words] of GOOD) {
    const request = parse(argv, env);
    assert.deepEqual(
      [request.command.name, request.flags, request.words],
      [command, flags, words],
      argv.join(" "),
    );
  }
});

const BAD: [string[], { [name: string]: string }, RegExp][] = [
  [["frobnicate"], {}, /Unknown command "frobnicate"/],
  [["--frobnicate"], {}, /Unknown flag "--frobnicate" for "enter"/],
  [["status", "--stack"], {}, /Unknown flag "--stack" for "status"/],
  [["--name"], {}, /--name needs a value/],
  [["--name="], {}, /--name needs a value/],
  [["--no-create=yes"], {}, /--no-create takes no value, found "yes"/],
  [["--engine", "apt"], {}, /Unknown --engine "apt"; known: auto, mamba/],
  [["--hook", "slow"], {}, /Unknown --hook "slow"; known: fast, full, off/],
  [[], { MAMBAENV_ENGINE: "apt" }, /Unknown MAMBAENV_ENGINE "apt"/],
  [[], { MAMBAENV_NO_CREATE: "maybe" }, /Cannot read MAMBAENV_NO_CREATE="maybe"/],
  [["enter", "x"], {}, /Unexpected "x" after "enter"/],
  [["-"], {}, /Unexpected "-"/],
];

Deno.test("parse: bad input names the value, exit 2", () => {
  for (const [argv, env, words] of BAD) {
    assert.throws(
      () => parse(argv, env),
      (error) => error instanceof Problem && error.exit === 2 && words.test(error.message),
      `${argv}`,
    );
  }
});

Deno.test("typed: what `sync` knows of the words comes again, variables and the rest do not", () => {
  const own = [
    "-c",
    "a",
    "--channel=b",
    "--extra",
    "x,y",
    "--group",
    "g",
    "--exclude-newer",
    "2025-06-30",
    "--offline",
  ];
  const { flags } = COMMANDS.find(({ name }) => name === "sync")!;
  const request = parse([...own, "--background", "--no-create", "-q"], { MAMBAENV_NAME: "from-a-variable" });
  const again = parse(["sync", ...typed(request, flags)], {});
  assert.deepEqual(again.flags, parse(["sync", ...own], {}).flags);
});
