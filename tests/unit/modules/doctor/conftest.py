"""Hosts for checks to look at: real layouts in temporary folders, with real certificates and real locks."""

from __future__ import annotations

import datetime
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stella_ops.remote.lib import agent_config, task
from stella_ops.remote.lib.layout import Layout
from stella_ops.remote.lib.pidfile import PidFile

ROOT = Path(__file__).resolve().parents[4]
CHECKS = ROOT / "modules" / "doctor"
DAY = 86400

RUN_MANY = """
import json, sys
from stella_ops.remote.lib.task import run_module
json.dump([run_module(path, args) for path, args in json.load(sys.stdin)], sys.stdout)
"""

RUNNABLE = "import ssl, sys; raise SystemExit(sys.version_info < (3, 6))"


@functools.cache
def interpreters() -> list[str]:
    """Every Python from 3.6 on that the machine has for tests."""
    found = [str(p) for p in sorted((Path.home() / ".pyenv" / "versions").glob("*/bin/python"))]
    found += [path for path in ("/usr/bin/python3",) if os.path.exists(path)]
    works = [p for p in found if subprocess.run([p, "-c", RUNNABLE], stderr=subprocess.DEVNULL).returncode == 0]
    return works or [sys.executable]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_python" in metafunc.fixturenames:
        names = [p.split("/")[-3] if "versions" in p else p for p in interpreters()]
        metafunc.parametrize("any_python", interpreters(), ids=names)


@pytest.fixture
def check() -> Callable[..., dict[str, Any]]:
    """Run one check here: ``check("disk_space", prefix=…)``."""

    def run(name: str, **args: Any) -> dict[str, Any]:
        args = {key: str(value) if isinstance(value, Path) else value for key, value in args.items()}
        result = task.run_module(CHECKS / f"{name}.py", args)
        assert not result["failed"], result
        return result

    return run


@pytest.fixture
def check_under() -> Callable[..., list[dict[str, Any]]]:
    """Run checks under another interpreter: ``check_under(python, [("disk_space", {…}), …])``."""

    def run(python: str, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        asked = json.dumps([(str(CHECKS / f"{name}.py"), args) for name, args in calls])
        done = subprocess.run(
            [python, "-c", RUN_MANY],
            input=asked,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        )
        assert done.returncode == 0, done.stderr
        results: list[dict[str, Any]] = json.loads(done.stdout)
        assert not any(result["failed"] for result in results), results
        return results

    return run


@pytest.fixture
def check_as_nobody() -> Callable[..., dict[str, Any]]:
    """Run one check in a child that has no privilege at all."""

    def run(name: str, **args: Any) -> dict[str, Any]:
        namespace: dict[str, Any] = {"__name__": "stella_module"}
        exec(compile((CHECKS / f"{name}.py").read_text(), name, "exec"), namespace)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                result = task.execute(namespace["run"], namespace["ARGUMENTS"], {"args": args})
                os.write(writing, json.dumps(result).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            result = json.load(answer)
        os.waitpid(child, 0)
        assert not result["failed"], result
        return dict(result)

    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    return run


class Authority:
    """A CA with a root and an issuing certificate; both live from 2020 on."""

    def __init__(self, name: str = "Fleet") -> None:
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.issuing_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self.sign(self.root_key, f"{name} root", None, self.root_key, days=(0, 36500), usage=None, ca=True)
        self.issuing = self.sign(
            self.issuing_key,
            f"{name} issuing",
            self.root,
            self.root_key,
            days=(0, 18250),
            usage=None,
            ca=True,
        )

    def sign(
        self,
        key: Any,
        name: str,
        issuer: x509.Certificate | None,
        signer: Any,
        *,
        days: tuple[float, float],
        usage: Any = ExtendedKeyUsageOID.CLIENT_AUTH,
        ca: bool = False,
        names: tuple[str, ...] = (),
    ) -> x509.Certificate:
        start = datetime.datetime(2020, 1, 1)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start + datetime.timedelta(days=days[0]))
            .not_valid_after(start + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            alternative = [x509.UniformResourceIdentifier(n) if ":" in n else x509.DNSName(n) for n in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def strange_authority() -> Authority:
    """Another CA that gives itself the same names."""
    return Authority()


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def key_pem(key: Any) -> bytes:
    return bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Host:
    """An agent's files below a prefix, written as the agent writes them."""

    def __init__(self, prefix: Path, authority: Authority) -> None:
        self.prefix = str(prefix)
        self.layout = Layout.at(self.prefix)
        self.authority = authority
        for path, mode, _ in self.layout.directories():
            os.makedirs(path, exist_ok=True)
            os.chmod(path, mode)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.claim: PidFile | None = None
        # Certificates live from day to day after this moment; checks are told the time by ``at``.
        self.epoch = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC).timestamp()

    def at(self, day: float) -> float:
        return self.epoch + day * DAY

    def configure(self, **changes: Any) -> dict[str, Any]:
        config = {"agent_id": "a1b2c3", "agent_name": "web-01", "environment": "production", **changes}
        self.write(self.layout.config, agent_config.canonical(agent_config.with_defaults(config)))
        return config

    def enrol(
        self,
        *,
        days: tuple[float, float] = (0, 365),
        by: Authority | None = None,
        key: Any = None,
        **more: Any,
    ) -> x509.Certificate:
        signer = by or self.authority
        key = key or self.key
        leaf = signer.sign(key, more.pop("name", "web-01"), signer.issuing, signer.issuing_key, days=days, **more)
        self.write(self.layout.certificate, pem(leaf, signer.issuing))
        self.write(self.layout.ca, pem(self.authority.root))
        self.write(self.layout.key, key_pem(key), 0o600)
        return leaf

    def beat(self, age: float = 5, **changes: Any) -> None:
        moment = datetime.datetime.fromtimestamp(time.time() - age, datetime.UTC)
        self.write_json(
            self.layout.heartbeat,
            {
                "seq": 7,
                "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "agent_id": "a1b2c3",
                "name": "web-01",
                "version": "1.0.0",
                "status": "healthy",
                "reasons": [],
                **changes,
            },
        )

    def start(self) -> None:
        """Hold the agent's lock, as a running agent does."""
        self.claim = PidFile(self.layout.pidfile)
        self.claim.acquire()

    def stop(self) -> None:
        if self.claim:
            self.claim.release()
            self.claim = None

    def write_json(self, path: str, value: Any) -> None:
        self.write(path, json.dumps(value).encode())

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        Path(path).write_bytes(content)
        os.chmod(path, mode)


@pytest.fixture
def host(tmp_path: Path, authority: Authority) -> Iterator[Host]:
    made = Host(tmp_path / "agent", authority)
    yield made
    made.stop()


@pytest.fixture
def open_host(authority: Authority) -> Iterator[Host]:
    """A host whose folders every user can enter: pytest's own are closed to others."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="stella-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        made = Host(Path(folder) / "agent", authority)
        yield made
        made.stop()


@pytest.fixture
def rsa_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def runbooks() -> str:
    return "https://docs.stella-ops.org/runbooks/"
