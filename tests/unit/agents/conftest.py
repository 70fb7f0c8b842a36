import random
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from stella_ops.agents.configuration import ConfigurationService
from stella_ops.agents.enrolment import EnrolmentService
from stella_ops.agents.exchange import ExchangeService
from stella_ops.agents.registry import AgentRegistry
from stella_ops.agents.tokens import TokenService
from stella_ops.pki.authority import CertificateAuthority
from stella_ops.store import audit
from stella_ops.store.database import Store


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)

    def __call__(self):
        return self.now

    def forward(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path}/fleet.db")
    yield opened
    opened.close()


@pytest.fixture
def randomness():
    return random.Random(7).randbytes


@pytest.fixture
def tokens(store, clock, randomness):
    return TokenService(store, clock=clock, random=randomness)


@pytest.fixture
def authority(tmp_path, clock):
    return CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)


@pytest.fixture
def enrolment(store, authority, tokens, clock, randomness):
    return EnrolmentService(store, authority, tokens, clock=clock, random=randomness)


@pytest.fixture
def registry(store, clock):
    return AgentRegistry(store, clock=clock)


@pytest.fixture
def audited(store):
    """The audit trail as (act, outcome) pairs, or the entries of one act."""

    def read(act=None):
        with store.reading() as connection:
            found = audit.entries(connection, act=act)
        return found if act else [(entry.act, entry.outcome) for entry in found]

    return read


@pytest.fixture
def host_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def prove(host_key):
    """What a host with openssl answers to a pending enrolment."""

    def make(pending, *, key=host_key, name=None):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or pending.name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        pem = request.public_bytes(Encoding.PEM).decode()
        return {"kind": "pkcs10", "csr": pem, "token": pending.token}

    return make


class FleetServices:
    """The services around one store, as an orchestrator has them."""

    def __init__(self, store, authority, clock, randomness):
        self.store, self.authority = store, authority
        self.tokens = TokenService(store, clock=clock, random=randomness)
        self.enrolment = EnrolmentService(store, authority, self.tokens, clock=clock, random=randomness)
        self.configurations = ConfigurationService(store, clock=clock)
        self.exchange = ExchangeService(
            store,
            self.tokens,
            self.enrolment,
            self.configurations,
            orchestrator_url=lambda: "https://orchestrator.example:8443",
        )

    def request(self, name, environment, binding=None):
        """A token, as a bootstrap mints it."""
        with self.store.transaction() as connection:
            self.enrolment.expect(connection, name, environment, name)
            token = self.tokens.mint_in(
                connection, name, environment, created_by="ops", binding=binding, pin=self.authority.pin
            )
        return token.value


@pytest.fixture
def store_url(tmp_path):
    return f"sqlite:///{tmp_path}/fleet.db"


@pytest.fixture
def make_fleet(request, tmp_path):
    """Services around the store at a URL. Where a test has the fixture ``clock`` too, they go by it."""
    clock = request.getfixturevalue("clock") if "clock" in request.fixturenames else lambda: datetime.now(UTC)
    opened = []

    def make(url):
        store = Store.open(url)
        opened.append(store)
        authority = CertificateAuthority.load_or_create(tmp_path / "ca", passphrase=None, clock=clock)
        return FleetServices(store, authority, clock, secrets.token_bytes)

    yield make
    for store in opened:
        store.close()
