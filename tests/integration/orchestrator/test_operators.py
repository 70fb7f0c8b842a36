"""What operators may ask, by key and by certificate, and what their roles keep from them."""

from __future__ import annotations

import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture(scope="module")
def by_role(server):
    return {role: server.operator(role, role) for role in ("viewer", "operator", "admin")}


@pytest.fixture(scope="module")
def agent(server):
    return server.enrol("web1")


# method, path, body, the least role
QUESTIONS = [
    ("GET", "/v1/agents", None, "viewer"),
    ("GET", "/v1/agents/{agent}", None, "viewer"),
    ("GET", "/v1/agents/{agent}/heartbeats", None, "viewer"),
    ("GET", "/v1/agents/{agent}/config", None, "viewer"),
    ("GET", "/v1/agents/{agent}/certificates", None, "viewer"),
    ("GET", "/v1/agents/{agent}/tasks", None, "viewer"),
    ("GET", "/v1/agents/{agent}/logs", None, "viewer"),
    ("GET", "/v1/tokens", None, "viewer"),
    ("GET", "/v1/runs", None, "viewer"),
    ("GET", "/v1/doctor", None, "viewer"),
    ("POST", "/v1/tokens", {"agent_name": "web9"}, "operator"),
    ("POST", "/v1/bootstrap", {"agent_name": "web9"}, "operator"),
    ("PUT", "/v1/agents/{agent}/config", {"config": {"labels": {"tier": "web"}}}, "operator"),
    ("POST", "/v1/agents/{agent}/tasks", {"method": "status"}, "operator"),
    ("GET", "/v1/audit", None, "admin"),
    ("GET", "/v1/operators", None, "admin"),
    ("POST", "/v1/operators", {"name": "bob", "role": "viewer"}, "admin"),
]


@pytest.mark.parametrize(("method", "path", "body", "least"), QUESTIONS, ids=lambda value: str(value)[:40])
def test_roles(server, by_role, agent, method, path, body, least):
    path = path.format(agent=agent.answer["agent_id"])
    roles = list(by_role)
    for role, client in by_role.items():
        answer = client.request(method, path, json=body)
        if roles.index(role) < roles.index(least):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role"), role
        else:
            assert answer.status_code in (200, 201), (role, answer.text)
    nobody = server.client().request(method, path, json=body)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "operator-required")
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    as_agent = agent.client().request(method, path, json=body)
    assert (as_agent.status_code, as_agent.json()["error"]["code"]) == (403, "certificate-revoked")


def test_every_question_of_the_api_is_tried_here(server, by_role):
    served = server.client().get("/openapi.json").json()["paths"]
    asked = {
        (method.upper(), path)
        for path, operations in served.items()
        for method, operation in operations.items()
        if operation["tags"] == ["operators"]
    }
    tried = {(method, path.replace("{agent}", "{id}")) for method, path, _, _ in QUESTIONS}
    assert asked - tried == {
        ("DELETE", "/v1/agents/{id}"),
        ("GET", "/v1/tokens/{id}"),
        ("DELETE", "/v1/tokens/{id}"),
        ("DELETE", "/v1/operators/{id}"),
    }


def test_a_token_from_mint_to_use_and_revocation(server, by_role):
    operator, viewer = by_role["operator"], by_role["viewer"]
    asked = {
        "agent_name": "token1",
        "environment": "test",
        "capabilities": ["docker"],
        "labels": {"tier": "db"},
        "cluster_id": "c1",
        "ttl": "1h",
    }
    made = operator.post("/v1/tokens", json=asked).json()
    agent = server.enrol("token1", token=made["token"])
    assert agent.answer["config"]["capabilities"] == ["docker"]
    assert agent.answer["config"]["labels"] == {"tier": "db"}
    assert agent.answer["config"]["cluster"]["id"] == "c1"
    shown = viewer.get(f"/v1/tokens/{made['id']}").json()
    assert (shown["status"], shown["uses"], shown["agent_name"]) == ("used", 1, "token1")
    assert made["token"].split(".")[1] not in viewer.get("/v1/tokens?all=true").text
    second = operator.post("/v1/tokens", json=asked).json()
    assert viewer.delete(f"/v1/tokens/{second['id']}").status_code == 403
    assert operator.delete(f"/v1/tokens/{second['id']}").json()["status"] == "revoked"
    refused = server.client().post("/v1/enroll/identity", json={"token": second["token"]})
    assert refused.status_code == 403
    assert viewer.get("/v1/tokens/0000000000000000").status_code == 404
    assert [entry.actor for entry in server.audited("token.revoke")] == ["operator:operator"]
    steps = [line["event"] for line in server.log if line.get("step") in (1, 2)]
    assert steps[-2:] == ["Request token", "Return token"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"ttl": "99d"}, 400, "bad-ttl"),
        ({"ttl": "soon"}, 400, "invalid-request"),
        ({"uses": 5000}, 400, "bad-uses"),
        ({"agent_name": "../x"}, 400, "invalid-request"),
        ({"capabilities": ["fly"]}, 400, "invalid-request"),
        ({"colour": "red"}, 400, "invalid-request"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_request_is_said(by_role, change, status, code):
    answer = by_role["operator"].post("/v1/tokens", json={"agent_name": "web9", **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_a_bootstrap_is_all_that_a_host_needs(server, by_role):
    made = by_role["operator"].post("/v1/bootstrap", json={"agent_name": "boot1", "environment": "test"})
    assert made.status_code == 201, made.text
    found = made.json()
    assert found["token"] in found["install_command"]
    assert found["token"] not in found["install_command_stdin"]
    assert found["configuration"]["agent_name"] == "boot1"
    assert found["install_script"].startswith("#!/")
    pin = server.ready.split("sha256//")[1].split(",")[0]
    assert pin in found["install_command"]
    assert found["token"].split(".")[1] not in server.log_file.read_text()


def test_decommissioning(server, by_role):
    agent = server.enrol("gone1")
    client = agent.client()
    assert client.get("/v1/agents/self/config").status_code == 200
    path = f"/v1/agents/{agent.answer['agent_id']}"
    assert by_role["viewer"].delete(path).status_code == 403
    assert by_role["operator"].delete(path).json()["status"] == "decommissioned"
    refused = client.get("/v1/agents/self/config")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "certificate-revoked")
    task = by_role["operator"].post(f"{path}/tasks", json={"method": "status"})
    assert (task.status_code, task.json()["error"]["code"]) == (409, "decommissioned")
    certificates = by_role["viewer"].get(f"{path}/certificates").json()["certificates"]
    assert [one["revocation_reason"] for one in certificates] == ["cessation_of_operation"]


def test_a_configuration_set_here_reaches_the_agent(server, by_role):
    agent = server.enrol("conf1")
    path = f"/v1/agents/{agent.answer['agent_id']}/config"
    made = by_role["operator"].put(path, json={"config": {"heartbeat_interval": "45s"}}).json()
    assert not made["applied"]
    desired = agent.client().get("/v1/agents/self/config").json()
    assert desired["config"]["heartbeat_interval"] == "45s"
    assert desired["revision"] == made["revision"] > agent.answer["config_revision"]
    agent.client().post(
        "/v1/agents/self/config",
        json={"revision": made["revision"], "sha256": made["sha256"], "status": "applied"},
    )
    assert by_role["viewer"].get(path).json()["applied"]
    wrong = by_role["operator"].put(path, json={"config": {"heartbeat_interval": "soon"}})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid-request")
    assert "heartbeat_interval" in wrong.json()["error"]["message"]


def test_a_task_wakes_an_agent_that_waits(server, by_role, agent):
    client = agent.client()
    path = f"/v1/agents/{agent.answer['agent_id']}/tasks"
    while found := client.get("/v1/agents/self/tasks").json()["tasks"]:
        results = [{"id": task["id"], "response": {"ok": True}} for task in found]
        client.post("/v1/agents/self/results", json={"results": results})
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.get("/v1/agents/self/tasks?wait=30")))
    begun = time.monotonic()
    waiting.start()
    task = by_role["operator"].post(path, json={"method": "heartbeats", "params": {"limit": 3}}).json()
    waiting.join()
    assert time.monotonic() - begun < 6
    assert answers[0].json()["tasks"] == [{"id": task["id"], "method": "heartbeats", "params": {"limit": 3}}]
    response = {"ok": True, "result": {"heartbeats": [], "last_seq": 0}}
    client.post("/v1/agents/self/results", json={"results": [{"id": task["id"], "response": response}]})
    newest = by_role["viewer"].get(path).json()["tasks"][0]
    assert newest["response"] == response
    assert newest["finished_at"] is not None


def test_logs_can_be_read(server, by_role, agent):
    entry = {"seq": 7, "time": "2025-03-04T06:00:01Z", "level": "info", "event": "started", "pid": 7}
    agent.client().post("/v1/agents/self/logs", json={"entries": [entry]})
    path = f"/v1/agents/{agent.answer['agent_id']}/logs?limit=1"
    found = by_role["viewer"].get(path).json()["logs"][0]
    assert (found["seq"], found["event"], found["data"]) == (7, "started", {"pid": 7})


def test_an_operator_by_certificate(server, certificate_request):
    alice = server.certified_operator("alice", "operator")
    assert alice.client().get("/v1/agents").status_code == 200
    assert alice.client().get("/v1/audit").status_code == 403
    assert alice.client().get("/v1/agents/self/config").json()["error"]["code"] == "certificate-revoked"
    admin = server.operator("root", "admin")
    assert admin.delete(f"/v1/operators/{alice.answer['id']}").status_code == 200
    refused = alice.client().get("/v1/agents")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "certificate-revoked")
    key = ec.generate_private_key(ec.SECP256R1())
    asked = {"name": "carol", "role": "viewer", "csr": certificate_request(key, "carol")}
    made = admin.post("/v1/operators", json=asked).json()
    assert made["key"] is None
    assert made["ca"] == server.root.read_text()
    wrong = admin.post("/v1/operators", json={**asked, "name": "dave"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "certificate-request")


def test_keys(server):
    admin = server.operator("chief", "admin")
    made = admin.post("/v1/operators", json={"name": "eve", "role": "viewer", "ttl": "1h"}).json()
    as_eve = server.client(headers={"authorization": f"bearer {made['key']}"})
    assert as_eve.get("/v1/agents").status_code == 200
    assert made["key"] not in admin.get("/v1/operators").text
    told = {one["id"]: one for one in admin.get("/v1/operators").json()["operators"]}
    assert told[made["id"]]["last_used_at"] is not None
    wrong_secret = f"{made['id']}.{'A' * 43}"
    for key in (f" {wrong_secret}", f" {'0' * 16}.{'A' * 43}", " nonsense", ""):
        refused = server.client(headers={"authorization": f"Bearer{key}"}).get("/v1/agents")
        assert (refused.status_code, refused.json()["error"]["message"]) == (401, "the API key is not good"), key
    admin.delete(f"/v1/operators/{made['id']}")
    assert as_eve.get("/v1/agents").status_code == 401
    log = server.log_file.read_text()
    assert made["key"] not in log
    assert made["key"].split(".")[1] not in log


def test_the_audit_trail(server, by_role):
    found = by_role["admin"].get("/v1/audit?act=operator.add&limit=2").json()["entries"]
    assert len(found) == 2
    assert {entry["act"] for entry in found} == {"operator.add"}
