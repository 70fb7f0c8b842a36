import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.agents.configuration import (
    AgentConfiguration,
    ConfigurationService,
    canonical_json,
    configuration_sha256,
    desired_configuration,
    read_configuration,
)
from stella_ops.errors import ParseError
from stella_ops.remote.lib import agent_config
from stella_ops.settings import AgentSettings
from stella_ops.source_files import load_yaml
from stella_ops.store.agents import Agent

CONTRACT = {
    "agent_id": "a-1",
    "agent_name": "web1",
    "environment": "prod",
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

FULL = """
labels: {region: us-east-1, tier: 5}
orchestrator_url: https://orchestrator.example.com:8443
heartbeat_interval: 60s
capabilities: [docker, compose, health_check]
resource_limits: {cpu_percent: 70.5}
certificates: {source: file, certificate_path: /a, private_key_path: /b, ca_certificate_path: /c}
cluster: {id: prod-cluster-01, mode: active_active, min_members: 2}
observability:
  metrics: {enabled: true}
  tracing: {enabled: true, endpoint: "http://jaeger:14268/api/traces"}
auto_update: {enabled: true, channel: stable, maintenance_window: "0 3 * * *"}
"""


@pytest.fixture
def agent(clock):
    return Agent(id="a-1", name="web1", environment="prod", host="h", created_at=clock())


def wrong(agent, text):
    with pytest.raises(ParseError) as caught:
        desired_configuration(agent, load_yaml(text, "group_vars/all.yml"))
    return caught.value


def test_the_defaults_are_the_contracts(agent):
    config, sha256 = desired_configuration(agent, None)
    assert config == CONTRACT
    assert sha256 == configuration_sha256(CONTRACT)


def test_a_full_configuration_in_the_agents_own_eyes(agent):
    config, sha256 = desired_configuration(agent, load_yaml(FULL, "x.yml"))
    assert agent_config.problems_of(config) == []
    assert agent_config.with_defaults(config) == config
    assert canonical_json(config) == agent_config.canonical(config)
    assert config["heartbeat_interval"] == "1m"
    assert config["labels"] == {"region": "us-east-1", "tier": "5"}
    assert config["resource_limits"] == {"cpu_percent": 70.5, "memory_percent": 80, "disk_percent": 90}
    assert config["certificates"]["certificate_path"] == "/a"
    assert config["auto_update"]["drain_before_update"] is True
    assert all(type(value) is str for value in config["capabilities"])
    assert read_configuration(config).to_json() == config
    assert sha256 == configuration_sha256(json.loads(canonical_json(config)))


def test_defaults_of_the_agent_are_ours():
    ours = AgentConfiguration(agent_id="x", agent_name="x", environment="x").to_json()
    identity = {"agent_id": "x", "agent_name": "x", "environment": "x"}
    assert ours == {**agent_config.DEFAULTS, **identity}


def test_spelling_is_no_difference(agent):
    assert desired_configuration(agent, {"heartbeat_interval": "60s"}) == desired_configuration(
        agent, {"heartbeat_interval": "1m", "max_concurrent_tasks": "5"}
    )


def test_the_projects_settings_stand_between(agent):
    settings = AgentSettings(capabilities=("docker",), heartbeat_interval=timedelta(seconds=90))
    config, _ = desired_configuration(agent, {"capabilities": ["compose"]}, settings=settings)
    assert (config["capabilities"], config["heartbeat_interval"]) == (["compose"], "90s")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("a: 1\n", 1, "unknown key stella_agent_config.a", "known: agent_id"),
        ("\ncapabilites: []\n", 2, "unknown key stella_agent_config.capabilites", "'capabilities'"),
        ("certificates:\n  sorce: file\n", 2, "unknown key stella_agent_config.certificates.sorce", "'source'"),
        ("cluster:\n  id: c\n  mod: x\n", 3, "unknown key stella_agent_config.cluster.mod", "'mode'"),
        ("observability:\n  logging:\n    level: loud\n", 3, "observability.logging.level: Input", None),
        ("heartbeat_interval: 30\n", 1, "heartbeat_interval: '30' is no duration", None),
        ("heartbeat_interval: 10ms\n", 1, "heartbeat_interval: must be at least 1s", None),
        ("capabilities:\n  - docker\n  - No-Caps\n", 3, "capabilities.1: String should match", None),
        ("resource_limits:\n  cpu_percent: 101\n", 2, "resource_limits.cpu_percent: Input should be less", None),
        ("certificates:\n  source: file\n", 1, "certificates: source 'file' needs certificate_path", None),
        ("certificates:\n  private_key_path: /x\n", 1, "certificates: certificate_path, private_key_path", None),
        ("agent_name: other\n", 1, "agent_name cannot be set", "name and environment"),
        ("orchestrator_url: ftp://x\n", 1, "orchestrator_url: must be a URL like https://", None),
        ("orchestrator_url: http://x:8443\n", 1, "orchestrator_url: must begin with https://", None),
        ("- x\n", 1, "must be a mapping", None),
    ],
)
def test_mistakes_name_their_place(agent, text, line, message, hint):
    problem = wrong(agent, text)
    assert message in problem.message
    assert problem.where.startswith(f"group_vars/all.yml:{line}")
    assert hint is None or hint in problem.hint


def test_the_identity_may_be_repeated(agent):
    assert desired_configuration(agent, {"agent_name": "web1", "environment": "prod"})[0] == CONTRACT


@given(
    st.dictionaries(
        st.sampled_from(sorted(CONTRACT)),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=9)
            | st.sampled_from(["5s", "1h30m"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["source", "id", "metrics", "port", "enabled", "cpu_percent", "x"]),
                    inner,
                    max_size=3,
                )
            ),
        ),
        max_size=4,
    )
)
def test_what_we_accept_the_agent_accepts(values):
    base = {"agent_id": "a", "agent_name": "n", "environment": "e"}
    try:
        config = read_configuration({**base, **values}).to_json()
    except ParseError:
        return
    assert agent_config.problems_of(config) == []
    assert read_configuration(config).to_json() == config


def test_revisions(store, clock, enrolment):
    pending = enrolment.begin("web1", "prod", "h", actor="ops")
    service = ConfigurationService(store, clock=clock)

    def desire(variables, **more):
        made = service.desire(pending.agent_id, variables, actor="ops", **more)
        return made.revision, made.new

    assert desire(None, record=False) == (1, True)
    assert desire(None) == (1, True)
    assert desire({}) == (1, False)
    assert desire({"labels": {"a": "b"}}, record=False) == (2, True)
    assert desire({"labels": {"a": "b"}}) == (2, True)
    assert desire({"labels": {"a": "b"}}, record=False) == (2, False)
    assert service.desire(pending.agent_id, None, actor="ops").config["agent_name"] == "web1"
    with pytest.raises(ParseError, match="no agent"):
        service.desire("nobody", None, actor="ops")


def test_revisions_and_pushes_are_in_the_audit_trail(store, clock, enrolment, audited):
    pending = enrolment.begin("web1", "prod", "web1", actor="ops")
    service = ConfigurationService(store, clock=clock)
    service.desire(pending.agent_id, None, actor="ops", record=False)
    assert not audited("config.revise")
    for _ in range(2):
        desired = service.desire(pending.agent_id, None, actor="ops")
    service.applied(pending.agent_id, desired, actor="ops")
    told = {"environment": "prod", "agent_id": pending.agent_id, "revision": 1, "sha256": desired.sha256}
    for act in ("config.revise", "config.push"):
        assert [(entry.subject, entry.detail) for entry in audited(act)] == [("web1", told)]
