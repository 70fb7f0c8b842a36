"""Settings of ansible-core that are read elsewhere, or are of programs that are not here.

They are known by name (``stella-ops config``, ``lookup('config', …)``), and nothing is said of them where they are
written.
"""

from __future__ import annotations

from stella_ops.ansible_settings.setting import Kind, Setting


def _other(name: str, kind: Kind, ini: str, env: str) -> Setting:
    return Setting(name, tuple(ini.split()), tuple(env.split()), kind, "", used=False)


OTHERS: tuple[Setting, ...] = (
    _other("ACTION_WARNINGS", "flag", "defaults.action_warnings", "ANSIBLE_ACTION_WARNINGS"),
    _other(
        "ANSIBLE_CONNECTION_PATH", "path", "persistent_connection.ansible_connection_path", "ANSIBLE_CONNECTION_PATH"
    ),
    _other("ANSIBLE_NOCOWS", "flag", "defaults.nocows", "ANSIBLE_NOCOWS"),
    _other("COLOR_CONSOLE_PROMPT", "text", "colors.console_prompt", "ANSIBLE_COLOR_CONSOLE_PROMPT"),
    _other("COLOR_DEPRECATE", "text", "colors.deprecate", "ANSIBLE_COLOR_DEPRECATE"),
    _other("COLOR_DOC_CONSTANT", "text", "colors.doc_constant", "ANSIBLE_COLOR_DOC_CONSTANT"),
    _other("COLOR_DOC_DEPRECATED", "text", "colors.doc_deprecated", "ANSIBLE_COLOR_DOC_DEPRECATED"),
    _other("COLOR_DOC_LINK", "text", "colors.doc_link", "ANSIBLE_COLOR_DOC_LINK"),
    _other("COLOR_DOC_MODULE", "text", "colors.doc_module", "ANSIBLE_COLOR_DOC_MODULE"),
    _other("COLOR_DOC_PLUGIN", "text", "colors.doc_plugin", "ANSIBLE_COLOR_DOC_PLUGIN"),
    _other("COLOR_DOC_REFERENCE", "text", "colors.doc_reference", "ANSIBLE_COLOR_DOC_REFERENCE"),
    _other("COLOR_HIGHLIGHT", "text", "colors.highlight", "ANSIBLE_COLOR_HIGHLIGHT"),
    _other("DEFAULT_ALLOW_UNSAFE_LOOKUPS", "flag", "defaults.allow_unsafe_lookups", ""),
    _other("DEFAULT_CLICONF_PLUGIN_PATH", "paths", "defaults.cliconf_plugins", "ANSIBLE_CLICONF_PLUGINS"),
    _other("DEFAULT_HTTPAPI_PLUGIN_PATH", "paths", "defaults.httpapi_plugins", "ANSIBLE_HTTPAPI_PLUGINS"),
    _other(
        "DEFAULT_LIBVIRT_LXC_NOSECLABEL", "flag", "selinux.libvirt_lxc_noseclabel", "ANSIBLE_LIBVIRT_LXC_NOSECLABEL"
    ),
    _other("DEFAULT_MANAGED_STR", "text", "defaults.ansible_managed", ""),
    _other("DEFAULT_NETCONF_PLUGIN_PATH", "paths", "defaults.netconf_plugins", "ANSIBLE_NETCONF_PLUGINS"),
    _other("DEFAULT_SELINUX_SPECIAL_FS", "list", "selinux.special_context_filesystems", "ANSIBLE_SELINUX_SPECIAL_FS"),
    _other("DEFAULT_SU", "flag", "defaults.su", "ANSIBLE_SU"),
    _other("DEFAULT_TERMINAL_PLUGIN_PATH", "paths", "defaults.terminal_plugins", "ANSIBLE_TERMINAL_PLUGINS"),
    _other("DEVEL_WARNING", "flag", "defaults.devel_warning", "ANSIBLE_DEVEL_WARNING"),
    _other("DOCSITE_ROOT_URL", "text", "defaults.docsite_root_url", ""),
    _other("DOC_FRAGMENT_PLUGIN_PATH", "paths", "defaults.doc_fragment_plugins", "ANSIBLE_DOC_FRAGMENT_PLUGINS"),
    _other("GALAXY_CACHE_DIR", "path", "galaxy.cache_dir", "ANSIBLE_GALAXY_CACHE_DIR"),
    _other(
        "GALAXY_COLLECTIONS_PATH_WARNING",
        "flag",
        "galaxy.collections_path_warning",
        "ANSIBLE_GALAXY_COLLECTIONS_PATH_WARNING",
    ),
    _other("GALAXY_COLLECTION_IMPORT_POLL_FACTOR", "number", "", "ANSIBLE_GALAXY_COLLECTION_IMPORT_POLL_FACTOR"),
    _other("GALAXY_COLLECTION_IMPORT_POLL_INTERVAL", "number", "", "ANSIBLE_GALAXY_COLLECTION_IMPORT_POLL_INTERVAL"),
    _other("GALAXY_COLLECTION_SKELETON", "path", "galaxy.collection_skeleton", "ANSIBLE_GALAXY_COLLECTION_SKELETON"),
    _other(
        "GALAXY_COLLECTION_SKELETON_IGNORE",
        "list",
        "galaxy.collection_skeleton_ignore",
        "ANSIBLE_GALAXY_COLLECTION_SKELETON_IGNORE",
    ),
    _other("GALAXY_DISABLE_GPG_VERIFY", "flag", "galaxy.disable_gpg_verify", "ANSIBLE_GALAXY_DISABLE_GPG_VERIFY"),
    _other("GALAXY_DISPLAY_PROGRESS", "flag", "galaxy.display_progress", "ANSIBLE_GALAXY_DISPLAY_PROGRESS"),
    _other("GALAXY_GPG_KEYRING", "path", "galaxy.gpg_keyring", "ANSIBLE_GALAXY_GPG_KEYRING"),
    _other("GALAXY_IGNORE_CERTS", "flag", "galaxy.ignore_certs", "ANSIBLE_GALAXY_IGNORE"),
    _other(
        "GALAXY_IGNORE_INVALID_SIGNATURE_STATUS_CODES",
        "list",
        "galaxy.ignore_signature_status_codes",
        "ANSIBLE_GALAXY_IGNORE_SIGNATURE_STATUS_CODES",
    ),
    _other(
        "GALAXY_REQUIRED_VALID_SIGNATURE_COUNT",
        "text",
        "galaxy.required_valid_signature_count",
        "ANSIBLE_GALAXY_REQUIRED_VALID_SIGNATURE_COUNT",
    ),
    _other("GALAXY_ROLE_SKELETON", "path", "galaxy.role_skeleton", "ANSIBLE_GALAXY_ROLE_SKELETON"),
    _other("GALAXY_ROLE_SKELETON_IGNORE", "list", "galaxy.role_skeleton_ignore", "ANSIBLE_GALAXY_ROLE_SKELETON_IGNORE"),
    _other("GALAXY_SERVER", "text", "galaxy.server", "ANSIBLE_GALAXY_SERVER"),
    _other("GALAXY_SERVER_LIST", "list", "galaxy.server_list", "ANSIBLE_GALAXY_SERVER_LIST"),
    _other("GALAXY_SERVER_TIMEOUT", "count", "galaxy.server_timeout", "ANSIBLE_GALAXY_SERVER_TIMEOUT"),
    _other("GALAXY_TOKEN_PATH", "path", "galaxy.token_path", "ANSIBLE_GALAXY_TOKEN_PATH"),
    _other("INTERPRETER_PYTHON_FALLBACK", "list", "", ""),
    _other("MODULE_IGNORE_EXTS", "list", "defaults.module_ignore_exts", "ANSIBLE_MODULE_IGNORE_EXTS"),
    _other(
        "MODULE_STRICT_UTF8_RESPONSE",
        "flag",
        "defaults.module_strict_utf8_response",
        "ANSIBLE_MODULE_STRICT_UTF8_RESPONSE",
    ),
    _other("NETCONF_SSH_CONFIG", "text", "netconf_connection.ssh_config", "ANSIBLE_NETCONF_SSH_CONFIG"),
    _other("NETWORK_GROUP_MODULES", "list", "defaults.network_group_modules", "ANSIBLE_NETWORK_GROUP_MODULES"),
    _other("OLD_PLUGIN_CACHE_CLEARING", "flag", "defaults.old_plugin_cache_clear", "ANSIBLE_OLD_PLUGIN_CACHE_CLEAR"),
    _other(
        "PARAMIKO_HOST_KEY_AUTO_ADD",
        "flag",
        "paramiko_connection.host_key_auto_add",
        "ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD",
    ),
    _other("PARAMIKO_LOOK_FOR_KEYS", "flag", "paramiko_connection.look_for_keys", "ANSIBLE_PARAMIKO_LOOK_FOR_KEYS"),
    _other(
        "PERSISTENT_COMMAND_TIMEOUT",
        "count",
        "persistent_connection.command_timeout",
        "ANSIBLE_PERSISTENT_COMMAND_TIMEOUT",
    ),
    _other(
        "PERSISTENT_CONNECT_RETRY_TIMEOUT",
        "count",
        "persistent_connection.connect_retry_timeout",
        "ANSIBLE_PERSISTENT_CONNECT_RETRY_TIMEOUT",
    ),
    _other(
        "PERSISTENT_CONNECT_TIMEOUT",
        "count",
        "persistent_connection.connect_timeout",
        "ANSIBLE_PERSISTENT_CONNECT_TIMEOUT",
    ),
    _other(
        "PERSISTENT_CONTROL_PATH_DIR",
        "path",
        "persistent_connection.control_path_dir",
        "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR",
    ),
    _other("SSH_AGENT_EXECUTABLE", "text", "connection.ssh_agent_executable", "ANSIBLE_SSH_AGENT_EXECUTABLE"),
    _other("SSH_AGENT_KEY_LIFETIME", "count", "connection.ssh_agent_key_lifetime", "ANSIBLE_SSH_AGENT_KEY_LIFETIME"),
    _other("STRING_TYPE_FILTERS", "list", "jinja2.dont_type_filters", "ANSIBLE_STRING_TYPE_FILTERS"),
    _other("SYSTEM_WARNINGS", "flag", "defaults.system_warnings", "ANSIBLE_SYSTEM_WARNINGS"),
    _other(
        "VALIDATE_ACTION_GROUP_METADATA",
        "flag",
        "defaults.validate_action_group_metadata",
        "ANSIBLE_VALIDATE_ACTION_GROUP_METADATA",
    ),
    _other(
        "WIN_ASYNC_STARTUP_TIMEOUT", "count", "defaults.win_async_startup_timeout", "ANSIBLE_WIN_ASYNC_STARTUP_TIMEOUT"
    ),
)
