// The two programs that read modules: Lmod as Debian installs it, and Environment Modules, which Debian has instead of
// it, as files in `.cache`.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { once } from "./once.ts";
import { missing, tool } from "./oracle.ts";

/** A program that reads modules: how a shell comes to have `module`. */
export interface Reader {
  name: string;
  flag: "--lmod" | "--tcl";
  /** What its files are called behind the module's name. */
  ending: string;
  start: string;
}

/** Those that are there; without Debian's packages an error where CI is set. */
export async function readers(): Promise<Reader[]> {
  const init = "/usr/share/lmod/lmod/init/bash";
  if (!fs.existsSync(init)) missing("lmod");
  const tcl = tool("tclsh") && await modules();
  return [
    ...fs.existsSync(init)
      ? [{ name: "Lmod", flag: "--lmod" as const, ending: ".lua", start: `. ${init}` }]
      : [],
    ...tcl
      ? [{
        name: "Environment Modules",
        flag: "--tcl" as const,
        ending: "",
        start: `module() { eval "$(tclsh '${tcl}' bash "$@")"; }`,
      }]
      : [],
  ];
}

/** The path of \`modulecmd.tcl\`, \`""\` where the package is not to be had. */
async function modules(): Promise<string> {
  try {
    const dir = await once("modules", "environment-modules", (dir) => {
      const shell = (code: string) => spawnSync("/bin/sh", ["-ec", code], { cwd: dir, encoding: "utf8" });
      const get = "apt-get -qq -o APT::Sandbox::User=root download environment-modules && dpkg -x ./*.deb .";
      const { status, stderr } = shell(`${get} || { apt-get -qq update && ${get}; }`);
      if (status !== 0) throw new Error(stderr.trim());
    });
    const lib = fs.readdirSync(`${dir}/usr/lib`).find((name) =>
      fs.existsSync(`${dir}/usr/lib/${name}/modulecmd.tcl`)
    );
    return `${dir}/usr/lib/${lib}/modulecmd.tcl`;
  } catch (error) {
    return missing(`Environment Modules (${error instanceof Error ? error.message : error})`);
  }
}
