"""The module ``agent_container`` against a real Docker engine."""

from __future__ import annotations

import hashlib
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.releases.images import image_file
from stella_ops.remote.lib.task import run_module

ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
from stella_ops.remote.lib.task import run_module
path, args, content = json.loads(sys.stdin.readline())
stream = open(content, "rb") if content else None
print(json.dumps(run_module(path, args, content=stream)))
"""


class Box:
    """One container that the module keeps, by a name of its own."""

    def __init__(self, images: Any, name: str) -> None:
        self.images = images
        self.name = name
        self.more: dict[str, Any] = {}

    def arguments(self, file: Path | None = None, **args: Any) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "docker_host": self.images.engine.host or None,
            "name": self.name,
            "volume": self.name,
            "wait": 20,
            **self.more,
        }
        if file is not None:
            about = image_file(file)
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            wanted.update(
                image_ids=list(about.ids),
                tag=about.tags[0],
                version=about.version,
                architecture=about.architecture,
                sha256=digest,
            )
        return {**wanted, **args}

    def __call__(
        self, file: Path | None = None, *, check: bool = False, diff: bool = False, send: bool = True, **args: Any
    ) -> dict[str, Any]:
        """Run the module, as the action would: content only when it asks for it."""
        path = ROOT / "modules/agent_container.py"
        given = self.arguments(file, **args)
        result = run_module(path, given, check_mode=check, diff_mode=diff)
        if result.get("need_content") and send:
            assert file is not None
            with file.open("rb") as stream:
                result = run_module(path, given, check_mode=check, diff_mode=diff, content=stream)
        return result

    def ask(self, *methods: str) -> list[dict[str, Any]]:
        args = {
            "container": self.name,
            "docker_host": self.images.engine.host or None,
            "requests": [{"method": method} for method in methods],
        }
        answer = run_module(ROOT / "modules/agent_rpc.py", args)
        assert not answer["failed"], answer
        responses: list[dict[str, Any]] = answer["responses"]
        return responses

    def about(self) -> Any:
        return json.loads(self.images.docker("inspect", self.name))[0]

    def everything(self) -> tuple[Any, ...]:
        """Containers, volumes and images there are, by name."""
        return (
            self.images.docker("ps", "-a", "--format", "{{.ID}} {{.Names}}", "--filter", f"name={self.name}"),
            self.images.docker("volume", "ls", "-q", "--filter", f"name={self.name}"),
            self.images.docker(
                "images",
                "--no-trunc",
                "--filter",
                "reference=stella/agent",
                "--format",
                "{{.ID}} {{.Repository}}:{{.Tag}}",
            ),
        )


@pytest.fixture
def box(agent_images: Any) -> Iterator[Box]:
    name = f"test-{secrets.token_hex(4)}"
    yield Box(agent_images, name)
    agent_images.remove(name)


@pytest.fixture
def loaded(box: Box) -> Box:
    """A running container of the good image."""
    result = box(box.images.good)
    assert not result["failed"], result
    return box


def test_image_volume_and_container_come_to_be_and_a_second_time_is_no_change(box: Box) -> None:
    box.images.forget()
    bare = box.everything()
    foretold = box(box.images.good, check=True)
    assert foretold["actions"] == [
        "load image stella/agent:0.9.1",
        f"create volume {box.name}",
        f"create container {box.name}",
    ]
    assert box.everything() == bare
    assert box(box.images.good, send=False)["need_content"] is True
    assert box.everything() == bare

    first = box(box.images.good)

    assert not first["failed"], first
    assert first["actions"] == [*foretold["actions"], "tag image stella/agent:latest"]
    assert first["created"] and first["image_loaded"] and first["volume_created"] and first["running"]
    assert first["version"] == "0.9.1"
    assert box.ask("version")[0]["result"]["version"] == "0.9.1"
    assert box.images.of_agents() == {"stella/agent:0.9.1", "stella/agent:latest"}

    second = box(box.images.good, send=False)
    assert (second["changed"], second["failed"], second["actions"]) == (False, False, [])
    assert box(box.images.good, check=True)["changed"] is False


def test_the_container_may_do_little(loaded: Box) -> None:
    about = loaded.about()
    host = about["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Privileged"] is False
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Memory"] == host["MemorySwap"] == 268435456 and host["PidsLimit"] == 64
    assert about["Config"]["User"] == "10001:10001"
    assert about["Config"]["Healthcheck"]["Test"][0] == "CMD"
    labels = about["Config"]["Labels"]
    assert labels["io.stella-ops.managed"] == "true" and labels["org.opencontainers.image.version"] == "0.9.1"
    identity = loaded.images.docker("exec", loaded.name, "id", "-u")
    mode = loaded.images.docker("exec", loaded.name, "stat", "-c", "%a %u", "/var/lib/stella-agent")
    assert (identity, mode) == ("10001", "700 10001")
    refused = loaded.images.engine.docker("exec", loaded.name, "touch", "/opt/x", check=False)
    assert "Read-only file system" in refused.stderr
    assert len(about["Mounts"]) == 1, "nothing of the host, least of all the engine's socket"


def test_its_state_outlives_the_container(loaded: Box) -> None:
    before = loaded.ask("heartbeats")[0]["result"]["last_seq"]
    one = loaded.about()["Id"]
    result = loaded(loaded.images.good, memory=134217728, diff=True)
    assert result["actions"] == [f"replace container {loaded.name}"]
    assert '"memory": 268435456' in result["diff"]["before"] and '"memory": 134217728' in result["diff"]["after"]
    assert loaded.about()["Id"] != one
    assert loaded.about()["HostConfig"]["Memory"] == 134217728
    assert loaded.ask("heartbeats")[0]["result"]["last_seq"] > before
    assert loaded.images.docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name={loaded.name}") == loaded.name


def test_what_others_changed_is_found(loaded: Box) -> None:
    loaded.images.docker("update", "--memory", "100m", "--memory-swap", "100m", loaded.name)
    assert loaded(loaded.images.good, send=False)["actions"] == [f"replace container {loaded.name}"]
    loaded.images.docker("kill", loaded.name)
    assert loaded(loaded.images.good, send=False)["actions"] == [f"start container {loaded.name}"]
    assert loaded(loaded.images.good, send=False)["changed"] is False


def test_a_container_that_was_started_by_hand_is_taken_over(loaded: Box) -> None:
    docker, name = loaded.images.docker, loaded.name
    before = loaded.ask("heartbeats")[0]["result"]["last_seq"]
    docker("rm", "-f", name)
    docker("run", "-d", "--name", name, "-v", f"{name}:/var/lib/stella-agent", "stella/agent:0.9.1")
    assert loaded(loaded.images.good, send=False)["actions"] == [f"replace container {name}"]
    assert loaded.about()["HostConfig"]["ReadonlyRootfs"] is True
    assert loaded.ask("heartbeats")[0]["result"]["last_seq"] > before


def test_a_newer_image_takes_the_place_of_the_older(loaded: Box) -> None:
    result = loaded(loaded.images.newer)
    assert not result["failed"], result
    assert f"replace container {loaded.name}" in result["actions"]
    assert (result["version"], result["created"], result["volume_created"]) == ("0.9.2", False, False)
    assert loaded.ask("status")[0]["result"]["running_version"] == "0.9.2"
    assert loaded.images.of_agents() == {"stella/agent:0.9.2", "stella/agent:latest"}, "the old image is gone"


def test_a_broken_image_leaves_the_old_container_at_work(loaded: Box) -> None:
    before, there = loaded.about(), loaded.everything()
    result = loaded(loaded.images.broken)
    assert result["failed"] is True
    assert "it ended with status 3" in result["msg"] and "out of order" in result["msg"]
    assert not result.get("left_behind"), result
    assert loaded.everything() == there
    after = loaded.about()
    assert after["Id"] == before["Id"] and after["State"]["Running"] is True
    # It may be about to write its next heartbeat, on a busy machine.
    deadline = time.monotonic() + 30
    while not loaded.ask("status")[0]["result"]["running"]:
        assert time.monotonic() < deadline, "the old container does not work any more"
        time.sleep(0.2)
    assert loaded(loaded.images.good, send=False)["changed"] is False


def test_a_broken_image_on_a_bare_host_leaves_nothing(box: Box) -> None:
    box.images.forget()
    bare = box.everything()
    result = box(box.images.broken)
    assert result["failed"] is True and "out of order" in result["msg"]
    assert box.everything() == bare


def test_an_image_that_arrives_damaged_leaves_nothing(box: Box) -> None:
    box.images.forget()
    bare = box.everything()
    given = box.arguments(box.images.good, sha256="0" * 64)
    with box.images.good.open("rb") as stream:
        result = run_module(ROOT / "modules/agent_container.py", given, content=stream)
    assert result["failed"] is True and "damaged" in result["msg"]
    assert box.everything() == bare


@pytest.fixture
def hanging(loaded: Box) -> Iterator[str]:
    """An image whose program runs and is no agent; its id."""
    tag = f"stella/agent:hanging-{loaded.name}"
    recipe = 'FROM stella/agent:0.9.1\nENTRYPOINT ["/bin/sleep"]\nCMD ["1000"]\n'
    loaded.images.engine.docker("build", "-t", tag, "-", stdin=recipe)
    yield tag
    loaded.images.docker("rmi", "-f", tag, check=False)


def test_one_that_never_becomes_healthy_is_given_up(loaded: Box, hanging: str) -> None:
    before, there = loaded.about()["Id"], loaded.everything()
    image = loaded.images.docker("inspect", "--format", "{{.Id}}", hanging)
    result = loaded(image_ids=[image], tag=hanging, wait=0.5)
    assert result["failed"] is True and "does not run within 0.5 seconds" in result["msg"]
    assert loaded.everything() == there and loaded.about()["Id"] == before
    assert loaded.about()["State"]["Running"] is True


def test_a_connection_that_is_cut_while_it_waits_undoes_the_work(loaded: Box, hanging: str) -> None:
    before, there = loaded.about()["Id"], loaded.everything()
    image = loaded.images.docker("inspect", "--format", "{{.Id}}", hanging)
    args = loaded.arguments(image_ids=[image], tag=hanging, wait=60)
    line = json.dumps([str(ROOT / "modules/agent_container.py"), args, None])
    host = ["--host", loaded.images.engine.host] if loaded.images.engine.host else []
    events = ["docker", *host, "events", "--since", str(int(time.time())), "--filter", "event=start"]
    with (
        subprocess.Popen([*events, "--filter", f"image={hanging}"], stdout=subprocess.PIPE, text=True) as watch,
        subprocess.Popen(
            [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process,
    ):
        try:
            assert process.stdin is not None and watch.stdout is not None
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert "start" in watch.stdout.readline()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        finally:
            process.kill()
            watch.kill()
    assert loaded.everything() == there and loaded.about()["Id"] == before
    assert loaded.about()["State"]["Running"] is True


def test_the_doctor_can_look_into_its_data_from_outside(loaded: Box, as_root_with_engine: None) -> None:
    def check(name: str) -> dict[str, Any]:
        return run_module(ROOT / f"modules/doctor/{name}.py", {"prefix": loaded(state="described")["data"]})

    beat = check("heartbeat")
    assert beat["status"] == "warning" and "degraded" in beat["message"], beat
    assert check("certificate_expiry")["message"] == "No certificate found"
    loaded(state="stopped")
    assert "was stopped" in check("heartbeat")["message"]


def test_what_a_killed_run_left_is_mended(loaded: Box) -> None:
    """Killed between the renaming of the old container and the health of the new one."""
    docker, name = loaded.images.docker, loaded.name
    old = loaded.about()["Id"]
    docker("stop", name)
    docker("rename", name, f"{name}.before")
    docker("create", "--name", name, "stella/agent:0.9.1")
    docker("create", "--name", f"{name}.new", "stella/agent:0.9.1")
    result = loaded(loaded.images.good, send=False)
    assert not result["failed"], result
    assert loaded.about()["Id"] == old and loaded.about()["State"]["Running"] is True
    assert docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name={name}") == name


def test_start_stop_restart_of_what_is_there(loaded: Box) -> None:
    assert loaded(state="stopped", check=True)["changed"] is True
    assert loaded.about()["State"]["Running"] is True
    assert loaded(state="stopped")["running"] is False
    assert loaded(state="stopped")["changed"] is False
    assert loaded(state="started")["running"] is True
    assert loaded(state="started")["changed"] is False
    began = loaded.about()["State"]["StartedAt"]
    assert loaded(state="restarted")["running"] is True
    assert loaded.about()["State"]["StartedAt"] != began


def test_without_a_container(box: Box) -> None:
    assert box(state="stopped") | {"changed": False} == box(state="stopped")
    result = box(state="started")
    assert result["failed"] is True and "no container" in result["msg"] and "bootstrap.yml" in result["hint"]
    args = {"container": box.name, "docker_host": box.images.engine.host or None, "requests": [{"method": "status"}]}
    answer = run_module(ROOT / "modules/agent_rpc.py", args)
    assert answer["failed"] is True and "cannot be asked" in answer["msg"] and "bootstrap.yml" in answer["hint"]


def test_absent_takes_what_is_asked_for(loaded: Box) -> None:
    everything = loaded.everything()
    assert len(loaded(state="absent", remove_image=True, remove_volume=True, check=True)["actions"]) == 3
    assert loaded.everything() == everything

    assert loaded(state="absent")["actions"] == [f"remove container {loaded.name}"]
    assert loaded.name in loaded.everything()[1] and "stella/agent:0.9.1" in loaded.everything()[2]
    assert loaded(loaded.images.good, send=False)["volume_created"] is False
    gone = loaded(state="absent", remove_image=True, remove_volume=True)
    assert gone["exists"] is False
    assert loaded.everything()[:2] == ("", "")
    assert loaded.images.of_agents() == set()
    assert loaded(state="absent", remove_image=True, remove_volume=True)["changed"] is False


def test_an_image_that_another_container_uses_stays(loaded: Box) -> None:
    loaded.images.docker("create", "--name", f"{loaded.name}-other", "stella/agent:0.9.1")
    result = loaded(state="absent", remove_image=True, remove_volume=True)
    assert any(f"{loaded.name}-other" in warning for warning in result["warnings"])
    assert "stella/agent:0.9.1" in loaded.images.of_agents()


def test_a_strangers_container_and_volume_are_not_touched(box: Box) -> None:
    box.images.docker("create", "--name", box.name, box.images.base, "true")
    box.images.docker("volume", "create", box.name)
    for args in ({}, {"state": "absent"}):
        result = box(box.images.good, **args)
        assert result["failed"] is True and "no agent of stella-ops" in result["msg"]
    box.images.docker("rm", box.name)
    result = box(state="absent", remove_volume=True)
    assert result["changed"] is False and "is kept" in result["warnings"][0]
    assert box.everything()[1] == box.name


def test_a_folder_of_the_host_instead_of_a_volume(box: Box, as_root_with_engine: None, tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    box.more["volume"] = str(folder)
    first = box(box.images.good)
    assert not first["failed"], first
    about = folder.stat()
    assert (about.st_mode & 0o777, about.st_uid, about.st_gid) == (0o700, 10001, 10001)
    assert first["data"] == str(folder)
    assert (folder / "var/state/status.json").exists()
    assert box(box.images.good, send=False)["changed"] is False
    assert box(state="absent", remove_volume=True)["changed"] is True
    assert not folder.exists()

    folder.mkdir()
    (folder / "precious").write_text("x")
    refused = box(box.images.good)
    assert refused["failed"] is True and "other files" in refused["msg"]
    assert box(state="absent", remove_volume=True)["changed"] is False
    assert (folder / "precious").exists()


@pytest.fixture
def as_root_with_engine(agent_images: Any) -> None:
    """Folders belong to the container's user, which root alone can arrange, beside the engine."""
    import os

    if os.geteuid() != 0 or not agent_images.engine.owned:
        pytest.skip("left out: the engine is not this user's own")


def test_no_engine(box: Box, tmp_path: Path) -> None:
    result = box(box.images.good, docker_host=f"unix://{tmp_path}/docker.sock")
    assert result["failed"] is True
    assert "cannot be reached: No such file or directory" in result["msg"] and "start Docker" in result["hint"]
    result = box(box.images.good, docker_host="tcp://127.0.0.1:2375")
    assert result["failed"] is True and "only UNIX sockets" in result["msg"]


def test_an_image_for_another_machine_is_refused(box: Box) -> None:
    box.images.forget()
    bare = box.everything()
    result = box(box.images.good, architecture="s390x", send=False)
    assert result["failed"] is True and "the image is for s390x" in result["msg"]
    assert box.everything() == bare


def test_under_every_python(box: Box, interpreter: Path) -> None:
    def run(module: str, args: dict[str, Any], content: Path | None = None) -> dict[str, Any]:
        line = json.dumps([str(ROOT / f"modules/{module}.py"), args, str(content) if content else None])
        done = subprocess.run(
            [str(interpreter), "-B", "-c", RUN],
            input=line,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
            timeout=60,
        )
        result: dict[str, Any] = json.loads(done.stdout)
        assert not result["failed"], result
        return result

    if "/3.6" in str(interpreter):  # a load takes seconds, and is the same code under all
        box.images.forget()
    engine = box.images.engine.host or None
    assert run("agent_container", box.arguments(box.images.good), box.images.good)["running"] is True
    # More than a pipe or a socket holds: it must all arrive before the agent answers.
    asked = [{"method": "version"}, {"method": "nothing", "params": {"x": "y" * 500000}}]
    answer = run("agent_rpc", {"container": box.name, "docker_host": engine, "requests": asked})
    assert answer["responses"][0]["result"]["version"] == "0.9.1"
    assert answer["responses"][1]["error"]["code"] == "unknown-method"
    checks = run("agent_preflight", {"container": box.name, "docker_host": engine})["checks"]
    assert [check["name"] for check in checks] == ["architecture", "clock", "docker", "disk"]
    assert run("agent_container", box.arguments(state="absent", remove_volume=True))["exists"] is False
