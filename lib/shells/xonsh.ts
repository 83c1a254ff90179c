// How xonsh spells changes: Python, with every word a literal of plain ASCII.
import type { Shell, Word } from "../code.ts";
import { BODY, OWN } from "./foreign.ts";

/** xonsh; its prompt shows CONDA_DEFAULT_ENV by itself. */
export const xonsh: Shell = {
  names: ["xonsh"],
  scripts: ".sh",
  hook: "xonsh",
  form: "execx($(%))",
  word,
  set: (name, value) => `__xonsh__.env['${name}'] = ${value}`,
  unset: (name) => `__xonsh__.env.pop('${name}', None)`,
  path: (dirs) => `__xonsh__.env['PATH'] = [${dirs.join(", ")}]`,
  source,
  prompt: () => "",
  functions: () => "",
  verbatim: (code) => `__xonsh__.execer.exec(${code}, glbs=__xonsh__.ctx)`,
  status: (code) => `__xonsh__.env['LAST_RETURN_CODE'] = ${code}`,
};

function word(text: string): Word {
  const escaped = text.replace(/[^A-Za-z0-9 _./:=,+@%-]/gu, (c) => {
    const point = c.codePointAt(0)!;
    const [mark, width] = point < 0x100 ? ["x", 2] : point < 0x10000 ? ["u", 4] : ["U", 8];
    return `\\${mark}${point.toString(16).padStart(width as number, "0")}`;
  });
  return `'${escaped}'` as Word;
}

/** Not xonsh's own source-bash: that runs what stands in a file's name. */
function source(file: Word): string {
  return `
def __mambaenv_source(file):
    import shutil, subprocess
    env = __xonsh__.env
    before = env.detype()
    shell = shutil.which('bash') or '/bin/sh'
    words = [shell, '-c', ${word(BODY)}, 'sh', file]
    text = subprocess.run(words, env=before, stdout=subprocess.PIPE).stdout.decode('utf-8', 'surrogateescape')
    after = dict(entry.split('=', 1) for entry in text.split('\\x00') if '=' in entry)
    for name in set(before) | set(after):
        if name in (${OWN.map((name) => `'${name}'`).join(", ")}) or not after:
            continue
        if name not in after:
            env.pop(name, None)
        elif before.get(name) != after[name]:
            env[name] = after[name]
__mambaenv_source(${file})
del __mambaenv_source`.trim();
}
