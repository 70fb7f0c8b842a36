"""What the host is called and what its kernel is."""

import os
import socket
import sys
import threading

from stella_ops.remote.lib.facts import sources

_32_BIT_X86 = ("i386", "i486", "i586", "i686")


def gather(timeout):
    """system, kernel, architecture, machine, hostname, nodename, fqdn, domain, machine_id, python_version."""
    name = os.uname()
    machine = name.machine
    architecture = "i386" if machine in _32_BIT_X86 else machine
    qualified = fully_qualified(name.nodename, timeout)
    facts = {
        "system": name.sysname,
        "kernel": name.release,
        "kernel_version": name.version,
        "machine": machine,
        "architecture": architecture,
        "nodename": name.nodename,
        "hostname": name.nodename.split(".")[0],
        "fqdn": qualified,
        "domain": qualified.partition(".")[2],
        "python_version": "{}.{}.{}".format(*sys.version_info[:3]),
    }
    if architecture in ("x86_64", "i386"):
        facts["userspace_bits"] = "64" if os.sysconf("SC_LONG_BIT") == 64 else "32"
        facts["userspace_architecture"] = "x86_64" if facts["userspace_bits"] == "64" else "i386"
    machine_id = sources.text("/etc/machine-id") or sources.text("/var/lib/dbus/machine-id")
    if machine_id:
        facts["machine_id"] = machine_id
    return facts


def ask_resolver(nodename):
    """As ``socket.getfqdn``, but for bytes, which are not looked at as an international name: that takes a while."""
    try:
        name, aliases, _ = socket.gethostbyaddr(nodename.encode("utf-8", "surrogateescape"))
    except OSError:
        return nodename
    return next((each for each in [name] + aliases if "." in each), name)


def fully_qualified(nodename, timeout, hosts="/etc/hosts"):
    """The host's name with its domain; the bare name where none is found in time.

    /etc/hosts is read first, since a resolver that does not answer costs many seconds.
    """
    if "." in nodename:
        return nodename
    for line in sources.lines(hosts):
        words = line.split("#")[0].split()[1:]
        if nodename in words:
            dotted = [word for word in words if "." in word and not word.startswith("localhost")]
            if dotted:
                return dotted[0]
    found = []  # type: list[str]
    asking = threading.Thread(target=lambda: found.append(ask_resolver(nodename)))
    asking.daemon = True
    asking.start()
    asking.join(min(timeout, 1.0))
    # Where nothing knows the name, resolvers answer with names of the loopback address.
    return found[0] if found and not found[0].startswith("localhost") else nodename
