// Where the program means to differ from conda: D1–D11, and for each the cases with what is expected instead.
import type { Outcome } from "./play.ts";

type Patch = Partial<Omit<Outcome, "set">> & { set?: { [name: string]: string | null } };

export interface Difference {
  conda: string;
  here: string;
  cases: { [name: string]: Patch };
}

const DEMO = "{{ROOT}}/conda/envs/demo";
const OUTER = ["CONDA_DEFAULT_ENV", "CONDA_PREFIX", "CONDA_PROMPT_MODIFIER"];

/** Unset, where conda leaves an empty string (`set` lists it) or the old value. */
function unset(...names: string[]): Patch {
  return { set: Object.fromEntries(names.map((name) => [name, null])), unset: names };
}

/** All that activating a prefix sets at the first level, and status 0. */
function activated(prefix: string, more: Patch = {}): Patch {
  const name = prefix === DEMO ? "demo" : prefix;
  const set = {
    CONDA_DEFAULT_ENV: name,
    CONDA_PREFIX: prefix,
    CONDA_PROMPT_MODIFIER: `(${name}) `,
    CONDA_SHLVL: "1",
    PATH: `${prefix}/bin:{{ROOT}}/conda/condabin:/usr/bin:/bin`,
    ...more.set,
  };
  return { ps1: `(${name}) `, status: 0, ...more, set };
}

/** These scripts of a prefix ran at the first level. */
function ran(
  prefix: string,
  scripts: string[],
  PATH = `${prefix}/bin:{{ROOT}}/conda/condabin:/usr/bin:/bin`,
): Patch {
  return {
    scripts: scripts.map((name) => {
      const script = `${prefix}/etc/conda/activate.d/${name}`;
      return { script, CONDA_PREFIX: prefix, CONDA_SHLVL: "1", PATH };
    }),
  };
}

/** Nothing changed, and the status says so. */
function refused(status: number, ps1?: string): Patch {
  return { ...unset(...OUTER, "CONDA_SHLVL", "PATH"), unset: [], scripts: [], ps1, status };
}

const BOTH = ["10-a.sh", "20-b.sh"];
const QUOTED = "{{ROOT}}/other/it's";
const PAIR = "{{ROOT}}/other/a'b'c";
const NEIL = `${DEMO}/bin:{{ROOT}}/conda/condabin:/usr/bin:/bin:/home/o'neil/bin`;

export const DIFFERENCES: { [number: string]: Difference } = {
  D1: {
    conda: 'a variable "unset" in a POSIX shell is set to empty',
    here: "really unset",
    cases: {
      deactivate_shlvl1_inherited: unset(...OUTER),
      deactivate_shlvl3: unset("CONDA_PREFIX_2"),
      zsh__deactivate_shlvl3: unset("CONDA_PREFIX_2"),
      dash__deactivate_shlvl3: unset("CONDA_PREFIX_2"),
      deactivate_twice_from_shlvl3: unset("CONDA_PREFIX_1"),
      deactivate_bin_not_in_path: unset(...OUTER),
      deactivate_bin_twice_in_path: unset(...OUTER),
      deactivate_user_prepended: unset("CONDA_PREFIX_1"),
      stack_then_deactivate: unset("CONDA_PREFIX_1", "CONDA_STACKED_2"),
      zsh__stack_then_deactivate: unset("CONDA_PREFIX_1", "CONDA_STACKED_2"),
      dash__stack_then_deactivate: unset("CONDA_PREFIX_1", "CONDA_STACKED_2"),
      stack_then_plain_then_deactivate: unset("CONDA_PREFIX_2"),
      stack_prompt_after_deactivate: unset("CONDA_PREFIX_2", "CONDA_STACKED_3"),
      scripts_ordering_deactivate: unset(...OUTER),
      scripts_path_prepend_then_deactivate: unset(...OUTER),
      scripts_deactivate_to_previous: unset("CONDA_PREFIX_1"),
      scripts_stack_then_deactivate: unset("CONDA_PREFIX_1", "CONDA_STACKED_2"),
      scripts_save_restore_pattern: unset(...OUTER),
      deactivate_set_u: unset("CONDA_PREFIX_1"),
      vars_d_non_string: { set: { N: null } },
      state_lowercase_name_deactivate: unset(...OUTER, "MY_LOWER"),
      state_lowercase_collision_deactivate: unset(...OUTER, "MY_LOWER"),
      deactivate_lowercase_saved: unset(...OUTER, "MY_LOWER"),
      vars_stale_save_wrong_restore: unset(...OUTER),
      vars_both_envs_deactivate: unset("CONDA_PREFIX_1"),
      vars_both_envs_deactivate_unset_conflict: unset("CONDA_PREFIX_1"),
      vars_state_edited_while_active: unset(...OUTER, "LATER", "X"),
      prompt_deactivate_changeps1_off_later: unset(...OUTER),
      nested_shell_deactivate: unset("CONDA_PREFIX_1"),
      source_bin_activate: { set: { _CE_CONDA: null, _CE_M: null } },
      source_bin_deactivate: unset(...OUTER),
      path_normalised_deactivate: unset(...OUTER),
      unset_is_empty_then_set_u: { ...unset(...OUTER), set: { ...unset(...OUTER).set, RESULT: null } },
    },
  },
  D2: {
    conda: "variables of the environment that is left stay, saved copies are never removed",
    here: "they are removed or restored, and the copy goes with it",
    cases: {
      vars_leak_to_next_env: unset("ONLY_DEMO", "X"),
      vars_stale_save_wrong_restore: unset("__CONDA_SHLVL_0_X"),
      vars_both_envs_deactivate: unset("__CONDA_SHLVL_1_X"),
      state_lowercase_collision_deactivate: unset("__CONDA_SHLVL_0_MY_LOWER"),
      deactivate_lowercase_saved: unset("__CONDA_SHLVL_0_MY_LOWER"),
    },
  },
  D3: {
    conda: "quotes, $, backslashes in values, names and paths break the code",
    here: "the literal value",
    cases: {
      activate_path_single_quote: { ...activated(QUOTED), ...ran(QUOTED, ["a.sh"]) },
      zsh__activate_path_single_quote: { ...activated(QUOTED), ...ran(QUOTED, ["a.sh"]) },
      dash__activate_path_single_quote: {
        ...activated(QUOTED, { ps1: `(${QUOTED}) # ` }),
        ...ran(QUOTED, ["a.sh"]),
      },
      tcsh__activate_path_single_quote: activated(QUOTED),
      activate_path_single_quotes_pair: { ...activated(PAIR), ...ran(PAIR, ["a.sh"]) },
      path_single_quote_entry: { ...activated(DEMO, { set: { PATH: NEIL } }), ...ran(DEMO, BOTH, NEIL) },
      scripts_name_with_quote_dollar: ran(DEMO, ["a'b.sh", "c d.sh", "e$HOME.sh"]),
      vars_d_non_string: { set: { D: "{'k': 'v'}", L: "[1, 'a']" } },
      value_single_quote: { set: { V: "it's" } },
      zsh__value_single_quote: activated(DEMO, { set: { V: "it's" } }),
      dash__value_single_quote: activated(DEMO, { set: { V: "it's" }, ps1: "(demo) # " }),
      value_single_quote_injection: { set: { INJECTED: null, V: "x'; export INJECTED=yes; : '" } },
      fish__value_dollar: { set: { V: "cost $5 $HOME ${HOME} $(echo x)" }, status: 0 },
      tcsh__value_dollar: activated(DEMO, { set: { V: "cost $5 $HOME ${HOME} $(echo x)" } }),
      fish__value_backslash: activated(DEMO, { set: { V: "C:\\dir\\n \\\\ end\\" }, ps1: undefined }),
    },
  },
  D4: {
    conda: "an odd file in env_vars.d or conda-meta/state: a traceback, nothing is activated",
    here: "a warning, the rest is activated",
    cases: {
      vars_d_invalid_json: activated(DEMO),
      vars_d_empty_file: activated(DEMO),
      state_empty_file: activated(DEMO),
      state_conda_prefix: activated(DEMO),
      state_conda_prefix_1: activated(DEMO, { set: { CONDA_SHLVL: "2", CONDA_PREFIX_1: "{{ROOT}}/conda" } }),
    },
  },
  D6: {
    conda: "CONDA_SHLVL that makes no sense: a traceback",
    here: "taken as 0",
    cases: {
      activate_shlvl_garbage: { ...activated(DEMO), ...ran(DEMO, BOTH) },
      negative_shlvl: { ...activated(DEMO), ...ran(DEMO, BOTH) },
    },
  },
  D7: {
    conda: "a failing or dangling script ends the shell, the other scripts, or gives its status",
    here: "a warning; the others run, the shell lives, the status is 0",
    cases: {
      scripts_set_e: { ...activated(DEMO), ...ran(DEMO, ["a.sh", "b.sh"]) },
      scripts_set_u_script_unbound: {
        ...activated(DEMO, { set: { X: "" } }),
        ...ran(DEMO, ["a.sh", "b.sh"]),
      },
      fish__scripts_fail_nonzero: { ...ran(DEMO, ["a.fish", "b.fish", "c.fish"]), status: 0 },
      dash__scripts_dangling_symlink: {
        ...activated(DEMO, { ps1: "(demo) # " }),
        ...ran(DEMO, ["a.sh", "z.sh"]),
      },
    },
  },
  D8: {
    conda: "fish returns 0 for an unknown environment",
    here: "not 0 exactly when nothing was activated",
    cases: { fish__activate_nonexistent_name: { status: 1 } },
  },
  D9: {
    conda: "`activate` without a name is base",
    here: "the project's environment: in these cases there is none",
    cases: {
      activate_no_argument: refused(2, ""),
      activate_no_argument_default_env_demo: refused(2, ""),
      activate_env_named_activate: refused(2, ""),
      zsh__activate_no_argument: refused(2, ""),
      dash__activate_no_argument: refused(2, "# "),
      fish__activate_no_argument: refused(2),
      tcsh__activate_no_argument: refused(2, ""),
    },
  },
  D11: {
    conda: "without the function that its hook defines it cannot activate",
    here: "no hook is needed: the code is for the reader",
    cases: {
      conda_run_like_subprocess: {
        ...activated(DEMO, {
          set: {
            CONDA_EXE: "{{ROOT}}/conda/bin/conda",
            CONDA_PYTHON_EXE: "{{ROOT}}/conda/bin/python",
            _CONDA_EXE: "{{ROOT}}/conda/bin/conda",
            _CONDA_ROOT: "{{ROOT}}/conda",
          },
        }),
        ...ran(DEMO, BOTH),
      },
    },
  },
};

/** What is expected of a case: what conda did, with what is meant to differ. */
export function settle(name: string, recorded: Outcome): Outcome {
  let expected = recorded;
  for (const { cases } of Object.values(DIFFERENCES)) {
    const patch = cases[name];
    if (patch === undefined) continue;
    const set = { ...expected.set };
    for (const [variable, value] of Object.entries(patch.set ?? {})) {
      if (value === null) delete set[variable];
      else set[variable] = value;
    }
    const gone = [...new Set([...expected.unset, ...patch.unset ?? []])].sort();
    expected = { ...expected, ...patch, set, unset: gone };
  }
  return expected;
}
