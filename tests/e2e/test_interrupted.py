"""Whatever interrupts a bootstrap, running it again completes it, and nothing is left behind in between."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.lab import fault_proxy, openssh
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.e2e

TASKS = (
    "Gathering Facts",
    "Check that the host is fit",
    "Note what is there",
    "Install the agent",
    "Enrol the agent",
    "Push the configuration",
    "Start the agent",
    "Wait until the agent is healthy",
)
MOMENTS = list(itertools.product(TASKS, ("starts", "ended")))
CUTS = 12
Event = dict[str, Any]


def at(task: str, moment: str) -> Callable[[Event], bool]:
    """Whether an event is the start of a task, or its end on a host."""
    kind = "TaskStarted" if moment == "starts" else "HostFinished"
    return lambda event: event["event"] == kind and event["task"] == task


def hit(number: signal.Signals) -> Callable[[subprocess.Popen[str]], None]:
    """Send the controller a signal."""
    return lambda process: os.kill(process.pid, number)


def changed(events: list[Event]) -> dict[str, list[str]]:
    """Which tasks changed something, by host."""
    found: dict[str, list[str]] = {host: [] for host in events[-1]["hosts"]}
    for event in events:
        if event["event"] == "HostFinished" and event["status"] == "changed":
            found[event["host"]].append(event["task"])
    return found


def check_after(site: Any) -> None:
    """What must hold right after an interruption."""
    site.check_nothing_left()
    site.check_store()
    for host in site.hosts:
        named = [path for path in host.temporary_files() if Path(path).name.startswith(".stella-")]
        assert named == []


def check_completed(site: Any) -> None:
    """Run again: it goes through and the agents are well; and once more: there is nothing left to do."""
    site.bootstrap()
    site.check_healthy()
    site.check_nothing_left()


# -- the controller


@pytest.mark.parametrize(("task", "moment"), MOMENTS, ids=[f"{task}-{moment}" for task, moment in MOMENTS])
def test_controller_killed(fresh_host: Any, task: str, moment: str) -> None:
    status, _, said = fresh_host.interrupt(at(task, moment), hit(signal.SIGKILL))
    assert status == -signal.SIGKILL and said.count("Traceback") == 0
    check_after(fresh_host)
    check_completed(fresh_host)


@pytest.mark.timeout(240)  # as many runs as there are moments
def test_controller_interrupted_at_every_moment_in_turn(embedded_lab: Lab, make_site: Callable[..., Any]) -> None:
    """Ctrl-C, again and again, each time a little later; three hosts that are at different points."""
    site = make_site(embedded_lab)
    for task, moment in MOMENTS:
        status, events, said = site.interrupt(at(task, moment), hit(signal.SIGINT))
        assert "Traceback" not in said, said
        if status == 0 and task == TASKS[-1] and moment == "ended":
            continue  # it was through before the signal arrived
        assert status == 99, (task, moment, status, said)
        assert "Interrupted" in said
        assert events[-1]["event"] == "RunFinished" and events[-1]["interrupted"] is True
        check_after(site)
    check_completed(site)
    with site.database() as connection:
        runs = connection.execute("SELECT count(*), count(finished_at) FROM runs").fetchone()
    assert runs[0] == runs[1] == len(MOMENTS) + 1, tuple(runs)


def test_interrupted_twice_in_a_row_ends_at_once(fresh_host: Any) -> None:
    def twice(process: subprocess.Popen[str]) -> None:
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGINT)

    _, _, said = fresh_host.interrupt(at("Install the agent", "starts"), twice)
    assert "Traceback" not in said, said
    check_after(fresh_host)
    check_completed(fresh_host)


def test_terminated_like_interrupted(fresh_host: Any) -> None:
    status, events, said = fresh_host.interrupt(at("Enrol the agent", "starts"), hit(signal.SIGTERM))
    assert status == 99 and events[-1]["interrupted"] is True and "Traceback" not in said
    check_after(fresh_host)
    check_completed(fresh_host)


def test_killed_between_token_exchange_and_install_identity(fresh_host: Any) -> None:
    """The authority has issued a certificate that never arrives; the next run must not leave it valid."""
    host = fresh_host["lab1"]
    for _ in range(5):
        stop = threading.Event()

        def kill_when_issued(process: subprocess.Popen[str], stop: threading.Event = stop) -> None:
            threading.Thread(target=_kill_when_issued, args=(fresh_host, process, stop), daemon=True).start()

        fresh_host.interrupt(at("Enrol the agent", "starts"), kill_when_issued)
        stop.set()
        check_after(fresh_host)
        if not host.certificate.exists():
            break
        fresh_host.play("decommission.yml")  # it was too late: the certificate had arrived. Again.
    else:
        pytest.fail("five times the certificate had arrived before the controller was killed")
    with fresh_host.database() as connection:
        (lost,) = connection.execute("SELECT serial FROM certificates WHERE revoked_at IS NULL").fetchall()
    key = host.key.read_bytes()

    check_completed(fresh_host)

    assert host.key.read_bytes() == key
    with fresh_host.database() as connection:
        row = connection.execute("SELECT * FROM certificates WHERE serial = ?", tuple(lost)).fetchone()
        valid = connection.execute("SELECT fingerprint_sha256 FROM certificates WHERE revoked_at IS NULL").fetchall()
    assert row["revoked_at"] and row["revocation_reason"] == "superseded"
    assert [tuple(v) for v in valid] == [(host.rpc("status")["certificate"]["fingerprint_sha256"],)]


def _kill_when_issued(site: Any, process: subprocess.Popen[str], stop: threading.Event) -> None:
    deadline = time.monotonic() + 20
    issued = 0
    while not stop.is_set() and time.monotonic() < deadline and process.poll() is None:
        # The audit trail's and the certificate's rows are of one transaction.
        with contextlib.suppress(Exception), site.database() as connection:
            issued = connection.execute("SELECT count(*) FROM certificates WHERE revoked_at IS NULL").fetchone()[0]
        if issued:
            process.kill()
            return
        time.sleep(0.001)


# -- a restart that was owed


@pytest.mark.parametrize(
    ("task", "moment"), [(task, moment) for task, moment in MOMENTS if task in TASKS[3:7]], ids=lambda value: value
)
def test_upgrade_killed_before_the_restart(upgradable: Any, task: str, moment: str) -> None:
    """The notification of the handler dies with the run; the next one must see by itself what is owed."""
    site, version = upgradable
    newer = site.as_version(version, "play", "bootstrap.yml", "--output", "json")
    site.interrupt(at(task, moment), hit(signal.SIGKILL), command=newer)
    check_after(site)

    done = subprocess.run(
        newer, cwd=site.project.folder, env=site.project.environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    site.check_healthy(version=version)
    again = subprocess.run(
        newer, cwd=site.project.folder, env=site.project.environment, capture_output=True, text=True, timeout=100
    )
    assert changed([json.loads(line) for line in again.stdout.splitlines()]) == {"lab1": []}


@pytest.fixture(scope="module")
def _upgrades(embedded_lab: Lab, make_site: Callable[..., Any]) -> Any:
    site = make_site(embedded_lab, names=["lab1"])
    site.bootstrap()
    return site, itertools.count(2)


@pytest.fixture
def upgradable(_upgrades: Any) -> tuple[Any, str]:
    """A site with a healthy agent, and the next version for it."""
    site, numbers = _upgrades
    return site, f"{next(numbers)}.0.0"


def test_a_configuration_that_nobody_told_the_agent_of(fresh_host: Any) -> None:
    """The file is right, but the run was killed before the agent was told to read it."""
    host = fresh_host["lab1"]
    fresh_host.bootstrap()
    config = json.loads(host.config.read_text())
    wanted = {**config, "labels": {"tier": "new"}}
    host.config.write_text(json.dumps(wanted, sort_keys=True, separators=(",", ":")) + "\n")
    labels = ("-e", '{"stella_agent_config": {"labels": {"tier": "new"}}}')
    assert changed(fresh_host.bootstrap(*labels)) == {"lab1": ["Push the configuration"]}
    fresh_host.check_healthy()
    assert changed(fresh_host.bootstrap(*labels)) == {"lab1": []}


# -- the connection and the host


def test_connections_cut_at_a_dozen_points(embedded_lab: Lab, make_site: Callable[..., Any]) -> None:
    """One run on a dozen hosts, each behind a proxy that cuts the connection after so many bytes."""
    site = make_site(embedded_lab, names=["whole", *(f"cut{n}" for n in range(1, CUTS + 1))])
    with _behind_proxies(site, ["whole"], [None]) as (whole,):
        site.bootstrap("-l", "whole")
        total = sum(whole.carried.values())
    assert total > 100_000  # the agent's package alone is more

    names = [host.name for host in site.hosts[1:]]
    # Half of the bytes are the package; the first ones are the handshake, so that the points are not spaced evenly.
    points = [int(total * share) for share in (0.01, 0.03, 0.06, 0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.88, 0.94, 0.98)]
    with _behind_proxies(site, names, points):
        events = site.bootstrap("-l", ",".join(names), expect=4)
    tallies = events[-1]["hosts"]
    lost = [name for name in names if tallies[name]["unreachable"] == 1]
    assert len(lost) >= CUTS - 2, tallies  # what a run carries varies by a little
    assert all(tally["failed"] == 0 for tally in tallies.values()), tallies
    for event in events:
        if event["event"] == "HostFinished" and event["status"] == "unreachable":
            assert event["result"]["msg"] and event["hint"], event
    reached = {e["task"] for e in events if e["event"] == "HostFinished" and e["status"] == "unreachable"}
    assert len(reached) >= 4, reached  # the points are spread over the run
    check_after(site)
    check_completed(site)


@contextlib.contextmanager
def _behind_proxies(site: Any, names: list[str], cuts: list[int | None]) -> Iterator[list[fault_proxy.FaultProxy]]:
    """Hosts reached through proxies, for as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        proxies, lines = [], []
        changes: dict[str, Any] = {}
        known = site.project.folder / "known_hosts"
        for name, cut in zip(names, cuts, strict=True):
            host = site[name]
            lab_host = host.lab_host
            proxy = stack.enter_context(fault_proxy.in_thread(lab_host.address, lab_host.port, cut_after=cut))
            proxies.append(proxy)
            lines.append(f"[127.0.0.1]:{proxy.port} {lab_host.public_key}\n")
            changes[name] = {
                **host.inventory_vars(),
                "ansible_host": "127.0.0.1",
                "ansible_port": proxy.port,
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes",
            }
        known.write_text("".join(lines))
        site.write_inventory(**changes)
        try:
            yield proxies
        finally:
            site.write_inventory()


def test_a_stalled_connection_that_ends_leaves_nothing_running(fresh_host: Any) -> None:
    """A host that falls silent: the controller is interrupted, and the host notices once the line is really down."""
    with _behind_proxies(fresh_host, ["lab1"], [None]) as (proxy,):
        process = fresh_host.project.start("play", "bootstrap.yml", "--output", "json")
        try:
            for line in process.stdout:
                if at("Install the agent", "starts")(json.loads(line)):
                    proxy.stall()
                    process.send_signal(signal.SIGINT)
                    break
            process.communicate(timeout=30)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        assert process.returncode == 99
    check_after(fresh_host)
    check_completed(fresh_host)


@pytest.mark.parametrize("task", ["Install the agent", "Enrol the agent", "Start the agent"])
def test_hosts_that_die_and_come_back(openssh_lab: Lab, make_site: Callable[..., Any], task: str) -> None:
    """One machine goes mid-task; the others are completed, and it is, too, once it is back."""
    site = make_site(openssh_lab)
    status, events, said = site.interrupt(
        at(task, "starts"), lambda _: openssh.stop_host(openssh_lab, "lab2"), "-f", "3"
    )
    try:
        assert status == 4, said
        tallies = events[-1]["hosts"]
        assert [tallies[name]["unreachable"] for name in ("lab1", "lab2", "lab3")] == [0, 1, 0]
        site.check_nothing_left()
        site.check_healthy(site["lab1"], site["lab3"])
        refused = site.bootstrap("-l", "lab2", expect=4)
        lost = next(e for e in refused if e["event"] == "HostFinished")
        assert "refuses the connection" in lost["result"]["msg"] and lost["hint"]
    finally:
        openssh.up(openssh_lab.folder)
    check_completed(site)


# -- processes on the host


# Takes the place of the host's Python for the agent. At one call it kills -9 what the case says, once.
WRAPPER = """\
#!/bin/sh
once={flag}
calls={flag}.calls
case "$*" in {pattern})
    echo >>"$calls"
    if [ "$(wc -l <"$calls")" -eq {number} ] && [ ! -e "$once" ]; then
        touch "$once"
        {deed}
    fi ;;
esac
exec /usr/bin/python3 "$@"
"""
DIES = "kill -9 $$"
ANSWER_IS_LOST = '/usr/bin/python3 "$@" >"$once.answer"; kill -9 $$'
MODULE_DIES = "kill -9 $PPID; sleep 5"
RUNNER_DIES = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 5"
RPC_CALLS = 6  # status, status, csr, install-identity, status, apply-config

DEATHS: dict[str, tuple[str, int, str]] = {
    "install-module": ("*.new?version*", 1, MODULE_DIES),
    "install-runner": ("*.new?version*", 1, RUNNER_DIES),
    **{f"rpc{n}-dies": ("*?rpc?*", n, DIES) for n in range(1, RPC_CALLS + 1)},
    **{f"rpc{n}-answers-nobody": ("*?rpc?*", n, ANSWER_IS_LOST) for n in range(1, RPC_CALLS + 1)},
    "rpc-module": ("*?rpc?*", 3, MODULE_DIES),
    "rpc-runner": ("*?rpc?*", 4, RUNNER_DIES),
    "supervise-dies": ("*?supervise?*", 1, DIES),
    "supervise-answers-nobody": ("*?supervise?*", 1, ANSWER_IS_LOST),
}


def test_processes_killed_on_the_hosts(embedded_lab: Lab, make_site: Callable[..., Any]) -> None:
    """kill -9 of installs, runners, and of the agent's answers before and after they did their work.

    Each death is on a host of its own, in one run.
    """
    site = make_site(embedded_lab, names=list(DEATHS))
    flags = {}
    for host in site.hosts:
        pattern, number, deed = DEATHS[host.name]
        flags[host.name] = flag = site.project.folder / f"{host.name}.flag"
        script = site.project.write(
            f"{host.name}.python", WRAPPER.format(flag=flag, pattern=pattern, number=number, deed=deed)
        )
        script.chmod(0o755)
        host.variables["stella_agent_python"] = str(script)
    site.write_inventory()

    events = site.bootstrap(expect=None)

    assert [name for name, flag in flags.items() if not flag.exists()] == []
    tallies = events[-1]["hosts"]
    spoiled = {name for name, tally in tallies.items() if tally["failed"] or tally["unreachable"]}
    assert len(spoiled) >= len(DEATHS) / 2, tallies
    assert {"install-module", "install-runner", "rpc-runner", "rpc3-dies", "rpc4-answers-nobody"} <= spoiled
    for event in events:
        if event["event"] == "HostFinished" and event["status"] in ("failed", "unreachable"):
            assert event["result"]["msg"] and "Traceback" not in json.dumps(event["result"]), event
    check_after(site)
    check_completed(site)


# -- two at once, and locks


def test_two_controllers_at_once_on_one_host(fresh_host: Any) -> None:
    first = fresh_host.project.start("play", "bootstrap.yml", "--output", "json")
    second = fresh_host.project.start("play", "bootstrap.yml", "--output", "json")
    said = [process.communicate(timeout=90) for process in (first, second)]
    for out, errors in said:
        assert "Traceback" not in out + errors
    # Either may lose a race (two identities are asked for at once), yet one of them wins, and the host is whole.
    assert 0 in (first.returncode, second.returncode), said
    check_after(fresh_host)
    check_completed(fresh_host)


def test_lock_files_of_the_dead_do_not_block(fresh_host: Any) -> None:
    fresh_host.interrupt(at("Enrol the agent", "ended"), hit(signal.SIGKILL))
    for lock in ("fleet.db.lock", "ca.lock"):
        assert (fresh_host.project.state / lock).exists()
    started = time.monotonic()
    fresh_host.bootstrap()
    assert time.monotonic() - started < 20
    fresh_host.check_healthy()
