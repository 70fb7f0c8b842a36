"""Check that the agent's configuration is complete, well-formed and as it was applied."""

import json
import os
import stat

from stella_ops.remote.lib import agent_config, health, layout

CHECK = {"name": "Configuration Validity", "id": "configuration-validity", "category": "Configuration"}

ARGUMENTS = {"prefix": {"type": "path"}}

RUNBOOK = "agent-config-invalid"
APPLY = "Correct it and run 'stella agent apply -f agent-config.yaml'"


def run(task):
    path = layout.Layout.find(task.args["prefix"]).config
    try:
        raw = health.read_bytes(path)
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError as problem:
        if not health.is_missing(problem):
            return health.cannot_look(path, problem)
        return health.critical(
            "No configuration found",
            "Run 'stella agent bootstrap' to configure the agent",
            runbook="agent-no-configuration",
            data={"path": path},
        )
    try:
        config = parse(raw)
    except ValueError as problem:
        return health.critical(
            "Configuration cannot be read: {}".format(problem), APPLY, runbook=RUNBOOK, data={"path": path}
        )

    # The agent itself judges by these rules and does not use a configuration that breaks one.
    errors, oddities = agent_config.problems_of(config), []
    endpoint = health.setting(config, "observability", "tracing", "endpoint")
    if isinstance(endpoint, str) and ":14268" in endpoint:
        oddities.append(
            "observability.tracing.endpoint names a Jaeger collector; OTLP over HTTP is spoken, as http://jaeger:4318"
        )
    if raw != agent_config.canonical(config):
        oddities.append("it is not in canonical form: it was changed by hand, not applied")
    if mode & 0o022:
        oddities.append("other users can change it (mode {:04o})".format(mode))
    data = dict(health.agent_names(config), path=path, errors=errors, warnings=oddities)
    if errors:
        return health.critical(
            "Configuration is invalid: {}".format(first_of(errors)), APPLY, runbook=RUNBOOK, data=data
        )
    if oddities:
        return health.warning(
            "Configuration is questionable: {}".format(first_of(oddities)), APPLY, runbook=RUNBOOK, data=data
        )
    return health.healthy("Configuration is valid", data=data)


def first_of(said):
    return said[0] if len(said) == 1 else "{} (and {} more)".format(said[0], len(said) - 1)


def parse(raw):
    """The JSON object in ``raw``. Raises ValueError, also for duplicate keys and for NaN."""

    def distinct(pairs):
        found = {}
        for key, value in pairs:
            if key in found:
                raise ValueError("key {} is there twice".format(json.dumps(key)))
            found[key] = value
        return found

    def no_constant(name):
        raise ValueError("{} is not JSON".format(name))

    try:
        config = json.loads(raw.decode("utf-8"), object_pairs_hook=distinct, parse_constant=no_constant)
    except UnicodeDecodeError as problem:
        raise ValueError("it is not UTF-8 text (byte {})".format(problem.start))
    except RecursionError:
        raise ValueError("it is nested too deeply")
    if not isinstance(config, dict):
        raise ValueError("it is not a JSON object")
    return config
