"""The check against ``FakeDocker``: a real HTTP server on a real UNIX socket that answers like Docker's."""

import json
import os
import runpy
import socket
import socketserver
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

HINT = "Ensure Docker daemon is running and agent has permission to access Docker socket"


class FakeDocker:
    def __init__(self, folder):
        self.path = os.path.join(folder, "docker.sock")
        self.status, self.asked = 200, []
        self.answer()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                fake.asked.append(self.path)
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(fake.body)))
                self.end_headers()
                self.wfile.write(fake.body)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(self.path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def answer(self, version="27.3.1", **more):
        answer = {"Version": version, "ApiVersion": "1.47", "Os": "linux", "Arch": "amd64", **more}
        self.body = json.dumps(answer).encode()

    def close(self):
        """Stop, and leave the socket's file behind as a killed daemon does."""
        if not self.thread.is_alive():
            return
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="docker-", dir="/tmp") as folder:  # socket paths must be short
        os.chmod(folder, 0o755)
        yield folder


@pytest.fixture
def fake_docker(folder):
    made = FakeDocker(folder)
    yield made
    made.close()


@pytest.fixture
def look(host, folder, check, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    return lambda **args: check("docker_connectivity", prefix=host.prefix, **args)


def test_connected(fake_docker, look):
    result = look()
    assert (result["status"], result["message"]) == ("healthy", "Docker 27.3.1 connected")
    data = result["data"]
    assert (data["docker_version"], data["api_version"], data["os"], data["arch"]) == (
        ("27.3.1", "1.47", "linux", "amd64")
    )
    assert fake_docker.asked == ["/version"]


@pytest.mark.parametrize("version", ["20.10.0", "20.10", "24.0.7-ce", "v25.0", "20.10.5+dfsg1", "29", "dev", ""])
def test_recent_enough_or_unknowable(fake_docker, look, version):
    fake_docker.answer(version)
    assert look()["status"] == "healthy"


@pytest.mark.parametrize("version", ["19.03.15", "20.9.9", "1.13.1", "18.09.7-ce"])
def test_too_old(fake_docker, look, version):
    fake_docker.answer(version)
    result = look()
    assert result["status"] == "warning"
    assert result["message"] == f"Docker version {version} is below recommended 20.10.0"
    assert result["remediation_hint"] == "Upgrade Docker to version 20.10 or later"
    assert result["data"]["min_recommended"] == "20.10.0"


def test_podman_counts_by_itself(fake_docker, look):
    fake_docker.answer("4.3.1", Components=[{"Name": "Podman Engine", "Version": "4.3.1"}])
    assert look()["message"] == "Podman 4.3.1 connected"


def test_not_there_and_not_required(host, look, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for capabilities in (None, ["health_check"], []):
        if capabilities is not None:
            host.configure(capabilities=capabilities)
        result = look()
        assert result["status"] == "healthy"
        assert result["message"] == "Docker is not installed and not required by this agent's capabilities"


def test_installed_but_off_and_not_required(look, monkeypatch, tmp_path):
    (tmp_path / "dockerd").write_text("#!/bin/sh\n")
    (tmp_path / "dockerd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert look()["message"] == "Docker is not running and not required by this agent's capabilities"


@pytest.mark.parametrize("capability", ["docker", "compose"])
def test_not_there_but_required(host, look, capability, runbooks):
    host.configure(capabilities=[capability])
    result = look()
    assert result["status"] == "critical"
    assert result["message"] == "Docker connectivity failed: No such file or directory"
    assert result["remediation_hint"] == HINT
    assert result["runbook_url"] == runbooks + "agent-docker-connectivity"


def test_a_daemon_that_died(fake_docker, look):
    fake_docker.close()
    assert look()["message"] == "Docker connectivity failed: Connection refused"


def test_permission_denied(fake_docker, open_host, check_as_nobody):
    os.chmod(fake_docker.path, 0o600)
    result = check_as_nobody("docker_connectivity", prefix=open_host.prefix, docker_host=f"unix://{fake_docker.path}")
    assert result["status"] == "critical"
    assert result["message"] == "Docker connectivity failed: Permission denied"
    assert result["remediation_hint"] == HINT


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"oops", "HTTP 500 Internal Server Error"),
        (200, b"<html>", "the answer is not JSON"),
        (200, b"\xff\xfe", "the answer is not JSON"),
        (200, b"[]", "the answer names no version"),
        (200, b'{"Version": 5}', "the answer names no version"),
    ],
)
def test_something_else_answers(fake_docker, look, status, body, said):
    fake_docker.status, fake_docker.body = status, body
    result = look()
    assert (result["status"], result["message"]) == ("critical", f"Docker connectivity failed: {said}")


def test_a_daemon_that_hangs(folder, look):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.join(folder, "docker.sock"))
        listening.listen(1)
        result = look(docker_timeout=0.2)
    assert (result["status"], result["message"]) == (
        "critical",
        "Docker connectivity failed: no answer in time",
    )


def test_over_tcp(look):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = look(docker_host=f"tcp://127.0.0.1:{port}")
    assert result["message"] == "Docker connectivity failed: Connection refused"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("ssh://ops@docker", "error"),
        ("tcp://", "error"),
        ("nonsense", "error"),
        ("tcp://h:99999", "critical"),
    ],
)
def test_hosts_that_cannot_be_asked(look, url, status):
    assert look(docker_host=url)["status"] == status


def test_tls_cannot_be_asked(look, monkeypatch):
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    assert look(docker_host="tcp://127.0.0.1:2376")["status"] == "error"


PARSE = runpy.run_path(str(Path(__file__).parents[4] / "modules/doctor/docker_connectivity.py"))["parse_version"]


@given(st.text())
def test_any_version_text_is_parsed(text):
    found = PARSE(text)
    assert found is None or (len(found) == 3 and all(part >= 0 for part in found))


def test_every_python(fake_docker, host, any_python, check_under):
    docker_host = f"unix://{fake_docker.path}"
    calls = [("docker_connectivity", {"prefix": host.prefix, "docker_host": docker_host})]
    assert check_under(any_python, calls)[0]["message"] == "Docker 27.3.1 connected"
    fake_docker.answer("18.09.7-ce")
    assert check_under(any_python, calls)[0]["status"] == "warning"
    fake_docker.close()
    assert check_under(any_python, calls)[0]["message"] == "Docker connectivity failed: Connection refused"
