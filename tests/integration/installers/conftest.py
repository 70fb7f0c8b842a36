"""Places to run install.sh in: a TLS server with packages, hosts that are folders, and shells.

What is real: the script, the shells, curl, wget, openssl, ssh-keygen, the agent's package and its process. The
orchestrator is ``MockOrchestrator``: a real one serves one version of the package, and never a wrong one.
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stella_ops.agents.installers import InstallSource, install_script
from stella_ops.agents.platforms import Platform
from stella_ops.pki.authority import CertificateAuthority
from stella_ops.pki.requests import CHALLENGE_NAMESPACE, challenge_text, verify_pkcs10, verify_sshsig
from stella_ops.pki.server import ServerIdentity
from stella_ops.releases.build import SHEBANG, package_bytes
from stella_ops.releases.signing import ReleaseKey

TOKEN_ID = "0123456789abcdef"
AGENT_ID = "0b8ff2a3-6f5a-4f0c-9d36-0f6f4a1b2c3d"
PYTHON = "/usr/bin/python3"
NOBODY = 65534

_BROKEN = "import sys\nif sys.argv[1] == 'run':\n    sys.exit('this version is broken')\n"


@functools.cache
def make_package(version: str, *, broken: bool = False) -> bytes:
    """The agent's package; a broken one answers ``version`` but never runs."""
    data = package_bytes(version)
    if not broken:
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    members["__main__.py"] = _BROKEN.encode() + members["__main__.py"]
    packed = io.BytesIO()
    packed.write(SHEBANG)
    with zipfile.ZipFile(packed, "w") as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member)  # with a fixed date: the same bytes every time
    return packed.getvalue()


class MockOrchestrator:
    """A TLS file server that enrols whoever brings the token, as ``name`` in ``environment``.

    ``asked`` are the paths of all requests, ``enrolled`` the proofs of those who were let in.
    """

    def __init__(self, authority: CertificateAuthority, identity: ServerIdentity) -> None:
        self.files: dict[str, bytes] = {"/ca.pem": authority.root_pem.encode()}
        self.asked: list[str] = []
        self.enrolled: list[dict[str, str]] = []
        self.token_seen_in: list[str] | None = None  # processes, when the last enrolment was asked for
        self.failing = 0  # so many requests from now on get no answer
        self.authority = authority
        self.name, self.environment = "host", "test"
        pin = base64.urlsafe_b64encode(bytes.fromhex(authority.pin)).decode().rstrip("=")
        self.token = f"{TOKEN_ID}.{'s' * 43}.{pin}"
        mock = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mock.asked.append(self.path)
                if mock.failing:
                    mock.failing -= 1
                    self.close_connection = True
                    return
                self.answer(mock.files.get(self.path))

            def do_POST(self) -> None:
                mock.asked.append(self.path)
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if asked["token"] != mock.token:
                    refusal = {"code": "enrolment-refused", "message": "the enrolment was refused", "hint": None}
                    self.answer(json.dumps({"error": refusal}).encode(), 403)
                elif self.path.endswith("/identity"):
                    self.answer(json.dumps(mock.who()).encode())
                else:
                    self.answer(json.dumps(mock.enrol(asked)).encode())

            def answer(self, data: bytes | None, status: int = 200) -> None:
                self.send_response(404 if data is None else status)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # clients that do not trust this server hang up

        self._server = Server(("", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert_file, identity.key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}"

    def who(self) -> dict[str, str]:
        return {"agent_id": AGENT_ID, "name": self.name, "environment": self.environment}

    def enrol(self, asked: dict[str, str]) -> dict[str, Any]:
        # With the pin, which is this server's own: other tests show tokens of theirs meanwhile.
        self.token_seen_in = processes_that_show(asked["token"].split(".", 1)[1])
        if asked["kind"] == "pkcs10":
            key = verify_pkcs10(asked["csr"], self.name)
        else:
            challenge = challenge_text(token_id=TOKEN_ID, **self.who())
            key = verify_sshsig(asked["public_key"], asked["signature"], challenge, CHALLENGE_NAMESPACE)
        now = datetime.datetime.now(datetime.UTC)
        issued = self.authority.issue_agent_certificate(key, agent_id=AGENT_ID, name=self.name, now=now)
        self.enrolled.append(asked)
        # Without orchestrator_url: once enrolled it is not called again.
        config = {
            "agent_id": AGENT_ID,
            "agent_name": self.name,
            "environment": self.environment,
            "heartbeat_interval": "1s",
        }
        data = (json.dumps(config, sort_keys=True, separators=(",", ":")) + "\n").encode()
        return {
            **self.who(),
            "chain": issued.pem,
            "ca": self.authority.root_pem,
            "config": config,
            "config_revision": 1,
            "config_sha256": hashlib.sha256(data).hexdigest(),
            "repeated": False,
        }

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def processes_that_show(secret: str) -> list[str]:
    """Command lines of the processes that show a text in their arguments or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
            if secret.encode() in line + (process / "environ").read_bytes():
                found.append(line.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


@dataclass
class FleetInTest:
    """A fleet with a server: renders scripts, and publishes what they fetch."""

    server: MockOrchestrator
    release_key: ReleaseKey
    identity: ServerIdentity
    packages: dict[str, bytes] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return self.server.token

    def publish(self, version: str, *, broken: bool = False) -> InstallSource:
        """Have a version on the server; what scripts for it are made from."""
        data = make_package(version, broken=broken)
        signature = self.release_key.sign(data)
        self.packages[version] = data
        place = f"/packages/{version}/stella-agent.pyz"
        self.server.files |= {
            place: data,
            place + ".sig": signature.der,
            place + ".sshsig": signature.sshsig.encode(),
        }
        return InstallSource(
            orchestrator_url=self.server.url,
            ca_pem=self.server.authority.root_pem,
            ca_pin=self.server.authority.pin,
            server_pins=(self.identity.public_key_pin,),
            server_certificate_sha256=(self.identity.certificate_sha256,),
            package_version=version,
            package_sha256=hashlib.sha256(data).hexdigest(),
            package_size=len(data),
            release_public_pem=self.release_key.public_pem,
            release_public_ssh=self.release_key.public_ssh,
        )

    def script(self, version: str = "1.0.0", **options: Any) -> str:
        return install_script(Platform.LINUX, self.publish(version), **options)

    def sealed(self, source: InstallSource) -> InstallSource:
        """The same with its signatures inside."""
        return source.sealed(self.release_key.sign(self.packages[source.package_version]))


@dataclass
class Host:
    """A user's home folder to install into. Commands run as a user without rights, even when the tests are root's."""

    folder: Path
    path: str

    @property
    def prefix(self) -> Path:
        return self.folder / ".stella-agent"

    def run(
        self,
        script: str | bytes,
        *args: str,
        shell: tuple[str, ...] = ("sh",),
        stdin: str | None = None,
        expect: int | None = 0,
        env: dict[str, str] | None = None,
        path: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script from a file; ``stdin`` is what it reads, by default nothing."""
        file = self.folder / "install.sh"
        file.write_bytes(script if isinstance(script, bytes) else script.encode())
        return self.command([*shell, str(file), *args], stdin=stdin, expect=expect, env=env, path=path)

    def command(
        self,
        words: list[str],
        *,
        stdin: str | None = None,
        expect: int | None = 0,
        env: dict[str, str] | None = None,
        path: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment(env, path),
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **self.identity,
        )
        assert expect is None or done.returncode == expect, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr and "SyntaxError" not in done.stderr, done.stderr
        return done

    def environment(self, more: dict[str, str] | None = None, path: str | None = None) -> dict[str, str]:
        temporary = self.folder / "tmp"
        return {"HOME": str(self.folder), "PATH": path or self.path, "TMPDIR": str(temporary), **(more or {})}

    @property
    def identity(self) -> dict[str, Any]:
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def agent(self, command: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.command([PYTHON, "-I", str(self.prefix / "current/stella-agent.pyz"), command], expect=expect)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.agent("status", expect=None).stdout)
        return found

    def files(self) -> list[str]:
        """All that is in the home folder, besides what the tests lay there."""
        ours = {self.folder / "install.sh", self.folder / "tmp", self.folder / "token"}
        return sorted(str(path) for path in self.folder.rglob("*") if path not in ours)

    def temporary(self) -> list[str]:
        """Files that somebody has left: those of an agent that is just writing one are gone at another look."""
        looks = []
        for _ in range(3):
            found = [path.removeprefix(str(self.folder)) for path in self.files()]
            looks.append({path for path in found if re.search(r"(\.new|\.before)$|^/tmp/", path)})
            if not looks[-1]:
                break
            threading.Event().wait(0.3)
        return sorted(set.intersection(*looks))

    def check_healthy(self, version: str) -> dict[str, Any]:
        """The agent of this version runs, is enrolled and configured, and nothing lies about."""
        status = self.status()
        assert (status["running"], status["version"], status["running_version"]) == (True, version, version), status
        assert status["last_heartbeat"]["status"] == "healthy", status
        assert status["certificate"] and status["agent_id"] == AGENT_ID, status
        assert os.readlink(self.prefix / "current") == f"versions/{version}"
        assert self.temporary() == []
        return status

    def clean(self) -> None:
        if (self.prefix / "current/stella-agent.pyz").exists():
            self.agent("stop", expect=None)
        for name in ("supervisor.pid", "agent.pid"):
            try:
                os.kill(int((self.prefix / "run" / name).read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                pass
        shutil.rmtree(self.folder, ignore_errors=True)


def find_tools(*names: str) -> dict[str, str]:
    """Programs by name; fails when one is not there."""
    found = {name: shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") for name in names}
    assert all(found.values()), f"missing here, see scripts/provision: {found}"
    return found  # type: ignore[return-value]


# What a POSIX system has, as far as install.sh needs it; and nothing that downloads, verifies or interprets.
BASICS = ("sh", "id", "cat", "rm", "mkdir", "mktemp", "sleep", "grep", "stty", "ps", "env")


@pytest.fixture(scope="session")
def make_path() -> Iterator[Callable[..., str]]:
    """Makes a PATH of the basics and the tools named; with ``busybox`` the basics are its applets."""
    top = Path(tempfile.mkdtemp(prefix="stella-path-"))
    top.chmod(0o755)

    def make(*tools: str, busybox: bool = False) -> str:
        folder = Path(tempfile.mkdtemp(dir=top))
        folder.chmod(0o755)
        if busybox:
            program = find_tools("busybox")["busybox"]
            for applet in subprocess.run(
                [program, "--list"], capture_output=True, text=True, check=True
            ).stdout.split():
                (folder / applet).symlink_to(program)
        for name, target in find_tools(*(() if busybox else BASICS), *tools).items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(target)
        return str(folder)

    yield make
    shutil.rmtree(top)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.load_or_create(
        tmp_path_factory.mktemp("ca") / "ca", passphrase=None, clock=lambda: datetime.datetime.now(datetime.UTC)
    )


@pytest.fixture(scope="session")
def server_identity(tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority) -> ServerIdentity:
    folder = tmp_path_factory.mktemp("server")
    return ServerIdentity.load_or_create(
        folder, authority, ["localhost", "127.0.0.1"], lambda: datetime.datetime.now(datetime.UTC)
    )


@pytest.fixture
def fleet(tmp_path: Path, authority: CertificateAuthority, server_identity: ServerIdentity) -> Iterator[FleetInTest]:
    server = MockOrchestrator(authority, server_identity)
    yield FleetInTest(server, ReleaseKey.load_or_create(tmp_path / "release", None), server_identity)
    server.stop()


@pytest.fixture
def make_host() -> Iterator[Callable[[], Host]]:
    """Makes hosts; their agents are stopped at the end."""
    made: list[Host] = []

    def make() -> Host:
        # Not below pytest's folder, which only its owner may enter.
        folder = Path(tempfile.mkdtemp(prefix="stella-host-"))
        (folder / "tmp").mkdir()
        if os.geteuid() == 0:
            for path in (folder, folder / "tmp"):
                os.chown(path, NOBODY, NOBODY)
        made.append(Host(folder, "/usr/local/bin:/usr/bin:/bin"))
        return made[-1]

    yield make
    for host in made:
        host.clean()


@pytest.fixture
def host(make_host: Callable[[], Host]) -> Host:
    return make_host()
