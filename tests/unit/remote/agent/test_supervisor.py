"""``stella-agent supervise`` and ``stop`` with real processes, under each Python."""

import os
import signal
from pathlib import Path

from stella_ops.remote.lib import pidfile


def _pids(agent):
    return [int(Path(path).read_text()) for path in (agent.layout.supervisor_pidfile, agent.layout.pidfile)]


def _gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:  # a zombie whose parent is a container's careless init is gone as well
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_lets_go_of_the_session_is_started_once_and_passes_a_reload_on(agent):
    nothing = agent.command("stop")
    assert (nothing.returncode, nothing.stdout) == (0, b"stella-agent: not running\n")

    done = agent.command("supervise")  # with pipes as stdio: would hang if the daemon kept one
    assert (done.returncode, done.stderr) == (0, b"")
    supervisor, child = _pids(agent)
    assert agent.read(agent.layout.status)["pid"] == child
    assert os.getsid(supervisor) not in (os.getsid(0), 0)
    for pid in (supervisor, child):
        if os.path.exists(f"/proc/{pid}/fd"):
            opened = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
            ours = ("/dev/null", "pipe:", "socket:", str(agent.prefix))
            assert all(name.startswith(ours) for name in opened)
            assert [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3

    again = agent.command("supervise")
    assert again.returncode == 0
    assert f"already supervised by process {supervisor}" in again.stdout.decode()
    assert _pids(agent) == [supervisor, child]

    os.kill(supervisor, signal.SIGHUP)
    agent.until(lambda: any(record["event"] == "configuration-reloaded" for record in agent.log()))

    stopped = agent.command("stop")
    assert stopped.returncode == 0
    assert _gone(supervisor)
    assert _gone(child)
    assert agent.read(agent.layout.status)["state"] == "stopped"


def test_starts_a_crashed_agent_again_and_stops_while_it_waits_to(agent):
    def crashed():
        return [record["restart_in_seconds"] for record in agent.log() if record["event"] == "agent-ended"]

    agent.command("supervise")
    supervisor, child = _pids(agent)
    os.kill(child, signal.SIGKILL)
    agent.until(lambda: pidfile.holder(agent.layout.pidfile) not in (None, 0, child))
    assert _pids(agent)[0] == supervisor
    agent.until(lambda: agent.read(agent.layout.status)["pid"] == _pids(agent)[1])
    assert crashed() == [1.0]

    os.kill(_pids(agent)[1], signal.SIGKILL)
    agent.until(lambda: len(crashed()) == 2)
    assert agent.command("stop").returncode == 0
    assert _gone(supervisor)
    assert pidfile.holder(agent.layout.pidfile) is None


def test_an_agent_whose_supervisor_was_killed_ends_and_can_be_started_again(agent):
    agent.command("supervise")
    supervisor, child = _pids(agent)
    os.kill(supervisor, signal.SIGKILL)
    assert agent.command("supervise").returncode == 0  # at once: it waits for the old agent's end
    assert _gone(child)
    assert not {supervisor, child} & set(_pids(agent))
    assert agent.command("stop").returncode == 0


def test_a_first_start_that_fails_says_why_and_leaves_nothing(agent):
    (agent.prefix / "run" / "agent.pid.lock").mkdir(parents=True)
    done = agent.command("supervise")
    assert done.returncode == 1
    assert "Is a directory" in done.stderr.decode()
    agent.until(lambda: pidfile.holder(agent.layout.supervisor_pidfile) is None)
    assert pidfile.holder(agent.layout.pidfile) is None


def test_stop_ends_an_agent_without_supervisor_too(agent):
    process = agent.run()
    assert agent.command("stop").returncode == 0
    assert process.wait(timeout=10) == 0


def test_many_starts_at_once_give_one_agent(agent):
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: agent.command("supervise"), range(4)))
    assert [one.returncode for one in done] == [0] * 4, [one.stderr for one in done]
    supervisors = [r["pid"] for r in agent.log() if r["event"] == "supervisor-started"]
    assert supervisors == [_pids(agent)[0]]
    agent.command("stop")
