import json
import os
from pathlib import Path

import pytest

CONFIG = {"agent_id": "a-1", "agent_name": "web-01", "environment": "test"}


@pytest.fixture
def installed(host, package):
    assert host.install(package)["failed"] is False
    return host


def _requests(*methods):
    return [{"method": method, "params": params} for method, params in methods]


def test_asks_the_installed_agent(installed):
    result = installed.ok("agent_rpc", requests=_requests(("version", {}), ("status", {})))
    assert result["changed"] is False
    version, status = (response["result"] for response in result["responses"])
    assert version["version"] == "1.2.3"
    assert status["running"] is False


def test_changed_tells_whether_a_request_changed_something(installed):
    wanted = _requests(("status", {}), ("apply-config", {"config": CONFIG, "revision": 1}))
    assert installed.ok("agent_rpc", requests=wanted)["changed"] is True
    assert installed.ok("agent_rpc", requests=wanted)["changed"] is False


def test_a_refused_request_is_an_answer_and_no_failure(installed):
    result = installed.ok("agent_rpc", requests=_requests(("apply-config", {"config": {}, "revision": 1})))
    assert result["responses"][0]["error"]["code"] == "invalid-config"
    assert result["changed"] is False


def test_check_mode_asks_only_what_changes_nothing(installed):
    wanted = _requests(("apply-config", {"config": CONFIG, "revision": 1}), ("version", {}))
    result = installed.ok("agent_rpc", check=True, requests=wanted)
    assert result["responses"][0]["error"]["code"] == "check-mode"
    assert result["responses"][1]["result"]["version"] == "1.2.3"
    assert not os.path.exists(installed.layout.config)


def test_without_an_agent(host):
    result = host.module("agent_rpc", requests=_requests(("version", {})))
    assert result["failed"] is True
    assert "no agent is installed" in result["msg"]


def test_a_token_in_a_damaged_agents_complaint_is_cut_out(installed):
    # An agent that repeats its input on standard error is the worst that can happen.
    Path(installed.layout.package).write_text("import sys; sys.exit(sys.stdin.read())")
    params = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": installed.token}
    result = installed.module("agent_rpc", requests=_requests(("csr", params)))
    assert result["failed"] is True
    assert installed.token.split(".")[1] not in json.dumps(result)


def test_an_interpreter_that_has_gone(installed):
    marker = Path(installed.layout.marker)
    marker.write_text(json.dumps({"python": "/nowhere/python3", "user": None}))
    result = installed.module("agent_rpc", requests=_requests(("version", {})))
    assert "cannot be run" in result["msg"]
    assert "Install the agent again" in result["hint"]
