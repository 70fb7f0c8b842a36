"""Check that the names which the agent needs resolve on the host."""

import ipaddress
import socket
import threading
import time
from urllib.parse import urlsplit

from stella_ops.remote.lib import health, layout

CHECK = {"name": "DNS Resolution", "id": "dns-resolution", "category": "Network"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    # Names that must resolve, beside the host of the agent's orchestrator_url.
    "names": {"type": "list", "elements": "str", "default": []},
    # Seconds for all names together; they are asked for at once.
    "dns_timeout": {"type": "float", "default": 5.0},
    "resolv_conf": {"type": "path", "default": "/etc/resolv.conf"},
}

HINT = "Check DNS settings and network connectivity"


def run(task):
    config = health.configuration(layout.Layout.find(task.args["prefix"]))
    orchestrator = host_of(config.get("orchestrator_url"))
    wanted = unique([orchestrator] + task.args["names"])
    # Without a name to reach, a host may well have no DNS at all; what it knows of itself is told as data.
    asked = wanted or unique(["localhost", socket.gethostname()])
    answers = resolve(asked, task.args["dns_timeout"])
    data = {"names": answers, "orchestrator": orchestrator}
    data.update(resolver(task.args["resolv_conf"]))
    failed = [name for name in asked if not answers[name]["addresses"]]
    if not wanted:
        if "localhost" in failed:
            return health.warning("localhost does not resolve", HINT, runbook="agent-dns-failure", data=data)
        message = "No name is needed by this agent's configuration; localhost resolves"
        if failed:
            message += ", the host's own name {} does not".format(failed[0])
        return health.healthy(message, data=data)
    if failed:
        return health.critical(
            "DNS resolution failed for {}".format(", ".join(failed)),
            HINT,
            runbook="agent-dns-failure",
            data=data,
        )
    return health.healthy("Resolved {}".format(", ".join(wanted)), data=data)


def host_of(url):
    """The host of a URL that has to be resolved; None for none, and for an address."""
    try:
        name = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None
    try:
        ipaddress.ip_address(name or "")
    except ValueError:
        return name or None
    return None


def unique(names):
    found = []
    for name in names:
        if name and name not in found:
            found.append(name)
    return found


def resolve(names, timeout):
    """What each name resolves to: ``{"addresses": [...], "error": None or text}``.

    The C library's resolver cannot be interrupted, hence a thread a name; one that is left hanging ends
    with this process.
    """
    answers = {name: None for name in names}

    def ask(name):
        try:
            found = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM)
            addresses = sorted({entry[4][0] for entry in found})
            answers[name] = {"addresses": addresses, "error": None if addresses else "no address"}
        except (OSError, UnicodeError) as problem:
            answers[name] = {"addresses": [], "error": getattr(problem, "strerror", None) or str(problem)}

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    late = {"addresses": [], "error": "no answer within {:g} s".format(timeout)}
    return {name: answers[name] or late for name in names}


def resolver(path):
    """Name servers, search domains and options of resolv.conf(5)."""
    found = {"nameservers": [], "search": [], "options": []}
    try:
        text = health.read_text(path)
    except OSError as problem:
        return dict(found, resolv_conf_error=problem.strerror)
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            found["nameservers"].append(words[1])
        elif words[0] in ("search", "domain"):  # the last of them counts
            found["search"] = words[1:]
        elif words[0] == "options":
            found["options"] += words[1:]
    return found
