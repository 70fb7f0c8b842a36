"""Check that Docker answers on its socket and is recent enough."""

import errno
import http.client
import json
import os
import re
import shutil
import socket
from urllib.parse import urlsplit

from stella_ops.remote.lib import health, layout

CHECK = {"name": "Docker Connectivity", "id": "docker-connectivity", "category": "Runtime"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    # unix:///path or tcp://host:port without TLS; by default DOCKER_HOST, else Docker's usual socket.
    "docker_host": {"type": "str"},
    # The agent itself runs in a container: without Docker it does not.
    "docker_required": {"type": "bool", "default": False},
    # Seconds for each step of the connection.
    "docker_timeout": {"type": "float", "default": 5.0},
}

DEFAULT_HOST = "unix:///var/run/docker.sock"
MINIMUM = (20, 10, 0)
NEEDED_BY = frozenset(["docker", "compose"])
LONGEST_ANSWER = 1024 * 1024

HINT = "Ensure Docker daemon is running and agent has permission to access Docker socket"
RUNBOOK = "agent-docker-connectivity"


class CannotAsk(Exception):
    """Docker is reached in a way that this check does not know."""


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path, timeout):
        http.client.HTTPConnection.__init__(self, "localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def run(task):
    config = health.configuration(layout.Layout.find(task.args["prefix"]))
    capabilities = config.get("capabilities")
    required = isinstance(capabilities, list) and any(one in NEEDED_BY for one in capabilities if isinstance(one, str))
    required = required or task.args["docker_required"]
    host = task.args["docker_host"] or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    data = {"docker_host": host, "required": required}
    try:
        return judge(ask(host, task.args["docker_timeout"]), data)
    except CannotAsk as problem:
        return health.verdict("error", str(problem), "Run the doctor with another DOCKER_HOST", data=data)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        if getattr(problem, "errno", None) == errno.ENOENT and not required:
            there = "running" if shutil.which("dockerd") else "installed"
            return health.healthy(
                "Docker is not {} and not required by this agent's capabilities".format(there), data=data
            )
        return failed(problem, data)


def failed(problem, data):
    if isinstance(problem, OSError) and problem.strerror:
        said = problem.strerror
    elif isinstance(problem, socket.timeout):
        said = "no answer in time"
    else:
        said = str(problem) or type(problem).__name__
    return health.critical("Docker connectivity failed: {}".format(said), HINT, runbook=RUNBOOK, data=data)


def ask(host, timeout):
    """What Docker answers to GET /version: a dict. Raises OSError, HTTPException or ValueError."""
    connection = connect(host, timeout)
    try:
        connection.request("GET", "/version", headers={"Host": "docker", "Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(LONGEST_ANSWER)
        if response.status != 200:
            raise ValueError("HTTP {} {}".format(response.status, response.reason))
    finally:
        connection.close()
    try:
        answer = json.loads(body.decode("utf-8"))
    except ValueError:
        raise ValueError("the answer is not JSON")
    if not isinstance(answer, dict) or not isinstance(answer.get("Version"), str):
        raise ValueError("the answer names no version")
    return answer


def connect(host, timeout):
    if host.startswith("unix://"):
        return SocketConnection(host[len("unix://") :], timeout)
    parts = urlsplit(host)
    if parts.scheme == "tcp" and parts.hostname and not os.environ.get("DOCKER_TLS_VERIFY"):
        return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=timeout)
    raise CannotAsk("{} cannot be asked, only unix:// and tcp:// without TLS".format(host))


def judge(answer, data):
    name, version = answer["Version"], parse_version(answer["Version"])
    components = answer.get("Components")
    engines = [one.get("Name") for one in components if isinstance(one, dict)] if isinstance(components, list) else []
    # Podman speaks Docker's protocol but counts its versions by itself.
    product = "Podman" if "Podman Engine" in engines else "Docker"
    data = dict(data, docker_version=name, api_version=answer.get("ApiVersion"))
    minimum = ".".join(str(part) for part in MINIMUM)
    if product == "Docker" and version is not None and version < MINIMUM:
        return health.warning(
            "Docker version {} is below recommended {}".format(name, minimum),
            "Upgrade Docker to version 20.10 or later",
            data=dict(data, min_recommended=minimum),
        )
    return health.healthy(
        "{} {} connected".format(product, name), data=dict(data, os=answer.get("Os"), arch=answer.get("Arch"))
    )


def parse_version(text):
    """Three numbers of "24.0.7-ce", "v20.10.5+dfsg1" …; None for builds that carry no number ("dev")."""
    found = re.match(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", text.strip())
    return tuple(int(part or 0) for part in found.groups()) if found else None
