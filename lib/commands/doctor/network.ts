// Whether the channels answer, how fast, through which proxy, and whom the program trusts.
import { channelsOf } from "../../builtin/channel.ts";
import { createTransport } from "../../builtin/transport.ts";
import { type Ask, openFile, openRemote } from "../../builtin/wire.ts";
import { Problem, reason } from "../../problem.ts";
import { shown } from "../../secret.ts";
import type { World } from "../../world.ts";
import type { Case, Finding } from "./finding.ts";

/** What a channel has at least one of, as the engine asks for it. */
const INDEX = ["repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"];
const IDLE = 10_000; // milliseconds
/** Milliseconds that clocks may differ by. */
const SKEW = 300_000;

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
      ...await answer(
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
): Promise<Finding[]> {
  const topic = "channel", start = world.now();
  try {
    for (const name of INDEX) {
      const { status, body, date } = await open(`${base}/noarch/${name}`);
      const skewed = clock(date, base, world);
      for await (const _ of body) break;
      if (status === 404) continue;
      const text = `${shown(base)}${through}: ${name} in ${world.now() - start} ms`;
      return [{ topic, level: "ok", text }, ...skewed];
    }
    const text = `${shown(base)}${through}: it answers, and is no channel`;
    return [{ topic, level: "error", text, fix: "check the channel's name: mambaenv status" }];
  } catch (error) {
    const fix = error instanceof Problem || (error instanceof Error && "hint" in error)
      ? String((error as { hint?: unknown }).hint ?? "")
      : "";
    const text = `${reason(error)}${through}`;
    return [{ topic, level: "error", text, ...fix && { fix } }];
  }
}

/** Where a server's clock says something else, the files that come from there look new or old, and certificates too. */
function clock(date: string | undefined, base: string, world: World): Finding[] {
  const ahead = world.now() - Date.parse(date ?? "");
  if (!(Math.abs(ahead) > SKEW)) return [];
  const minutes = Math.round(Math.abs(ahead) / 60_000);
  const text = `it is ${minutes} minutes ${ahead > 0 ? "ahead of" : "behind"} that of ${shown(base)}`;
  return [{ topic: "clock", level: "warning", text, fix: "set the clock, or ask the administrator" }];
}

function trust({ env, read }: World, verify: boolean | string | undefined): Finding[] {
  if (verify === false) {
    const text = "ssl_verify is off: anybody on the way can change packages";
    return [{ topic: "certificates", level: "warning", text, fix: "conda config --remove-key ssl_verify" }];
  }
  const by = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"].find((name) => env[name]);
  const topic = "certificates";
  const own = typeof verify === "string" && verify !== "truststore";
  const file = own ? verify : by && env[by];
  if (file === undefined) {
    const text = verify === "truststore" ? "those of the system" : "those that the program brings along";
    return [{ topic, level: "ok", text }];
  }
  const from = own ? `ssl_verify: ${file}` : `${by}=${file}`;
  const text = read(file);
  if (text === undefined || text.includes("-----BEGIN CERTIFICATE-----")) {
    return [{ topic, level: "ok", text: from }];
  }
  const fix = own ? "conda config --remove-key ssl_verify" : `unset ${by}`;
  return [{ topic, level: "error", text: `${from}: there are no certificates in it`, fix }];
}
