import os
import sys
from pathlib import Path

import pytest

from stella_ops.errors import LabError
from stella_ops.lab import docker_engine


def test_a_remote_engine_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert docker_engine.answering_engine() is None


def test_a_dead_socket_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert docker_engine.answering_engine() is None


def test_without_root_a_missing_engine_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError) as caught:
        docker_engine.ensure_engine(tmp_path)
    assert caught.value.hint is not None
    assert "root" in caught.value.hint


def test_missing_packages_are_named_where_they_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    docker_engine.ensure_packages({"sh": "never-asked-for"})
    with pytest.raises(LabError, match="missing on this machine: pkg-a, pkg-b"):
        docker_engine.ensure_packages({"no-such-b": "pkg-b", "no-such-a": "pkg-a", "sh": "other"})


def test_a_daemon_is_ready_when_it_says_so(tmp_path: Path) -> None:
    """``_run_until_ready`` believes systemd's notification protocol alone."""
    talk = "import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
    talk += "s.sendto(b'STATUS=wait', os.environ['NOTIFY_SOCKET']); "
    ready = talk + "s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])"
    log = tmp_path / "log"
    assert docker_engine._run_until_ready([sys.executable, "-c", ready], log)
    assert not docker_engine._run_until_ready([sys.executable, "-c", talk + "print('too bad')"], log)
    assert log.read_text() == "too bad\n"


def test_an_engine_that_nobody_started_is_not_stopped(tmp_path: Path) -> None:
    assert docker_engine.stop_engine(tmp_path / "missing") is False
    assert docker_engine.stop_engine(tmp_path) is False
    (tmp_path / "dockerd.pid").write_text(str(os.getpid()))
    assert docker_engine.stop_engine(tmp_path) is False


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("", "it said nothing"),
        ("a\n\n  \n", "a"),
        ('x\ntime="2024-01-01" level=fatal msg="no"\n', 'level=fatal msg="no"'),
    ],
)
def test_the_last_words_are_what_counts(text: str, last: str) -> None:
    assert docker_engine._last_line(text) == last
