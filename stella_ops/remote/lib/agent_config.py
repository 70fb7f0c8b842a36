"""The agent's configuration (agent.json): its defaults, its rules, and its one canonical form.

Source: the specification's AgentConfiguration record and its YAML example. Durations are written as there:
"30s", "30m", "7d", and in combination "1h30m".
"""

import copy
import json
import re

DEFAULTS = {
    "agent_id": None,
    "agent_name": None,
    "environment": None,
    "labels": {},
    "orchestrator_url": None,
    "heartbeat_interval": "30s",
    "reconnect_backoff": "5s",
    "max_reconnect_attempts": 10,
    "capabilities": ["health_check"],
    "resource_limits": {"cpu_percent": 80, "memory_percent": 80, "disk_percent": 90},
    "max_concurrent_tasks": 5,
    "default_task_timeout": "30m",
    "certificates": {"source": "auto_provision", "auto_renew": True, "renewal_threshold": "7d"},
    "cluster": None,
    "observability": {
        "metrics": {"enabled": False, "port": 9090},
        "logging": {"level": "info", "format": "json"},
        "tracing": {"enabled": False, "endpoint": None},
    },
    "auto_update": None,
}

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
LEVELS = ("debug", "info", "warning", "error")

_ORCHESTRATOR = re.compile(
    r"https://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?\Z", re.ASCII
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+\Z")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")


def parse_duration(text):
    """Seconds, as float, of a duration such as "30s", "7d" or "1h30m".

    Raises:
        ValueError: not such a text.
    """
    if not isinstance(text, str) or not _DURATION.match(text):
        raise ValueError("%r is not a duration like '30s', '5m', '1h30m' or '7d'" % (text,))
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def canonical(config):
    """The bytes of a configuration as they stand on disk: sorted keys, no spaces, a newline at the end."""
    return (json.dumps(config, sort_keys=True, separators=(",", ":")) + "\n").encode("ascii")


def with_defaults(config):
    """A new configuration in which every key has a value."""
    return _merge(copy.deepcopy(DEFAULTS), config)


def _merge(defaults, given):
    merged = dict(defaults)
    for key, value in given.items():
        default = defaults.get(key)
        if isinstance(default, dict) and isinstance(value, dict):
            merged[key] = _merge(default, value)
        else:
            merged[key] = value
    return merged


def problems_of(config):
    """What is wrong with a configuration: a list of sentences that each begin with the field's name."""
    if not isinstance(config, dict):
        return ["config: must be a mapping, not %s" % _kind(config)]
    found: "list[str]" = []
    _mapping(_FIELDS, config, "", found)
    for key in ("agent_id", "agent_name", "environment"):
        if key not in config:
            found.append("%s: is missing" % key)
    return found


# Each rule takes (value, field name, list of problems).


def _mapping(fields, value, where, found):
    for key in sorted(value, key=str):
        name = where + str(key)
        if key not in fields:
            known = _nearest(str(key), fields)
            found.append("%s: is not a known key%s" % (name, "; did you mean '%s'?" % known if known else ""))
        else:
            fields[key](value[key], name, found)


def _nearest(key, known):
    import difflib

    close = difflib.get_close_matches(key, sorted(known), n=1)
    return close[0] if close else None


def _kind(value):
    names = {
        "str": "text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true/false",
        "NoneType": "null",
    }
    names.update({"list": "a list", "dict": "a mapping"})
    return names.get(type(value).__name__, type(value).__name__)


def _wrong(found, name, wanted, value):
    found.append("%s: must be %s, not %s" % (name, wanted, _kind(value)))


def _nullable(rule):
    def check(value, name, found):
        if value is not None:
            rule(value, name, found)

    return check


def _name(value, name, found):
    if not isinstance(value, str):
        _wrong(found, name, "text", value)
    elif not NAME_PATTERN.match(value):
        found.append("%s: must begin with a letter or digit and hold only letters, digits, '.', '_', '-'" % name)


def _text(value, name, found):
    if not isinstance(value, str):
        _wrong(found, name, "text", value)
    elif not value:
        found.append("%s: must not be empty" % name)


def _flag(value, name, found):
    if not isinstance(value, bool):
        _wrong(found, name, "true or false", value)


def split_orchestrator_url(text):
    """(host, port, path without a slash at its end) of an orchestrator's URL; the port is 443 when not named.

    Raises:
        ValueError: a sentence that says what the URL must be.
    """
    if text.startswith("http://"):
        raise ValueError("must begin with https://: an agent talks to its orchestrator over TLS alone")
    found = _ORCHESTRATOR.match(text)
    if not found or not 0 < int(found.group(3) or 443) < 65536:
        raise ValueError("must be a URL like https://orchestrator.example.com:8443, without user, query or fragment")
    return found.group(1) or found.group(2), int(found.group(3) or 443), (found.group(4) or "").rstrip("/")


def _orchestrator_url(value, name, found):
    if not isinstance(value, str):
        _wrong(found, name, "a URL", value)
        return
    try:
        split_orchestrator_url(value)
    except ValueError as problem:
        found.append("%s: %s" % (name, problem))


def _url(value, name, found):
    if not isinstance(value, str):
        _wrong(found, name, "a URL", value)
    elif not re.match(r"https?://[^/\s]+", value):
        found.append("%s: must be a URL that begins with https:// or http://" % name)


def _labels(value, name, found):
    if not isinstance(value, dict):
        _wrong(found, name, "a mapping of text to text", value)
        return
    for key in sorted(value):
        if not isinstance(value[key], str):
            _wrong(found, "%s.%s" % (name, key), "text", value[key])


def _capabilities(value, name, found):
    if not isinstance(value, list):
        _wrong(found, name, "a list", value)
        return
    for index, item in enumerate(value):
        if not isinstance(item, str):
            _wrong(found, "%s[%d]" % (name, index), "text", item)
        elif not re.match(r"[a-z][a-z0-9_]*\Z", item):
            found.append("%s[%d]: must be a word of a-z, 0-9 and '_', such as health_check" % (name, index))


def _whole(low, high):
    def check(value, name, found):
        if isinstance(value, bool) or not isinstance(value, int):
            _wrong(found, name, "a whole number", value)
        elif not low <= value <= high:
            found.append("%s: must be from %d to %d, not %d" % (name, low, high, value))

    return check


def _percent(value, name, found):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _wrong(found, name, "a number", value)
    elif not 0 < value <= 100:
        found.append("%s: must be above 0 and at most 100" % name)


def _duration(low):
    def check(value, name, found):
        try:
            seconds = parse_duration(value)
        except ValueError as problem:
            found.append("%s: %s" % (name, problem))
            return
        if seconds < low:
            found.append("%s: must be at least %gs, not %s" % (name, low, value))

    return check


def _choice(*choices):
    def check(value, name, found):
        if value not in choices:
            found.append("%s: must be one of %s" % (name, ", ".join(choices)))

    return check


def _section(**fields):
    def check(value, name, found):
        if not isinstance(value, dict):
            _wrong(found, name, "a mapping", value)
        else:
            _mapping(fields, value, name + ".", found)

    return check


_FIELDS = {
    "agent_id": _name,
    "agent_name": _name,
    "environment": _name,
    "labels": _labels,
    "orchestrator_url": _nullable(_orchestrator_url),
    "heartbeat_interval": _duration(1),
    "reconnect_backoff": _duration(0.1),
    "max_reconnect_attempts": _whole(0, 1000000),
    "capabilities": _capabilities,
    "resource_limits": _section(cpu_percent=_percent, memory_percent=_percent, disk_percent=_percent),
    "max_concurrent_tasks": _whole(1, 1000),
    "default_task_timeout": _duration(1),
    "certificates": _section(
        source=_choice("auto_provision", "file", "vault", "acme", "azure_key_vault", "aws_kms"),
        auto_renew=_flag,
        renewal_threshold=_duration(1),
        certificate_path=_nullable(_text),
        private_key_path=_nullable(_text),
        ca_certificate_path=_nullable(_text),
    ),
    "cluster": _nullable(
        _section(id=_name, mode=_choice("active_passive", "active_active", "sharded"), min_members=_whole(1, 1000))
    ),
    "observability": _section(
        metrics=_section(enabled=_flag, port=_whole(1, 65535)),
        logging=_section(level=_choice(*LEVELS), format=_choice("json", "text")),
        tracing=_section(enabled=_flag, endpoint=_nullable(_url)),
    ),
    "auto_update": _nullable(
        _section(
            enabled=_flag,
            channel=_choice("stable", "beta", "canary"),
            maintenance_window=_nullable(_text),
            drain_before_update=_flag,
        )
    ),
}
