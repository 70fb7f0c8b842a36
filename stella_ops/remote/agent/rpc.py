"""``stella-agent rpc``: answers the controller, one JSON document in and one out.

In:  ``{"requests": [{"method": …, "params": {…}}, …]}`` on standard input, up to its end.
Out: ``{"responses": [{"ok": true, "result": …} | {"ok": false, "error": {"code", "message", "hint"}}, …]}``.
"""

import errno
import json
import os
import signal
import sys

from stella_ops.remote.agent import bootstrap_token, certificate, configuration, contact, keys, storage, succession
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.agent.version import PROTOCOL, version
from stella_ops.remote.lib import pidfile
from stella_ops.remote.lib.agent_config import NAME_PATTERN

MAX_BYTES = 8 * 1024 * 1024

_OS_HINTS = {
    errno.ENOSPC: "free some space on the host, then run again",
    errno.EDQUOT: "the user's disk quota is used up: free some space, then run again",
    errno.EROFS: "the file system is mounted read-only: find out why, and remount it",
}


def serve(layout, incoming, outgoing):
    """Answer what comes on ``incoming`` (binary) to ``outgoing`` (text).

    Returns the exit status: 0, or 2 for a malformed document.
    """
    try:
        requests = _read(incoming)
    except Problem as problem:
        responses, status = [{"ok": False, "error": problem.as_dict()}], 2
    else:
        storage.prepare_folders(layout)
        responses, status = [answer(layout, request) for request in requests], 0
    outgoing.write(json.dumps({"responses": responses}) + "\n")
    outgoing.flush()
    return status


def _read(incoming):
    data = incoming.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Problem("bad-request", "the document is larger than %d bytes" % MAX_BYTES)
    try:
        requests = json.loads(data.decode("utf-8"))["requests"]
    except (ValueError, KeyError, TypeError):
        # What was read is not repeated: there may be a token in it.
        raise Problem("bad-request", "standard input holds no JSON document with 'requests'")
    if not isinstance(requests, list):
        raise Problem("bad-request", "'requests' must be a list")
    return requests


def answer(layout, request):
    """The response to one request; never raises."""
    try:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            raise Problem("bad-request", "a request is a mapping with a 'method'")
        method = METHODS.get(request["method"])
        if method is None:
            raise Problem(
                "unknown-method",
                "this agent (version %s) has no method '%s'" % (version(), request["method"]),
                "known: %s" % ", ".join(sorted(METHODS)),
            )
        params = request.get("params")
        return {"ok": True, "result": method(layout, _Params({} if params is None else params))}
    except Problem as problem:
        return {"ok": False, "error": problem.as_dict()}
    except OSError as problem:
        hint = _OS_HINTS.get(problem.errno or 0, "was the command run as another user than the agent's?")
        message = "%s: %s" % (problem.strerror or problem, problem.filename or "")
        return {"ok": False, "error": Problem("os-error", message.rstrip(": "), hint).as_dict()}
    except Exception as problem:
        # The type and place say enough for a report; the text might quote what was sent.
        import traceback

        innermost = traceback.extract_tb(problem.__traceback__)[-1]
        place = "%s:%s" % (os.path.basename(innermost.filename), innermost.lineno)
        message = "the agent failed: %s at %s" % (type(problem).__name__, place)
        return {"ok": False, "error": Problem("internal", message, "report this, with the version").as_dict()}


class _Params(object):
    """The parameters of a request; values are checked where they are taken and never quoted."""

    def __init__(self, given):
        if not isinstance(given, dict):
            raise Problem("invalid-params", "'params' must be a mapping")
        self._given = given

    def take(self, name, kind, default=None, required=True):
        value = self._given.get(name, default)
        if value is None and not required:
            return None
        if type(value) is not kind:
            words = {str: "text", int: "a whole number", dict: "a mapping", bool: "true or false"}
            raise Problem("invalid-params", "%s: must be %s" % (name, words[kind]))
        return value

    def name(self, name):
        value = self.take(name, str)
        if not NAME_PATTERN.match(value):
            raise Problem(
                "invalid-params",
                "%s: must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" % name,
            )
        return value


def _version(_layout, _params):
    return {
        "version": version(),
        "protocol": PROTOCOL,
        "python": "%d.%d.%d" % sys.version_info[:3],
    }


def _status(layout, _params):
    applied = configuration.load(layout)
    pid = pidfile.holder(layout.pidfile)
    recorded = storage.read_json(layout.status) or {}
    try:
        known = certificate.read_certificate(layout.certificate)
    except ValueError:
        known = None
    values = applied.values
    return {
        "version": version(),
        "running": pid is not None,
        "pid": pid or None,
        "running_version": recorded.get("version") if pid is not None else None,
        "running_config_sha256": recorded.get("config_sha256") if pid is not None else None,
        "running_certificate_fingerprint": recorded.get("certificate_fingerprint") if pid is not None else None,
        "started_at": recorded.get("started_at") if pid is not None else None,
        "config_revision": configuration.revision_of(layout, applied.sha256),
        "config_sha256": applied.sha256,
        "config_problems": applied.problems if applied.sha256 else [],
        "agent_id": values["agent_id"],
        "name": values["agent_name"],
        "environment": values["environment"],
        "last_heartbeat": storage.read_json(layout.heartbeat),
        "certificate": known,
        "key": os.path.exists(layout.key),
        "identity_public_key_sha256": keys.public_key_sha256(layout),
        "spare_keys": succession.is_open(layout),
        "orchestrator": contact.as_told(layout, pid is not None),
    }


def _csr(layout, params):
    agent_id, name, environment = (params.name(key) for key in ("agent_id", "name", "environment"))
    token = params.take("token", str)
    if not bootstrap_token.PATTERN.match(token):
        raise Problem("invalid-params", "token: is not of the form of a bootstrap token")
    prefer = params.take("prefer", str, required=False)
    if prefer not in (None, "openssl", "ssh-keygen"):
        raise Problem("invalid-params", "prefer: must be openssl or ssh-keygen")
    where = layout
    if params.take("fresh", bool, False) and os.path.exists(layout.key):
        succession.finish(layout)
        where = succession.Coming(layout)
        where.make_folder()
    result = keys.request_certificate(where, agent_id, name, environment, token, prefer)
    result["token"] = token
    return result


def _install_identity(layout, params):
    from stella_ops.remote.agent.identity import install_identity

    result = install_identity(layout, params.take("chain", str), params.take("ca", str))
    if result["changed"] or _lives_by(layout, "certificate_fingerprint") != result["fingerprint_sha256"]:
        wake_agent(layout)
    return result


def _apply_config(layout, params):
    result = configuration.apply(layout, params.take("config", dict), params.take("revision", int))
    # Whoever asked before may have been cut off between the file and the signal.
    if result["changed"] or _lives_by(layout, "config_sha256") != result["sha256"]:
        wake_agent(layout)
    return result


def _forget_keys(layout, _params):
    return {"changed": succession.forget(layout)}


def _lives_by(layout, name):
    """What the running agent recorded of the files that it has taken up."""
    return (storage.read_json(layout.status) or {}).get(name)


def _heartbeats(layout, params):
    from stella_ops.remote.agent import spool

    after, limit = params.take("after_seq", int, 0), params.take("limit", int, 100)
    if limit < 1:
        raise Problem("invalid-params", "limit: must be at least 1")
    return {
        "heartbeats": spool.entries(layout.heartbeats, after, limit),
        "last_seq": spool.last_seq(layout.heartbeats),
    }


def _logs(layout, params):
    from stella_ops.remote.agent import log

    limit = params.take("limit", int, 100)
    if not 1 <= limit <= log.MAX_TAIL:
        raise Problem("invalid-params", "limit: must be from 1 to %d" % log.MAX_TAIL)
    return {"lines": log.tail(layout.logfile, limit)}


def wake_agent(layout):
    """Tell a running agent to look at its files again; it takes that signal from before it has a pid file."""
    pid = pidfile.holder(layout.pidfile)
    if pid:
        try:
            os.kill(pid, signal.SIGHUP)
        except OSError:
            pass  # it ended just now, or is another user's: then it reads them at its next start


METHODS = {
    "version": _version,
    "status": _status,
    "csr": _csr,
    "install-identity": _install_identity,
    "forget-keys": _forget_keys,
    "apply-config": _apply_config,
    "heartbeats": _heartbeats,
    "logs": _logs,
}
