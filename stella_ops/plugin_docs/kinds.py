"""What there is documentation of, in ansible-core's order; apart, as commands name it in their help."""

from __future__ import annotations

# Plug-ins whose options ansible.cfg, the environment or variables may set.
CONFIGURABLE = (
    *("become", "cache", "callback", "cliconf", "connection", "httpapi", "inventory", "lookup", "netconf", "shell"),
    "vars",
)
PLUGINS = (*CONFIGURABLE, "module", "strategy", "test", "filter")
ALL = (*PLUGINS, "role", "keyword")
