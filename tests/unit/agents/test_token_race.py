"""A hundred hosts with a hundred keys at one token, from several processes, on both kinds of store."""

import json
import subprocess
import sys

import pytest

from stella_ops.store import agents, audit, certificates, counters, tokens
from stella_ops.store.database import Store

PROCESSES, THREADS = 5, 20

RACER = """
import json, secrets, sys, threading
from datetime import UTC, datetime
from pathlib import Path
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from stella_ops.agents.configuration import ConfigurationService
from stella_ops.agents.enrolment import EnrolmentService
from stella_ops.agents.exchange import ExchangeService
from stella_ops.agents.tokens import TokenService
from stella_ops.errors import EnrolmentError
from stella_ops.pki.authority import CertificateAuthority
from stella_ops.store.database import Store

url, ca, token, count = sys.argv[1:]
clock = lambda: datetime.now(UTC)
store = Store.open(url, busy_timeout=60)
authority = CertificateAuthority.load_or_create(Path(ca), passphrase=None, clock=clock)
service = TokenService(store, clock=clock, random=secrets.token_bytes)
enrolment = EnrolmentService(store, authority, service, clock=clock, random=secrets.token_bytes)
exchange = ExchangeService(
    store, service, enrolment, ConfigurationService(store, clock=clock), orchestrator_url=lambda: "https://o:8443"
)
subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web1")])
keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(int(count))]
made = [x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256()) for key in keys]
print("ready", flush=True)
sys.stdin.read(1)
said = []

def run(request):
    proof = {"kind": "pkcs10", "csr": request.public_bytes(Encoding.PEM).decode()}
    try:
        got = exchange.exchange(token, proof, actor="agent")
        said.append("granted " + got.enrolment.certificate.serial)
    except EnrolmentError as refused:
        said.append(refused.reason)

threads = [threading.Thread(target=run, args=(request,)) for request in made]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(said))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/race.db"
    return request.getfixturevalue("postgresql").database()


def test_of_a_hundred_keys_one_is_enrolled(url, tmp_path, make_fleet):
    fleet = make_fleet(url)
    token = fleet.request("web1", "prod")
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url, str(tmp_path / "ca"), token, str(THREADS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("x")
        racer.stdin.flush()
    said = [word for racer in racers for word in json.loads(racer.communicate(timeout=100)[0])]
    granted = [word for word in said if word.startswith("granted ")]
    assert len(said) == PROCESSES * THREADS
    assert len(granted) == 1
    assert set(said) - set(granted) == {"used"}
    store = Store.open(url)
    with store.reading() as connection:
        agent = agents.find(connection, "web1", "prod")
        issued = certificates.of_agent(connection, agent.id)
        assert ["granted " + one.serial for one in issued] == granted
        token_id = token.split(".")[0]
        assert tokens.get(connection, token_id).uses == 1
        assert tokens.is_bound(connection, token_id, issued[0].public_key_sha256)
        outcomes = [entry.outcome for entry in audit.entries(connection, act="token.exchange")]
        counted = {(c.name, c.labels.get("reason")): c.value for c in counters.every(connection)}
    store.close()
    assert (outcomes.count("ok"), outcomes.count("refused")) == (1, 99)
    assert counted["stella_agent_bootstrap_success_total", None] == 1
    assert counted["stella_agent_bootstrap_failed_total", "used"] == 99
