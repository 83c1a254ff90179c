// From the script of a Slurm job to its nodes: a guard on each, the archive by sbcast, and one task that unpacks.
import type { Request } from "../../args.ts";
import type { Answer } from "../../code.ts";
import { EXIT, Problem } from "../../problem.ts";
import { PLACE } from "../../commands.ts";
import { counted, last } from "../../progress.ts";
import { typed } from "../../typed.ts";
import type { World } from "../../world.ts";
import { DETACHED, type Image, keeper } from "./mount.ts";

/** What is brought to the nodes. */
export interface Sent {
  /** The job's folder on every node. */
  own: string;
  /** The disk that it is on. */
  disk: string;
  key: string;
  sha: string;
  /** The archive on the shared disk. */
  file: string;
  /** What is mounted instead of unpacking that. */
  image?: Required<Image>;
}

/** Whether Slurm knows the job as one that is not over; true where nobody tells. */
export async function alive(job: string, world: World): Promise<boolean> {
  const words = ["squeue", "-h", "-t", "all", "-o", "%T", "-j", job];
  const { status, stdout, stderr } = await world.run(words, {
    stdout: "capture",
    stderr: "capture",
    timeout: 10_000,
  });
  if (status !== 0) return !/Invalid job id/i.test(stderr);
  return /\b(PENDING|CONFIGURING|RUNNING|SUSPENDED|COMPLETING|STOPPED|SIGNALING|STAGE_OUT|RESIZING|REQUEUE\w*)\b/
    .test(stdout);
}

/**
 * What stays on each node until the job ends: at its end Slurm signals it, and it removes the job's folder once no
 * process has a file of it mapped. It takes no CPU and next to no memory.
 */
const GUARD = `umask 077
d=$1
# For whoever still has the step's pipes, such as a sleep begun as the signal came, Slurm would wait a minute.
exec </dev/null >/dev/null 2>&1
trap '' HUP INT USR1 USR2
trap '
  kill -KILL $!
  while cat /proc/[0-9]*/maps 2>/dev/null | grep -qF -- "$d/"; do sleep 0.2; done
  while [ -e "$d" ]; do rm -rf -- "$d" 2>/dev/null || sleep 0.1; done
  rmdir -- "\${d%/*}" 2>/dev/null
  exit 0' TERM
mkdir -p -- "\${d%/*}" && mkdir -p -- "$d" && [ -O "$d" ] && [ ! -L "$d" ] && [ -O "\${d%/*}" ] && [ ! -L "\${d%/*}" ] || exit 1
: >"$d/.guarded"
while :; do sleep 3600 & wait $!; done`;

/** Guards what a task of a step makes on its node, in a step of its own: that task's ends sooner than the job. */
export async function guard(own: string, world: World): Promise<void> {
  const { SLURM_JOB_ID: job, SLURM_STEP_ID: step, SLURMD_NODENAME: node } = world.env;
  if (!job || !step || !node || world.stat(`${own}/.guarded`)) return;
  // What the task's own step was asked for is not for this one.
  const asked = Object.entries(world.env).filter(([name]) => !/^SLURM_(?!CONF$|JOB_ID$)/.test(name));
  const words = [
    "srun",
    `--jobid=${job}`,
    "--overlap",
    "--quiet",
    `--nodelist=${node}`,
    "--nodes=1",
    "--ntasks=1",
  ];
  const start = [...DETACHED, ...words, "--mem=0", "sh", "-c", GUARD, "guard", own];
  await world.run(start, { env: Object.fromEntries(asked) });
}

/** Brings the archive to all nodes of the job, or to those of `--nodes`, and has it unpacked there. Throws Problem. */
export async function spread(sent: Sent, request: Request, world: World): Promise<Answer> {
  const { own, disk, key, sha, image } = sent;
  const step = await steps(request.flags.nodes ?? world.env["SLURM_JOB_NODELIST"] ?? "", world);
  await world.run([...DETACHED, ...step.words, "sh", "-c", GUARD, "guard", own], { env: world.env });
  failing(await world.run([...step.words, "sh", "-c", AWAIT, "await", `${own}/.guarded`], TAKEN));
  if (image === undefined) await send(sent.file, `${own}/${sha}.tar.zst`, step, request, world);
  else {
    const there = `${own}/${image.from.sha}.squashfs`;
    const file = await send(image.from.file, there, step, request, world);
    const from = { ...image.from, file };
    await world.run([...DETACHED, ...step.words, ...keeper({ ...image, from }, own)], { env: world.env });
  }
  const words = [...typed(request, [...PLACE, "format", "verbose", "quiet"]), `--to=${disk}`, sha];
  const ended = await world.run([...step.words, ...world.self(), "stage", ...words], {
    stderr: "tee",
    env: world.env,
  });
  if (ended.status !== 0) {
    throw new Problem(
      `Not every node has a copy of the environment`,
      "its ranks enter the shared one: mambaenv run --staged",
    );
  }
  if (!request.flags.quiet) world.err(`mambaenv: staged on ${counted(step.count, "node")}: ${own}/${key}\n`);
  return { out: "", exit: EXIT.ok };
}

/** How many nodes there are, and the words that run a command once on each. */
interface Step {
  count: number;
  words: readonly string[];
}

/** One task on each of these nodes, written such as n[1-3]. Throws Problem where Slurm does not know them. */
async function steps(nodes: string, world: World): Promise<Step> {
  const ended = await world.run(["scontrol", "show", "hostnames", nodes], TAKEN);
  failing(ended);
  const count = ended.stdout.trim().split("\n").length;
  const step = [
    "srun",
    "--overlap",
    "--quiet",
    `--nodelist=${nodes}`,
    `--nodes=${count}`,
    `--ntasks=${count}`,
  ];
  return {
    count,
    words: [...step, "--ntasks-per-node=1", "--cpus-per-task=1", "--mem=0", "--kill-on-bad-exit=0"],
  };
}

/** Sends a file to all nodes of the job; where it is to be read there, which is itself where that is not possible. */
async function send(file: string, to: string, step: Step, request: Request, world: World): Promise<string> {
  if (request.flags.nodes !== undefined) return file;
  const { status, stderr } = await world.run(["sbcast", "--force", file, to], TAKEN);
  if (status === 0) return to;
  world.err(`mambaenv: warning: sbcast failed (${last(stderr)}): each node reads the archive itself\n`);
  await world.run([...step.words, "rm", "-f", to], TAKEN);
  return file;
}

const TAKEN = { stdout: "capture", stderr: "capture" } as const;
/** Waits for a file, ten seconds at most. */
const AWAIT = 'i=0; until [ -e "$1" ]; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done';

function failing({ status, stdout, stderr }: { status: number; stdout: string; stderr: string }): void {
  if (status === 0) return;
  const words = last(stderr.trim() || stdout.trim() || `status ${status}`);
  throw new Problem(`Slurm cannot start it on the job's nodes: ${words}`, "squeue --me");
}
