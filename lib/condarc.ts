// What conda's own configuration files say of what concerns us.

/** The keys of `.condarc` that the program honours, merged by conda's search order. */
export interface Condarc {
  changeps1?: boolean;
  env_prompt?: string;
  envs_dirs: string[];
  pkgs_dirs: string[];
  channels: string[];
  channel_alias?: string;
  custom_channels: { [name: string]: string };
  mirrored_channels: { [name: string]: string[] };
  ssl_verify?: boolean | string;
  proxy_servers: { [scheme: string]: string };
  auto_stack?: number;
}
