"""Set the host's name, now and for the next boot."""

import os
import re
import socket

from stella_ops.remote.lib import atomic, process, programs, units

ARGUMENTS = {
    "name": {"type": "str", "required": True, "doc": "the name"},
    "use": {
        "type": "str",
        "choices": [
            "alpine",
            "debian",
            "freebsd",
            "generic",
            "macos",
            "macosx",
            "darwin",
            "openbsd",
            "openrc",
            "redhat",
            "sles",
            "solaris",
            "systemd",
        ],
        "doc": "the way to set it; found out when left out",
    },
}
LONGEST = 64  # HOST_NAME_MAX of Linux: gethostname(2)


def run(task):
    """Return name, and the facts that follow from it."""
    args = task.args
    name = args["name"]
    check_name(task, name)
    way = choose(task)
    permanent = way.read()
    current = socket.gethostname()
    changed_permanent, changed_current = permanent != name, current != name
    if not task.check_mode:
        if changed_permanent:
            way.write(name)
        if changed_current and socket.gethostname() != name:
            way.set_current(name, kept=changed_permanent)
    changed = changed_permanent or changed_current
    full = socket.getfqdn()
    result = {
        "changed": changed,
        "name": name,
        "ansible_facts": {
            "ansible_hostname": name.split(".")[0],
            "ansible_nodename": name,
            "ansible_fqdn": full,
            "ansible_domain": ".".join(full.split(".")[1:]),
        },
    }
    if changed:
        before = current if changed_current else permanent
        result["diff"] = {
            "before": "hostname = {}\n".format(before),
            "after": "hostname = {}\n".format(name),
        }
    return result


def check_name(task, name):
    """Refuse what the kernel would refuse, or what would break the files it is written to."""
    if len(name) > LONGEST:
        task.fail("name cannot be longer than {} characters, try a shorter name".format(LONGEST))
    if not re.match(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", name):
        task.fail("'{}' cannot be a host's name: letters, digits, dots and hyphens make one".format(name))


def choose(task):
    """The way that fits the host, or the one that the task asks for."""
    use = task.args["use"]
    if use is None:
        if units.is_booted() and process.find("hostnamectl"):
            use = "systemd"
        elif os.path.exists("/etc/conf.d/hostname"):
            use = "openrc"
        elif os.path.exists("/etc/sysconfig/network") and not os.path.exists("/etc/hostname"):
            use = "redhat"
        elif os.path.exists("/etc/HOSTNAME") and not os.path.exists("/etc/hostname"):
            use = "sles"
        else:
            use = "generic"
    if use in ("systemd", "debian") and units.is_booted():
        return Systemd(task)
    if use == "systemd":
        task.fail(
            "this host does not run systemd (process 1 is '{}')".format(units.first_process()),
            hint="leave out 'use', or say 'use: generic'",
        )
    if use == "openrc":
        return Setting(task, "/etc/conf.d/hostname", "hostname", '"')
    if use == "redhat":
        return Setting(task, "/etc/sysconfig/network", "HOSTNAME", "")
    if use == "sles":
        return OneLine(task, "/etc/HOSTNAME")
    if use in ("alpine", "debian", "generic"):
        return OneLine(task, "/etc/hostname")
    return task.fail("'use: {}' is for systems that are not Linux, which this module does not manage".format(use))


class Way(object):
    """How a host keeps its name."""

    def __init__(self, task):
        self.task = task

    def read(self):
        """The name for the next boot; "" when there is none."""
        raise NotImplementedError

    def write(self, name):
        """Keep it for the next boot."""
        raise NotImplementedError

    def set_current(self, name, kept):
        """Make it the kernel's, now. Where a container may not, it is enough that it could be ``kept``."""
        try:
            socket.sethostname(name)
        except OSError as error:
            if kept:
                self.task.warn("{} is the name from the next boot on: {}".format(name, error.strerror))
                return
            self.task.fail("cannot set the hostname: {}".format(error.strerror), hint="this needs root: become: true")


class Systemd(Way):
    """hostnamectl(1)."""

    def _ctl(self, *words):
        program = programs.need(self.task, "hostnamectl")
        said = programs.call(self.task, [program] + list(words), environment={"SYSTEMD_COLORS": "0"})
        if said.rc != 0:
            more = {"hint": "this needs root: set become: true"} if "ccess denied" in said.stderr else {}
            message = "Command failed rc={}, out={}, err={}".format(said.rc, said.stdout, said.stderr)
            self.task.fail(message, **more)
        return said.stdout.strip()

    def read(self):
        return self._ctl("--static", "status")

    def write(self, name):
        self._ctl("--pretty", "--static", "set-hostname", name)

    def set_current(self, name, kept):
        self._ctl("--transient", "set-hostname", name)


class OneLine(Way):
    """A file that holds the name and nothing else: hostname(5)."""

    def __init__(self, task, path):
        super().__init__(task)
        self.path = path

    def read(self):
        for line in lines(self.path):
            if line.strip() and not line.startswith("#"):
                return line.strip()
        return ""

    def write(self, name):
        replace(self.path, name + "\n")


class Setting(Way):
    """A shell assignment in a file of several."""

    def __init__(self, task, path, key, quote):
        super().__init__(task)
        self.path, self.key, self.quote = path, key, quote

    def read(self):
        for line in lines(self.path):
            key, sign, value = line.strip().partition("=")
            if sign and key == self.key:
                return value.strip().strip("\"'")
        return ""

    def write(self, name):
        fresh = "{}={}{}{}".format(self.key, self.quote, name, self.quote)
        kept = [line for line in lines(self.path) if line.strip().partition("=")[0] != self.key]
        replace(self.path, "\n".join(kept + [fresh]) + "\n")


def lines(path):
    """A file's lines; none when there is no such file."""
    try:
        with open(path) as source:
            return source.read().splitlines()
    except OSError:
        return []


def replace(path, text):
    """The file's new content, in one step; in place where it is a mount point, as in containers."""
    with atomic.Replacement(path) as new:
        new.write(text.encode("utf-8"))
        new.commit(in_place=True)
