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
        "default; minimal and oneline print a play as run does; json and jsonl are those of "
        "ansible.posix, and so is debug; yaml is callback_result_format = yaml; null prints nothing; "
        "others are as default",
    ),
    used(
        "JSON_INDENT",
        "defaults.json_indent",
        "ANSIBLE_JSON_INDENT",
        "count",
        "spaces by which the callback json indents (4), and jsonl (0); 0 for one line",
    ),
    used(
        "CALLBACKS_ENABLED",
        "defaults.callbacks_enabled defaults.callback_whitelist",
        "ANSIBLE_CALLBACKS_ENABLED ANSIBLE_CALLBACK_WHITELIST",
        "list",
        "junit writes a report below JUNIT_OUTPUT_DIR (else ~/.ansible.log), tree each host's result to a file, timer "
        "says at the end how long it took, profile_tasks how long each task took; other callback plug-ins are not "
        "loaded: see --output and --report",
    ),
    used(
        "CALLBACK_TREE_DIR",
        "callback_tree.directory",
        "ANSIBLE_CALLBACK_TREE_DIR",
        "path",
        "the folder of the callback tree; ~/.ansible/tree by default",
    ),
    used("DEFAULT_NO_LOG", "defaults.no_log", "ANSIBLE_NO_LOG", "flag", "no_log of plays and tasks that do not say"),
    used(
        "DISPLAY_ARGS_TO_STDOUT",
        "defaults.display_args_to_stdout",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT",
        "flag",
        "headlines of tasks show their arguments as they are written",
    ),
    used(
        "SHOW_CUSTOM_STATS",
        "defaults.show_custom_stats",
        "ANSIBLE_SHOW_CUSTOM_STATS",
        "flag",
        "what set_stats gathered stands below the recap",
    ),
    used(
        "VERBOSE_TO_STDERR",
        "defaults.verbose_to_stderr",
        "ANSIBLE_VERBOSE_TO_STDERR",
        "flag",
        "which file is read goes to standard error",
    ),
    used(
        "CALLBACK_FORMAT_PRETTY",
        "defaults.callback_format_pretty",
        "ANSIBLE_CALLBACK_FORMAT_PRETTY",
        "flag",
        "results in JSON are spread over several lines always, or never",
    ),
    used("DIFF_CONTEXT", "diff.context", "ANSIBLE_DIFF_CONTEXT", "count", "lines around a change in differences"),
    used("COLOR_CHANGED", "colors.changed", "ANSIBLE_COLOR_CHANGED", "text", "the colour of what changed"),
    used("COLOR_OK", "colors.ok", "ANSIBLE_COLOR_OK", "text", "the colour of what was well"),
    used("COLOR_SKIP", "colors.skip", "ANSIBLE_COLOR_SKIP", "text", "the colour of what was skipped"),
    used("COLOR_ERROR", "colors.error", "ANSIBLE_COLOR_ERROR", "text", "the colour of failures"),
    used(
        "COLOR_UNREACHABLE",
        "colors.unreachable",
        "ANSIBLE_COLOR_UNREACHABLE",
        "text",
        "the colour of hosts that cannot be reached",
    ),
    used("COLOR_WARN", "colors.warn", "ANSIBLE_COLOR_WARN", "text", "the colour of warnings"),
    used("COLOR_VERBOSE", "colors.verbose", "ANSIBLE_COLOR_VERBOSE", "text", "the colour of what -v adds"),
    used("COLOR_DEBUG", "colors.debug", "ANSIBLE_COLOR_DEBUG", "text", "the colour of retries"),
    used("COLOR_INCLUDED", "colors.included", "ANSIBLE_COLOR_INCLUDED", "text", "the colour of what is included"),
    used("COLOR_DIFF_ADD", "colors.diff_add", "ANSIBLE_COLOR_DIFF_ADD", "text", "the colour of lines that are added"),
    used("COLOR_DIFF_REMOVE", "colors.diff_remove", "ANSIBLE_COLOR_DIFF_REMOVE", "text", "the colour of lines that go"),
    used(
        "COLOR_DIFF_LINES",
        "colors.diff_lines",
        "ANSIBLE_COLOR_DIFF_LINES",
        "text",
        "the colour of places in differences",
    ),
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
        "SHOW_TASK_PATH_ON_FAILURE",
        "defaults.show_task_path_on_failure",
        "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE",
        "flag",
        "a line with the place of a task that fails, by itself",
    ),
    used(
        "SHOW_PER_HOST_START",
        "defaults.show_per_host_start",
        "ANSIBLE_SHOW_PER_HOST_START",
        "flag",
        "a line for every host that begins a task",
    ),
    used(
        "DEFAULT_LOG_PATH",
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
