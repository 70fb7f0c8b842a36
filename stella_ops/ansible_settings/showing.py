"""Settings of what is shown."""

from __future__ import annotations

from stella_ops.ansible_settings.setting import Setting, used

SETTINGS: tuple[Setting, ...] = (
    # what is shown
    used(
        "DEPRECATION_WARNINGS",
        "defaults.deprecation_warnings",
        "ANSIBLE_DEPRECATION_WARNINGS",
        "flag",
        "warnings of what collections will take away; true where it is not written",
    ),
    used("DEFAULT_VERBOSITY", "defaults.verbosity", "ANSIBLE_VERBOSITY", "count", "as so many -v"),
    used("ANSIBLE_FORCE_COLOR", "defaults.force_color", "ANSIBLE_FORCE_COLOR", "flag", "colours off terminals too"),
    used("ANSIBLE_NOCOLOR", "defaults.nocolor", "ANSIBLE_NOCOLOR", "flag", "no colours"),
    used(
        "DEFAULT_STDOUT_CALLBACK",
        "defaults.stdout_callback",
        "ANSIBLE_STDOUT_CALLBACK",
        "text",
        "default; minimal and oneline print a play as run does; json, ansible.posix.json and "
        "ansible.posix.jsonl mean --output json; others are as default",
    ),
    used("DEFAULT_NO_LOG", "defaults.no_log", "ANSIBLE_NO_LOG", "flag", "no_log of plays and tasks that do not say"),
    used(
        "DISPLAY_SKIPPED_HOSTS",
        "defaults.display_skipped_hosts",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS",
        "flag",
        "False leaves out what was skipped",
    ),
    used(
        "DISPLAY_OK_HOSTS",
        "defaults.display_ok_hosts",
        "ANSIBLE_DISPLAY_OK_HOSTS",
        "flag",
        "False leaves out what was well and unchanged",
    ),
    used(
        "DISPLAY_FAILED_STDERR",
        "defaults.display_failed_stderr",
        "ANSIBLE_DISPLAY_FAILED_STDERR",
        "flag",
        "failures go to standard error",
    ),
    used(
        "CHECK_MODE_MARKERS",
        "defaults.check_mode_markers",
        "ANSIBLE_CHECK_MODE_MARKERS",
        "flag",
        "headlines say [CHECK MODE] under --check",
    ),
    used(
        "SHOW_PER_HOST_START",
        "defaults.show_per_host_start",
        "ANSIBLE_SHOW_PER_HOST_START",
        "flag",
        "a line for every host that begins a task",
    ),
    used(
        "LOG_PATH",
        "defaults.log_path",
        "ANSIBLE_LOG_PATH",
        "path",
        "what runs print is appended to this file, with the time; it is made with mode 0600",
    ),
    used(
        "CALLBACK_RESULT_FORMAT",
        "defaults.callback_result_format",
        "ANSIBLE_CALLBACK_RESULT_FORMAT",
        "text",
        "yaml: results stand as YAML below their line",
        "json yaml",
    ),
)
