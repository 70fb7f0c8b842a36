"""Check that the agent's configuration is complete, well-formed and as it was applied."""

import difflib
import json
import os
import stat
from urllib.parse import urlsplit

from stella_ops.remote.lib import health, layout

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

    errors, oddities = [], []
    mapping(REQUIRED, OPTIONAL)(config, "", errors, oddities)
    endpoint = health.setting(config, "observability", "tracing", "endpoint")
    if isinstance(endpoint, str) and ":14268" in endpoint:
        oddities.append(
            "observability.tracing.endpoint names a Jaeger collector; "
            "OTLP over HTTP is spoken, as http://jaeger:4318"
        )
    if raw not in canonical_forms(config):
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


def canonical_forms(config):
    """Sorted keys, no spaces, one newline at the end; text outside of ASCII either as it is or escaped."""
    found = []
    for ascii_only in (True, False):
        text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only)
        found.append((text + "\n").encode("utf-8", "surrogatepass"))
    return found


# A rule is a function (value, key, errors, oddities) that adds sentences to the lists.


def say(errors, key, value, wanted):
    shown = json.dumps(value)
    errors.append(
        "{} must be {}, not {}".format(key, wanted, shown if len(shown) <= 40 else shown[:37] + "...")
    )


def text(value, key, errors, oddities):
    if not isinstance(value, str) or not value.strip():
        say(errors, key, value, "a text")


def flag(value, key, errors, oddities):
    if not isinstance(value, bool):
        say(errors, key, value, "true or false")


def number(least, most, whole=True):
    def rule(value, key, errors, oddities):
        kind = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
            what = "a whole number" if whole else "a number"
            say(errors, key, value, "{} from {} to {}".format(what, least, most))

    return rule


def duration(least, most):
    def rule(value, key, errors, oddities):
        seconds = health.seconds(value)
        if seconds is None:
            say(errors, key, value, 'a duration such as "30s", "5m" or "7d"')
        elif not health.seconds(least) <= seconds <= health.seconds(most):
            say(errors, key, value, "a duration from {} to {}".format(least, most))

    return rule


def choice(*allowed):
    def rule(value, key, errors, oddities):
        if value not in allowed:
            say(errors, key, value, "one of {}".format(", ".join(allowed)))

    return rule


def url(value, key, errors, oddities):
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        good = parts.scheme in ("https", "http") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        say(errors, key, value, "a URL such as https://orchestrator.example.com:8443")


def optional(rule):
    def either(value, key, errors, oddities):
        if value is not None:
            rule(value, key, errors, oddities)

    return either


def names(value, key, errors, oddities):
    if not isinstance(value, list):
        say(errors, key, value, "a list of names")
        return
    for index, item in enumerate(value):
        text(item, "{}[{}]".format(key, index), errors, oddities)


def labels(value, key, errors, oddities):
    if not isinstance(value, dict):
        say(errors, key, value, "a mapping of names to texts")
        return
    for name in sorted(value):
        if not isinstance(value[name], str):
            say(errors, "{}.{}".format(key, name), value[name], "a text")


def mapping(required, allowed):
    def rule(value, key, errors, oddities):
        if not isinstance(value, dict):
            say(errors, key, value, "a mapping")
            return
        before = key + "." if key else ""
        known = dict(required, **allowed)
        for name in sorted(required):
            if name not in value:
                errors.append("{}{} is missing".format(before, name))
        for name in sorted(value):
            if name in known:
                known[name](value[name], before + name, errors, oddities)
                continue
            # A newer controller may know more keys than this check does: odd, but not wrong.
            near = difflib.get_close_matches(name, list(known), n=1)
            meant = " (did you mean {}?)".format(near[0]) if near else ""
            oddities.append("{}{} is not a known key{}".format(before, name, meant))

    return rule


SHARE = number(1, 100, whole=False)

REQUIRED = {"agent_id": text, "agent_name": text, "environment": text}

# Names and meanings are those of the specification's AgentConfiguration; what is left out has its default.
OPTIONAL = {
    "labels": labels,
    "orchestrator_url": optional(url),
    "heartbeat_interval": duration("1s", "1d"),
    "reconnect_backoff": duration("100ms", "1d"),
    "max_reconnect_attempts": number(0, 1000000),
    "capabilities": names,
    "resource_limits": mapping({}, {"cpu_percent": SHARE, "memory_percent": SHARE, "disk_percent": SHARE}),
    "max_concurrent_tasks": number(1, 10000),
    "default_task_timeout": duration("1s", "365d"),
    "certificates": mapping(
        {},
        {
            "source": choice("auto_provision", "file", "vault", "acme", "azure_key_vault", "aws_kms"),
            "auto_renew": flag,
            "renewal_threshold": duration("1m", "3650d"),
            "certificate_path": optional(text),
            "private_key_path": optional(text),
            "ca_certificate_path": optional(text),
        },
    ),
    "cluster": optional(
        mapping(
            {"id": text},
            {"mode": choice("active_passive", "active_active", "sharded"), "min_members": number(1, 10000)},
        )
    ),
    "observability": mapping(
        {},
        {
            "metrics": mapping({}, {"enabled": flag, "port": number(1, 65535)}),
            "logging": mapping(
                {},
                {
                    "level": choice("trace", "debug", "info", "warning", "error", "critical"),
                    "format": choice("json", "text"),
                },
            ),
            "tracing": mapping({}, {"enabled": flag, "endpoint": optional(url)}),
        },
    ),
    "auto_update": optional(
        mapping(
            {},
            {
                "enabled": flag,
                "channel": choice("stable", "beta", "canary"),
                "maintenance_window": optional(text),
                "drain_before_update": flag,
            },
        )
    ),
}
