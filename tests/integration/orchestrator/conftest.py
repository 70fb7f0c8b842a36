"""Real ``stella-ops serve`` processes, and what calls them: agents with certificates, operators with keys."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from stella_ops.agents.fleet import Fleet
from stella_ops.agents.operators import Role
from stella_ops.redaction import Redactor
from stella_ops.settings import load_project
from stella_ops.store import audit

SETTINGS = "[orchestrator]\nstranger_rate = 100000\n"

# What ``stella-ops serve`` does, with other limits for connections than those it has in production.
IMPATIENT = """
import asyncio, sys
from stella_ops.agents.fleet import Fleet
from stella_ops.orchestrator.serving import Deadlines, DoorLimits, Patience, serve
from stella_ops.redaction import Redactor
from stella_ops.settings import load_project

fleet = Fleet(load_project(), redactor=Redactor())
ready = lambda found: print("ready at", *found.listening, flush=True)
asyncio.run(
    serve(fleet, endpoint="127.0.0.1:" + sys.argv[1], log=sys.stderr, on_ready=ready, patience=eval(sys.argv[2]))
)
"""


def certificate_request(key: Any, name: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def private_pem(key: Any) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Caller:
    """Somebody with a certificate: ``client`` speaks as them."""

    folder: Path
    name: str
    key: Any
    chain: str
    server: Server
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, str]:
        certificate, key = self.folder / f"{self.name}.crt", self.folder / f"{self.name}.key"
        certificate.write_text(self.chain)
        key.write_bytes(private_pem(self.key))
        return str(certificate), str(key)

    def context(self) -> ssl.SSLContext:
        made = self.server.context()
        made.load_cert_chain(*self.files)
        return made

    def client(self, **options: Any) -> httpx.Client:
        return self.server.client(self.context(), **options)


@dataclass
class Server:
    """A project with its server; the server can be stopped, killed and started again, at the same port."""

    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[str] | None = None
    port: int = 0
    ready: str = ""
    clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        project = load_project(self.folder, environ=self.environment)
        self.fleet = Fleet(project, redactor=Redactor(), environ=self.environment)

    @property
    def log_file(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = self.log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """The log's lines that have these fields; waits until there are ``count`` of them."""
        pause = threading.Event()
        for _ in range(200):
            found = [line for line in self.log if all(line.get(key) == value for key, value in fields.items())]
            if len(found) >= count:
                return found
            pause.wait(0.05)
        pytest.fail(f"the log has no {count} lines with {fields}\n{self.log_file.read_text()[-3000:]}")

    @property
    def root(self) -> Path:
        return self.folder / ".stella" / "ca" / "root.crt"

    def start(self, *args: str, env: dict[str, str] | None = None, patience: str | None = None) -> Server:
        """Start it. ``patience``: Python for the ``Patience`` of a server that is not run by the command line."""
        command = [sys.executable, "-m", "stella_ops", "serve", "--listen", f"127.0.0.1:{self.port}", *args]
        if patience is not None:
            command = [sys.executable, "-c", IMPATIENT, str(self.port), patience]
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environment, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.ready = self.read_line(30)
        found = re.search(r" at 127\.0\.0\.1:(\d+)", self.ready)
        if found is None:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"the server did not begin: {self.ready!r}\n{self.log_file.read_text()}")
        self.port = int(found[1])
        return self

    def read_line(self, seconds: float) -> str:
        assert self.process is not None and self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline() if selector.select(seconds) else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return status

    def close(self) -> None:
        for client in self.clients:
            client.close()
        if self.process is not None:
            self.stop(signal.SIGKILL)
        if "store" in self.fleet.__dict__:
            self.fleet.store.close()

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.root))

    def client(self, context: ssl.SSLContext | None = None, **options: Any) -> httpx.Client:
        made = httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}", verify=context or self.context(), timeout=60, **options
        )
        self.clients.append(made)
        return made

    def mint(self, name: str, environment: str = "production") -> Any:
        return self.fleet.enrolment.begin(name, environment, name, actor="test")

    def enrol(
        self, name: str, *, key: Any = None, token: str | None = None, client: httpx.Client | None = None
    ) -> Caller:
        key = key or ec.generate_private_key(ec.SECP256R1())
        value = token or self.mint(name).token
        asked = {"token": value, "csr": certificate_request(key, name)}
        answer = (client or self.client()).post("/v1/enroll", json=asked)
        assert answer.status_code == 200, answer.text
        return Caller(self.folder, name, key, answer.json()["chain"], self, answer.json())

    def operator(self, name: str, role: str) -> httpx.Client:
        key = self.fleet.operators.add_key(name, Role(role), by="test").value
        return self.client(headers={"authorization": f"Bearer {key}"})

    def certified_operator(self, name: str, role: str) -> Caller:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self.fleet.operators.add_certificate(name, Role(role), certificate_request(key, name), by="test")
        return Caller(self.folder, name, key, made.chain_pem, self, {"id": made.operator.id})

    def audited(self, act: str) -> list[audit.AuditEntry]:
        with self.fleet.store.reading() as connection:
            return audit.entries(connection, act=act)


@pytest.fixture(scope="session", name="certificate_request")
def _certificate_request() -> Callable[[Any, str], str]:
    """Makes a PKCS #10 request of a key for a name."""
    return certificate_request


@pytest.fixture(scope="session")
def new_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Makes servers, not yet started."""
    made: list[Server] = []

    def make(settings: str = SETTINGS, *, store_url: str | None = None) -> Server:
        folder = tmp_path_factory.mktemp("orchestrator")
        if store_url is not None:
            settings += f'[store]\nurl = "{store_url}"\n'
        (folder / "stella.toml").write_text(settings)
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "TMPDIR")}
        environment = {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
        made.append(Server(folder, environment))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture(scope="module")
def server(new_server: Callable[..., Server]) -> Server:
    """A running server that a file's tests share."""
    return new_server().start()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_store(request: pytest.FixtureRequest, new_server: Callable[..., Server]) -> Server:
    """A server of its own, not yet started; once with SQLite and once with PostgreSQL."""
    if request.param == "sqlite":
        return new_server()
    return new_server(store_url=request.getfixturevalue("postgresql").database())
