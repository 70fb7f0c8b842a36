"""Docker's Engine API over its UNIX socket: what the modules need of it, with the standard library alone.

Paths carry no API version: every engine then speaks its own newest one, and all that is used here has been there
since 19.03. Podman's service answers to it as well.

Source: https://docs.docker.com/reference/api/engine/
"""

import errno
import http.client
import json
import os
import socket
import struct
from urllib.parse import quote, urlencode

DEFAULT_HOST = "unix:///var/run/docker.sock"
# An answer that is longer is none that we asked for.
LONGEST_ANSWER = 32 * 1024 * 1024
_FRAME = struct.Struct(">BxxxI")
_STDERR = 2


class EngineError(Exception):
    """The engine refuses something. ``status`` is HTTP's, 0 where it said so in the course of an answer."""

    def __init__(self, status, message):
        Exception.__init__(self, message)
        self.status = status
        self.hint = None


class CannotReach(EngineError):
    """There is no engine to talk to, or not for this account; ``hint`` says what to do."""

    def __init__(self, message, hint):
        EngineError.__init__(self, 0, message)
        self.hint = hint


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        http.client.HTTPConnection.__init__(self, "docker", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine(object):
    """One engine.

    ``host``: ``unix:///path``; by default DOCKER_HOST of the environment, else Docker's usual socket.
    ``timeout``: seconds for each step of a conversation.

    Every method raises EngineError.
    """

    def __init__(self, host=None, timeout=60.0):
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self._timeout = timeout
        if not self.host.startswith("unix:///"):
            raise CannotReach(
                "the Docker engine %s cannot be asked: only UNIX sockets can" % self.host,
                "give a socket on the host itself: unix:///var/run/docker.sock",
            )
        self._path = self.host[len("unix://") :]

    # -- plain questions

    def ask(self, method, path, query=None, body=None):
        """The JSON that the engine answers, None for an empty answer."""
        data = None if body is None else json.dumps(body).encode("ascii")
        connection = self._connection()
        try:
            response = self._request(connection, method, path, query, data, "application/json")
            return _json(self._read(response))
        finally:
            connection.close()

    def find(self, path):
        """What the engine knows of one thing, None when there is no such thing."""
        try:
            found = self.ask("GET", path)
        except EngineError as problem:
            if problem.status == 404:
                return None
            raise
        return found if isinstance(found, dict) else None

    def version(self):
        """What GET /version says: a dict with Version, ApiVersion, Os, Arch."""
        found = self.ask("GET", "/version")
        if not isinstance(found, dict):
            raise EngineError(0, "the Docker engine %s does not say what it is" % self.host)
        return found

    # -- images

    def load(self, pieces):
        """Load an image from the pieces (bytes) of an archive as ``docker save`` writes it; what the engine said."""
        connection = self._connection()
        try:
            response = self._request(
                connection, "POST", "/images/load", {"quiet": "1"}, pieces, "application/x-tar", chunked=True
            )
            said = self._read(response).decode("utf-8", "replace")
        finally:
            connection.close()
        told = []
        for line in said.splitlines():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("error"):
                raise EngineError(0, str(message["error"]).strip())
            told.append(str(message.get("stream") or "").strip())
        return [line for line in told if line]

    # -- containers

    def log(self, container, lines=20):
        """The last lines that a container wrote, both outputs together, as text."""
        connection = self._connection()
        try:
            query = {"stdout": "1", "stderr": "1", "tail": str(lines)}
            data = self._read(self._request(connection, "GET", "/containers/%s/logs" % quote(container), query))
        except EngineError:
            return []
        finally:
            connection.close()
        out, at = [], 0
        while at + _FRAME.size <= len(data):
            _, size = _FRAME.unpack_from(data, at)
            out.append(data[at + _FRAME.size : at + _FRAME.size + size])
            at += _FRAME.size + size
        return b"".join(out).decode("utf-8", "replace").splitlines()[-lines:]

    def run(self, container, command, given=b"", longest=LONGEST_ANSWER):
        """Run a command in a running container; (exit status, stdout, stderr) as int, bytes, bytes.

        ``given`` goes to its standard input, which then ends.
        """
        body = {"Cmd": command, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": False}
        made = self.ask("POST", "/containers/%s/exec" % quote(container), None, body)
        path = "/exec/%s" % quote(made["Id"])
        out, err = self._converse(path + "/start", given, longest)
        status = self.ask("GET", path + "/json").get("ExitCode")
        return -1 if status is None else status, out, err

    def _converse(self, path, given, longest):
        """Start an exec, and talk on the connection that HTTP leaves to it."""
        connection = self._connection()
        try:
            headers = {"Content-Type": "application/json", "Connection": "Upgrade", "Upgrade": "tcp"}
            body = json.dumps({"Detach": False, "Tty": False}).encode("ascii")
            with _translated(self.host):
                connection.request("POST", path, body, headers)
                link = connection.sock
                response = connection.getresponse()
                if response.status not in (101, 200):
                    raise _refusal(response.status, self._read(response))
                link.sendall(given)
                link.shutdown(socket.SHUT_WR)
                parts = {}
                total = 0
                # The response's own buffer may hold the beginning already.
                stream = response.fp
                while True:
                    head = _exactly(stream, _FRAME.size)
                    if not head:
                        break
                    kind, size = _FRAME.unpack(head)
                    total += size
                    if total > longest:
                        raise EngineError(0, "a program in the container said more than %d bytes" % longest)
                    parts.setdefault(kind == _STDERR, []).append(_exactly(stream, size))
            return b"".join(parts.get(False, ())), b"".join(parts.get(True, ()))
        finally:
            connection.close()

    # -- beneath

    def _connection(self):
        return _Connection(self._path, self._timeout)

    def _request(self, connection, method, path, query=None, body=None, kind=None, chunked=False):
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = kind
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        target = path + ("?" + urlencode(query) if query else "")
        with _translated(self.host):
            connection.request(method, target, body, headers, encode_chunked=chunked)
            response = connection.getresponse()
            if not (200 <= response.status < 300 or response.status == 304):
                raise _refusal(response.status, self._read(response))
        return response

    def _read(self, response):
        with _translated(self.host):
            return response.read(LONGEST_ANSWER)


class _translated(object):
    """Turns what a socket or HTTP can complain of into EngineError."""

    def __init__(self, host):
        self._host = host

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        if kind is None or not issubclass(kind, (OSError, http.client.HTTPException)):
            return False
        if issubclass(kind, socket.timeout):
            raise EngineError(0, "the Docker engine %s gave no answer in time" % self._host)
        number = getattr(problem, "errno", None)
        hint = _HINTS.get(number or 0)
        said = getattr(problem, "strerror", None) or str(problem) or kind.__name__
        if hint:
            raise CannotReach("the Docker engine %s cannot be reached: %s" % (self._host, said), hint)
        raise EngineError(0, "the conversation with the Docker engine %s broke: %s" % (self._host, said))


_NOT_THERE = "install and start Docker there (systemctl start docker), or set stella_docker_host to its socket"
_HINTS = {
    errno.ENOENT: _NOT_THERE,
    errno.ENOTDIR: _NOT_THERE,
    errno.ECONNREFUSED: "start Docker there (systemctl start docker): the socket is left of one that ended",
    errno.EACCES: "let the account use Docker (group docker), or use become: true",
}


def _refusal(status, data):
    try:
        message = str(json.loads(data.decode("utf-8", "replace"))["message"])
    except (ValueError, KeyError, TypeError):
        message = data.decode("utf-8", "replace").strip()[:500] or "HTTP status %d" % status
    return EngineError(status, message)


def _json(data):
    if not data.strip():
        return None
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except ValueError:
        raise EngineError(0, "the Docker engine's answer is not JSON")


def _exactly(stream, size):
    """So many bytes; none at the end of the stream. Raises EngineError where it ends in between."""
    parts = []
    left = size
    while left:
        part = stream.read(left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    if left and left != size:
        raise EngineError(0, "the conversation with a program in the container broke")
    return b"".join(parts)
