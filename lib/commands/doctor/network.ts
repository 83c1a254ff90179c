// Whether the channels answer, how fast, through which proxy, and whom the program trusts.
import { channelsOf, shown } from "../../builtin/channel.ts";
import { createTransport } from "../../builtin/transport.ts";
import { type Ask, openFile, openRemote } from "../../builtin/wire.ts";
import { Problem, reason } from "../../problem.ts";
import type { World } from "../../world.ts";
import type { Case, Finding } from "./finding.ts";

/** What a channel has at least one of, as the engine asks for it. */
const INDEX = ["repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"];
const IDLE = 10_000; // milliseconds

/** Every channel in use is asked for its index, of which the first bytes will do. */
export async function network({ condarc, settings }: Case, world: World): Promise<Finding[]> {
  const named = settings?.channels?.value ?? (condarc?.channels.length ? condarc.channels : ["conda-forge"]);
  const channels = channelsOf(named, condarc, world.cwd);
  const findings = [...trust(world, condarc?.ssl_verify)];
  const transport = createTransport({ env: world.env, ...condarc && { condarc } });
  for (const base of channels.flatMap(({ bases }) => bases)) {
    const local = base.startsWith("file:");
    if (settings?.offline && !local) {
      findings.push({ topic: "channel", level: "note", text: `${shown(base)}: not asked, being offline` });
      continue;
    }
    const proxy = local ? undefined : transport(base).proxy;
    const through = proxy === undefined ? "" : ` through ${shown(proxy)}`;
    findings.push(
      await answer(
        base,
        through,
        (url) => local ? openFile(url, ASK) : openRemote(url, ASK, { transport, idle: IDLE }),
        world,
      ),
    );
  }
  return findings;
}
const ASK: Ask = { optional: true };

async function answer(
  base: string,
  through: string,
  open: (url: string) => ReturnType<typeof openFile> | ReturnType<typeof openRemote>,
  world: World,
): Promise<Finding> {
  const topic = "channel", start = world.now();
  try {
    for (const name of INDEX) {
      const { status, body } = await open(`${base}/noarch/${name}`);
      for await (const _ of body) break;
      if (status !== 404) {
        return { topic, level: "ok", text: `${shown(base)}${through}: ${name} in ${world.now() - start} ms` };
      }
    }
    const text = `${shown(base)}${through}: it answers, and is no channel`;
    return { topic, level: "error", text, fix: "check the channel's name: mambaenv status" };
  } catch (error) {
    const fix = error instanceof Problem || (error instanceof Error && "hint" in error)
      ? String((error as { hint?: unknown }).hint ?? "")
      : "";
    const text = `${reason(error)}${through}`;
    return { topic, level: "error", text, ...fix && { fix } };
  }
}

function trust({ env }: World, verify: boolean | string | undefined): Finding[] {
  if (verify === false) {
    const text = "ssl_verify is off: anybody on the way can change packages";
    return [{ topic: "certificates", level: "warning", text, fix: "conda config --remove-key ssl_verify" }];
  }
  const by = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"].find((name) => env[name]);
  const from = typeof verify === "string" ? `ssl_verify: ${verify}` : by && `${by}=${env[by]}`;
  return from === undefined ? [] : [{ topic: "certificates", level: "ok", text: from }];
}
