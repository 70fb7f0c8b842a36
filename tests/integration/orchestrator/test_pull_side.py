"""The real agent, as it is installed, and the real orchestrator: enrol, work, cut off, come back, revoked."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.releases.build import build_agent
from stella_ops.remote.lib.layout import Layout
from stella_ops.store import agent_tasks, certificates, heartbeats


class Host:
    """An agent below a prefix, run by the interpreter of the tests."""

    def __init__(self, package: Path, prefix: Path) -> None:
        self.layout = Layout.at(str(prefix))
        self.command = [sys.executable, "-I", str(package)]
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self.command, *arguments, "--prefix", str(self.layout.prefix)]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> None:
        command = [*self.command, "run", "--prefix", str(self.layout.prefix)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=30)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status").stdout)
        return found

    def link(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(Path(self.layout.orchestrator).read_text())
        except FileNotFoundError:
            return {}
        return found

    def log(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in Path(self.layout.logfile).read_text().splitlines()]
        return [line for line in lines if line["event"] == event]


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_agent(tmp_path_factory.mktemp("package") / "stella-agent.pyz", "1.2.3").path


@pytest.fixture
def host(package: Path, tmp_path: Path) -> Iterator[Host]:
    made = Host(package, tmp_path / "agent")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def own_server(new_server: Callable[..., Any]) -> Any:
    """A server of this test alone, to be killed and started again, at an address that is known before."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = f'[orchestrator]\nurl = "https://127.0.0.1:{port}"\nstranger_rate = 100000\n'
    made = new_server(settings + '[agent]\nheartbeat_interval = "1s"\n')
    made.port = port
    return made.start()


def pinned(server: Any, token: str) -> str:
    """A token with the pin of the fleet's CA, as an operator gets it."""
    pin = base64.urlsafe_b64encode(bytes.fromhex(server.fleet.authority.pin)).decode().rstrip("=")
    return ".".join([*token.split(".")[:2], pin])


def enrol(server: Any, host: Host, name: str) -> Any:
    pending = server.mint(name)
    url = f"https://127.0.0.1:{server.port}"
    done = host.run("enrol", "--url", url, "--token-stdin", given=pinned(server, pending.token))
    assert done.returncode == 0, done.stderr
    assert json.loads(Path(host.layout.config).read_text())["orchestrator_url"] == url
    return pending


def desire(server: Any, agent_id: str, **more: Any) -> Any:
    wanted = {"reconnect_backoff": "100ms", "orchestrator_url": f"https://127.0.0.1:{server.port}", **more}
    return server.fleet.configurations.desire(agent_id, wanted, actor="test")


def recorded(server: Any, agent_id: str) -> list[int]:
    with server.fleet.store.reading() as connection:
        found = heartbeats.recent(connection, agent_id, limit=1000)
    return sorted(beat.seq for beat in found)


def test_a_day_in_the_life(own_server, host):
    server = own_server
    pending = enrol(server, host, "web1")
    url = f"https://127.0.0.1:{server.port}"
    again = host.run("enrol", "--url", url, "--token-stdin", "--format", "json", given=pinned(server, pending.token))
    assert json.loads(again.stdout)["repeated"] is True
    other = server.mint("web9")
    refused = host.run(
        "enrol",
        "--url",
        url,
        "--token-stdin",
        given=pinned(server, other.token[:-1] + ("B" if other.token.endswith("A") else "A")),
    )
    assert refused.returncode == 1 and "refused" in refused.stderr

    host.start()
    until(lambda: host.link().get("state") == "connected")
    agent = until(lambda: server.fleet.registry.get(pending.agent_id))
    assert (agent.version, agent.name) == ("1.2.3", "web1")
    until(lambda: len(recorded(server, pending.agent_id)) >= 2)
    assert {line["step"] for line in server.log if line.get("step")} >= {4, 5, 6, 7}

    wanted = desire(server, pending.agent_id, labels={"tier": "web"})
    until(lambda: server.fleet.registry.get(pending.agent_id).config_sha256 == wanted.sha256)
    assert json.loads(Path(host.layout.config).read_text())["labels"] == {"tier": "web"}

    task = server.fleet.checkin.request(pending.agent_id, "logs", {"limit": 3}, by="test")
    done = until(lambda: next((t for t in tasks(server, pending.agent_id) if t.id == task.id and t.finished_at), None))
    assert done.response["ok"] and len(done.response["result"]["lines"]) == 3

    server.stop(signal.SIGKILL)
    until(lambda: host.link()["state"] == "away" and host.link()["attempts"] >= 2)
    spooled = json.loads(Path(host.layout.heartbeat).read_text())["seq"]
    server.start()
    until(lambda: host.link()["state"] == "connected")
    until(lambda: max(recorded(server, pending.agent_id)) > spooled)
    seqs = recorded(server, pending.agent_id)
    assert seqs == list(range(seqs[0], seqs[-1] + 1))  # none is missing
    assert host.status()["orchestrator"]["problem"] is None

    assert host.stop() == 0
    last = json.loads(Path(host.layout.heartbeat).read_text())
    assert last["status"] == "stopping"
    assert max(recorded(server, pending.agent_id)) == last["seq"]


def tasks(server: Any, agent_id: str) -> Any:
    with server.fleet.store.reading() as connection:
        return agent_tasks.recent(connection, agent_id, 10)


def test_a_certificate_that_is_renewed_and_one_that_is_revoked(own_server, host):
    server = own_server
    pending = enrol(server, host, "web2")
    before = host.status()["certificate"]["fingerprint_sha256"]
    package = host.command[-1]
    # A certificate lives a year here: that the present one is due is said to the agent in time's place.
    host.command = [
        sys.executable, "-I", "-c",
        "import sys; sys.path.insert(0, sys.argv.pop(1)); first = sys.argv.pop(1)\n"
        "from stella_ops.remote.agent import renewal\n"
        "renewal.due_at = lambda known, values: 0 if known['fingerprint_sha256'] == first else None\n"
        "from stella_ops.remote.agent.cli import main; sys.exit(main())",
        package, before,
    ]  # fmt: skip
    host.start()
    until(lambda: host.log("certificate-renewed"))
    until(lambda: len(server.audited("agent.register")) == 2)
    after = host.status()["certificate"]["fingerprint_sha256"]
    assert before != after
    with server.fleet.store.reading() as connection:
        held = {c.fingerprint_sha256: c.revoked_at for c in certificates.of_agent(connection, pending.agent_id)}
    assert held[after] is None and held[before] is not None  # settled by the second registration
    until(lambda: host.link()["state"] == "connected")

    server.fleet.registry.decommission(pending.agent_id, actor="test")
    until(lambda: host.link()["state"] == "refused")
    assert "it was revoked" in host.link()["problem"]
    until(lambda: "it was revoked" in str(json.loads(Path(host.layout.heartbeat).read_text())["reasons"]))
    assert host.stop() == 0
