import json
import os

import pytest

from stella_ops.remote.lib import agent_config


@pytest.fixture
def look(host, check):
    return lambda: check("configuration_validity", prefix=host.prefix)


def test_none(look, runbooks):
    result = look()
    assert (result["status"], result["message"]) == ("critical", "No configuration found")
    assert "stella agent bootstrap" in result["remediation_hint"]
    assert result["runbook_url"] == runbooks + "agent-no-configuration"


def test_as_applied(host, look):
    host.configure()
    result = look()
    assert (result["status"], result["message"]) == ("healthy", "Configuration is valid")
    assert (result["data"]["agent_id"], result["data"]["agent_name"]) == ("a1b2c3", "web-01")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[1]", "it is not a JSON object"),
        (b"\xff{}", "it is not UTF-8 text (byte 0)"),
        (b'{"labels":{"a":"1","a":"2"}}', 'key "a" is there twice'),
        (b'{"max_concurrent_tasks":NaN}', "NaN is not JSON"),
        (b"[" * 100000, "it is nested too deeply"),
    ],
)
def test_no_json(host, look, content, said, runbooks):
    host.write(host.layout.config, content)
    result = look()
    assert result["status"] == "critical"
    assert result["message"].startswith("Configuration cannot be read: " + said)
    assert result["runbook_url"] == runbooks + "agent-config-invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"heartbeat_interval": "30 seconds"},
        {"heartbeat_interval": 30},
        {"resource_limits": {"disk_percent": 101}},
        {"resource_limits": {"cpu_percent": True}},
        {"max_concurrent_tasks": 0},
        {"labels": {"tier": 1}},
        {"capabilities": "docker"},
        {"orchestrator_url": "orchestrator.example.com"},
        {"certificates": {"source": "usb_stick"}},
        {"observability": {"metrics": {"port": 70000}}},
        {"agent_name": ""},
        {"heartbeat_intervall": "30s"},
    ],
)
def test_wrong_values(host, look, changes):
    host.configure(**changes)
    result = look()
    assert result["status"] == "critical"
    assert result["message"].startswith("Configuration is invalid: " + next(iter(changes)))
    assert len(result["data"]["errors"]) == 1


def test_missing_keys(host, look):
    host.write(host.layout.config, b"{}\n")
    result = look()
    assert result["message"] == "Configuration is invalid: agent_id: is missing (and 2 more)"
    assert len(result["data"]["errors"]) == 3


def test_edited_by_hand(host, look):
    config = agent_config.with_defaults(host.configure())
    host.write(host.layout.config, json.dumps(config, indent=2).encode())
    result = look()
    assert result["status"] == "warning"
    assert "canonical form" in result["message"]


def test_open_to_others(host, look):
    host.configure()
    os.chmod(host.layout.config, 0o666)
    result = look()
    assert result["status"] == "warning"
    assert "mode 0666" in result["message"]


def test_tracing_by_a_protocol_of_the_past(host, look):
    tracing = {"enabled": True, "endpoint": "http://jaeger:14268/api/traces"}
    host.configure(observability={"tracing": tracing})
    result = look()
    assert result["status"] == "warning"
    assert "OTLP over HTTP" in result["message"]


def test_not_allowed_to_look(open_host, check_as_nobody):
    open_host.configure()
    os.chmod(open_host.layout.config, 0o600)
    result = check_as_nobody("configuration_validity", prefix=open_host.prefix)
    assert result["status"] == "error"
    assert "--become" in result["remediation_hint"]


def test_every_python(host, any_python, check_under):
    calls = [("configuration_validity", {"prefix": host.prefix})]
    host.configure(labels={"region": "Zürich"})
    assert check_under(any_python, calls)[0]["status"] == "healthy"
    host.configure(default_task_timeout="soon")
    assert check_under(any_python, calls)[0]["status"] == "critical"
    host.write(host.layout.config, b"[" * 100000)
    assert check_under(any_python, calls)[0]["message"] == "Configuration cannot be read: it is nested too deeply"
