"""The journey of hosts that get the agent as a container: a login without root, and a socket of a Docker engine.

The hosts are plain OpenSSH's. Their account reaches the engine through a socket of its own, which is cut as a test
likes. Each test has containers by a name of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stella_ops import __version__
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.e2e

Event = dict[str, Any]


class Relay:
    """A UNIX socket that leads to the engine's, for another account."""

    def __init__(self, folder: Path, engine: str, owner: str) -> None:
        self.path = folder / "docker.sock"
        self._engine = engine
        self._owner = owner
        self._listening: socket.socket | None = None

    def open(self) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        if os.geteuid() == 0:
            about = pwd.getpwnam(self._owner)
            os.chown(self.path, about.pw_uid, about.pw_gid)
        self.path.chmod(0o600)
        self._listening.listen(64)
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
            self.path.unlink()

    def _serve(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                there, _ = listening.accept()
                here = socket.socket(socket.AF_UNIX)
                here.connect(self._engine)
                for pair in ((there, here), (here, there)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        """All bytes, and the end of them: the other direction may go on."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def relay(agent_images: Any, openssh_lab: Lab) -> Iterator[Relay]:
    engine = agent_images.engine.host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    folder = Path(tempfile.mkdtemp(prefix="stella-relay-"))
    folder.chmod(0o711)
    made = Relay(folder, engine.removeprefix("unix://"), openssh_lab.hosts[0].user)
    made.open()
    yield made
    made.close()
    shutil.rmtree(folder)


class Site:
    """A project whose hosts are in group docker_agents."""

    def __init__(self, project: Any, lab: Lab, images: Any, relay: Relay) -> None:
        self.project = project
        self.lab = lab
        self.images = images
        self.relay = relay
        self.mark = f"test-{secrets.token_hex(4)}"
        project.run("init", ".", expect=0)
        self.write(hosts=1)

    def write(self, hosts: int, image: Path | None = None, native: tuple[str, ...] = (), **variables: Any) -> None:
        """Write the inventory: so many hosts for containers, and others by name for agents of the usual kind."""
        boxed = {
            host.name: {**host.inventory_vars(), "stella_agent_container": self.container(host.name)}
            for host in self.lab.hosts[:hosts]
        }
        everywhere = {
            "stella_docker_host": f"unix://{self.relay.path}",
            "stella_agent_image": str(self.images.good if image is None else image),
            **variables,
        }
        tree: dict[str, Any] = {"docker_agents": {"hosts": boxed, "vars": everywhere}}
        if native:
            tree["others"] = {"hosts": {name: self.lab.host(name).inventory_vars() for name in native}}
        self.project.write("inventory/hosts.yml", yaml.safe_dump(tree))

    def container(self, host: str) -> str:
        return f"{self.mark}-{host}"

    def play(self, *args: object, expect: int | None = 0, env: dict[str, str] | None = None) -> list[Event]:
        done = self.project.run("play", *args, "--output", "json", expect=expect, env=env)
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def bootstrap(self, *args: object, expect: int | None = 0, **options: Any) -> list[Event]:
        return self.play("bootstrap.yml", *args, expect=expect, **options)

    def agents(self) -> dict[str, Any]:
        done = self.project.run("agent", "list", "--all", "--format", "json", expect=0)
        return {agent["name"]: agent for agent in json.loads(done.stdout)}

    def about(self, host: str = "lab1") -> Any:
        return json.loads(self.images.docker("inspect", self.container(host)))[0]

    def left(self) -> list[str]:
        """Containers and volumes of this site."""
        name = f"name={self.mark}"
        return [
            *self.images.docker("ps", "-a", "--format", "{{.Names}}", "--filter", name).split(),
            *self.images.docker("volume", "ls", "-q", "--filter", name).split(),
        ]


@pytest.fixture
def site(make_project: Callable[[], Any], openssh_lab: Lab, agent_images: Any, relay: Relay) -> Iterator[Site]:
    made = Site(make_project(), openssh_lab, agent_images, relay)
    yield made
    agent_images.remove(made.mark)


@pytest.fixture
def bootstrapped(site: Site) -> Site:
    """A site whose one host has a healthy agent in a container."""
    site.bootstrap()
    assert site.agents()["lab1"]["status"] == "healthy"
    return site


def recap(events: list[Event], host: str = "lab1") -> dict[str, int]:
    counts: dict[str, int] = events[-1]["hosts"][host]
    return counts


def changed(events: list[Event], host: str = "lab1") -> list[str]:
    return [
        event["task"]
        for event in events
        if event["event"] == "HostFinished" and event["host"] == host and event["status"] == "changed"
    ]


def failure(events: list[Event], host: str = "lab1") -> str:
    """What the last failed task of a host said."""
    told = [e for e in events if e["event"] == "HostFinished" and e["host"] == host and e["status"] == "failed"]
    return str(told[-1]["result"]["msg"])


def test_a_bare_host_gets_a_healthy_agent_and_a_second_time_is_no_change(site: Site) -> None:
    site.images.forget()
    foretold = site.bootstrap("--check")
    assert changed(foretold) == ["Run the agent's container", "Enrol the agent", "Push the configuration"]
    assert site.left() == [] and site.images.of_agents() == set()

    first = site.bootstrap()

    assert changed(first) == changed(foretold)
    agent = site.agents()["lab1"]
    assert (agent["status"], agent["version"]) == ("healthy", "0.9.1")
    about = site.about()
    assert about["State"]["Running"] is True
    second = site.bootstrap()
    assert recap(second)["changed"] == 0
    assert changed(site.bootstrap("--check")) == []
    assert site.about()["State"]["StartedAt"] == about["State"]["StartedAt"]
    assert site.agents()["lab1"]["certificate_fingerprint"] == agent["certificate_fingerprint"]


def test_the_key_is_made_in_the_container_and_no_secret_is_to_be_seen(bootstrapped: Site) -> None:
    name = bootstrapped.container("lab1")
    key = "/var/lib/stella-agent/var/identity/agent.key"
    assert bootstrapped.images.docker("exec", name, "stat", "-c", "%a %U", key) == "600 stella-agent"
    shown = bootstrapped.images.docker("inspect", name) + bootstrapped.images.docker("history", "stella/agent:0.9.1")
    assert "TOKEN" not in shown and "PRIVATE" not in shown
    assert bootstrapped.about()["Args"] == ["run"]


def test_an_upgrade_keeps_the_identity(bootstrapped: Site) -> None:
    before = bootstrapped.agents()["lab1"]
    bootstrapped.write(1, bootstrapped.images.newer)
    events = bootstrapped.bootstrap()
    assert changed(events) == ["Run the agent's container"]
    after = bootstrapped.agents()["lab1"]
    assert (after["status"], after["version"]) == ("healthy", "0.9.2")
    assert after["certificate_fingerprint"] == before["certificate_fingerprint"]


def test_a_broken_image_leaves_the_old_agent_at_work(bootstrapped: Site) -> None:
    before = bootstrapped.about()["Id"]
    bootstrapped.write(1, bootstrapped.images.broken)
    events = bootstrapped.bootstrap(expect=2)
    assert "out of order" in failure(events)
    assert recap(events)["failed"] == 1
    assert bootstrapped.about()["Id"] == before
    bootstrapped.write(1)
    assert recap(bootstrapped.bootstrap())["changed"] == 0
    assert bootstrapped.agents()["lab1"]["status"] == "healthy"


def test_a_first_bootstrap_that_fails_late_leaves_nothing(site: Site) -> None:
    """The container is well, but its configuration is refused: container, volume and image go again."""
    site.images.forget()
    site.write(1, stella_agent_config={"heartbeat_interval": "never"})
    events = site.bootstrap(expect=2)
    assert "heartbeat_interval" in failure(events)
    assert site.left() == [] and site.images.of_agents() == set()


def test_no_engine_is_a_clear_error(site: Site) -> None:
    site.write(1, stella_docker_host="unix:///run/nothing-here/docker.sock")
    done = site.project.run("play", "bootstrap.yml", expect=2)
    told = done.stdout + done.stderr
    assert "unix:///run/nothing-here/docker.sock cannot be reached: No such file or directory" in told
    assert "install and start Docker there" in told
    assert "Traceback" not in told


def test_an_account_that_may_not_use_docker_is_told_so(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("left out: the hosts' account is this one, and can be kept out of nothing")
    os.chown(site.relay.path, 0, 0)
    try:
        done = site.project.run("play", "bootstrap.yml", expect=2)
    finally:
        about = pwd.getpwnam(site.lab.hosts[0].user)
        os.chown(site.relay.path, about.pw_uid, about.pw_gid)
    assert "Permission denied" in done.stdout and "group docker" in done.stdout


def test_no_image_is_a_clear_error(site: Site) -> None:
    site.write(1)
    text = (site.project.folder / "inventory/hosts.yml").read_text()
    site.project.write("inventory/hosts.yml", text.replace("stella_agent_image:", "unused:"))
    done = site.project.run("play", "bootstrap.yml", expect=2)
    assert "agent-image.tar" in done.stdout and "stella-ops release image" in done.stdout
    assert site.left() == []


def test_serial_and_max_fail_percentage_hold(site: Site) -> None:
    """The first host of three fails: with no failure allowed the others are not begun."""
    site.write(3)
    text = yaml.safe_load((site.project.folder / "inventory/hosts.yml").read_text())
    text["docker_agents"]["hosts"]["lab1"]["stella_docker_host"] = "unix:///nowhere"
    site.project.write("inventory/hosts.yml", yaml.safe_dump(text))
    events = site.bootstrap("-e", "stella_serial=1", "-e", "stella_max_fail_percentage=0", expect=2)
    assert recap(events)["failed"] == 1
    assert set(events[-1]["hosts"]) == {"lab1"}
    assert site.left() == []


def test_one_run_for_hosts_of_both_kinds(site: Site) -> None:
    site.write(1, native=("lab2",))
    events = site.bootstrap()
    try:
        assert changed(events)[0] == "Run the agent's container"
        assert changed(events, "lab2")[0] == "Install the agent"
        assert {name: agent["status"] for name, agent in site.agents().items()} == {
            "lab1": "healthy",
            "lab2": "healthy",
        }
        assert recap(site.bootstrap())["changed"] == 0
    finally:
        site.play("decommission.yml")
    assert site.left() == []
    prefix = site.lab.host("lab2").agent_prefix
    assert prefix is not None and not Path(prefix).exists()


def test_configure_and_the_doctor_reach_into_the_container(bootstrapped: Site) -> None:
    bootstrapped.write(1, stella_agent_config={"heartbeat_interval": "20s"})
    assert changed(bootstrapped.play("configure.yml")) == ["Push the configuration"]
    assert recap(bootstrapped.play("configure.yml"))["changed"] == 0

    # The data is the engine's, and this account may not look: said so, and nothing made up.
    done = bootstrapped.project.run("doctor", "all", "--format", "json")
    checks = {check["id"]: check for check in json.loads(done.stdout)["reports"][0]["results"]}
    assert checks["docker-connectivity"]["status"] == "healthy"
    if os.geteuid() == 0:
        assert checks["heartbeat"]["status"] == "error" and "Permission denied" in checks["heartbeat"]["message"]
        assert checks["certificate-expiry"]["status"] == "error"
    bootstrapped.relay.close()
    try:
        done = bootstrapped.project.run("doctor", "all", "--format", "json")
    finally:
        bootstrapped.relay.open()
    checks = {check["id"]: check for check in json.loads(done.stdout)["reports"][0]["results"]}
    assert checks["docker-connectivity"]["status"] == "critical"
    assert checks["heartbeat"]["status"] == "error" and "container" in checks["heartbeat"]["message"]


def test_decommission_leaves_nothing(bootstrapped: Site) -> None:
    assert recap(bootstrapped.play("decommission.yml", "--check"))["changed"] == 1
    assert bootstrapped.about()["State"]["Running"] is True
    assert recap(bootstrapped.play("decommission.yml"))["changed"] == 1
    assert bootstrapped.left() == [] and bootstrapped.images.of_agents() == set()
    assert bootstrapped.agents()["lab1"]["status"] == "decommissioned"
    assert recap(bootstrapped.play("decommission.yml"))["changed"] == 0


def test_the_image_is_made_by_the_command_line(site: Site) -> None:
    engine = ("--engine", site.images.engine.host) if site.images.engine.host else ()
    command = ("release", "image", "--base", site.images.base, *engine)
    foretold = site.project.run(*command, "--check", expect=0).stdout
    assert f"would build stella/agent:{__version__}" in foretold
    assert site.images.docker("images", "-q", f"stella/agent:{__version__}") == ""
    told = json.loads(site.project.run(*command, "--format", "json", expect=0).stdout)
    assert told["built"] is True and told["tags"] == [f"stella/agent:{__version__}", "stella/agent:latest"]
    file = site.project.state / "releases" / __version__ / "agent-image.tar"
    assert Path(told["file"]) == file and told["size"] == file.stat().st_size
    again = json.loads(site.project.run(*command, "--format", "json", expect=0).stdout)
    assert (again["built"], again["id"]) == (False, told["id"])
    refused = site.project.run("release", "image", "--base", "nobody/has:this", *engine, expect=1)
    assert "no registry is asked" in refused.stderr
    refused = site.project.run("release", "image", "--base", "x", "--engine", "unix:///nowhere", expect=1)
    assert "no Docker engine answers at unix:///nowhere" in refused.stderr


def test_the_image_is_made_by_the_play(site: Site) -> None:
    """With a base instead of a file; a host that has the image is sent nothing."""
    site.write(1, image="", stella_agent_image_base=site.images.base)  # type: ignore[arg-type]
    env = {"DOCKER_HOST": site.images.engine.host} if site.images.engine.host else {}
    file = site.project.state / "releases" / __version__ / "agent-image.tar"
    foretold = site.bootstrap("--check", env=env)
    assert changed(foretold)[0] == "Run the agent's container"
    assert not file.exists() and site.left() == []
    site.bootstrap(env=env)
    assert site.agents()["lab1"]["version"] == __version__ and file.exists()
    made = file.stat().st_mtime_ns
    assert recap(site.bootstrap(env=env))["changed"] == 0
    assert recap(site.bootstrap("--check", env=env))["changed"] == 0
    assert file.stat().st_mtime_ns == made
