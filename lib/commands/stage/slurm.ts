// From the script of a Slurm job to its nodes: a guard on each, the archive by sbcast, and one task that unpacks.
import type { Request } from "../../args.ts";
import type { Answer } from "../../code.ts";
import { EXIT, Problem } from "../../problem.ts";
import { PLACE } from "../../commands.ts";
import { counted, plain } from "../../progress.ts";
import { typed } from "../../typed.ts";
import type { World } from "../../world.ts";

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
trap '' HUP INT USR1 USR2
trap '
  while cat /proc/[0-9]*/maps 2>/dev/null | grep -qF -- "$d/"; do sleep 0.2; done
  while [ -e "$d" ]; do rm -rf -- "$d" 2>/dev/null || sleep 0.1; done
  rmdir -- "\${d%/*}" 2>/dev/null
  exit 0' TERM
mkdir -p -- "\${d%/*}" && mkdir -p -- "$d" && [ -O "$d" ] && [ ! -L "$d" ] && [ -O "\${d%/*}" ] && [ ! -L "\${d%/*}" ] || exit 1
: >"$d/.guarded"
while :; do sleep 3600 & wait $!; done`;

/** Brings the archive to all nodes of the job, or to those of \`--nodes\`, and has it unpacked there. Throws Problem. */
export async function spread(sent: Sent, request: Request, world: World): Promise<Answer> {
  const { own, disk, key, sha, file } = sent;
  const nodes = request.flags.nodes ?? world.env["SLURM_JOB_NODELIST"] ?? "";
  const count = await amount(nodes, world);
  const step = [
    "srun",
    "--overlap",
    "--quiet",
    `--nodelist=${nodes}`,
    `--nodes=${count}`,
    `--ntasks=${count}`,
  ];
  const each = [...step, "--ntasks-per-node=1", "--cpus-per-task=1", "--mem=0", "--kill-on-bad-exit=0"];
  // It is to live on when we have ended, and to hold nothing of ours.
  const start = [
    "sh",
    "-c",
    '"$@" </dev/null >/dev/null 2>&1 &',
    "sh",
    ...each,
    "sh",
    "-c",
    GUARD,
    "guard",
    own,
  ];
  await world.run(start, { env: world.env });
  failing(await world.run([...each, "sh", "-c", AWAIT, "await", `${own}/.guarded`], TAKEN));
  if (request.flags.nodes === undefined) {
    const { status, stderr } = await world.run(["sbcast", "--force", file, `${own}/${sha}.tar.zst`], TAKEN);
    if (status !== 0) {
      const why = plain(stderr.trim().split("\n").at(-1) ?? "");
      world.err(`mambaenv: warning: sbcast failed (${why}): each node reads the archive itself\n`);
      await world.run([...each, "rm", "-f", `${own}/${sha}.tar.zst`], TAKEN);
    }
  }
  const words = [...typed(request, PLACE), `--to=${disk}`, sha];
  const ended = await world.run([...each, ...world.self(), "stage", ...words], {
    stderr: "tee",
    env: world.env,
  });
  if (ended.status !== 0) {
    throw new Problem(
      `Not every node has a copy of the environment`,
      "its ranks enter the shared one: mambaenv run --staged",
    );
  }
  if (!request.flags.quiet) world.err(`mambaenv: staged on ${counted(count, "node")}: ${own}/${key}\n`);
  return { out: "", exit: EXIT.ok };
}

const TAKEN = { stdout: "capture", stderr: "capture" } as const;
/** Waits for a file, ten seconds at most. */
const AWAIT = 'i=0; until [ -e "$1" ]; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done';

/** How many nodes a list such as n[1-3] has. Throws Problem where Slurm does not know. */
async function amount(nodes: string, world: World): Promise<number> {
  const ended = await world.run(["scontrol", "show", "hostnames", nodes], TAKEN);
  failing(ended);
  return ended.stdout.trim().split("\n").length;
}

function failing({ status, stdout, stderr }: { status: number; stdout: string; stderr: string }): void {
  if (status === 0) return;
  const words = plain((stderr.trim() || stdout.trim() || `status ${status}`).split("\n").at(-1)!);
  throw new Problem(`Slurm cannot start it on the job's nodes: ${words}`, "squeue --me");
}
