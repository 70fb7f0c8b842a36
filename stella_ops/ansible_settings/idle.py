"""Settings that have no meaning here, and those of which nothing is said."""

from __future__ import annotations

from stella_ops.ansible_settings.setting import Setting, unused

SETTINGS: tuple[Setting, ...] = (
    # others that people write
    unused(
        "ANSIBLE_PIPELINING",
        "defaults.pipelining connection.pipelining ssh_connection.pipelining",
        "ANSIBLE_PIPELINING ANSIBLE_SSH_PIPELINING",
        "every task is pipelined over one connection",
    ),
    unused("SSH_CONTROL_PATH", "ssh_connection.control_path", "ANSIBLE_SSH_CONTROL_PATH", "no ssh program is run"),
    unused(
        "SSH_CONTROL_PATH_DIR",
        "ssh_connection.control_path_dir",
        "ANSIBLE_SSH_CONTROL_PATH_DIR",
        "no ssh program is run",
    ),
    unused(
        "SSH_RETRIES", "ssh_connection.retries connection.retries", "ANSIBLE_SSH_RETRIES", "a connection is tried once"
    ),
    unused("SSH_EXECUTABLE", "ssh_connection.ssh_executable", "ANSIBLE_SSH_EXECUTABLE", "no ssh program is run"),
    unused(
        "SFTP_EXTRA_ARGS",
        "ssh_connection.sftp_extra_args",
        "ANSIBLE_SFTP_EXTRA_ARGS",
        "files travel over the one connection",
    ),
    unused(
        "SCP_EXTRA_ARGS",
        "ssh_connection.scp_extra_args",
        "ANSIBLE_SCP_EXTRA_ARGS",
        "files travel over the one connection",
    ),
    unused(
        "SCP_IF_SSH",
        "ssh_connection.scp_if_ssh ssh_connection.transfer_method",
        "ANSIBLE_SCP_IF_SSH ANSIBLE_SSH_TRANSFER_METHOD",
        "files travel over the one connection",
    ),
    unused("SSH_USETTY", "ssh_connection.usetty", "ANSIBLE_SSH_USETTY", "no terminal is asked for"),
    unused(
        "AGNOSTIC_BECOME_PROMPT",
        "privilege_escalation.agnostic_become_prompt",
        "ANSIBLE_AGNOSTIC_BECOME_PROMPT",
        "the prompt is always the same",
    ),
    unused(
        "CALLBACKS_ENABLED",
        "defaults.callbacks_enabled defaults.callback_whitelist",
        "ANSIBLE_CALLBACKS_ENABLED ANSIBLE_CALLBACK_WHITELIST",
        "callback plug-ins are not loaded: see --output and --report",
    ),
    unused(
        "VARIABLE_PLUGINS_ENABLED",
        "defaults.vars_plugins_enabled",
        "ANSIBLE_VARS_ENABLED",
        "vars plug-ins are not loaded: use group_vars, host_vars or vars_files",
    ),
    unused(
        "CALLBACK_PLUGINS",
        "defaults.callback_plugins",
        "ANSIBLE_CALLBACK_PLUGINS",
        "callback plug-ins are not loaded: see --output and --report",
    ),
    unused(
        "ACTION_PLUGINS",
        "defaults.action_plugins",
        "ANSIBLE_ACTION_PLUGINS",
        "action plug-ins are not loaded: write a module",
    ),
    unused(
        "CONNECTION_PLUGINS",
        "defaults.connection_plugins",
        "ANSIBLE_CONNECTION_PLUGINS",
        "connection plug-ins are not loaded",
    ),
    unused("BECOME_PLUGINS", "defaults.become_plugins", "ANSIBLE_BECOME_PLUGINS", "become plug-ins are not loaded"),
    unused(
        "STRATEGY_PLUGINS",
        "defaults.strategy_plugins",
        "ANSIBLE_STRATEGY_PLUGINS",
        "strategy plug-ins are not loaded: see docs for the strategies there are",
    ),
    unused(
        "INVENTORY_PLUGINS",
        "defaults.inventory_plugins",
        "ANSIBLE_INVENTORY_PLUGINS",
        "inventory plug-ins are not loaded: write a program that prints JSON",
    ),
    unused("VARS_PLUGINS", "defaults.vars_plugins", "ANSIBLE_VARS_PLUGINS", "vars plug-ins are not loaded"),
    unused("CACHE_PLUGINS", "defaults.cache_plugins", "ANSIBLE_CACHE_PLUGINS", "cache plug-ins are not loaded"),
    unused(
        "INVENTORY_ENABLED",
        "inventory.enable_plugins",
        "ANSIBLE_INVENTORY_ENABLED",
        "a source is known by what is in it; constructed, host_list and advanced_host_list are always on",
    ),
    unused(
        "UNDEFINED_VAR_BEHAVIOR",
        "defaults.error_on_undefined_vars",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        "an undefined variable is always an error",
    ),
    unused(
        "PRIVATE_ROLE_VARS",
        "defaults.private_role_vars",
        "ANSIBLE_PRIVATE_ROLE_VARS",
        "write public: false on the role",
    ),
    unused("JINJA2_NATIVE", "defaults.jinja2_native", "ANSIBLE_JINJA2_NATIVE", "templates always keep types"),
    unused(
        "JINJA2_EXTENSIONS",
        "defaults.jinja2_extensions",
        "ANSIBLE_JINJA2_EXTENSIONS",
        "extensions of Jinja2 are not loaded",
    ),
    unused(
        "KEEP_REMOTE_FILES",
        "defaults.keep_remote_files",
        "ANSIBLE_KEEP_REMOTE_FILES",
        "modules are never files on a host",
    ),
    unused(
        "REMOTE_TMP",
        "defaults.remote_tmp",
        "ANSIBLE_REMOTE_TMP ANSIBLE_REMOTE_TEMP",
        "modules are never files on a host",
    ),
    unused("LOCAL_TMP", "defaults.local_tmp", "ANSIBLE_LOCAL_TEMP", "nothing is written there"),
)

# Said by nobody: what they switch off is not here, or they are another program's.
QUIET_SECTIONS = frozenset({"galaxy", "colors", "selinux", "persistent_connection", "paramiko_connection"})
QUIET = frozenset(
    {
        *("ANSIBLE_CONFIG", "ANSIBLE_HOME", "ANSIBLE_NOCOWS"),
        *("ANSIBLE_SYSTEM_WARNINGS", "ANSIBLE_DEVEL_WARNING", "ANSIBLE_COMMAND_WARNINGS"),
        *("ANSIBLE_ACTION_WARNINGS",),
        *("defaults.home", "defaults.nocows"),
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
