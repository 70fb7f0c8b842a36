"""systemd units, through systemctl(1)."""

import os

from stella_ops.remote.lib import process

SUFFIXES = (
    ".service .socket .device .mount .automount .swap .target .path .timer .slice .scope".split()
)  # systemd.unit(5)
RUNNING = ("active", "activating", "reloading", "refreshing")


class SystemctlError(Exception):
    """systemctl said no; ``outcome`` is its ``process.Outcome`` when it ran."""

    def __init__(self, message, outcome=None):
        super().__init__(message)
        self.outcome = outcome


def is_booted():
    """True when this host runs systemd; the test of sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def first_process():
    """The name of process 1, for messages; "unknown" when it cannot be read."""
    try:
        with open("/proc/1/comm") as source:
            return source.read().strip() or "unknown"
    except OSError:
        return "unknown"


def full_name(name):
    """A unit's name with its suffix: ``sshd`` is ``sshd.service``."""
    return name if name.endswith(tuple(SUFFIXES)) else name + ".service"


class Systemctl(object):
    """systemctl for one scope: "system", "user" or "global"."""

    def __init__(self, scope="system"):
        self.scope = scope
        self.program = process.find("systemctl")
        self.managed = True  # a manager of units answers; else there are their files alone
        self.environment = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
        if scope == "user" and not os.environ.get("XDG_RUNTIME_DIR"):
            self.environment["XDG_RUNTIME_DIR"] = "/run/user/{}".format(os.geteuid())

    def call(self, *words):
        """Run it; returns the ``Outcome`` whatever its status. Raises SystemctlError when it cannot run."""
        if self.program is None:
            raise SystemctlError("systemctl is not on this host")
        argv = [self.program] + (["--" + self.scope] if self.scope != "system" else []) + list(words)
        try:
            return process.run(argv, environment=self.environment)
        except OSError as error:
            raise SystemctlError("systemctl cannot run: {}".format(error.strerror))

    def do(self, *words):
        """Run it and raise SystemctlError, with what it said, when its status is not 0."""
        outcome = self.call(*words)
        if outcome.rc != 0:
            said = (outcome.stderr or outcome.stdout).decode("utf-8", "replace").strip()
            raise SystemctlError(said or "systemctl ended with status {}".format(outcome.rc), outcome)
        return outcome

    def properties(self, unit):
        """All properties of a unit as text; empty for one that has none (a bare template).

        Raises:
            SystemctlError: the manager cannot be reached.
        """
        if self.scope == "global":
            return {}  # no manager stands behind all users' units
        if not self.managed:
            return {}
        outcome = self.call("show", "--", unit)
        if outcome.rc != 0 and b"onnect" in outcome.stderr:
            raise SystemctlError(outcome.stderr.decode("utf-8", "replace").strip(), outcome)
        return parse_properties(outcome.stdout.decode("utf-8", "replace"))

    def enablement(self, unit):
        """The word of ``systemctl is-enabled``; "not-found" when there is no such unit file."""
        outcome = self.call("is-enabled", "--", unit)
        words = outcome.stdout.decode("utf-8", "replace").split()
        return words[-1] if words else "not-found"

    def nearest(self, unit):
        """The known unit whose name is closest to a mistyped one, or None."""
        import difflib

        outcome = self.call("list-unit-files", "--no-legend", "--no-pager", "--plain")
        lines = outcome.stdout.decode("utf-8", "replace").splitlines()
        known = [line.split()[0] for line in lines if line.split()]
        found = difflib.get_close_matches(unit, known, n=1, cutoff=0.6)
        return found[0] if found else None


def parse_properties(text):
    """``Name=value`` lines as a dict; a line without a name continues the value before it."""
    found = {}  # type: dict[str, str]
    last = None
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign and name.isalnum() and name[:1].isupper():
            last = name
            # A list property is shown one line an entry.
            found[name] = found[name] + " ; " + value if name in found else value
        elif last is not None:
            found[last] += "\n" + line
    return found


def last_log_lines(unit, scope="system", count=10):
    """The unit's last journal lines, to show why it would not start; empty when they cannot be read."""
    program = process.find("journalctl")
    if program is None:
        return []
    which = "--user-unit" if scope == "user" else "--unit"
    try:
        outcome = process.run([program, "--no-pager", "-q", "-o", "cat", "-n", str(count), which, unit])
    except OSError:
        return []
    return outcome.stdout.decode("utf-8", "replace").splitlines() if outcome.rc == 0 else []
