"""Every setting of ansible-core's ``ansible.cfg`` that people write, and what it does here.

``docs/ansible-settings.md`` is made from this table (``python -m stella_ops.ansible_settings.table``). A setting that
is not here has no meaning here; when it is written, one note says so.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["text", "flag", "count", "number", "list", "path", "paths", "pathlist"]


class Setting(NamedTuple):
    """One setting.

    Attributes:
        name: ansible-core's name for it.
        ini: where it stands in ``ansible.cfg``, as ``section.key``; the first that is written counts.
        env: variables of the environment; likewise.
        kind: how its text is read: ``paths`` has colons between folders, ``list`` and ``pathlist`` commas.
        does: what it does here; where ``used`` is false, why it has no meaning.
        choices: the words that it may be.
    """

    name: str
    ini: tuple[str, ...]
    env: tuple[str, ...]
    kind: Kind
    does: str
    used: bool = True
    choices: tuple[str, ...] = ()


def _used(name: str, ini: str, env: str, kind: Kind, does: str, choices: str = "") -> Setting:
    return Setting(name, tuple(ini.split()), tuple(env.split()), kind, does, True, tuple(choices.split()))


def _unused(name: str, ini: str, env: str, why: str) -> Setting:
    return Setting(name, tuple(ini.split()), tuple(env.split()), "text", why, False)


SETTINGS: tuple[Setting, ...] = (
    # inventory
    _used("DEFAULT_HOST_LIST", "defaults.inventory", "ANSIBLE_INVENTORY", "pathlist", "inventory sources, as -i"),
    _used(
        "INVENTORY_IGNORE_EXTS",
        "defaults.inventory_ignore_extensions inventory.ignore_extensions",
        "ANSIBLE_INVENTORY_IGNORE",
        "list",
        "endings of file names that are no sources in an inventory folder, in place of the built-in ones",
    ),
    _used(
        "INVENTORY_IGNORE_PATTERNS",
        "defaults.inventory_ignore_patterns inventory.ignore_patterns",
        "ANSIBLE_INVENTORY_IGNORE_REGEX",
        "list",
        "regular expressions for names that are no sources in an inventory folder",
    ),
    _used(
        "HOST_PATTERN_MISMATCH",
        "inventory.host_pattern_mismatch",
        "ANSIBLE_HOST_PATTERN_MISMATCH",
        "text",
        "a pattern that matches nothing: error (the default here), warning or ignore",
        "error warning ignore",
    ),
    _used("INVENTORY_EXPORT", "inventory.export", "ANSIBLE_INVENTORY_EXPORT", "flag", "as inventory --export"),
    # connection
    _used("DEFAULT_REMOTE_USER", "defaults.remote_user", "ANSIBLE_REMOTE_USER", "text", "as -u"),
    _used("DEFAULT_REMOTE_PORT", "defaults.remote_port", "ANSIBLE_REMOTE_PORT", "count", "port where none is written"),
    _used("DEFAULT_TIMEOUT", "defaults.timeout", "ANSIBLE_TIMEOUT ANSIBLE_SSH_TIMEOUT", "number", "as --timeout"),
    _used("DEFAULT_TRANSPORT", "defaults.transport", "ANSIBLE_TRANSPORT", "text", "as -c; smart means ssh"),
    _used(
        "DEFAULT_PRIVATE_KEY_FILE", "defaults.private_key_file", "ANSIBLE_PRIVATE_KEY_FILE", "path", "as --private-key"
    ),
    _used("DEFAULT_ASK_PASS", "defaults.ask_pass", "ANSIBLE_ASK_PASS", "flag", "as -k"),
    _used(
        "CONNECTION_PASSWORD_FILE",
        "defaults.connection_password_file",
        "ANSIBLE_CONNECTION_PASSWORD_FILE",
        "path",
        "as --connection-password-file",
    ),
    _used(
        "HOST_KEY_CHECKING",
        "defaults.host_key_checking ssh_connection.host_key_checking",
        "ANSIBLE_HOST_KEY_CHECKING ANSIBLE_SSH_HOST_KEY_CHECKING",
        "flag",
        "False accepts and records keys of hosts that are not known yet; a key that changed is always refused",
    ),
    _used("SSH_ARGS", "ssh_connection.ssh_args", "ANSIBLE_SSH_ARGS", "text", "OpenSSH options that concern the way"),
    _used(
        "SSH_COMMON_ARGS",
        "ssh_connection.ssh_common_args",
        "ANSIBLE_SSH_COMMON_ARGS",
        "text",
        "as --ssh-common-args",
    ),
    _used("SSH_EXTRA_ARGS", "ssh_connection.ssh_extra_args", "ANSIBLE_SSH_EXTRA_ARGS", "text", "as --ssh-extra-args"),
    _used(
        "INTERPRETER_PYTHON",
        "defaults.interpreter_python",
        "ANSIBLE_PYTHON_INTERPRETER",
        "text",
        "Python on hosts that set none; auto, auto_silent and the like mean the first that works",
    ),
    # becoming another user
    _used("DEFAULT_BECOME", "privilege_escalation.become", "ANSIBLE_BECOME", "flag", "as -b"),
    _used(
        "DEFAULT_BECOME_METHOD",
        "privilege_escalation.become_method",
        "ANSIBLE_BECOME_METHOD",
        "text",
        "as --become-method",
    ),
    _used("DEFAULT_BECOME_USER", "privilege_escalation.become_user", "ANSIBLE_BECOME_USER", "text", "as --become-user"),
    _used(
        "DEFAULT_BECOME_ASK_PASS", "privilege_escalation.become_ask_pass", "ANSIBLE_BECOME_ASK_PASS", "flag", "as -K"
    ),
    _used(
        "BECOME_PASSWORD_FILE",
        "defaults.become_password_file",
        "ANSIBLE_BECOME_PASSWORD_FILE",
        "path",
        "as --become-password-file",
    ),
    _used(
        "DEFAULT_BECOME_EXE",
        "privilege_escalation.become_exe",
        "ANSIBLE_BECOME_EXE",
        "text",
        "become_exe of plays and hosts that do not say",
    ),
    _used(
        "DEFAULT_BECOME_FLAGS",
        "privilege_escalation.become_flags",
        "ANSIBLE_BECOME_FLAGS",
        "text",
        "become_flags of plays and hosts that do not say",
    ),
    _used("BECOME_PASS", "", "ANSIBLE_BECOME_PASS", "text", "the password, where no variable has one"),
    _used(
        "BECOME_ALLOW_SAME_USER",
        "privilege_escalation.become_allow_same_user",
        "ANSIBLE_BECOME_ALLOW_SAME_USER",
        "flag",
        "True: who is logged in as the user already becomes it all the same",
    ),
    # how plays run
    _used("DEFAULT_FORKS", "defaults.forks", "ANSIBLE_FORKS", "count", "as -f; 50 by default"),
    _used("DEFAULT_STRATEGY", "defaults.strategy", "ANSIBLE_STRATEGY", "text", "strategy of plays that name none"),
    _used(
        "DEFAULT_GATHERING",
        "defaults.gathering",
        "ANSIBLE_GATHERING",
        "text",
        "when facts are gathered",
        "implicit explicit smart",
    ),
    _used(
        "INJECT_FACTS_AS_VARS",
        "defaults.inject_facts_as_vars",
        "ANSIBLE_INJECT_FACT_VARS",
        "flag",
        "False: facts are in ansible_facts alone, but for ansible_local",
    ),
    _used(
        "CACHE_PLUGIN",
        "defaults.fact_caching",
        "ANSIBLE_CACHE_PLUGIN",
        "text",
        "where facts are kept: memory (for the run), jsonfile or store; see [facts.md](facts.md)",
    ),
    _used(
        "CACHE_PLUGIN_CONNECTION",
        "defaults.fact_caching_connection",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION",
        "path",
        "the folder of fact_caching = jsonfile",
    ),
    _used(
        "CACHE_PLUGIN_PREFIX",
        "defaults.fact_caching_prefix",
        "ANSIBLE_CACHE_PLUGIN_PREFIX",
        "text",
        "what the names of files in that folder begin with",
    ),
    _used(
        "CACHE_PLUGIN_TIMEOUT",
        "defaults.fact_caching_timeout",
        "ANSIBLE_CACHE_PLUGIN_TIMEOUT",
        "count",
        "seconds after which kept facts are too old; 86400 by default, 0 for never",
    ),
    _used(
        "DEFAULT_HASH_BEHAVIOUR",
        "defaults.hash_behaviour",
        "ANSIBLE_HASH_BEHAVIOUR",
        "text",
        "merge: mappings add to weaker ones of their name",
        "replace merge",
    ),
    _used(
        "ALLOW_BROKEN_CONDITIONALS",
        "defaults.allow_broken_conditionals",
        "ANSIBLE_ALLOW_BROKEN_CONDITIONALS",
        "flag",
        "whether a condition that is neither true nor false counts by its truth, in place of being an error",
    ),
    _used(
        "ERROR_ON_MISSING_HANDLER",
        "defaults.error_on_missing_handler",
        "ANSIBLE_ERROR_ON_MISSING_HANDLER",
        "flag",
        "whether a notification that no handler hears is an error, or a warning",
    ),
    _used("DEFAULT_FORCE_HANDLERS", "defaults.force_handlers", "ANSIBLE_FORCE_HANDLERS", "flag", "as --force-handlers"),
    _used(
        "ANY_ERRORS_FATAL",
        "defaults.any_errors_fatal",
        "ANSIBLE_ANY_ERRORS_FATAL",
        "flag",
        "any_errors_fatal of plays and tasks that do not say",
    ),
    _used("TASK_TIMEOUT", "defaults.task_timeout", "ANSIBLE_TASK_TIMEOUT", "count", "as --task-timeout"),
    _used("DEFAULT_POLL_INTERVAL", "defaults.poll_interval", "ANSIBLE_POLL_INTERVAL", "count", "as run -P"),
    _used("TAGS_RUN", "tags.run", "ANSIBLE_RUN_TAGS", "list", "as --tags"),
    _used("TAGS_SKIP", "tags.skip", "ANSIBLE_SKIP_TAGS", "list", "as --skip-tags"),
    _used("DIFF_ALWAYS", "diff.always", "ANSIBLE_DIFF_ALWAYS", "flag", "as --diff"),
    _used("DEFAULT_MODULE_NAME", "defaults.module_name", "", "text", "as run -m"),
    _used("DEFAULT_MODULE_ARGS", "defaults.module_args", "ANSIBLE_MODULE_ARGS", "text", "as run -a"),
    # where things are
    _used("DEFAULT_ROLES_PATH", "defaults.roles_path", "ANSIBLE_ROLES_PATH", "paths", "folders of roles"),
    _used(
        "COLLECTIONS_PATHS",
        "defaults.collections_path defaults.collections_paths",
        "ANSIBLE_COLLECTIONS_PATH ANSIBLE_COLLECTIONS_PATHS",
        "paths",
        "folders that hold an ansible_collections, besides those beside playbooks",
    ),
    _used(
        "COLLECTIONS_SCAN_SYS_PATH",
        "defaults.collections_scan_sys_path",
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH",
        "flag",
        "whether collections are also looked for where Python imports from; true where it is not written",
    ),
    _used(
        "COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH",
        "defaults.collections_on_ansible_version_mismatch",
        "ANSIBLE_COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH",
        "text",
        "a collection whose requires_ansible asks for another version: error, warning (the default) or ignore",
        "error warning ignore",
    ),
    _used("DEFAULT_MODULE_PATH", "defaults.library", "ANSIBLE_LIBRARY", "paths", "as --module-path"),
    _used("PLAYBOOK_DIR", "defaults.playbook_dir", "ANSIBLE_PLAYBOOK_DIR", "path", "as run --playbook-dir"),
    _used(
        "RETRY_FILES_ENABLED",
        "defaults.retry_files_enabled",
        "ANSIBLE_RETRY_FILES_ENABLED",
        "flag",
        "writes PLAYBOOK.retry with the hosts that failed, for --limit @FILE",
    ),
    _used(
        "RETRY_FILES_SAVE_PATH",
        "defaults.retry_files_save_path",
        "ANSIBLE_RETRY_FILES_SAVE_PATH",
        "path",
        "the folder of retry files",
    ),
    # what is shown
    _used(
        "DEPRECATION_WARNINGS",
        "defaults.deprecation_warnings",
        "ANSIBLE_DEPRECATION_WARNINGS",
        "flag",
        "warnings of what collections will take away; true where it is not written",
    ),
    _used("DEFAULT_VERBOSITY", "defaults.verbosity", "ANSIBLE_VERBOSITY", "count", "as so many -v"),
    _used("ANSIBLE_FORCE_COLOR", "defaults.force_color", "ANSIBLE_FORCE_COLOR", "flag", "colours off terminals too"),
    _used("ANSIBLE_NOCOLOR", "defaults.nocolor", "ANSIBLE_NOCOLOR", "flag", "no colours"),
    _used(
        "DEFAULT_STDOUT_CALLBACK",
        "defaults.stdout_callback",
        "ANSIBLE_STDOUT_CALLBACK",
        "text",
        "default; minimal and oneline print a play as run does; json, ansible.posix.json and "
        "ansible.posix.jsonl mean --output json; others are as default",
    ),
    _used("DEFAULT_NO_LOG", "defaults.no_log", "ANSIBLE_NO_LOG", "flag", "no_log of plays and tasks that do not say"),
    _used(
        "DISPLAY_SKIPPED_HOSTS",
        "defaults.display_skipped_hosts",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS",
        "flag",
        "False leaves out what was skipped",
    ),
    _used(
        "DISPLAY_OK_HOSTS",
        "defaults.display_ok_hosts",
        "ANSIBLE_DISPLAY_OK_HOSTS",
        "flag",
        "False leaves out what was well and unchanged",
    ),
    _used(
        "DISPLAY_FAILED_STDERR",
        "defaults.display_failed_stderr",
        "ANSIBLE_DISPLAY_FAILED_STDERR",
        "flag",
        "failures go to standard error",
    ),
    _used(
        "CHECK_MODE_MARKERS",
        "defaults.check_mode_markers",
        "ANSIBLE_CHECK_MODE_MARKERS",
        "flag",
        "headlines say [CHECK MODE] under --check",
    ),
    _used(
        "SHOW_PER_HOST_START",
        "defaults.show_per_host_start",
        "ANSIBLE_SHOW_PER_HOST_START",
        "flag",
        "a line for every host that begins a task",
    ),
    _used(
        "LOG_PATH",
        "defaults.log_path",
        "ANSIBLE_LOG_PATH",
        "path",
        "what runs print is appended to this file, with the time; it is made with mode 0600",
    ),
    _used(
        "CALLBACK_RESULT_FORMAT",
        "defaults.callback_result_format",
        "ANSIBLE_CALLBACK_RESULT_FORMAT",
        "text",
        "yaml: results stand as YAML below their line",
        "json yaml",
    ),
    # others that people write
    _unused(
        "ANSIBLE_PIPELINING",
        "defaults.pipelining connection.pipelining ssh_connection.pipelining",
        "ANSIBLE_PIPELINING ANSIBLE_SSH_PIPELINING",
        "every task is pipelined over one connection",
    ),
    _unused("SSH_CONTROL_PATH", "ssh_connection.control_path", "ANSIBLE_SSH_CONTROL_PATH", "no ssh program is run"),
    _unused(
        "SSH_CONTROL_PATH_DIR",
        "ssh_connection.control_path_dir",
        "ANSIBLE_SSH_CONTROL_PATH_DIR",
        "no ssh program is run",
    ),
    _unused(
        "SSH_RETRIES", "ssh_connection.retries connection.retries", "ANSIBLE_SSH_RETRIES", "a connection is tried once"
    ),
    _unused("SSH_EXECUTABLE", "ssh_connection.ssh_executable", "ANSIBLE_SSH_EXECUTABLE", "no ssh program is run"),
    _unused(
        "SFTP_EXTRA_ARGS",
        "ssh_connection.sftp_extra_args",
        "ANSIBLE_SFTP_EXTRA_ARGS",
        "files travel over the one connection",
    ),
    _unused(
        "SCP_EXTRA_ARGS",
        "ssh_connection.scp_extra_args",
        "ANSIBLE_SCP_EXTRA_ARGS",
        "files travel over the one connection",
    ),
    _unused(
        "SCP_IF_SSH",
        "ssh_connection.scp_if_ssh ssh_connection.transfer_method",
        "ANSIBLE_SCP_IF_SSH ANSIBLE_SSH_TRANSFER_METHOD",
        "files travel over the one connection",
    ),
    _unused("SSH_USETTY", "ssh_connection.usetty", "ANSIBLE_SSH_USETTY", "no terminal is asked for"),
    _unused(
        "AGNOSTIC_BECOME_PROMPT",
        "privilege_escalation.agnostic_become_prompt",
        "ANSIBLE_AGNOSTIC_BECOME_PROMPT",
        "the prompt is always the same",
    ),
    _unused(
        "CALLBACKS_ENABLED",
        "defaults.callbacks_enabled defaults.callback_whitelist",
        "ANSIBLE_CALLBACKS_ENABLED ANSIBLE_CALLBACK_WHITELIST",
        "callback plug-ins are not loaded: see --output and --report",
    ),
    _unused(
        "VARIABLE_PLUGINS_ENABLED",
        "defaults.vars_plugins_enabled",
        "ANSIBLE_VARS_ENABLED",
        "vars plug-ins are not loaded: use group_vars, host_vars or vars_files",
    ),
    _unused(
        "CALLBACK_PLUGINS",
        "defaults.callback_plugins",
        "ANSIBLE_CALLBACK_PLUGINS",
        "callback plug-ins are not loaded: see --output and --report",
    ),
    _unused(
        "ACTION_PLUGINS",
        "defaults.action_plugins",
        "ANSIBLE_ACTION_PLUGINS",
        "action plug-ins are not loaded: write a module",
    ),
    _unused(
        "CONNECTION_PLUGINS",
        "defaults.connection_plugins",
        "ANSIBLE_CONNECTION_PLUGINS",
        "connection plug-ins are not loaded",
    ),
    _unused("BECOME_PLUGINS", "defaults.become_plugins", "ANSIBLE_BECOME_PLUGINS", "become plug-ins are not loaded"),
    _unused(
        "STRATEGY_PLUGINS",
        "defaults.strategy_plugins",
        "ANSIBLE_STRATEGY_PLUGINS",
        "strategy plug-ins are not loaded: see docs for the strategies there are",
    ),
    _unused(
        "INVENTORY_PLUGINS",
        "defaults.inventory_plugins",
        "ANSIBLE_INVENTORY_PLUGINS",
        "inventory plug-ins are not loaded: write a program that prints JSON",
    ),
    _unused("VARS_PLUGINS", "defaults.vars_plugins", "ANSIBLE_VARS_PLUGINS", "vars plug-ins are not loaded"),
    _unused("CACHE_PLUGINS", "defaults.cache_plugins", "ANSIBLE_CACHE_PLUGINS", "cache plug-ins are not loaded"),
    _unused(
        "INVENTORY_ENABLED",
        "inventory.enable_plugins",
        "ANSIBLE_INVENTORY_ENABLED",
        "a source is known by what is in it; constructed, host_list and advanced_host_list are always on",
    ),
    _unused(
        "UNDEFINED_VAR_BEHAVIOR",
        "defaults.error_on_undefined_vars",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        "an undefined variable is always an error",
    ),
    _unused(
        "DUPLICATE_YAML_DICT_KEY",
        "defaults.duplicate_dict_key",
        "ANSIBLE_DUPLICATE_YAML_DICT_KEY",
        "a key that stands twice is always an error",
    ),
    _unused(
        "INVENTORY_UNPARSED_IS_FAILED",
        "inventory.unparsed_is_failed",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED",
        "a source that cannot be read is always an error",
    ),
    _unused(
        "INVENTORY_ANY_UNPARSED_IS_FAILED",
        "inventory.any_unparsed_is_failed",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED",
        "a source that cannot be read is always an error",
    ),
    _unused(
        "INVENTORY_UNPARSED_WARNING",
        "inventory.inventory_unparsed_warning",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING",
        "a source that cannot be read is always an error",
    ),
    _unused(
        "PRIVATE_ROLE_VARS",
        "defaults.private_role_vars",
        "ANSIBLE_PRIVATE_ROLE_VARS",
        "write public: false on the role",
    ),
    _unused("JINJA2_NATIVE", "defaults.jinja2_native", "ANSIBLE_JINJA2_NATIVE", "templates always keep types"),
    _unused(
        "JINJA2_EXTENSIONS",
        "defaults.jinja2_extensions",
        "ANSIBLE_JINJA2_EXTENSIONS",
        "extensions of Jinja2 are not loaded",
    ),
    _unused(
        "KEEP_REMOTE_FILES",
        "defaults.keep_remote_files",
        "ANSIBLE_KEEP_REMOTE_FILES",
        "modules are never files on a host",
    ),
    _unused(
        "REMOTE_TMP",
        "defaults.remote_tmp",
        "ANSIBLE_REMOTE_TMP ANSIBLE_REMOTE_TEMP",
        "modules are never files on a host",
    ),
    _unused("LOCAL_TMP", "defaults.local_tmp", "ANSIBLE_LOCAL_TEMP", "nothing is written there"),
)

# Said by nobody: what they switch off is not here, or they are another program's.
QUIET_SECTIONS = frozenset({"galaxy", "colors", "selinux", "persistent_connection", "paramiko_connection"})
QUIET = frozenset(
    {
        *("ANSIBLE_CONFIG", "ANSIBLE_HOME", "ANSIBLE_NOCOWS"),
        *("ANSIBLE_LOCALHOST_WARNING", "ANSIBLE_SYSTEM_WARNINGS", "ANSIBLE_DEVEL_WARNING", "ANSIBLE_COMMAND_WARNINGS"),
        *("ANSIBLE_ACTION_WARNINGS",),
        *("defaults.home", "defaults.nocows", "defaults.localhost_warning"),
        *("defaults.system_warnings", "defaults.devel_warning", "defaults.command_warnings"),
        *("defaults.action_warnings", "defaults.interpreter_python_fallback"),
        # the vault's own, and folders of plug-ins, are read where they are used
        *("defaults.vault_password_file", "defaults.vault_identity", "defaults.vault_identity_list"),
        *("defaults.ask_vault_pass", "defaults.vault_encrypt_identity", "defaults.vault_id_match"),
        *("defaults.filter_plugins", "defaults.test_plugins", "defaults.lookup_plugins", "defaults.module_utils"),
        *("ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY", "ANSIBLE_VAULT_IDENTITY_LIST"),
        *("ANSIBLE_ASK_VAULT_PASS", "ANSIBLE_VAULT_ENCRYPT_IDENTITY", "ANSIBLE_VAULT_ID_MATCH"),
        *("ANSIBLE_FILTER_PLUGINS", "ANSIBLE_TEST_PLUGINS", "ANSIBLE_LOOKUP_PLUGINS", "ANSIBLE_MODULE_UTILS"),
    }
)


def document() -> str:
    """The page of the documentation: what each setting does."""

    from stella_ops.ansible_settings import become

    def row(setting: Setting) -> str:
        places = ", ".join(f"`{place}`" for place in (*setting.ini, *setting.env))
        choices = f" ({', '.join(setting.choices)})" if setting.choices else ""
        return f"| {places} | {setting.does}{choices} |"

    lines = [
        "# ansible.cfg and ANSIBLE_* variables",
        "",
        "`ansible.cfg` is read where ansible-core looks for it: the file or folder that `ANSIBLE_CONFIG` names, the",
        "current folder (unless everybody may write to it), `~/.ansible.cfg`, `/etc/ansible/ansible.cfg`; the first",
        "that is there counts, alone. Of what is given in several places the strongest counts: command line,",
        "environment, `stella.toml`, `ansible.cfg`, default. A setting of the second table, or one that is in neither,",
        "is passed over, and one note on standard error says so (not with `--output json`).",
        "",
        "`stella-ops config dump --only-changed` shows what is set and where, `config list` and `config init` all that",
        "can be, `config view` the file that counts: in the forms of `ansible-config`.",
        "",
        "## What has a meaning",
        "",
        "| written | does |",
        "| --- | --- |",
        *(row(setting) for setting in SETTINGS if setting.used),
        *become.document(),
        "",
        "## What has none",
        "",
        "| written | because |",
        "| --- | --- |",
        *(row(setting) for setting in SETTINGS if not setting.used),
        "",
        "The sections " + ", ".join(f"`[{name}]`" for name in sorted(QUIET_SECTIONS)) + " are other programs' or",
        "without effect, and are passed over in silence.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(document(), end="")
