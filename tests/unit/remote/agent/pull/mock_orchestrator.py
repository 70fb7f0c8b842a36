"""MockOrchestrator: what an agent's pull side sees of an orchestrator, until and beside the real one.

Real sockets, real TLS with certificates of a real ``CertificateAuthority``, real client certificates; what it
answers is programmed by the test. It keeps every byte that reached it, so that a test can say what never did.
"""

import contextlib
import datetime
import hashlib
import http.server
import ipaddress
import json
import os
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stella_ops.pki.authority import CertificateAuthority

TOKEN_ID = "0123456789abcdef"
SECRET = "S3cret-_" * 5 + "xyz"


def now():
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def make_authority(folder):
    return CertificateAuthority.load_or_create(folder, passphrase=None, clock=now)


def server_certificate(
    authority, folder, names=("127.0.0.1", "localhost", "orchestrator.stella-ops.internal"), **times
):
    """Chain and key files for a server under these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    start, end = (
        times.get("start", now() - datetime.timedelta(minutes=5)),
        times.get("end", now() + datetime.timedelta(1)),
    )
    alternative = []
    for name in names:
        try:
            alternative.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternative.append(x509.DNSName(name))
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "orchestrator")]))
        .issuer_name(authority.issuing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.issuing.public_key()), critical=False
        )
        .sign(authority._key, hashes.SHA256())
    )
    chain = leaf.public_bytes(Encoding.PEM) + authority.issuing.public_bytes(Encoding.PEM)
    return write_pair(folder, chain, key)


def write_pair(folder, chain, key):
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "server.crt").write_bytes(chain)
    (folder / "server.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "server.crt", folder / "server.key"


class MockOrchestrator:
    """``answers[(method, path)]``: a function (request) → (status, document or bytes[, headers]) in place of the usual.

    ``requests``: every request that came through TLS; ``received``: all their bytes; ``seen``: what the agent said
    (heartbeats by seq, registrations, results, logs, reports).
    """

    def __init__(self, authority, folder, *, pair=None, ca_pem=None, port=0, path=None):
        self.authority = authority
        self.ca_pem = ca_pem or authority.root_pem
        self.token = f"{TOKEN_ID}.{SECRET}." + token_pin(authority.pin)
        self.agent_id, self.name, self.environment = "a-1", "web-01", "test"
        self.config = {"agent_id": self.agent_id, "agent_name": self.name, "environment": self.environment}
        self.revision = 1
        self.answers = {}
        self.requests, self.received, self.seen = [], bytearray(), {
            "heartbeats": {}, "registered": [], "results": [], "logs": {}, "reports": [], "fingerprints": [],
        }  # fmt: skip
        self.tasks = []
        self.ahead = 0  # seconds that its clock is ahead
        self.validity = datetime.timedelta(days=365)
        self.backdate = datetime.timedelta(minutes=5)
        self.revoked = set()
        self.offered_version = "1.2.3"
        self.changed = threading.Condition()
        self._folder = folder
        self.pair = pair or server_certificate(authority, folder / "server")
        self._path = path
        self._port = port
        self._server = None
        self.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self._port}"

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pair)
        context.load_verify_locations(cadata=self.authority.root_pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        self._server = _UnixServer(self._path, _Handler) if self._path else _Server(("127.0.0.1", self._port), _Handler)
        self._server.mock, self._server.context, self._server.open = self, context, set()
        if not self._path:
            self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Go away as a killed server does: the port is closed, and so are all connections."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        server.server_close()
        with self.changed:
            self.changed.notify_all()
        for connection in list(server.open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        if self._path:
            os.unlink(self._path)

    def until(self, condition, seconds=20.0):
        """Wait for something that a request brings about."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, f"it did not come to be in time; requests: {self.paths()[-20:]}"
                self.changed.wait(left)

    def paths(self):
        return [f"{request['method']} {request['path']}" for request in self.requests]

    def configure(self, **more):
        """Want another configuration of the agent."""
        with self.changed:
            self.config = {**self.config, **more}
            self.revision += 1

    @property
    def config_sha256(self):
        data = json.dumps(self.config, sort_keys=True, separators=(",", ":")) + "\n"
        return hashlib.sha256(data.encode()).hexdigest()

    # What it does.

    def answer(self, request):
        special = self.answers.get((request["method"], request["path"]))
        if special is not None:
            found = special(request)
            if found is not None:
                return (*found, {})[:3]
        name = f"{request['method'].lower()}_{request['path'].strip('/').replace('/', '_').replace('.', '_')}"
        usual = getattr(self, "_" + name.replace("-", "_"), None)
        if usual is None:
            return 404, error("not-found", "there is no such thing"), {}
        if "/agents/self/" in request["path"]:
            if request["fingerprint"] is None:
                return 401, error("no-certificate", "show a client certificate"), {}
            if request["fingerprint"] in self.revoked:
                return 403, error("certificate-revoked", "this certificate was revoked"), {}
        return usual(request)

    def _get_ca_pem(self, _request):
        return 200, self.ca_pem.encode(), {}

    def _post_v1_enroll_identity(self, request):
        if request["document"]["token"] != self.token:
            return 403, error("enrolment-refused", "the enrolment was refused"), {}
        return 200, {"agent_id": self.agent_id, "name": self.name, "environment": self.environment}, {}

    def _post_v1_enroll(self, request):
        document = request["document"]
        if document["token"] != self.token:
            return 403, error("enrolment-refused", "the enrolment was refused"), {}
        answer = {"agent_id": self.agent_id, "name": self.name, "environment": self.environment, "repeated": False}
        answer.update(self._issue(document), config=self.config, config_revision=self.revision)
        return 200, {**answer, "config_sha256": self.config_sha256}, {}

    def _issue(self, proof):
        if proof["kind"] == "pkcs10":
            public = x509.load_pem_x509_csr(proof["csr"].encode()).public_key()
        else:
            public = load_ssh_public_key(proof["public_key"].encode())
        issued = self.issue(public)
        return {"chain": issued.pem, "ca": self.authority.root_pem}

    def issue(self, public):
        return self.authority.issue_agent_certificate(
            public,
            agent_id=self.agent_id,
            name=self.name,
            now=now(),
            validity=self.validity,
            backdate=self.backdate,
        )

    def _hints(self):
        return {
            "config_revision": self.revision,
            "config_sha256": self.config_sha256,
            "tasks": len(self.tasks),
            "server_time": now().isoformat(),
        }

    def _post_v1_agents_self_register(self, request):
        self.seen["registered"].append(request["document"])
        self.seen["fingerprints"].append(request["fingerprint"])
        who = {"agent_id": self.agent_id, "name": self.name, "environment": self.environment}
        return 200, {**who, "heartbeat_interval": "30s", **self._hints()}, {}

    def _post_v1_agents_self_heartbeat(self, request):
        beats = request["document"]["heartbeats"]
        assert len(beats) <= 500
        self.seen["heartbeats"].update((beat["seq"], beat) for beat in beats)
        return 200, {"last_seq": max(self.seen["heartbeats"]), **self._hints()}, {}

    def _get_v1_agents_self_config(self, request):
        etag = f'"{self.config_sha256}"'
        if request["headers"].get("If-None-Match") == etag:
            return 304, b"", {"ETag": etag}
        document = {"revision": self.revision, "sha256": self.config_sha256, "config": self.config}
        return 200, document, {"ETag": etag}

    def _post_v1_agents_self_config(self, request):
        self.seen["reports"].append(request["document"])
        return 200, {}, {}

    def _post_v1_agents_self_certificate(self, request):
        self.validity = datetime.timedelta(days=365)
        return 200, self._issue(request["document"]), {}

    def _get_v1_agents_self_tasks(self, request):
        deadline = time.monotonic() + int(request["query"].split("=")[1])
        with self.changed:
            while not self.tasks and self._server is not None and time.monotonic() < deadline:
                self.changed.wait(deadline - time.monotonic())
            given, self.tasks = self.tasks, []
        return 200, {"tasks": given}, {}

    def give(self, *tasks):
        with self.changed:
            self.tasks += tasks
            self.changed.notify_all()

    def _post_v1_agents_self_results(self, request):
        self.seen["results"] += request["document"]["results"]
        return 200, {"accepted": len(request["document"]["results"])}, {}

    def _post_v1_agents_self_logs(self, request):
        entries = request["document"]["entries"]
        self.seen["logs"].update((entry["seq"], entry) for entry in entries)
        return 200, {"accepted": len(entries), "last_seq": max(self.seen["logs"])}, {}

    def _get_v1_agents_self_updates(self, _request):
        return 200, {"version": self.offered_version, "current": self.offered_version == "1.2.3"}, {}

    def results(self):
        return {result["id"]: result["response"] for result in self.seen["results"]}


def token_pin(pin):
    import base64

    return base64.urlsafe_b64encode(bytes.fromhex(pin)).decode().rstrip("=")


def error(code, message, hint=None):
    return {"error": {"code": code, "message": message, "hint": hint}}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    mock = context = open = None

    def finish_request(self, request, client_address):
        # The handshake is the connection's own thread's: a slow one must not hold up the others.
        request.settimeout(30)
        try:
            secured = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        self.open.add(secured)
        try:
            self.RequestHandlerClass(secured, client_address, self)
        finally:
            self.open.discard(secured)
            with contextlib.suppress(OSError):
                secured.close()

    def handle_error(self, request, client_address):
        pass


class _UnixServer(_Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        os.makedirs(os.path.dirname(self.server_address), exist_ok=True)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "unix", 0

    def get_request(self):
        connection, _ = self.socket.accept()
        return connection, ("unix", 0)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def _do(self):
        mock = self.server.mock
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        der = self.connection.getpeercert(binary_form=True)
        path, _, query = self.path.partition("?")
        request = {
            "method": self.command,
            "path": path,
            "query": query,
            "headers": self.headers,
            "document": json.loads(body) if body else None,
            "fingerprint": hashlib.sha256(der).hexdigest() if der else None,
            "handler": self,
        }
        with mock.changed:
            mock.received += self.raw_requestline + bytes(self.headers) + body
            mock.requests.append(request)
            mock.changed.notify_all()
        answer = mock.answer(request)
        with mock.changed:
            mock.changed.notify_all()
        status, content, headers = answer
        if content is None:  # the test has answered, or closed, by itself
            self.close_connection = True
            return
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response_only(status)
        headers = {"Date": self.date_time_string(time.time() + mock.ahead), **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 304:
            self.wfile.write(content)

    do_GET = do_POST = _do
