"""Settings of the inventory, of connections, of becoming another user and of vault passwords."""

from __future__ import annotations

from stella_ops.ansible_settings.setting import Setting, used

SETTINGS: tuple[Setting, ...] = (
    # inventory
    used("DEFAULT_HOST_LIST", "defaults.inventory", "ANSIBLE_INVENTORY", "pathlist", "inventory sources, as -i"),
    used(
        "INVENTORY_IGNORE_EXTS",
        "defaults.inventory_ignore_extensions inventory.ignore_extensions",
        "ANSIBLE_INVENTORY_IGNORE",
        "list",
        "endings of file names that are no sources in an inventory folder, in place of the built-in ones",
    ),
    used(
        "INVENTORY_IGNORE_PATTERNS",
        "defaults.inventory_ignore_patterns inventory.ignore_patterns",
        "ANSIBLE_INVENTORY_IGNORE_REGEX",
        "list",
        "regular expressions for names that are no sources in an inventory folder",
    ),
    used(
        "HOST_PATTERN_MISMATCH",
        "inventory.host_pattern_mismatch",
        "ANSIBLE_HOST_PATTERN_MISMATCH",
        "text",
        "a pattern that matches nothing: error (the default here), warning or ignore",
        "error warning ignore",
    ),
    used(
        "INVENTORY_UNPARSED_IS_FAILED",
        "inventory.unparsed_is_failed",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED",
        "flag",
        "an inventory of which no source can be read is an error for ansible-playbook, too; for play it always is",
    ),
    used(
        "INVENTORY_ANY_UNPARSED_IS_FAILED",
        "inventory.any_unparsed_is_failed",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED",
        "flag",
        "a source that cannot be read is an error for ansible-playbook, too; for play it always is",
    ),
    used(
        "INVENTORY_UNPARSED_WARNING",
        "inventory.inventory_unparsed_warning",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING",
        "flag",
        "whether ansible-playbook says that there is no inventory",
    ),
    used(
        "LOCALHOST_WARNING",
        "defaults.localhost_warning",
        "ANSIBLE_LOCALHOST_WARNING",
        "flag",
        "whether ansible-playbook says that the inventory has no hosts",
    ),
    used(
        "DUPLICATE_YAML_DICT_KEY",
        "defaults.duplicate_dict_key",
        "ANSIBLE_DUPLICATE_YAML_DICT_KEY",
        "text",
        "a key that stands twice in a mapping: error (the default here), warn or ignore",
        "error warn ignore",
    ),
    used("INVENTORY_EXPORT", "inventory.export", "ANSIBLE_INVENTORY_EXPORT", "flag", "as inventory --export"),
    used(
        "INVENTORY_ENABLED",
        "inventory.enable_plugins",
        "ANSIBLE_INVENTORY_ENABLED",
        "list",
        "the kinds of sources that are read: host_list, advanced_host_list, script, auto (files with 'plugin:'), yaml, "
        "ini, toml, constructed, generator, and plug-ins of one's own; all where it is not written",
    ),
    used(
        "TRANSFORM_INVALID_GROUP_CHARS",
        "defaults.force_valid_group_names",
        "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS",
        "text",
        "what is no part of a variable's name becomes '_' in names of groups: always, silently (without a warning of "
        "ansible-playbook's), never (with one), ignore",
    ),
    # connection
    used("DEFAULT_REMOTE_USER", "defaults.remote_user", "ANSIBLE_REMOTE_USER", "text", "as -u"),
    used("DEFAULT_REMOTE_PORT", "defaults.remote_port", "ANSIBLE_REMOTE_PORT", "count", "port where none is written"),
    used("DEFAULT_TIMEOUT", "defaults.timeout", "ANSIBLE_TIMEOUT ANSIBLE_SSH_TIMEOUT", "number", "as --timeout"),
    used("DEFAULT_TRANSPORT", "defaults.transport", "ANSIBLE_TRANSPORT", "text", "as -c; smart means ssh"),
    used(
        "DEFAULT_PRIVATE_KEY_FILE", "defaults.private_key_file", "ANSIBLE_PRIVATE_KEY_FILE", "path", "as --private-key"
    ),
    used("DEFAULT_ASK_PASS", "defaults.ask_pass", "ANSIBLE_ASK_PASS", "flag", "as -k"),
    used(
        "CONNECTION_PASSWORD_FILE",
        "defaults.connection_password_file",
        "ANSIBLE_CONNECTION_PASSWORD_FILE",
        "path",
        "as --connection-password-file",
    ),
    used(
        "HOST_KEY_CHECKING",
        "defaults.host_key_checking ssh_connection.host_key_checking",
        "ANSIBLE_HOST_KEY_CHECKING ANSIBLE_SSH_HOST_KEY_CHECKING",
        "flag",
        "False accepts and records keys of hosts that are not known yet; a key that changed is always refused",
    ),
    used("SSH_ARGS", "ssh_connection.ssh_args", "ANSIBLE_SSH_ARGS", "text", "OpenSSH options that concern the way"),
    used(
        "SSH_COMMON_ARGS",
        "ssh_connection.ssh_common_args",
        "ANSIBLE_SSH_COMMON_ARGS",
        "text",
        "as --ssh-common-args",
    ),
    used("SSH_EXTRA_ARGS", "ssh_connection.ssh_extra_args", "ANSIBLE_SSH_EXTRA_ARGS", "text", "as --ssh-extra-args"),
    used(
        "SSH_RETRIES",
        "ssh_connection.retries connection.retries",
        "ANSIBLE_SSH_RETRIES",
        "count",
        "how often a host that cannot be reached is tried again; 0 by default",
    ),
    used(
        "INTERPRETER_PYTHON",
        "defaults.interpreter_python",
        "ANSIBLE_PYTHON_INTERPRETER",
        "text",
        "Python on hosts that set none; auto, auto_silent and the like mean the first that works",
    ),
    # becoming another user
    used("DEFAULT_BECOME", "privilege_escalation.become", "ANSIBLE_BECOME", "flag", "as -b"),
    used(
        "DEFAULT_BECOME_METHOD",
        "privilege_escalation.become_method",
        "ANSIBLE_BECOME_METHOD",
        "text",
        "as --become-method",
    ),
    used("DEFAULT_BECOME_USER", "privilege_escalation.become_user", "ANSIBLE_BECOME_USER", "text", "as --become-user"),
    used("DEFAULT_BECOME_ASK_PASS", "privilege_escalation.become_ask_pass", "ANSIBLE_BECOME_ASK_PASS", "flag", "as -K"),
    used(
        "BECOME_PASSWORD_FILE",
        "defaults.become_password_file",
        "ANSIBLE_BECOME_PASSWORD_FILE",
        "path",
        "as --become-password-file",
    ),
    used(
        "DEFAULT_BECOME_EXE",
        "privilege_escalation.become_exe",
        "ANSIBLE_BECOME_EXE",
        "text",
        "become_exe of plays and hosts that do not say",
    ),
    used(
        "DEFAULT_BECOME_FLAGS",
        "privilege_escalation.become_flags",
        "ANSIBLE_BECOME_FLAGS",
        "text",
        "become_flags of plays and hosts that do not say",
    ),
    used("BECOME_PASS", "", "ANSIBLE_BECOME_PASS", "text", "the password, where no variable has one"),
    used(
        "BECOME_ALLOW_SAME_USER",
        "privilege_escalation.become_allow_same_user",
        "ANSIBLE_BECOME_ALLOW_SAME_USER",
        "flag",
        "True: who is logged in as the user already becomes it all the same",
    ),
    # vault passwords
    used(
        "DEFAULT_VAULT_PASSWORD_FILE",
        "defaults.vault_password_file",
        "ANSIBLE_VAULT_PASSWORD_FILE",
        "path",
        "as --vault-password-file",
    ),
    used(
        "DEFAULT_VAULT_IDENTITY_LIST",
        "defaults.vault_identity_list",
        "ANSIBLE_VAULT_IDENTITY_LIST",
        "list",
        "as so many --vault-id; they come before those of the command line",
    ),
    used(
        "DEFAULT_VAULT_IDENTITY",
        "defaults.vault_identity",
        "ANSIBLE_VAULT_IDENTITY",
        "text",
        "the vault id of passwords without one; default where it is not written",
    ),
    used(
        "DEFAULT_VAULT_ENCRYPT_IDENTITY",
        "defaults.vault_encrypt_identity",
        "ANSIBLE_VAULT_ENCRYPT_IDENTITY",
        "text",
        "as vault --encrypt-vault-id",
    ),
    used(
        "DEFAULT_VAULT_ID_MATCH",
        "defaults.vault_id_match",
        "ANSIBLE_VAULT_ID_MATCH",
        "flag",
        "True: only a password of the same vault id is tried",
    ),
    used("DEFAULT_ASK_VAULT_PASS", "defaults.ask_vault_pass", "ANSIBLE_ASK_VAULT_PASS", "flag", "as -J"),
    used("EDITOR", "defaults.editor", "ANSIBLE_EDITOR", "text", "the editor of vault edit and create, before EDITOR"),
)
