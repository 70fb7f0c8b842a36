"""The command: how it begins, what it says, how it ends."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from stella_ops.store import orchestrators


@pytest.fixture
def fresh(new_server):
    return new_server()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_ends_when_it_is_told_to(fresh, number):
    fresh.start()
    client = fresh.client()
    assert client.get("/healthz").status_code == 200
    begun = time.monotonic()
    assert fresh.stop(number) == 0
    assert time.monotonic() - begun < 8, "a connection that lies idle keeps nobody"
    assert [line["event"] for line in fresh.log][-1] == "end"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", fresh.port), timeout=2)
    fresh.start()
    assert fresh.client().get("/healthz").status_code == 200, "the port is free at once"


def test_requests_that_run_are_answered_before_the_end(fresh):
    fresh.start()
    agent = fresh.enrol("web1")
    client = agent.client()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.get("/v1/agents/self/tasks?wait=30")))
    waiting.start()
    assert fresh.client().get("/healthz").status_code == 200
    pause = threading.Event()
    pause.wait(0.5)  # until that request is there: nothing tells
    begun = time.monotonic()
    assert fresh.stop() == 0
    waiting.join()
    assert time.monotonic() - begun < 8
    assert answers[0].json() == {"tasks": []}


def test_what_it_says_when_it_is_ready(fresh):
    fresh.start()
    assert fresh.ready.startswith("ready: https://")
    assert f"CA {fresh.fleet.authority.pin}" in fresh.ready
    pin = fresh.ready.split("sha256//")[1].split(",")[0]
    identity = fresh.fleet.look_after_server_identity()
    assert pin == identity.public_key_pin
    with fresh.fleet.store.reading() as connection:
        known = orchestrators.pins(connection, fresh.fleet.orchestrator_url)
    assert known == [identity.public_key_sha256]
    key = fresh.folder / ".stella" / "orchestrator" / "server.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_systemd_is_told(fresh, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(20)
        fresh.start(env={"NOTIFY_SOCKET": str(path)})
        said = listener.recv(4096).decode()
        assert said.splitlines()[:2] == ["READY=1", f"MAINPID={fresh.process.pid}"]
        fresh.stop()
        assert listener.recv(4096).decode() == "STOPPING=1"


def refused(server, *args, env=None):
    done = subprocess.run(
        [sys.executable, "-m", "stella_ops", "serve", *args],
        cwd=server.folder,
        env={**server.environment, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_an_address_that_is_taken(fresh):
    fresh.start()
    done = refused(fresh, "--listen", f"127.0.0.1:{fresh.port}")
    assert done.returncode == 2
    assert "cannot listen" in done.stderr and "in use" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--listen", "8443"), "--listen must be"),
        (("--listen", "no.such.host.invalid:1"), "cannot listen"),
        (("--url", "http://x"), "--url must be"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_options(fresh, args, said):
    done = refused(fresh, *args)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_missing_extra_is_named(fresh, tmp_path):
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text("import sys\nsys.modules['uvicorn'] = None\n")
    done = refused(fresh, "--listen", "127.0.0.1:0", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "uvicorn" in done.stderr
    assert "stella-ops[orchestrator]" in done.stderr


def test_an_encrypted_authority(new_server):
    server = new_server('[ca]\npassphrase_env = "CA_PASSPHRASE"\n')
    secret = "correct horse battery staple"
    server.environment["CA_PASSPHRASE"] = secret
    server.start()
    agent = server.enrol("web1")
    assert agent.client().get("/v1/agents/self/config").status_code == 200
    server.stop()
    assert secret not in server.log_file.read_text()
    del server.environment["CA_PASSPHRASE"]
    done = refused(server, "--listen", "127.0.0.1:0")
    assert done.returncode != 0
    assert "passphrase" in done.stderr


IN_A_MOMENT = """
import asyncio, datetime, sys
from stella_ops.agents.fleet import Fleet, utc_now
from stella_ops.orchestrator import housekeeping, serving
from stella_ops.redaction import Redactor
from stella_ops.settings import load_project

# Two months have gone by when the server looks after its certificate for the first time.
moved = [datetime.timedelta(0)]
fleet = Fleet(load_project(), redactor=Redactor(), clock=lambda: utc_now() + moved[0])
look = serving.keep_house

async def soon(desk, renew):
    moved[0] = datetime.timedelta(days=70)
    await look(desk, renew, every=datetime.timedelta(seconds=0.2))

serving.keep_house = soon
ready = lambda found: print("ready at", *found.listening, flush=True)
asyncio.run(serving.serve(fleet, endpoint="127.0.0.1:" + sys.argv[1], log=sys.stderr, on_ready=ready))
"""


def test_the_certificate_is_renewed_while_it_serves(fresh, monkeypatch):
    monkeypatch.setitem(fresh.start.__func__.__globals__, "IMPATIENT", IN_A_MOMENT)
    fresh.start(patience="")
    fresh.logged(event="server certificate renewed")
    # Its life begins in what is the future here: only the key and the dates are looked at.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", fresh.port)) as plain,
        context.wrap_socket(plain) as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    served = x509.load_der_x509_certificate(der)
    assert served.not_valid_before_utc > datetime.now(UTC) + timedelta(days=60)
    on_disk = (fresh.folder / ".stella" / "orchestrator" / "server.crt").read_bytes()
    assert x509.load_pem_x509_certificates(on_disk)[0] == served
