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
        "DEFAULT_CALLBACK_PLUGIN_PATH",
        "defaults.callback_plugins",
        "ANSIBLE_CALLBACK_PLUGINS",
        "callback plug-ins are not loaded: see --output and --report",
    ),
    unused(
        "DEFAULT_ACTION_PLUGIN_PATH",
        "defaults.action_plugins",
        "ANSIBLE_ACTION_PLUGINS",
        "action plug-ins are not loaded: write a module",
    ),
    unused(
        "DEFAULT_CONNECTION_PLUGIN_PATH",
        "defaults.connection_plugins",
        "ANSIBLE_CONNECTION_PLUGINS",
        "connection plug-ins are not loaded",
    ),
    unused("BECOME_PLUGIN_PATH", "defaults.become_plugins", "ANSIBLE_BECOME_PLUGINS", "become plug-ins are not loaded"),
    unused(
        "DEFAULT_STRATEGY_PLUGIN_PATH",
        "defaults.strategy_plugins",
        "ANSIBLE_STRATEGY_PLUGINS",
        "strategy plug-ins are not loaded: see docs for the strategies there are",
    ),
    unused(
        "DEFAULT_CACHE_PLUGIN_PATH", "defaults.cache_plugins", "ANSIBLE_CACHE_PLUGINS", "cache plug-ins are not loaded"
    ),
    unused(
        "DEFAULT_UNDEFINED_VAR_BEHAVIOR",
        "defaults.error_on_undefined_vars",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        "an undefined variable is always an error",
    ),
    unused("DEFAULT_JINJA2_NATIVE", "defaults.jinja2_native", "ANSIBLE_JINJA2_NATIVE", "templates always keep types"),
    unused(
        "DEFAULT_KEEP_REMOTE_FILES",
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
    unused("MAX_FILE_SIZE_FOR_DIFF", "defaults.max_diff_size", "ANSIBLE_MAX_DIFF_SIZE", "the sizes are fixed"),
    unused("DISPLAY_TRACEBACK", "defaults.display_traceback", "ANSIBLE_DISPLAY_TRACEBACK", "-vvv shows tracebacks"),
    unused(
        "INVALID_TASK_ATTRIBUTE_FAILED",
        "defaults.invalid_task_attribute_failed",
        "ANSIBLE_INVALID_TASK_ATTRIBUTE_FAILED",
        "a keyword that is not known is always an error",
    ),
    unused(
        "ENABLE_TASK_DEBUGGER",
        "defaults.enable_task_debugger",
        "ANSIBLE_ENABLE_TASK_DEBUGGER",
        "there is no debugger: see --step, and --resume",
    ),
    unused(
        "TASK_DEBUGGER_IGNORE_ERRORS",
        "defaults.task_debugger_ignore_errors",
        "ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS",
        "there is no debugger",
    ),
    unused(
        "ALLOW_EMBEDDED_TEMPLATES",
        "defaults.allow_embedded_templates",
        "ANSIBLE_ALLOW_EMBEDDED_TEMPLATES",
        "templates within conditions work, and are warned of",
    ),
    unused(
        "DEFAULT_LOAD_CALLBACK_PLUGINS",
        "defaults.bin_ansible_callbacks",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS",
        "run has the callbacks that play has",
    ),
    unused(
        "RUN_VARS_PLUGINS", "defaults.run_vars_plugins", "ANSIBLE_RUN_VARS_PLUGINS", "they run where a value counts"
    ),
    unused("ANSIBLE_COW_SELECTION", "defaults.cow_selection", "ANSIBLE_COW_SELECTION", "no cowsay is run"),
    unused("ANSIBLE_COW_ACCEPTLIST", "defaults.cowsay_enabled_stencils", "ANSIBLE_COW_ACCEPTLIST", "no cowsay is run"),
    unused("ANSIBLE_COW_PATH", "defaults.cowpath", "ANSIBLE_COW_PATH", "no cowsay is run"),
    unused(
        "DEFAULT_NO_TARGET_SYSLOG",
        "defaults.no_target_syslog",
        "ANSIBLE_NO_TARGET_SYSLOG",
        "nothing is written to the log of a host unasked",
    ),
    unused(
        "DEFAULT_SYSLOG_FACILITY",
        "defaults.syslog_facility",
        "ANSIBLE_SYSLOG_FACILITY",
        "nothing is written to the log of a host unasked",
    ),
    unused(
        "TARGET_LOG_INFO",
        "defaults.target_log_info",
        "ANSIBLE_TARGET_LOG_INFO",
        "nothing is written to the log of a host unasked",
    ),
    unused("DEFAULT_LOG_FILTER", "defaults.log_filter", "ANSIBLE_LOG_FILTER", "the log has what is printed"),
    unused("LOG_VERBOSITY", "defaults.log_verbosity", "ANSIBLE_LOG_VERBOSITY", "the log has what is printed"),
    unused("DEFAULT_EXECUTABLE", "defaults.executable", "ANSIBLE_EXECUTABLE", "shell takes executable"),
    unused("DEFAULT_DEBUG", "defaults.debug", "ANSIBLE_DEBUG", "see -vvv"),
    unused("SSH_AGENT", "connection.ssh_agent", "ANSIBLE_SSH_AGENT", "a running agent is asked where there is one"),
    unused(
        "PLAYBOOK_VARS_ROOT",
        "defaults.playbook_vars_root",
        "ANSIBLE_PLAYBOOK_VARS_ROOT",
        "group_vars and host_vars beside playbooks count",
    ),
    unused("PAGER", "defaults.pager", "ANSIBLE_PAGER", "nothing is paged"),
    unused("DEFAULT_MODULE_COMPRESSION", "defaults.module_compression", "", "modules travel as they are, once"),
    unused(
        "PYTHON_MODULE_RLIMIT_NOFILE",
        "defaults.python_module_rlimit_nofile",
        "ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE",
        "limits of hosts stay",
    ),
    unused(
        "DEFAULT_NULL_REPRESENTATION",
        "defaults.null_representation",
        "ANSIBLE_NULL_REPRESENTATION",
        "null stays null, and in text it is nothing",
    ),
    unused("DEFAULT_INTERNAL_POLL_INTERVAL", "defaults.internal_poll_interval", "", "there are no worker processes"),
    unused("WORKER_SHUTDOWN_POLL_COUNT", "", "ANSIBLE_WORKER_SHUTDOWN_POLL_COUNT", "there are no worker processes"),
    unused("WORKER_SHUTDOWN_POLL_DELAY", "", "ANSIBLE_WORKER_SHUTDOWN_POLL_DELAY", "there are no worker processes"),
    unused(
        "USE_PERSISTENT_CONNECTIONS",
        "defaults.use_persistent_connections",
        "ANSIBLE_USE_PERSISTENT_CONNECTIONS",
        "connections always last",
    ),
    unused("DEFAULT_LOCAL_TMP", "defaults.local_tmp", "ANSIBLE_LOCAL_TEMP", "nothing is written there"),
)

# Said by nobody: what they switch off is not here, or they are another program's.
QUIET_SECTIONS = frozenset({"galaxy", "selinux", "persistent_connection", "paramiko_connection"})
QUIET = frozenset(
    {
        *("ANSIBLE_CONFIG", "ANSIBLE_NOCOWS"),
        *("ANSIBLE_SYSTEM_WARNINGS", "ANSIBLE_DEVEL_WARNING", "ANSIBLE_COMMAND_WARNINGS"),
        *("ANSIBLE_ACTION_WARNINGS",),
        *("defaults.nocows",),
        *("defaults.system_warnings", "defaults.devel_warning", "defaults.command_warnings"),
        *("defaults.action_warnings", "defaults.interpreter_python_fallback"),
    }
)
