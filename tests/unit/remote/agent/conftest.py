"""A built agent package, run as a real process under every Python that is found."""

import contextlib
import datetime
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stella_ops.releases.build import build_agent
from stella_ops.remote.lib.layout import Layout


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return build_agent(tmp_path_factory.mktemp("package") / "stella-agent.pyz", "1.2.3")


class Agent:
    """One prefix, and the means to run the agent there."""

    token = "0123456789abcdef." + "S3cret-_" * 5 + "xyz"

    def __init__(self, python, package, prefix):
        self.command_line = [python, "-I", str(package.path)]
        self.prefix = prefix
        self.layout = Layout.at(str(prefix))
        self.processes = []

    def command(self, *arguments, given=b"", env=None):
        return subprocess.run(
            [*self.command_line, *arguments, "--prefix", str(self.prefix)],
            input=given,
            capture_output=True,
            timeout=60,
            env=env,
            check=False,
        )

    def rpc(self, method, env=None, **params):
        [response] = self.rpcs((method, params), env=env)
        return response

    def rpcs(self, *requests, env=None):
        """The responses to several requests, each a method and its parameters, of one process."""
        document = {"requests": [{"method": method, "params": params} for method, params in requests]}
        done = self.command("rpc", given=json.dumps(document).encode(), env=env)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        return json.loads(done.stdout)["responses"]

    def ask(self, method, **params):
        response = self.rpc(method, **params)
        assert response["ok"], response
        return response["result"]

    def csr(self, **more):
        given = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": self.token}
        return self.ask("csr", **{**given, **more})

    def config(self, **more):
        return {"agent_id": "a-1", "agent_name": "web-01", "environment": "test", **more}

    def run(self, env=None):
        """Start it in the foreground and wait for its first heartbeat."""
        before = self.read(self.layout.heartbeat).get("seq", 0)
        process = subprocess.Popen(
            [*self.command_line, "run", "--prefix", str(self.prefix)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )
        self.processes.append(process)
        self.until(lambda: self.read(self.layout.heartbeat).get("seq", 0) > before or process.poll() is not None)
        self.until(lambda: self.read(self.layout.status).get("pid") == process.pid or process.poll() is not None)
        return process

    def read(self, path):
        try:
            return json.loads(Path(path).read_text())
        except FileNotFoundError:
            return {}

    def log(self):
        return [json.loads(line) for line in Path(self.layout.logfile).read_text().splitlines()]

    def heartbeats(self):
        return [json.loads(line) for line in Path(self.layout.heartbeats).read_text().splitlines()]

    @staticmethod
    def until(condition, timeout=20.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not come to be in time"
            time.sleep(0.02)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for path in (self.layout.supervisor_pidfile, self.layout.pidfile):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(Path(path).read_text()), signal.SIGKILL)


@pytest.fixture
def agent(host_python, package):
    # pytest's own folders have names that are too long for a socket in them, once there have been a thousand runs.
    with tempfile.TemporaryDirectory(prefix="stella-", ignore_cleanup_errors=True) as folder:
        made = Agent(host_python, package, Path(folder) / "agent")
        try:
            yield made
        finally:
            made.close()


class Authority:
    """A root and an issuing certificate, to issue for the agents' keys."""

    def __init__(self):
        self.root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self._certificate("root", self.root_key.public_key(), "root", self.root_key, ca=True)
        self.issuing = self._certificate("issuing", self.key.public_key(), "root", self.root_key, ca=True)

    @property
    def ca(self):
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, public_key, name="web-01", **times):
        leaf = self._certificate(name, public_key, "issuing", self.key, ca=False, **times)
        return leaf, self.chain(leaf)

    def chain(self, leaf):
        return "".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in (leaf, self.issuing))

    def _certificate(self, name, public_key, issuer, key, *, ca, start=None, end=None):
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start or now - datetime.timedelta(hours=1))
            .not_valid_after(end or now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )


@pytest.fixture(scope="session")
def authority():
    return Authority()
