// Shows the whole way: a channel of real packages on loopback, a project, and a bash that sources the program there.
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { channel } from "../tests/channel/channel.ts";
import { HOME } from "../tests/once.ts";
import { which } from "../tests/oracle.ts";
import { serve } from "../tests/server.ts";

const REQUIREMENTS = `# the channel has them
requests
rich >= 13
numpy
# only PyPI has it
cowsay
# the channel has 8.1.7 at most
click >= 8.2
`;
/** What the project's Python says of itself and of each package, and who put it there. */
const SHOW = `
import importlib, importlib.metadata as metadata, sys
print("  python", sys.version.split()[0], "of", sys.prefix)
for name in ("requests", "rich", "numpy", "cowsay", "click"):
    importlib.import_module(name)
    found = metadata.distribution(name)
    print(f"  {name:9}{found.version:9}from {'PyPI' if found.read_text('INSTALLER').strip() == 'pip' else 'the channel'}")
`;
/** Times the line itself, as the user of a shell does; a project without an environment is a failure. */
const ENTER = `
cd -- "$1" || exit
start=$EPOCHREALTIME
source <(mambaenv)
end=$EPOCHREALTIME
[ -n "\${MAMBAENV_ACTIVE-}" ] && python -c "$2" || exit
echo $(((\${end/[.,]/} - \${start/[.,]/}) / 1000)) > "$3"
`;

/** How often what is compared is done; the best counts, since a machine has other things to do. */
const TIMES = 3;

let server: Awaited<ReturnType<typeof serve>> | undefined;
const top = fs.mkdtempSync(join(tmpdir(), "mambaenv-demo-"));
try {
  needs();
  say("a conda channel of real packages, and an index of wheels, both on loopback");
  const { dir, wheels } = await channel();
  server = await serve(dir, [], wheels);
  const project = join(top, "weather");
  const env = environment(server.url);
  fs.mkdirSync(project);
  fs.mkdirSync(join(top, "home"));
  fs.writeFileSync(join(project, "requirements.txt"), REQUIREMENTS);
  console.log(REQUIREMENTS.replace(/^/gm, "  ").trimEnd());
  say("source <(mambaenv), for the first time: creates the environment");
  const first = await enter(project, env);
  const asked = server.requests.length;
  say("source <(mambaenv), in a new bash: finds it");
  const second = await enter(project, env);
  if (server.requests.length > asked) throw new Error("entering a second time asked the network");
  say(
    `the packages cached, the environment made anew ${TIMES} times: as it was solved before, then as conda-lock.yml has it`,
  );
  const solved = await again(project, env);
  await run(["mambaenv", "lock", "-q"], project, env);
  await enter(project, { ...env, MAMBAENV_LOCKED: "1", MAMBAENV_QUIET: "1" });
  const locked = await again(project, { ...env, MAMBAENV_LOCKED: "1" });
  console.log(`  the best of ${TIMES}: ${solved} ms without a lock, ${locked} ms with --locked`);
  const direnv = which("direnv");
  if (direnv === undefined) say("direnv is not installed here, and left out");
  else {
    say("direnv, with `source <(mambaenv)` as .envrc");
    fs.writeFileSync(join(project, ".envrc"), "source <(mambaenv)\n");
    await run([direnv, "allow", project], project, env);
    await run([direnv, "exec", project, "python", "-c", SHOW], project, env);
  }
  say(`source <(mambaenv) took ${first} ms the first time, ${second} ms the second`);
} finally {
  await server?.close();
  fs.rmSync(top, { recursive: true, force: true });
}

/** The user's environment without the user's own conda, Python and pip: those would be found, and used. */
function environment(url: string): Record<string, string> {
  return {
    HOME: join(top, "home"),
    LANG: process.env["LANG"] ?? "C.UTF-8",
    TERM: process.env["TERM"] ?? "dumb",
    PATH: `${join(HOME, "dist")}:/usr/local/bin:/usr/bin:/bin`,
    MAMBAENV_CHANNEL: url,
    MAMBAENV_ROOT: join(top, "root"),
    PIP_INDEX_URL: `${url}/simple/`,
  };
}

/** Debian's Python comes without venv; who may install it, does. */
function needs(): void {
  const works = (code: string) => spawnSync("python3", ["-c", code]).status === 0;
  if (works("import ensurepip, venv") || works("import pip, venv")) return;
  if (userInfo().uid !== 0 || which("apt-get") === undefined) return;
  say("installs python3-venv");
  for (const words of [["-qq", "update"], ["-qq", "install", "-y", "python3-venv"]]) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", words, { env, stdio: ["ignore", "ignore", "inherit"] });
  }
}

function say(words: string): void {
  const [bold, plain] = process.stdout.isTTY && !process.env["NO_COLOR"] ? ["\x1b[1m", "\x1b[0m"] : ["", ""];
  console.log(`\n${bold}== ${words}${plain}`);
}

/** Enters the project in a new bash; returns the milliseconds that it took. */
async function enter(project: string, env: Record<string, string>, show = SHOW): Promise<number> {
  const time = join(top, "time");
  await run(["bash", "--norc", "-c", ENTER, "bash", project, show, time], project, env);
  return Number(fs.readFileSync(time, "utf8"));
}

/** Makes the environment anew from the caches; returns the milliseconds of the fastest. */
async function again(project: string, env: Record<string, string>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    fs.rmSync(join(top, "root", "envs"), { recursive: true });
    times.push(await enter(project, { ...env, MAMBAENV_QUIET: "1" }, "pass"));
  }
  return Math.min(...times);
}

/** Runs a program beside the server, in front of the user. */
async function run(argv: readonly string[], cwd: string, env: Record<string, string>): Promise<void> {
  const [program = "", ...words] = argv;
  const child = spawn(program, words, { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
  const status = await new Promise((ended, failed) => child.on("error", failed).on("close", ended));
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
}
