"""JSON over HTTPS with one orchestrator, on a connection that is kept.

Whatever the other side does ends in an answer or a ``Problem``: redirects are never followed, bodies are
bounded, and each exchange is over by a set time. Problem codes: ``unreachable``, ``cut``, ``slow``,
``bad-answer``, ``too-large``, ``unavailable`` (5xx, 429), ``refused`` (401, 403), ``not-there`` (404, 405),
``not-accepted`` (other 4xx), and those of ``tls_problem.py``.
"""

import email.utils
import http.client
import json
import socket
import ssl
import threading
import time

from stella_ops.remote.agent import tls_problem
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.agent.timed_socket import TimedSocket
from stella_ops.remote.agent.version import version

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
MAX_BODY = 4 * 1024 * 1024
LONGEST_RETRY_AFTER = 300

_CHUNK = 16 * 1024


class Interrupted(Exception):
    """A request was ended by ``Client.interrupt``."""


class Answer(object):
    """An answer with a status below 400. ``skew``: seconds that this host's clock is ahead, None if unknown."""

    def __init__(self, status, headers, body, skew):
        self.status = status
        self.headers = headers
        self.body = body
        self.skew = skew


class Client(object):
    """Talks to one endpoint by one TLS context; one thread uses it, another may ``interrupt`` it."""

    def __init__(self, endpoint, context, connect_seconds=CONNECT_SECONDS):
        self.endpoint = endpoint
        self.skew = None
        self._context = context
        self._connect_seconds = connect_seconds
        self._connection = None
        self._lock = threading.Lock()
        self._waiting = False
        self._interrupted = False

    def close(self):
        self._end()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def interrupt(self):
        """End the request that waits, or else the next that would; its caller gets ``Interrupted``."""
        with self._lock:
            self._interrupted = True
            # http.client lets go of a socket as soon as the whole of an answer is there.
            socket = getattr(self._connection, "sock", None) if self._waiting else None
            if socket is not None:
                socket.interrupt()

    def json(self, method, path, document=None, headers=None, **limits):
        """The JSON object that is answered; None for 304. Arguments and errors as for ``request``."""
        answer = self.request(method, path, document, headers, **limits)
        if answer.status == 304:
            return None
        try:
            found = json.loads(answer.body.decode("utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._problem("bad-answer", "%s %s was not answered with a JSON object" % (method, path))
        return found

    def request(self, method, path, document=None, headers=None, limit=MAX_BODY, seconds=ANSWER_SECONDS, wait=False):
        """One exchange, tried again on a new connection when the kept one turns out to be closed.

        Args:
            document: what is sent as JSON, or None.
            limit: bytes of body that are read at most.
            seconds: until the whole answer must be there.
            wait: the server may take its time, and ``interrupt`` may end it.

        Raises:
            Problem: see this file's head.
            Interrupted: only with ``wait``.
        """
        given = {"Accept": "application/json", "User-Agent": "stella-agent/" + version()}
        given.update(headers or {})
        body = None
        if document is not None:
            body = json.dumps(document).encode("ascii")
            given["Content-Type"] = "application/json"
        while True:
            kept = self._connection is not None
            try:
                return self._exchange(method, path, body, given, limit, seconds, wait)
            except _Cut as problem:
                if not kept:
                    raise self._problem("cut", "the connection ended before the answer: %s" % problem)

    def _exchange(self, method, path, body, headers, limit, seconds, wait):
        connection = self._connect(time.monotonic() + seconds)
        try:
            self._begin(wait)
            connection.request(method, self.endpoint.path + path, body=body, headers=headers)
            response = connection.getresponse()
            content = self._read(response, limit)
        except socket.timeout:
            self.close()
            raise self._problem("slow", "%s %s was not answered within %d seconds" % (method, path, seconds))
        except (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError) as problem:
            self.close()
            self._check_interrupted(wait)
            raise _Cut(str(problem))
        except http.client.HTTPException as problem:
            self.close()
            raise self._problem("bad-answer", "what answers is no HTTP server (%s)" % type(problem).__name__)
        except (ssl.SSLError, OSError) as problem:
            self.close()
            self._check_interrupted(wait)
            if isinstance(problem, ssl.SSLError) and not isinstance(problem, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                raise tls_problem.explain(problem, self.endpoint, self.skew)
            raise _Cut(str(problem))
        except (Problem, Interrupted):
            self.close()
            raise
        finally:
            self._end()
        if response.will_close:
            self.close()
        return self._judge(method, path, response, content)

    def _begin(self, wait):
        if wait:
            self._check_interrupted()
            with self._lock:
                self._waiting = True
            self._check_interrupted()

    def _end(self):
        with self._lock:
            self._waiting = False

    def _check_interrupted(self, wait=True):
        if wait and self._interrupted:
            self._interrupted = False
            raise Interrupted()

    def _connect(self, until):
        if self._connection is None:
            self._connection = _open(self.endpoint, self._context, self._connect_seconds, self.skew)
        self._connection.sock.until = until
        return self._connection

    def _read(self, response, limit):
        declared = response.length
        if declared is not None and declared > limit:
            raise self._problem("too-large", "an answer of %d bytes is announced, above %d" % (declared, limit))
        parts, size = [], 0
        while True:
            part = response.read(_CHUNK)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > limit:
                raise self._problem("too-large", "an answer is longer than %d bytes" % limit)
        if declared is not None and size < declared:
            raise http.client.IncompleteRead(b"", declared - size)
        return b"".join(parts)

    def _judge(self, method, path, response, content):
        status = response.status
        self.skew = _skew(response.getheader("Date"), self.skew)
        if status < 300 or status == 304:
            return Answer(status, response.headers, content, self.skew)
        code, message, hint = _error_of(content)
        what = "%s %s was answered with %d" % (method, path, status)
        if status < 400:
            raise self._problem("redirect", what + ", a redirect, which is never followed", "correct the URL")
        what += ": " + message if message else ""
        if code == "certificate-revoked":
            message = "the orchestrator refuses this agent's certificate: it was revoked"
            raise self._problem("refused", message, hint or "enrol again with a new token", answer=code)
        if status in (401, 403):
            raise self._problem("refused", what, hint, answer=code)
        if status in (404, 405):
            raise self._problem("not-there", what, hint, answer=code)
        if status == 429 or status >= 500:
            raise self._problem("unavailable", what, hint, answer=code, retry_after=_retry_after(response))
        raise self._problem("not-accepted", what, hint, answer=code)

    def _problem(self, code, message, hint=None, **more):
        return Problem(code, "%s: %s" % (self.endpoint.url, message), hint, **more)


class _Cut(Exception):
    pass


class _Connection(http.client.HTTPConnection):
    default_port = 443
    auto_open = 0  # a new connection is made where its deadline is known


def _open(endpoint, context, seconds, skew):
    """A connection that has shaken hands. Raises Problem."""
    if endpoint.proxy:
        connection = _Connection(endpoint.proxy[0], endpoint.proxy[1], timeout=seconds)
        connection.set_tunnel(endpoint.host, endpoint.port, endpoint.proxy[2])
    else:
        connection = _Connection(endpoint.host, endpoint.port, timeout=seconds)
    through = " through the proxy %s:%d" % endpoint.proxy[:2] if endpoint.proxy else ""
    plain = None
    try:
        if endpoint.proxy:
            connection.auto_open = 1
            connection.connect()
            connection.auto_open = 0
            plain = connection.sock
        else:
            plain = endpoint.open(seconds)
        plain.settimeout(seconds)
        if plain.family != getattr(socket, "AF_UNIX", None):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        secured = context.wrap_socket(plain, server_hostname=endpoint.host)
    except (ssl.CertificateError, ssl.SSLError) as problem:
        _close(plain)
        if isinstance(problem, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            raise Problem("cut", "%s: the connection ended in the TLS handshake%s" % (endpoint.url, through), _CHECK)
        if "timed out" in str(problem):
            raise Problem("slow", "%s: the TLS handshake took longer than %d seconds" % (endpoint.url, seconds), _CHECK)
        raise tls_problem.explain(problem, endpoint, skew)
    except (OSError, http.client.HTTPException, UnicodeError) as problem:
        _close(plain)
        said = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        raise Problem("unreachable", "%s cannot be reached%s: %s" % (endpoint.url, through, said), _CHECK)
    connection.sock = TimedSocket(secured, 0.0)
    return connection


_CHECK = "check that the orchestrator runs ('stella-ops serve'), the name, the port, and what filters in between"


def _close(opened):
    if opened is not None:
        opened.close()


def _skew(date, before):
    moment = email.utils.parsedate_tz(date) if date else None
    try:
        return before if moment is None else round(time.time() - email.utils.mktime_tz(moment))
    except (ValueError, OverflowError):
        return before


def _retry_after(response):
    text = response.getheader("Retry-After") or ""
    return min(int(text), LONGEST_RETRY_AFTER) if text.isdigit() and len(text) < 10 else None


def _error_of(content):
    """(code, message, hint) of an API's error; what is not one gives None, and texts are cut to a line."""
    try:
        error = json.loads(content.decode("utf-8"))["error"]
        return tuple(_line(error.get(key)) for key in ("code", "message", "hint"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None, None


def _line(value):
    """Text of a server that is perhaps not believed: one line, nothing that a terminal would obey."""
    if not isinstance(value, str):
        return None
    return "".join(letter if letter.isprintable() else " " for letter in value[:300]).strip()
