import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.agents.configuration import read_configuration
from stella_ops.errors import ParseError
from stella_ops.remote.lib.agent_config import (
    DEFAULTS,
    canonical,
    parse_duration,
    problems_of,
    split_orchestrator_url,
    with_defaults,
)

WHO = {"agent_id": "a-1", "agent_name": "web-01", "environment": "test"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("7d", 604800), ("1h30m", 5400), ("250ms", 0.25), ("1.5h", 5400)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "5 s", "5s ", "5S", "1w", "30s\n", 30, None, True, ["5s"]])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text):
    try:
        assert parse_duration(text) >= 0
    except ValueError:
        pass


def test_the_defaults_are_valid_once_named():
    assert problems_of({**DEFAULTS, **WHO}) == []
    assert problems_of(WHO) == []


def test_the_specifications_full_example_is_valid():
    full = {
        **WHO,
        "labels": {"region": "us-east-1"},
        "orchestrator_url": "https://orchestrator.example.com:8443",
        "capabilities": ["docker", "compose", "health_check"],
        "cluster": {"id": "prod-cluster-01", "mode": "active_active", "min_members": 2},
        "observability": {
            "metrics": {"enabled": True, "port": 9090},
            "logging": {"level": "info", "format": "json"},
            "tracing": {"enabled": True, "endpoint": "http://jaeger:14268/api/traces"},
        },
        "auto_update": {
            "enabled": True,
            "channel": "stable",
            "maintenance_window": "0 3 * * *",
            "drain_before_update": True,
        },
    }
    assert problems_of(full) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent_id": None}, "agent_id"),
        ({"agent_name": "a b"}, "agent_name"),
        ({"labels": {"tier": 1}}, "labels.tier"),
        ({"labels": ["tier"]}, "labels"),
        ({"orchestrator_url": "example.com"}, "orchestrator_url"),
        ({"heartbeat_interval": 30}, "heartbeat_interval"),
        ({"heartbeat_interval": "0s"}, "heartbeat_interval"),
        ({"max_reconnect_attempts": True}, "max_reconnect_attempts"),
        ({"max_reconnect_attempts": -1}, "max_reconnect_attempts"),
        ({"capabilities": "docker"}, "capabilities"),
        ({"capabilities": ["docker", 3]}, "capabilities[1]"),
        ({"resource_limits": {"cpu_percent": 101}}, "resource_limits.cpu_percent"),
        ({"resource_limits": None}, "resource_limits"),
        ({"max_concurrent_tasks": 0}, "max_concurrent_tasks"),
        ({"certificates": {"source": "magic"}}, "certificates.source"),
        ({"certificates": {"source": ["vault"]}}, "certificates.source"),
        ({"certificates": {"auto_renew": "yes"}}, "certificates.auto_renew"),
        ({"cluster": {"mode": "solo"}}, "cluster.mode"),
        ({"observability": {"metrics": {"port": 70000}}}, "observability.metrics.port"),
        ({"auto_update": {"chanel": "beta"}}, "auto_update.chanel"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_names_the_wrong_field(change, field):
    [problem] = problems_of({**WHO, **change})
    assert problem.startswith(f"{field}: ")


@pytest.mark.parametrize("name", sorted(WHO))
def test_names_what_is_missing(name):
    given_keys = {key: value for key, value in WHO.items() if key != name}
    assert problems_of(given_keys) == [f"{name}: is missing"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(DEFAULTS)) | st.text(), json_values, max_size=6))
def test_never_raises_and_what_it_accepts_has_every_default(config):
    if not problems_of({**WHO, **config}):
        filled = with_defaults({**WHO, **config})
        assert set(filled) == set(DEFAULTS)
        parse_duration(filled["heartbeat_interval"])
        assert filled["observability"]["logging"]["level"]


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_canonical_bytes_do_not_depend_on_order(config):
    backwards = dict(reversed(list(config.items())))
    assert canonical(config) == canonical(backwards)
    assert json.loads(canonical(config)) == config
    assert canonical(config).endswith(b"\n")


def test_defaults_are_not_shared():
    with_defaults({})["labels"]["x"] = "y"
    assert DEFAULTS["labels"] == {}


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://o.example.com:8443", ("o.example.com", 8443, "")),
        ("https://o.example.com", ("o.example.com", 443, "")),
        ("https://10.0.0.1:8443/", ("10.0.0.1", 8443, "")),
        ("https://[2001:db8::1]:9/stella/", ("2001:db8::1", 9, "/stella")),
    ],
)
def test_parts_of_an_orchestrators_url(url, parts):
    assert split_orchestrator_url(url) == parts
    assert problems_of({**WHO, "orchestrator_url": url}) == []
    assert read_configuration({**WHO, "orchestrator_url": url}).orchestrator_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://o.example.com:8443",
        "https://",
        "https://:8443",
        "https://o:0",
        "https://o:65536",
        "https://user:secret@o",
        "https://o/?a=1",
        "https://o/#x",
        "https://o\r\nX: y",
        "https://o\n",
        "https://ö.example.com",
        "unix:/run/x",
    ],
)
def test_what_an_orchestrators_url_may_not_be_is_refused_in_the_same_words_on_both_sides(url):
    [ours] = problems_of({**WHO, "orchestrator_url": url})
    assert "https://" in ours
    with pytest.raises(ParseError) as theirs:
        read_configuration({**WHO, "orchestrator_url": url})
    assert theirs.value.message.endswith(ours)
