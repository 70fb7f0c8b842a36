"""Certificates that are refused, peers that take their time, and more connections than there may be."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.pki.authority import CertificateAuthority
from stella_ops.store import agents, certificates

PATIENCE = (
    "Patience(door=DoorLimits(connections=12, of_one_address=8, handshake=1.0),"
    " deadlines=Deadlines(head=1.0, body=1.5, body_of_known=3.0, write=1.5), keep_alive=2)"
)


@pytest.fixture(scope="module")
def impatient(new_server):
    """A server whose limits are so tight that they can be run into."""
    return new_server().start(patience=PATIENCE)


def connect(server, context=None):
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    return (context or server.context()).wrap_socket(plain, server_hostname="localhost")


def ended(connection, seconds):
    """Seconds until the server ends a connection on which nothing is sent."""
    begun = time.monotonic()
    connection.settimeout(seconds)
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass
    return time.monotonic() - begun


# -- certificates


def presented(server, name, authority, *, issued_at, agent_id):
    """A caller with a certificate of this authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = authority.issue_agent_certificate(
        key.public_key(), agent_id=agent_id, name=name, now=issued_at, validity=timedelta(hours=1)
    )
    caller = server.enrol(name)
    caller.key, caller.chain = key, made.pem
    return caller, made


def test_a_certificate_of_another_authority(server, tmp_path):
    other = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=lambda: datetime.now(UTC))
    caller, _ = presented(server, "alien", other, issued_at=datetime.now(UTC), agent_id="x")
    with pytest.raises(httpx.TransportError):
        caller.client().get("/v1/agents/self/config")
    server.logged(event="connection refused", problem="unable to get local issuer certificate")


def test_an_expired_certificate(server):
    ca = server.fleet.authority
    issued_at = ca.issuing.not_valid_before_utc + timedelta(minutes=1)
    key = ec.generate_private_key(ec.SECP256R1())
    made = ca.issue_agent_certificate(
        key.public_key(), agent_id="x", name="late", now=issued_at, validity=timedelta(minutes=10)
    )
    caller = server.enrol("late")
    caller.key, caller.chain = key, made.pem
    assert made.not_after < datetime.now(UTC)
    with pytest.raises(httpx.TransportError):
        caller.client().get("/v1/agents/self/config")
    server.logged(event="connection refused", problem="certificate has expired")


def test_a_certificate_that_the_store_does_not_know(server):
    """Signed by the authority for an agent that there is: but nobody has written it down."""
    agent_id = server.enrol("known").answer["agent_id"]
    caller, _ = presented(server, "shadow", server.fleet.authority, issued_at=datetime.now(UTC), agent_id=agent_id)
    answer = caller.client().get("/v1/agents/self/config")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "certificate-revoked")


def test_a_certificate_whose_name_is_not_what_the_store_says(server):
    caller, made = presented(
        server, "mask", server.fleet.authority, issued_at=datetime.now(UTC), agent_id="somebody-else"
    )
    record = certificates.Certificate(
        serial=made.serial,
        agent_id=caller.answer["agent_id"],
        subject="mask",
        fingerprint_sha256=made.fingerprint_sha256,
        public_key_sha256=made.public_key_sha256,
        not_before=made.not_before,
        not_after=made.not_after,
        issued_at=datetime.now(UTC),
        chain_pem=made.pem,
    )
    with server.fleet.store.transaction() as connection:
        certificates.add(connection, record)
    answer = caller.client().get("/v1/agents/self/config")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "certificate-revoked")


def test_revocation_counts_on_a_connection_that_is_open(server):
    caller = server.enrol("revoked")
    client = caller.client()
    assert client.get("/v1/agents/self/config").status_code == 200
    leaf = x509.load_pem_x509_certificates(caller.chain.encode())[0]
    with server.fleet.store.transaction() as connection:
        assert certificates.revoke(connection, f"{leaf.serial_number:x}", datetime.now(UTC), "key_compromise")
    refused = client.get("/v1/agents/self/config")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "certificate-revoked")
    posted = client.post("/v1/agents/self/heartbeat", json={"heartbeats": []})
    assert posted.status_code == 403
    with server.fleet.store.reading() as connection:
        assert agents.get(connection, caller.answer["agent_id"]).last_visit is None, "no handler has run"


def test_a_leaf_without_its_issuing_certificate_is_enough(server):
    caller = server.enrol("leaf")
    caller.chain = caller.chain[: caller.chain.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    assert caller.client().get("/v1/agents/self/config").status_code == 200


def test_without_a_certificate(server):
    answer = server.client().get("/v1/agents/self/config")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "certificate-required")


def test_old_tls_is_refused(server):
    context = server.context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(server, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_mutual_tls_in_either_version(server, version):
    caller = server.enrol(f"tls{version.value}")
    context = caller.context()
    context.minimum_version = context.maximum_version = version
    assert server.client(context).get("/v1/agents/self/config").status_code == 200


def test_the_servers_own_certificate(server):
    with connect(server) as connection:
        names = {value for _, value in connection.getpeercert()["subjectAltName"]}
        der = connection.getpeercert(binary_form=True)
    assert {"localhost", "127.0.0.1", "orchestrator.stella-ops.internal"} <= names
    assert hashlib.sha256(der).hexdigest() == server.fleet.look_after_server_identity().certificate_sha256


# -- peers that take their time


def test_whoever_drips_a_head_is_cut_off(impatient):
    with connect(impatient) as connection:
        took = drip(connection, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 1000)
    assert 0.5 < took < 4


def test_whoever_drips_a_second_head_is_cut_off(impatient):
    with connect(impatient) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        took = drip(connection, b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 1000)
    assert 0.5 < took < 4


def test_whoever_drips_a_body_is_cut_off(impatient):
    head = b"POST /v1/enroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    with connect(impatient) as connection:
        connection.sendall(head)
        took = drip(connection, b"{" + b" " * 4000)
    assert 1 < took < 5


def test_whoever_goes_on_dripping_after_the_answer_is_cut_off(impatient):
    head = b"POST /v1/enroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999\r\n\r\n"
    with connect(impatient) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        took = drip(connection, b" " * 1000)
    assert took < 5


def test_a_body_that_is_too_long_gets_its_answer(server):
    """The rest of it is let go by, and the connection is good for the next request."""
    with server.client() as client:
        for _ in range(20):
            answer = client.post("/v1/enroll", content=b" " * 300_000, headers={"content-type": "application/json"})
            assert answer.status_code == 413


def test_a_connection_that_lies_idle_after_a_late_body_is_closed(impatient):
    head = b"POST /v1/agents/self/logs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    with connect(impatient) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"abc")
        assert 1 < ended(connection, 10) < 8


def test_whoever_reads_nothing_is_cut_off(impatient):
    """Requests without end whose answers nobody takes: the buffers fill, then the time runs out."""
    request = b"GET /packages/%s/stella-agent.pyz HTTP/1.1\r\nHost: x\r\n\r\n"
    version = impatient.fleet.package.version.encode()
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(20)
    plain.connect(("127.0.0.1", impatient.port))
    with impatient.context().wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(request % version * 40)
        pause = threading.Event()
        for _ in range(80):
            pause.wait(0.1)
            try:
                connection.sendall(request % version)
            except OSError:
                return
    pytest.fail("the server waits for ever")


def test_whoever_says_nothing_is_cut_off(impatient):
    with socket.create_connection(("127.0.0.1", impatient.port)) as plain:
        assert 0.5 < ended(plain, 10) < 4, "no handshake"
    with connect(impatient) as connection:
        assert 0.5 < ended(connection, 10) < 4, "no request"
    with connect(impatient) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert 1 < ended(connection, 10) < 6, "no second request"


def test_an_agent_has_more_time_for_its_body(impatient):
    caller = impatient.enrol("slow")
    head = (
        b"POST /v1/agents/self/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    )
    with connect(impatient, caller.context()) as connection:
        connection.sendall(head + b'{"entries": [')
        assert selecting(connection, 2) is None
        connection.sendall(b"]}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def selecting(connection, seconds):
    connection.settimeout(seconds)
    try:
        return connection.recv(1)
    except TimeoutError:
        return None
    finally:
        connection.settimeout(20)


def drip(connection, data):
    """Send a byte every tenth of a second until the server hangs up; how long that took."""
    begun = time.monotonic()
    for number in range(len(data)):
        try:
            connection.sendall(data[number : number + 1])
            if selecting(connection, 0.1) == b"":
                break
        except OSError:
            break
    return time.monotonic() - begun


# -- too many of them


def test_connections_are_bounded(impatient):
    """Eight of one address; the others are closed before their handshake. Afterwards there is room again."""
    kept = []
    try:
        for _ in range(20):
            plain = socket.create_connection(("127.0.0.1", impatient.port), timeout=5)
            kept.append(plain)
        closed = sum(ended(plain, 0.3) < 0.25 for plain in kept)
        assert closed >= 12
    finally:
        for plain in kept:
            plain.close()
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(httpx.TransportError):
            text = impatient.client().get("/metrics").text
            break
        assert time.monotonic() < deadline
    assert 'stella_orchestrator_connections_refused_total{reason="address"}' in text


def test_a_stranger_who_asks_too_often(new_server):
    server = new_server("[orchestrator]\nstranger_rate = 5\n").start()
    client = server.client()
    said = [client.get("/ca.pem") for _ in range(8)]
    assert [answer.status_code for answer in said] == [200] * 5 + [429] * 3
    assert said[-1].json()["error"]["code"] == "too-many-requests"
    assert 0 < int(said[-1].headers["retry-after"]) <= 12
    assert client.get("/healthz").status_code == 200
    admin = server.operator("root", "admin")
    assert admin.get("/v1/agents").status_code == 200, "an operator is no stranger"
    wrong = server.client(headers={"authorization": f"Bearer {'0' * 16}.{'A' * 43}"})
    assert wrong.get("/v1/agents").status_code == 429, "who tries keys is one"
    token = server.mint("web1").token
    refused = client.post("/v1/enroll/identity", json={"token": token})
    assert refused.status_code == 429


def test_uses_of_the_store_do_not_stop_the_loop(server):
    """While another process holds the write lock, what needs no writing is answered."""
    agent = server.enrol("patient")
    writer = agent.client()
    with server.fleet.store.transaction():
        answers = []
        waiting = threading.Thread(
            target=lambda: answers.append(writer.post("/v1/agents/self/heartbeat", json={"heartbeats": []}))
        )
        waiting.start()
        begun = time.monotonic()
        for _ in range(20):
            assert server.client().get("/healthz").status_code == 200
        assert time.monotonic() - begun < 5
        assert not answers
    waiting.join()
    assert answers[0].status_code == 200
