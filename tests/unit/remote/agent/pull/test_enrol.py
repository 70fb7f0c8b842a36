"""Enrolment in this very process: who is believed, what is refused, and that it can be done again."""

import contextlib
import datetime
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from email.utils import formatdate
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.remote.agent import configuration, endpoint, enrol, http_client, trust
from stella_ops.remote.agent.enrol import is_enrolled
from stella_ops.remote.agent.problem import Problem


def refused(host, orchestrator, **options):
    """The problem that an enrolment ends with; nothing of an identity is there afterwards."""
    with pytest.raises(Problem) as caught:
        host.enrol(orchestrator, **options)
    assert not os.path.exists(host.layout.certificate)
    assert not os.path.exists(host.layout.config)
    assert not is_enrolled(host.layout)
    return caught.value


def csr_keys(orchestrator):
    asked = [r["document"]["csr"] for r in orchestrator.requests if r["path"] == "/v1/enroll"]
    return [x509.load_pem_x509_csr(text.encode()).public_key() for text in asked]


def test_a_server_with_another_ca_never_gets_the_token(host, serve, foreign_ca, orchestrator):
    stranger = serve(foreign_ca)
    stranger.token = orchestrator.token
    problem = refused(host, stranger)
    assert problem.code == "wrong-pin"
    assert "the server is not the one this token is for: the token was NOT sent" in problem.message
    assert orchestrator.token.split(".")[1].encode() not in stranger.received


def test_nor_does_one_that_relays_the_true_ca(host, serve, foreign_ca, fleet_ca, orchestrator):
    relaying = serve(foreign_ca, ca_pem=fleet_ca.root_pem)
    relaying.token = orchestrator.token
    assert refused(host, relaying).code == "tls-untrusted"
    assert relaying.paths() == ["GET /ca.pem"]
    assert orchestrator.token.split(".")[1].encode() not in relaying.received


def test_nor_does_an_enrolled_agent_with_its_own_certificate(host, serve, fleet_ca, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    issued = fleet_ca.issue_agent_certificate(key.public_key(), agent_id="evil", name="localhost", now=now)
    pair = serve.write_pair(tmp_path / "evil", issued.pem.encode(), key)
    agent = serve(fleet_ca, pair=pair)
    with pytest.raises(Problem) as caught:
        enrol.enrol(
            host.layout, host.log, endpoint.Endpoint.of_url(agent.url.replace("127.0.0.1", "localhost")), agent.token
        )
    assert caught.value.code == "tls-untrusted"
    assert "purpose" in caught.value.message
    assert agent.paths() == ["GET /ca.pem"]


def test_a_token_without_a_pin_is_not_sent_anywhere(host, orchestrator):
    orchestrator.token = orchestrator.token.rsplit(".", 1)[0]
    problem = refused(host, orchestrator)
    assert (problem.code, orchestrator.requests) == ("no-pin", [])
    pin = trust.read_pin(orchestrator.authority.pin.upper())
    assert host.enrol(orchestrator, pin=pin)["agent_id"] == "a-1"


def test_a_pin_that_is_given_goes_before_the_tokens(host, orchestrator, foreign_ca):
    assert refused(host, orchestrator, pin=foreign_ca.pin).code == "wrong-pin"


def test_a_wrong_token_is_refused_with_what_to_do(host, orchestrator):
    right, orchestrator.token = orchestrator.token, "f" * 16 + orchestrator.token[16:]
    orchestrator.answers["POST", "/v1/enroll/identity"] = lambda request: (
        None if request["document"]["token"] == right else (403, {"error": {"code": "enrolment-refused"}})
    )
    problem = refused(host, orchestrator)
    assert problem.code == "enrolment-refused"
    assert "agent bootstrap" in problem.hint
    assert orchestrator.token.split(".")[1] not in Path(host.layout.logfile).read_text()


@pytest.mark.parametrize(("option", "code"), [("name", "wrong-name"), ("environment", "wrong-environment")])
def test_a_token_for_somebody_else_is_not_used(host, orchestrator, option, code):
    assert refused(host, orchestrator, **{option: "other"}).code == code
    assert "POST /v1/enroll" not in orchestrator.paths()
    assert host.enrol(orchestrator, name="web-01", environment="test")["name"] == "web-01"


@pytest.mark.parametrize("path", ["/ca.pem", "/v1/enroll/identity", "/v1/enroll"])
def test_redirects_are_never_followed(host, serve, fleet_ca, orchestrator, path):
    elsewhere = serve(fleet_ca)
    method = "GET" if path == "/ca.pem" else "POST"
    orchestrator.answers[method, path] = lambda _: (307, b"", {"Location": elsewhere.url + path})
    assert refused(host, orchestrator).code == "redirect"
    assert elsewhere.requests == []


def test_a_clock_that_is_off_is_measured(host, serve, fleet_ca):
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(hours=2)
    ahead = serve(fleet_ca, times={"start": start, "end": start + datetime.timedelta(days=1)})
    date = {"Date": formatdate(start.timestamp() + 60, usegmt=True)}
    ahead.answers["GET", "/ca.pem"] = lambda _: (200, ahead.ca_pem.encode(), date)
    problem = refused(host, ahead)
    assert problem.code == "tls-time"
    assert "not valid yet" in problem.message
    assert "seconds behind the orchestrator's" in problem.message
    [warning] = host.lines("clock-skew")
    assert -7400 < warning["seconds"] < -7100


def test_a_server_certificate_that_has_expired(host, serve, fleet_ca):
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(minutes=5)
    old = serve(fleet_ca, times={"start": end - datetime.timedelta(minutes=5), "end": end})
    problem = refused(host, old)
    assert (problem.code, "has expired" in problem.message) == ("tls-time", True)


def test_nobody_there(host, orchestrator):
    orchestrator.stop()
    problem = refused(host, orchestrator)
    assert problem.code == "unreachable"
    assert orchestrator.url in problem.message and "refused" in problem.message and problem.hint


def test_no_tls_there(host, orchestrator):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        there = endpoint.Endpoint.of_url(f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(Problem) as caught:
            enrol.enrol(host.layout, host.log, there, orchestrator.token)
        thread.join()
    assert caught.value.code == "tls"


def test_a_handshake_that_never_ends(host, orchestrator, monkeypatch):
    monkeypatch.setattr(http_client.Client.__init__, "__defaults__", (0.2,))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        there = endpoint.Endpoint.of_url(f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(Problem, match=r"timed out|longer than"):
            enrol.enrol(host.layout, host.log, there, orchestrator.token)


BAD_ANSWERS = {
    "not JSON": lambda mock, good: b"<html>",
    "not an object": lambda mock, good: [good],
    "another agent": lambda mock, good: {**good, "agent_id": "a-2"},
    "another agent's configuration": lambda mock, good: {**good, "config": {**good["config"], "agent_id": "a-2"}},
    "no chain": lambda mock, good: {k: v for k, v in good.items() if k != "chain"},
    "a ca that is none": lambda mock, good: {**good, "ca": "nonsense"},
    "a configuration that is refused": lambda mock, good: {**good, "config": {**good["config"], "surprise": 1}},
    "a revision that is none": lambda mock, good: {**good, "config_revision": True},
    "a chain for another key": lambda mock, good: {
        **good, "chain": mock.issue(ec.generate_private_key(ec.SECP256R1()).public_key()).pem
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_of_a_bad_answer_nothing_is_installed(host, orchestrator, kind):
    def spoil(request):
        status, good, headers = orchestrator._post_v1_enroll(request)
        return status, BAD_ANSWERS[kind](orchestrator, good), headers

    orchestrator.answers["POST", "/v1/enroll"] = spoil
    problem = refused(host, orchestrator)
    assert problem.code in ("bad-answer", "invalid-config", "key-mismatch")
    orchestrator.answers.clear()
    assert host.enrol(orchestrator)["agent_id"] == "a-1"


def test_an_answer_with_another_ca_is_refused(host, orchestrator, foreign_ca):
    orchestrator.answers["POST", "/v1/enroll"] = lambda request: (
        200, {**orchestrator._post_v1_enroll(request)[1], "ca": foreign_ca.root_pem}
    )  # fmt: skip
    assert refused(host, orchestrator).code == "wrong-pin"


@pytest.mark.parametrize("name", ["web/CN=admin", "a b", "", None, "x" * 64, "-config"])
def test_names_that_could_do_harm_stop_it(host, orchestrator, name):
    orchestrator.name = name
    assert refused(host, orchestrator).code == "bad-answer"
    assert "POST /v1/enroll" not in orchestrator.paths()


def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_key(host, orchestrator):
    def lose(request):
        assert orchestrator._post_v1_enroll(request)[0] == 200
        request["handler"].connection.close()
        return 200, None

    orchestrator.answers["POST", "/v1/enroll"] = lose
    assert refused(host, orchestrator).code == "cut"
    orchestrator.answers.clear()
    host.enrol(orchestrator)
    # A kept connection that broke is tried once more by itself.
    assert len(csr_keys(orchestrator)) >= 2
    assert len({key.public_numbers() for key in csr_keys(orchestrator)}) == 1


def test_ended_between_identity_and_configuration_it_is_not_done_and_can_be_done_again(host, orchestrator, monkeypatch):
    def no_space(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(configuration, "apply", no_space)
        with pytest.raises(OSError, match="No space"):
            host.enrol(orchestrator)
    assert os.path.exists(host.layout.certificate)
    assert not is_enrolled(host.layout)
    assert host.enrol(orchestrator)["changed"] is True
    assert is_enrolled(host.layout)
    assert len({key.public_numbers() for key in csr_keys(orchestrator)}) == 1


@pytest.mark.parametrize("path", ["/ca.pem", "/v1/enroll/identity", "/v1/enroll"])
def test_killed_outright_it_comes_to_the_same_identity(host, orchestrator, path):
    method = "GET" if path == "/ca.pem" else "POST"
    process = None

    def kill(_request):
        process.send_signal(signal.SIGKILL)
        process.wait()
        return 200, None

    orchestrator.answers[method, path] = kill
    command = [sys.executable, "-c", "import sys; from stella_ops.remote.agent.cli import main; sys.exit(main())"]
    command += ["enrol", "--url", orchestrator.url, "--token-stdin", "--prefix", host.layout.prefix]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.communicate(orchestrator.token.encode(), timeout=30)
    assert process.returncode == -signal.SIGKILL
    orchestrator.answers.clear()
    host.enrol(orchestrator)
    assert is_enrolled(host.layout)
    assert len({key.public_numbers() for key in csr_keys(orchestrator)}) == 1
    assert not [name for name in os.listdir(host.layout.identity) if "making" in name or name.endswith(".new")]


class Proxy:
    """A forward proxy that knows CONNECT alone, and keeps all it is sent."""

    def __init__(self):
        self.received = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connects = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, near):
        head = b""
        while b"\r\n\r\n" not in head:
            head += near.recv(4096)
        self.connects.append(head.decode())
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self._copy, args=(far, near), daemon=True)
            back.start()
            self._copy(near, far, keep=True)
            back.join()

    def _copy(self, source, target, keep=False):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    self.received += data
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def test_through_a_proxy_that_sees_nothing(host, orchestrator, monkeypatch):
    proxy = Proxy()
    with proxy.listener:
        for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("https_proxy", f"http://me:pa%20ss@127.0.0.1:{proxy.port}/")
        assert host.enrol(orchestrator)["agent_id"] == "a-1"
        assert [head.split()[1] for head in proxy.connects] == [orchestrator.url[8:]] * 2
        assert all("Proxy-Authorization: Basic bWU6cGEgc3M=" in head for head in proxy.connects)
        assert orchestrator.token.split(".")[1].encode() not in proxy.received
        assert "pa%20ss" not in Path(host.layout.logfile).read_text()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        host.enrol(orchestrator)
        assert len(proxy.connects) == 2


@pytest.mark.parametrize("value", ["https://secret@proxy:1", "socks5://secret@proxy", "http://secret@:x"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(host, orchestrator, monkeypatch, value):
    monkeypatch.setenv("https_proxy", value)
    monkeypatch.delenv("no_proxy", raising=False)
    problem = refused(host, orchestrator)
    assert problem.code == "invalid-proxy"
    assert "secret" not in str(problem.as_dict())


def run_command(host, *arguments, given="", **environment):
    command = [sys.executable, "-c", "import sys; from stella_ops.remote.agent.cli import main; sys.exit(main())"]
    command += ["enrol", *arguments, "--prefix", host.layout.prefix]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, input=given, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_says_what_it_did_and_what_went_wrong(host, orchestrator, tmp_path):
    file = tmp_path / "token"
    file.write_text(orchestrator.token + "\n")
    done = run_command(host, "--url", orchestrator.url, "--token-file", str(file))
    assert done.returncode == 0
    assert done.stdout == "enrolled as web-01 in test, agent id a-1\n"
    assert done.stderr.splitlines() == ["  3 Start agent with token", "  4 Exchange token", "  5 Issue cert"]
    done = run_command(host, STELLA_ORCHESTRATOR_URL=orchestrator.url, STELLA_BOOTSTRAP_TOKEN=orchestrator.token)
    assert done.returncode == 0
    done = run_command(host, "--url", orchestrator.url, "--token-stdin", given="nonsense")
    assert done.returncode == 2 and "nonsense" not in done.stderr
    done = run_command(host, "--url", "http://x", "--token-file", str(file))
    assert done.returncode == 2 and "must begin with https://" in done.stderr
    done = run_command(host, "--url", orchestrator.url, "--token-file", str(tmp_path / "missing"))
    assert done.returncode == 2 and "missing" in done.stderr
    orchestrator.stop()
    done = run_command(host, "--url", orchestrator.url, "--token-file", str(file), "--format", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "unreachable"
