"""A bootstrap that fails half-way leaves host and fleet store as they were; one that goes well keeps identities."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab.keys import ensure_key
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.e2e

RESTORE = "Leave the host as it was before"
BAD_CONFIG = ("-e", json.dumps({"stella_agent_config": {"heartbeat": "7s"}}))
# What a running agent writes.
LIVING = ("/run/", "/log/", "/var/spool/", "/var/state/status.json", "/var/state/heartbeat.json")

# A Python that runs everything but the agent for good.
BROKEN_PYTHON = """#!/bin/sh
for word; do case $word in %s) echo "this Python is broken" >&2; exit 7;; esac; done
exec /usr/bin/python3 "$@"
"""


# -- what is there


def tree(host: Any, *, living: bool = False) -> dict[str, tuple[Any, ...]]:
    """Path to kind, mode, owner and content of all that is on a host; ``living``: also what a running agent writes."""
    found: dict[str, tuple[Any, ...]] = {}
    for name in host.listing():
        path = Path(name)
        inside = "/" + str(path.relative_to(host.prefix)) if path.is_relative_to(host.prefix) else ""
        if not living and inside.startswith(LIVING):
            continue
        about = path.lstat()
        content = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = (stat.S_IFMT(about.st_mode), stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid, content)
    return found


def remembered(site: Any) -> dict[str, Any]:
    """What the fleet store says that counts: agents in service, valid certificates and tokens."""
    with site.database() as connection:
        agents = connection.execute(
            "SELECT id, name, enrolled_at IS NOT NULL, certificate_fingerprint FROM agents"
            " WHERE decommissioned_at IS NULL"
        ).fetchall()
        certificates = connection.execute("SELECT serial FROM certificates WHERE revoked_at IS NULL").fetchall()
        tokens = connection.execute("SELECT id FROM tokens WHERE revoked_at IS NULL AND uses < max_uses").fetchall()
    return {
        "agents": [tuple(row) for row in agents],
        "certificates": sorted(row[0] for row in certificates),
        "tokens": sorted(row[0] for row in tokens),
    }


def acts(site: Any, name: str) -> list[str]:
    """What the audit trail says was done with an agent, in order."""
    with site.database() as connection:
        rows = connection.execute("SELECT act FROM audit WHERE subject = ? ORDER BY id", (name,)).fetchall()
    return [row[0] for row in rows]


def result(events: list[dict[str, Any]], task: str, host: str) -> dict[str, Any]:
    return next(
        e for e in events if e["event"] == "HostFinished" and e["task"] == task and e["host"] == host
    )  # fails the test where there is none


def check_undone(events: list[dict[str, Any]], host: str, task: str, cause: str) -> None:
    """The step failed for that cause, and the run ends with it and with what has become of the host."""
    assert result(events, task, host)["status"] == "failed", events
    ended = result(events, RESTORE, host)
    assert ended["status"] == "failed" and ended["result"]["left"] == [], ended
    assert re.search(cause, ended["result"]["msg"], re.I | re.S), ended
    assert ended["result"]["msg"].endswith("(the host is as it was before)"), ended
    assert ended["hint"] == result(events, task, host)["hint"]
    assert "Traceback" not in json.dumps(ended)
    assert events[-1]["hosts"][host]["failed"] == 1 and events[-1]["hosts"][host]["rescued"] == 1


# -- ways to fail


@contextlib.contextmanager
def trigger(site: Any, text: str) -> Iterator[None]:
    """Have the store itself do something, as long as the block lasts."""

    def execute(statement: str) -> None:
        with contextlib.closing(sqlite3.connect(site.project.state / "fleet.db", timeout=20)) as connection:
            connection.execute(statement)
            connection.commit()

    execute(f"CREATE TRIGGER spoiled {text}")
    try:
        yield
    finally:
        execute("DROP TRIGGER spoiled")


TOKEN_REFUSED = "AFTER INSERT ON tokens BEGIN UPDATE tokens SET revoked_at = NEW.created_at WHERE id = NEW.id; END"
NO_VISIT = (
    "BEFORE UPDATE ON agents WHEN NEW.last_visit IS NOT OLD.last_visit "
    "BEGIN SELECT RAISE(ABORT, 'no visit is recorded'); END"
)


@pytest.fixture
def broken_python(tmp_path: Path) -> Callable[[str], Path]:
    """An interpreter that fails for some words on its command line."""

    def make(words: str) -> Path:
        made = tmp_path / f"python-without-{words}"
        made.write_text(BROKEN_PYTHON % words)
        made.chmod(0o755)
        return made

    return make


@pytest.fixture(params=["install", "token", "configure", "start", "health"])
def way(
    request: pytest.FixtureRequest, broken_python: Callable[[str], Path]
) -> Callable[[Any], contextlib.AbstractContextManager[tuple[tuple[object, ...], str, str]]]:
    """One way to fail: while its block lasts, a run with these options fails in this task for this cause."""

    @contextlib.contextmanager
    def fail(site: Any) -> Iterator[tuple[tuple[object, ...], str, str]]:
        match request.param:
            case "install":
                yield (
                    ("-e", f"stella_agent_python={broken_python('version')}"),
                    "Install the agent",
                    "does not run here",
                )
            case "token":
                with trigger(site, TOKEN_REFUSED):
                    yield (), "Enrol the agent", "token was revoked"
            case "configure":
                yield BAD_CONFIG, "Push the configuration", "unknown key stella_agent_config.heartbeat"
            case "start":
                python = broken_python("supervise")
                yield ("-e", f"stella_agent_python={python}"), "Start the agent|Restart the agent", "Python is broken"
            case _:
                with trigger(site, NO_VISIT):
                    yield (), "Wait until the agent is healthy", "no visit is recorded"

    return fail


def failed_task(events: list[dict[str, Any]], tasks: str) -> str:
    """Which of some tasks it was that failed."""
    return next(
        e["task"]
        for e in events
        if e["event"] == "HostFinished" and e["status"] == "failed" and e["task"] in tasks.split("|")
    )


# -- a first install


@pytest.fixture
def bare(fresh_host: Any) -> Any:
    """A site of one bare host whose project has a store and an authority already."""
    fresh_host.project.run("ca", "show", expect=0)
    fresh_host.project.run("agent", "list", expect=0)
    return fresh_host


def test_a_first_install_that_fails_leaves_nothing(bare: Any, way: Any) -> None:
    lab1 = bare["lab1"]
    before, known = tree(lab1, living=True), remembered(bare)
    with way(bare) as (options, tasks, cause):
        events = bare.bootstrap(*options, expect=2)
    check_undone(events, "lab1", failed_task(events, tasks), cause)
    assert tree(lab1, living=True) == before and not lab1.prefix.exists()
    assert remembered(bare) == known
    bare.check_nothing_left()
    # What failed was not the end: the next run goes through.
    bare.bootstrap()
    bare.check_healthy()


def test_what_was_undone_is_in_the_audit_trail(bare: Any) -> None:
    bare.bootstrap(*BAD_CONFIG, expect=2)
    assert acts(bare, "lab1")[-4:] == ["token.exchange", "certificate.issue", "bootstrap.undo", "agent.decommission"]
    with bare.database() as connection:
        (detail,) = connection.execute("SELECT detail FROM audit WHERE act = 'bootstrap.undo'").fetchone()
        (issued,) = connection.execute("SELECT serial FROM certificates").fetchone()
    told = json.loads(detail)
    assert told["revoked"] == [issued] and "unknown key" in told["reason"]
    assert bare.agents()["lab1"]["status"] == "decommissioned"


def test_a_host_with_data_from_before_keeps_it(bare: Any) -> None:
    """An agent that was removed with its data kept: key, certificate and configuration stay, and nothing else."""
    lab1 = bare["lab1"]
    bare.bootstrap()
    bare.project.write(
        "keep.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - agent_remove: {keep_data: true}\n"
    )
    bare.play("keep.yml")
    before, paths, known = tree(lab1), set(tree(lab1, living=True)), remembered(bare)
    assert lab1.key.exists() and not lab1.package.exists()
    with trigger(bare, NO_VISIT):
        bare.bootstrap("--reissue", expect=2)
    # What the agent itself wrote into files that were there (its heartbeats) stays, and nothing else.
    assert tree(lab1) == before and set(tree(lab1, living=True)) == paths
    assert remembered(bare) == known


def test_people_see_the_cause_and_what_became_of_the_host(bare: Any) -> None:
    said = bare.project.run("play", "bootstrap.yml", *BAD_CONFIG, expect=2).stdout
    end = said.rpartition("TASK [Leave the host as it was before]")[2]
    assert "unknown key stella_agent_config.heartbeat (the host is as it was before)" in end
    assert "heartbeat_interval" in end  # the hint
    assert "failed=1" in end


def test_what_cannot_be_brought_back_is_told(bare: Any, broken_python: Callable[[str], Path]) -> None:
    """An agent that cannot be stopped is not pulled from under itself: all stays, and the next run goes on."""
    python = broken_python("stop")
    with trigger(bare, NO_VISIT):
        events = bare.bootstrap("-e", f"stella_agent_python={python}", expect=2)
    ended = result(events, RESTORE, "lab1")["result"]
    assert "no visit is recorded" in ended["msg"]
    assert "could not be brought back to what it was" in ended["msg"] and "Python is broken" in ended["msg"]
    assert bare["lab1"].pid and len(remembered(bare)["certificates"]) == 1
    python.write_text('#!/bin/sh\nexec /usr/bin/python3 "$@"\n')
    bare.bootstrap()
    bare.check_healthy()


# -- an agent that is there


@pytest.fixture(scope="module")
def settled(embedded_lab: Lab, make_site: Callable[..., Any]) -> Any:
    """A site with one healthy agent."""
    site = make_site(embedded_lab, names=["lab1"])
    site.bootstrap()
    return site


@pytest.fixture
def agent(settled: Any) -> Iterator[Any]:
    """The site with a healthy agent, which the test leaves healthy and of this version."""
    yield settled
    settled.check_healthy()
    settled.check_nothing_left()


def upgrade(site: Any, *options: object, version: str = "9.9.9") -> list[dict[str, Any]]:
    """A bootstrap by a later version that fails; its events."""
    done = subprocess.run(
        site.as_version(version, "play", "bootstrap.yml", "--output", "json", *options),
        cwd=site.project.folder,
        env=site.project.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_upgrade_that_fails_is_taken_back(agent: Any, way: Any) -> None:
    lab1 = agent["lab1"]
    before, known = tree(lab1), remembered(agent)
    version = lab1.rpc("status")["version"]
    with way(agent) as (options, tasks, cause):
        events = upgrade(agent, "--reissue", *options)
    check_undone(events, "lab1", failed_task(events, tasks), cause)
    assert tree(lab1) == before
    assert remembered(agent) == known
    status = lab1.rpc("status")
    assert status["running"] and status["running_version"] == version
    # It lives by what is there, and nothing is left to do.
    again = agent.bootstrap()
    assert again[-1]["hosts"]["lab1"]["changed"] == 0
    assert agent.agents()["lab1"]["certificate_fingerprint"] == status["certificate"]["fingerprint_sha256"]


def test_an_agent_that_was_stopped_stays_stopped(agent: Any) -> None:
    lab1 = agent["lab1"]
    agent.project.write(
        "stop.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - agent_service: {state: stopped}\n"
    )
    agent.play("stop.yml")
    before, paths = tree(lab1), set(tree(lab1, living=True))
    with trigger(agent, NO_VISIT):
        upgrade(agent, "--reissue")
    assert tree(lab1) == before and set(tree(lab1, living=True)) == paths and lab1.pid is None
    agent.bootstrap()


def test_an_identity_that_the_fleet_has_seen_in_use_is_kept(agent: Any) -> None:
    """An agent that calls in may have settled on its new certificate before the bootstrap fails."""
    lab1 = agent["lab1"]
    key = lab1.key.read_bytes()
    settles = (
        "AFTER INSERT ON certificates BEGIN UPDATE certificates SET revoked_at = NEW.issued_at, "
        "revocation_reason = 'superseded' WHERE serial != NEW.serial AND revoked_at IS NULL; END"
    )
    with trigger(agent, settles):
        events = agent.bootstrap("--reissue", *BAD_CONFIG, expect=2)
    ended = result(events, RESTORE, "lab1")["result"]
    assert "it keeps that" in ended["left"][0] and "could not be brought back" in ended["msg"]
    assert lab1.key.read_bytes() != key
    agent.bootstrap()
    agent.check_healthy()


# -- identities


def identity(host: Any) -> tuple[bytes, str, str]:
    """Key, certificate and id of an agent."""
    return host.key.read_bytes(), host.certificate.read_text(), host.rpc("status")["agent_id"]


def test_a_known_host_keeps_its_identity(agent: Any) -> None:
    before = identity(agent["lab1"])
    agent.bootstrap()
    assert identity(agent["lab1"]) == before


def test_reissue_gives_a_new_key_and_certificate_and_keeps_the_id(agent: Any) -> None:
    lab1 = agent["lab1"]
    key, certificate, agent_id = identity(lab1)
    (valid,) = remembered(agent)["certificates"]
    events = agent.bootstrap("--reissue")
    assert result(events, "Enrol the agent", "lab1")["result"]["reason"] == "a new key was asked for"
    now = identity(lab1)
    assert now[0] != key and now[1] != certificate and now[2] == agent_id
    assert lab1.key.stat().st_mode & 0o7777 == 0o600
    # Of the old key nothing is left, and its certificate is revoked.
    assert sorted(path.name for path in lab1.key.parent.iterdir() if not path.name.startswith(".")) == [
        "agent.crt",
        "agent.key",
        "agent.pub",
        "ca.crt",
    ]
    with agent.database() as connection:
        (reason,) = connection.execute(
            "SELECT revocation_reason FROM certificates WHERE serial = ?", (valid,)
        ).fetchone()
    assert reason == "superseded" and valid not in remembered(agent)["certificates"]
    assert len(remembered(agent)["certificates"]) == 1
    agent.bootstrap("-e", "stella_reissue=true")
    assert identity(lab1)[0] != now[0] and identity(lab1)[2] == agent_id


def test_reissue_in_check_mode_changes_nothing(agent: Any) -> None:
    before = identity(agent["lab1"])
    events = agent.bootstrap("--reissue", "--check")
    assert result(events, "Enrol the agent", "lab1")["status"] == "changed"
    assert identity(agent["lab1"]) == before


def test_a_failure_in_check_mode_says_that_nothing_was_changed(agent: Any) -> None:
    before = tree(agent["lab1"])
    events = agent.bootstrap("--check", *BAD_CONFIG, expect=2)
    ended = result(events, RESTORE, "lab1")
    assert ended["result"]["msg"].endswith("(nothing was changed, in check mode)") and ended["hint"]
    assert tree(agent["lab1"]) == before


def test_both_certificates_are_valid_until_the_new_one_runs(agent: Any) -> None:
    """A reissue that was cut off is completed by the next run, which needs not be asked for one."""
    at_configure = lambda e: e["event"] == "TaskStarted" and e["task"] == "Push the configuration"  # noqa: E731
    (old,) = remembered(agent)["certificates"]
    agent.interrupt(at_configure, lambda process: process.kill(), "--reissue")
    agent.check_nothing_left()
    assert old in remembered(agent)["certificates"] and len(remembered(agent)["certificates"]) == 2
    lab1 = agent["lab1"]
    key = lab1.key.read_bytes()
    agent.bootstrap()
    assert lab1.key.read_bytes() == key
    assert old not in remembered(agent)["certificates"] and len(remembered(agent)["certificates"]) == 1
    assert not (lab1.key.parent / "agent.key.previous").exists()


# -- many hosts


@pytest.fixture
def six(embedded_lab: Lab, make_site: Callable[..., Any]) -> Any:
    """Six bare hosts; the first two cannot be configured."""
    site = make_site(embedded_lab, count=6)
    for name in ("lab1", "lab2"):
        site[name].variables["stella_agent_config"] = {"heartbeat": "7s"}
    site.write_inventory()
    return site


def test_a_run_in_portions_stops_where_it_should(six: Any) -> None:
    before = {host.name: tree(host, living=True) for host in six.hosts}
    events = six.bootstrap("-e", '{"stella_serial": [1, 2], "stella_max_fail_percentage": 49}', expect=2)
    # lab1 alone is more than the limit: no other host is touched.
    assert {host.name: tree(host, living=True) for host in six.hosts} == before
    assert {e["host"] for e in events if e["event"] == "HostFinished"} == {"lab1"}
    assert six.agents().keys() == {"lab1"}

    six["lab1"].variables.clear()
    six.write_inventory()
    events = six.bootstrap("-e", '{"stella_serial": 2, "stella_max_fail_percentage": 49}', expect=2)
    # One of two is more than 49 per cent: the portion is finished, and none begins after it.
    assert six["lab1"].pid and not six["lab2"].prefix.exists()
    for name in ("lab3", "lab4", "lab5", "lab6"):
        assert tree(six[name], living=True) == before[name]
    assert {e["host"] for e in events if e["event"] == "HostFinished"} == {"lab1", "lab2"}
    assert [e["reason"] for e in events if e["event"] == "NoHostsLeft"] == ["max_fail_percentage"]

    events = six.bootstrap("-e", '{"stella_serial": 2, "stella_max_fail_percentage": 50}', expect=2)
    # Not more than 50 per cent: it goes on to the end, and the one host is as it was.
    assert not six["lab2"].prefix.exists()
    six.check_healthy(*(host for host in six.hosts if host.name != "lab2"))


def test_a_changed_host_key_is_refused_with_an_explanation_and_the_others_go_on(
    embedded_lab: Lab, make_site: Callable[..., Any], tmp_path: Path
) -> None:
    site = make_site(embedded_lab, count=3)
    lab2 = site["lab2"]
    site.bootstrap()
    before = tree(lab2)
    stranger, known = ensure_key(tmp_path / "stranger"), tmp_path / "known_hosts"
    known.write_text(f"[{lab2.lab_host.address}]:{lab2.lab_host.port} {stranger}\n")
    lab2.variables["ansible_ssh_common_args"] = (
        f"-o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known}"
    )
    site.write_inventory()
    events = site.bootstrap("--accept-new-host-keys", "--reissue", expect=4)
    refused = result(events, "Gathering Facts", "lab2")
    assert refused["status"] == "unreachable" and "is not the one on record" in refused["result"]["msg"]
    assert refused["hint"]
    assert tree(lab2) == before
    for name in ("lab1", "lab3"):
        assert events[-1]["hosts"][name]["failed"] == 0 and events[-1]["hosts"][name]["changed"] == 2
    site.check_healthy()
