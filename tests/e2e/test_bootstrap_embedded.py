"""The journey of an operator without root, Docker or systemd: embedded hosts, and plain OpenSSH hosts.

The tests of this file share one site for each kind of host. Each leaves its agents healthy. Those in which the SSH
server has no part (what is asked and written on this machine, what a second run mends or changes) have one kind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import yaml

from stella_ops.lab.model import Lab
from stella_ops.releases.packages import ensure_package

pytestmark = pytest.mark.e2e

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
CHECK_IDS = {
    "certificate-expiry",
    "certificate-validity",
    "configuration-validity",
    "heartbeat",
    "disk-space",
    "memory-usage",
    "dns-resolution",
    "docker-connectivity",
}


def recap(events: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The counts of the run, by host."""
    hosts: dict[str, dict[str, int]] = events[-1]["hosts"]
    return hosts


def results(events: list[dict[str, Any]], task: str) -> dict[str, dict[str, Any]]:
    """What a task told on each host."""
    return {event["host"]: event for event in events if event["event"] == "HostFinished" and event["task"] == task}


def changed(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Which tasks changed something, by host."""
    found: dict[str, list[str]] = {host: [] for host in recap(events)}
    for event in events:
        if event["event"] == "HostFinished" and event["status"] == "changed":
            found[event["host"]].append(event["task"])
    return found


@pytest.fixture(scope="module", params=["embedded", "openssh"])
def lab(request: pytest.FixtureRequest) -> Lab:
    found: Lab = request.getfixturevalue(f"{request.param}_lab")
    return found


# The SSH server has no part in these: OpenSSH's is enough.
once = pytest.mark.parametrize("lab", ["openssh"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def site(lab: Lab, make_site: Callable[..., Any]) -> Any:
    """A project with three bare hosts; the first test that needs agents bootstraps them."""
    made = make_site(lab)
    made.first_run, made.in_doubt = None, False
    return made


@pytest.fixture
def agents(site: Any) -> Any:
    """The site with healthy agents, which the test leaves as they are."""
    if site.first_run is None:
        bare = {host.name: host.listing() for host in site.hosts}
        site.foretold = site.bootstrap("--check")
        site.untouched = {host.name: host.listing() for host in site.hosts} == bare
        site.first_run = site.bootstrap()
        site.check_healthy()
        site.check_nothing_left()
    elif site.in_doubt:
        site.in_doubt = False
        site.bootstrap()
    return site


@pytest.fixture
def patients(agents: Any) -> Iterator[Any]:
    """The site with healthy agents, which the test harms and mends."""
    agents.in_doubt = True
    yield agents
    agents.check_healthy()
    agents.check_nothing_left()
    agents.in_doubt = False


def test_check_mode_on_bare_hosts_changes_nothing(agents: Any) -> None:
    assert agents.untouched
    for tally in recap(agents.foretold).values():
        assert tally["failed"] == tally["unreachable"] == 0 and tally["changed"] > 0
    assert changed(agents.foretold)["lab1"][:2] == ["Install the agent", "Enrol the agent"]


def test_bare_hosts_become_healthy_agents(agents: Any) -> None:
    for host, tasks in changed(agents.first_run).items():
        assert tasks == ["Install the agent", "Enrol the agent", "Push the configuration", "Start the agent"], host
    assert {e["result"]["proof"] for e in results(agents.first_run, "Enrol the agent").values()} <= {"pkcs10", "sshsig"}


def test_again_nothing_changes_and_the_agents_go_on(agents: Any) -> None:
    before = {host.name: (host.pid, host.supervisor_pid) for host in agents.hosts}
    assert all(all(pids) for pids in before.values())

    second = agents.bootstrap()

    assert changed(second) == {"lab1": [], "lab2": [], "lab3": []}
    assert all(t["ok"] == 8 and t["failed"] == t["unreachable"] == 0 for t in recap(second).values())
    assert {host.name: (host.pid, host.supervisor_pid) for host in agents.hosts} == before


@once
def test_the_human_recap_says_that_nothing_changed(agents: Any) -> None:
    said = agents.project.run("play", "bootstrap.yml", "-l", "lab1", expect=0).stdout
    assert "TASK [Install the agent] ***" in said and "ok: [lab1]" in said
    assert "changed=0 " in said.split("PLAY RECAP")[1]


def test_check_mode_on_agents_changes_nothing(agents: Any) -> None:
    pids = {host.name: host.pid for host in agents.hosts}
    assert changed(agents.bootstrap("--check", "--diff")) == {"lab1": [], "lab2": [], "lab3": []}
    assert {host.name: host.pid for host in agents.hosts} == pids


@once
def test_check_mode_foretells_what_a_run_then_does(patients: Any) -> None:
    lab1 = patients["lab1"]
    lab1.config.unlink()
    files = lab1.listing()
    foretold = patients.bootstrap("--check", "-l", "lab1")
    assert changed(foretold) == {"lab1": ["Push the configuration"]}
    assert set(lab1.listing()) == set(files) and not lab1.config.exists()
    assert changed(patients.bootstrap("-l", "lab1")) == {"lab1": ["Push the configuration"]}


# -- what is on the hosts


def test_certificates_verify_and_belong_to_the_keys(agents: Any) -> None:
    root = agents.project.write("root.pem", agents.project.run("ca", "show", "--pem", expect=0).stdout)
    for host in agents.hosts:
        verified = _openssl("verify", "-CAfile", root, "-untrusted", host.certificate, host.certificate)
        assert verified.endswith(": OK"), verified
        assert _openssl("x509", "-in", host.certificate, "-noout", "-pubkey") == _openssl(
            "pkey", "-in", host.key, "-pubout"
        )
        assert f"CN = {host.name}" in _openssl(
            "x509", "-in", host.certificate, "-noout", "-subject", "-nameopt", "oneline"
        )
        assert (host.prefix / "var/identity/ca.crt").read_text() == root.read_text()


def test_keys_are_apart_and_readable_by_their_owner_only(agents: Any) -> None:
    assert {oct(host.key.stat().st_mode & 0o7777) for host in agents.hosts} == {"0o600"}
    assert len({host.key.read_bytes() for host in agents.hosts}) == 3


def test_the_private_keys_are_nowhere_on_the_controller(agents: Any) -> None:
    bodies = [host.key.read_bytes().splitlines()[1] for host in agents.hosts]
    for path in agents.project.folder.rglob("*"):
        if path.is_file():
            assert not any(body in path.read_bytes() for body in bodies), path


def test_configurations_are_canonical_json(agents: Any) -> None:
    for host in agents.hosts:
        text = host.config.read_text()
        config = json.loads(text)
        assert text == json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        assert (config["agent_name"], config["environment"]) == (host.name, "default")


def test_heartbeats_arrive_and_increase(agents: Any) -> None:
    def recorded() -> dict[str, list[int]]:
        with agents.database() as connection:
            rows = connection.execute(
                "SELECT name, seq FROM heartbeats JOIN agents ON agents.id = agent_id ORDER BY heartbeats.id"
            ).fetchall()
        return {name: [row["seq"] for row in rows if row["name"] == name] for name in ("lab1", "lab2", "lab3")}

    before = recorded()
    for host in agents.hosts:
        os.kill(host.pid, signal.SIGHUP)  # it gives a heartbeat at once then
    agents.bootstrap()
    for name, numbers in recorded().items():
        assert numbers == sorted(set(numbers)) and len(numbers) > len(before[name]) > 0
        assert numbers[: len(before[name])] == before[name]


# -- what the controller tells


@once
def test_agent_list_as_json(agents: Any) -> None:
    now = datetime.now(UTC)
    listed = agents.agents()
    assert list(listed) == ["lab1", "lab2", "lab3"]
    for name, agent in listed.items():
        assert {"id", "name", "environment", "host", "version", "status"} <= set(agent)
        assert agent["host"] == agent["name"] == name and agent["environment"] == "default"
        assert agent["status"] == "healthy" and agent["decommissioned_at"] is None
        assert agent["version"] == agents.project.run("--version").stdout.split()[-1]
        heard = datetime.fromisoformat(agent["last_heartbeat"])
        assert now - timedelta(minutes=10) < heard < now + timedelta(minutes=1)
        expires = datetime.fromisoformat(agent["certificate_expires_at"])
        assert timedelta(days=300) < expires - now < timedelta(days=400)


@once
def test_agent_status(agents: Any) -> None:
    one = json.loads(agents.project.run("agent", "status", "lab2", "--format", "json", expect=0).stdout)
    assert [agent["name"] for agent in one] == ["lab2"]
    assert one[0]["id"] == agents["lab2"].rpc("status")["agent_id"]
    shown = agents.project.run("agent", "status", "lab2", expect=0).stdout
    assert one[0]["id"] in shown and "healthy" in shown
    refused = agents.project.run("agent", "status", "lab22", expect=2)
    assert "lab22" in refused.stderr and "lab2" in refused.stderr.replace("lab22", "")


@once
def test_ca_show(agents: Any) -> None:
    described = json.loads(agents.project.run("ca", "show", "--format", "json", expect=0).stdout)
    root = agents.project.write("shown.pem", agents.project.run("ca", "show", "--pem", expect=0).stdout)
    fingerprint = _openssl("x509", "-in", root, "-noout", "-fingerprint", "-sha256").split("=")[1].replace(":", "")
    assert fingerprint.lower() in json.dumps(described).lower()
    assert (agents.project.state / "ca").stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in (agents.project.state / "ca").glob("*.key")} == {0o600}


@once
def test_the_project_is_private_and_its_settings_parse(agents: Any) -> None:
    assert agents.project.state.stat().st_mode & 0o777 == 0o700
    assert (agents.project.state / "fleet.db").stat().st_mode & 0o777 == 0o600
    assert tomllib.loads((agents.project.folder / "stella.toml").read_text())["agent"]["environment"] == "default"


# -- the doctor


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    documents = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    registry: Any = referencing.Registry()
    for name, document in documents.items():
        resource = referencing.Resource.from_contents(document)
        registry = registry.with_resources([(name, resource), (document["$id"], resource)])
    return jsonschema.Draft202012Validator(
        documents["doctor-run.v1.json"],
        registry=registry,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def test_the_doctor_finds_all_healthy_in_json_yaml_and_as_a_table(agents: Any, schema: Any) -> None:
    as_json = json.loads(agents.project.run("doctor", "all", "--format", "json", expect=0).stdout)
    schema.validate(as_json)
    assert [report["host"] for report in as_json["reports"]] == ["lab1", "lab2", "lab3"]
    ids = {name: agent["id"] for name, agent in agents.agents().items()}
    for report in as_json["reports"]:
        assert report["overall_status"] == "healthy" and report["agent_id"] == ids[report["host"]]
        assert {result["id"] for result in report["results"]} >= CHECK_IDS

    as_yaml = yaml.safe_load(agents.project.run("doctor", "lab1", "--format", "yaml", expect=0).stdout)
    schema.validate(as_yaml)
    assert [report["host"] for report in as_yaml["reports"]] == ["lab1"]

    table = agents.project.run("doctor", "lab1", "--category", "Security", expect=0).stdout
    assert "lab1  HEALTHY" in table and "Certificate Validity" in table and "Disk Space" not in table


@once
def test_the_doctor_exits_1_for_a_sick_host(patients: Any, schema: Any) -> None:
    lab2 = patients["lab2"]
    config = lab2.config.read_text()
    lab2.config.write_text(config.replace('"30s"', '"whenever"', 1))
    try:
        told = json.loads(patients.project.run("doctor", "all", "--format", "json", expect=1).stdout)
    finally:
        lab2.config.write_text(config)
    schema.validate(told)
    by_host = {report["host"]: report for report in told["reports"]}
    assert by_host["lab1"]["overall_status"] == "healthy" and by_host["lab2"]["overall_status"] == "critical"
    sick = [result for result in by_host["lab2"]["results"] if result["status"] != "healthy"]
    assert "configuration-validity" in {result["id"] for result in sick}
    assert all(result["remediation_hint"] for result in sick) and by_host["lab2"]["remediations"]


@once
def test_the_doctor_exits_2_for_wrong_usage(agents: Any) -> None:
    for words in (
        ["nosuchhost"],
        ["all", "--only", "no-such-check"],
        ["all", "--format", "xml"],
        ["all", "-i", "gone.yml"],
    ):
        refused = agents.project.run("doctor", *words, expect=2)
        assert refused.stdout == "" and refused.stderr and "Traceback" not in refused.stderr, words


@once
def test_the_doctor_exits_3_for_a_host_it_cannot_look_at(agents: Any, schema: Any) -> None:
    agents.write_inventory(gone={"ansible_host": "127.0.0.1", "ansible_port": 1})
    try:
        told = json.loads(agents.project.run("doctor", "all", "--format", "json", expect=3).stdout)
    finally:
        agents.write_inventory()
    schema.validate(told)
    assert len(told["reports"]) == 3
    assert [entry["host"] for entry in told["unreachable"]] == ["gone"]
    assert "refuses the connection" in told["unreachable"][0]["error"] and told["unreachable"][0]["hint"]


def test_the_doctor_needs_no_agent(lab: Lab, make_site: Callable[..., Any], schema: Any) -> None:
    bare = make_site(lab, names=["bare"])
    told = json.loads(bare.project.run("doctor", "all", "--format", "json", expect=1).stdout)
    schema.validate(told)
    assert told["reports"][0]["agent_id"] is None and told["unreachable"] == []
    assert not bare["bare"].prefix.exists()


# -- what breaks is mended


def test_a_killed_agent_is_started_again_by_its_supervisor(patients: Any, patiently: Callable[..., Any]) -> None:
    lab1 = patients["lab1"]
    before, supervisor = lab1.pid, lab1.supervisor_pid
    os.kill(before, signal.SIGKILL)
    patiently(lambda: lab1.pid not in (None, before), "the supervisor to start the agent again")
    patiently(lambda: lab1.rpc("status")["running"], "the agent to run")
    assert lab1.supervisor_pid == supervisor
    assert changed(patients.bootstrap("-l", "lab1")) == {"lab1": []}


def test_a_killed_supervisor_takes_its_agent_along_and_both_are_started(
    patients: Any, patiently: Callable[..., Any]
) -> None:
    lab1, lab2 = patients["lab1"], patients["lab2"]
    os.kill(lab1.supervisor_pid, signal.SIGKILL)
    for pid in (lab2.supervisor_pid, lab2.pid):
        os.kill(pid, signal.SIGKILL)
    patiently(lambda: lab1.pid is lab2.pid is None, "the agents to end")
    assert changed(patients.bootstrap()) == {"lab1": ["Start the agent"], "lab2": ["Start the agent"], "lab3": []}


@once
def test_lost_config_key_and_certificate_come_back(patients: Any) -> None:
    lab1, lab2, lab3 = patients.hosts
    old_key, kept_key = lab2.key.read_bytes(), lab3.key.read_bytes()
    lab1.config.unlink()
    lab2.key.unlink()
    lab3.certificate.unlink()

    mended = patients.bootstrap()

    assert changed(mended) == {
        "lab1": ["Push the configuration"],
        "lab2": ["Enrol the agent", "Restart the agent"],
        "lab3": ["Enrol the agent", "Restart the agent"],
    }
    assert lab2.key.read_bytes() != old_key and lab3.key.read_bytes() == kept_key
    with patients.database() as connection:
        rows = connection.execute(
            "SELECT subject, count(*) FROM certificates WHERE revoked_at IS NULL GROUP BY subject ORDER BY subject"
        ).fetchall()
    assert [tuple(row) for row in rows] == [("lab1", 1), ("lab2", 1), ("lab3", 1)]
    assert changed(patients.bootstrap()) == {"lab1": [], "lab2": [], "lab3": []}


@once
def test_a_lost_and_a_damaged_package_come_back(patients: Any) -> None:
    lab1, lab2, lab3 = patients.hosts
    lab1.package.unlink()
    fresh = lab2.package.with_name("damaged")
    fresh.write_bytes(b"#!/usr/bin/env python3\nnonsense(\n")
    fresh.rename(lab2.package)
    (lab3.prefix / "current").unlink()

    mended = patients.bootstrap()

    for host, tasks in changed(mended).items():
        assert tasks[0] == "Install the agent" and "Enrol the agent" not in tasks, host


@once
def test_damaged_state_and_identity_files_do_not_stop_a_run(patients: Any) -> None:
    lab1, lab2, lab3 = patients.hosts
    lab1.certificate.write_text("no certificate\n")
    lab2.config.write_text("{not json")
    for name in ("status", "heartbeat", "config"):
        (lab3.prefix / f"var/state/{name}.json").write_text("\0\0\0")
    patients.bootstrap()


@once
def test_another_version_is_installed_and_runs(patients: Any) -> None:
    ids = {name: agent["id"] for name, agent in patients.agents().items()}
    built = ensure_package(patients.project.state / "releases", "9.9.9")
    newer = patients.as_version("9.9.9", "play", "bootstrap.yml", "--output", "json")
    done = subprocess.run(
        newer,
        cwd=patients.project.folder,
        env=patients.project.environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    try:
        for host, tasks in changed(events).items():
            assert tasks[0] == "Install the agent" and {"Start the agent", "Restart the agent"} & set(tasks), host
        patients.check_healthy(version="9.9.9")
        assert {agent["version"] for agent in patients.agents().values()} == {"9.9.9"}
        assert {host.package.read_bytes() for host in patients.hosts} == {built.path.read_bytes()}
        assert {name: agent["id"] for name, agent in patients.agents().items()} == ids
    finally:
        back = patients.bootstrap()
    assert all(tasks[0] == "Install the agent" for tasks in changed(back).values())
    assert {agent["version"] for agent in patients.agents().values()} != {"9.9.9"}


# -- configure, rename, decommission


@once
def test_configure_pushes_a_changed_configuration(patients: Any) -> None:
    pids = {host.name: host.pid for host in patients.hosts}
    wanted = json.dumps({"stella_agent_config": {"heartbeat_interval": "7s", "labels": {"tier": "web"}}})

    foretold = patients.play("configure.yml", "-e", wanted, "--check")
    assert changed(foretold)["lab1"] == ["Push the configuration"]
    assert '"7s"' not in patients["lab1"].config.read_text()
    pushed = patients.play("configure.yml", "-e", wanted)
    assert set(map(tuple, changed(pushed).values())) == {("Push the configuration",)}
    again = patients.play("configure.yml", "-e", wanted)
    assert set(map(tuple, changed(again).values())) == {()}

    for host in patients.hosts:
        config = json.loads(host.config.read_text())
        assert config["heartbeat_interval"] == "7s" and config["labels"] == {"tier": "web"}
    patients.check_healthy()
    assert {host.name: host.pid for host in patients.hosts} == pids
    assert {a["config_revision"] for a in patients.agents().values()} == {
        e["result"]["revision"] for e in results(pushed, "Push the configuration").values()
    }

    refused = patients.play(
        "configure.yml", "-l", "lab1", "-e", '{"stella_agent_config": {"heartbeat": "7s"}}', expect=2
    )
    failure = results(refused, "Push the configuration")["lab1"]
    assert "heartbeat" in failure["result"]["msg"] and "heartbeat_interval" in str(failure["hint"])
    patients.play("configure.yml")


@once
def test_another_name_and_environment_is_another_agent(patients: Any) -> None:
    lab3 = patients["lab3"]
    key, old = lab3.key.read_bytes(), patients.agents()["lab3"]
    moved = patients.bootstrap("-l", "lab3", "-e", "stella_environment=staging", "-e", "stella_agent_name=web-3")
    assert changed(moved)["lab3"][0] == "Enrol the agent"
    status = lab3.rpc("status")
    assert (status["name"], status["environment"]) == ("web-3", "staging")
    assert status["certificate"]["subject_cn"] == "web-3"
    assert lab3.key.read_bytes() == key
    listed = patients.agents()
    assert listed["web-3"]["status"] == "healthy" and listed["web-3"]["id"] != old["id"]
    # The host is no longer the agent it was, and nobody is left to believe that.
    assert listed["lab3"]["status"] == "decommissioned"
    patients.check_store()

    back = patients.bootstrap("-l", "lab3")
    assert changed(back)["lab3"][0] == "Enrol the agent"
    listed = patients.agents()
    assert listed["lab3"]["id"] == old["id"] and listed["web-3"]["status"] == "decommissioned"


@once
def test_two_names_for_one_host_have_an_agent_each(lab: Lab, make_site: Callable[..., Any]) -> None:
    shared = make_site(lab, names=["lab1", "lab2", "lab3", "again1"])  # the fourth is on the first's host
    assert shared["again1"].lab_host is shared["lab1"].lab_host
    shared.bootstrap("-l", "lab1,again1")
    shared.check_healthy(shared["lab1"], shared["again1"])
    assert set(map(tuple, changed(shared.bootstrap("-l", "lab1,again1")).values())) == {()}


@once
def test_two_names_for_one_agent_folder_are_refused(lab: Lab, make_site: Callable[..., Any]) -> None:
    shared = make_site(lab, names=["lab1"])
    shared.write_inventory(twin=shared["lab1"].inventory_vars())
    events = shared.bootstrap(expect=2)
    tallies = recap(events)
    assert sorted(tally["failed"] for tally in tallies.values()) == [0, 1]
    lost = next(name for name, tally in tallies.items() if tally["failed"])
    failure = next(e for e in events if e["event"] == "HostFinished" and e["status"] == "failed")
    assert failure["host"] == lost and "stella_agent_prefix" in str(failure["hint"]), failure
    # Whoever was first keeps the folder, run after run.
    assert recap(shared.bootstrap(expect=2))[lost]["failed"] == 1
    shared.check_store()


def test_decommission_leaves_nothing_and_bootstrap_begins_anew(patients: Any) -> None:
    lab1 = patients["lab1"]
    old = patients.agents()["lab1"]
    key = lab1.key.read_bytes()

    foretold = patients.play("decommission.yml", "-l", "lab1", "--check")
    assert changed(foretold) == {"lab1": ["Remove the agent"]} and lab1.pid
    assert changed(patients.play("decommission.yml", "-l", "lab1")) == {"lab1": ["Remove the agent"]}

    assert lab1.pid is None and not lab1.prefix.exists()
    patients.check_nothing_left(lab1)
    gone = patients.agents()["lab1"]
    assert gone["status"] == "decommissioned" and gone["decommissioned_at"]
    listed = json.loads(patients.project.run("agent", "list", "--format", "json", expect=0).stdout)
    assert "lab1" not in {agent["name"] for agent in listed}
    with patients.database() as connection:
        valid = connection.execute(
            "SELECT count(*) FROM certificates WHERE agent_id = ? AND revoked_at IS NULL", (old["id"],)
        ).fetchone()[0]
    assert valid == 0
    assert changed(patients.play("decommission.yml", "-l", "lab1")) == {"lab1": []}

    assert changed(patients.bootstrap("-l", "lab1"))["lab1"][:2] == ["Install the agent", "Enrol the agent"]
    assert lab1.key.read_bytes() != key
    assert patients.agents()["lab1"]["id"] == old["id"]


def _openssl(*words: object) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
