"""Debian's package tools by their programs: dpkg-query, apt-cache and apt-get.

Everything is asked with argument lists and read from the output for programs, so python3-apt is not needed.
Sources: dpkg-query(1), apt-cache(8), apt-get(8), apt.conf(5), deb-version(7).
"""

import collections
import fnmatch
import os
import re
import shlex
import time

from stella_ops.remote.lib import process
from stella_ops.remote.lib.task import ModuleFailure, to_text

# Output is read, so it must be in English; nothing may be asked on a terminal that is not there.
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "LANG": "C.UTF-8",
    "LANGUAGE": "C",
    "LC_ALL": "C.UTF-8",
}
_LOCKED = ("Could not get lock", "Unable to lock ", "Unable to acquire the dpkg frontend lock", "is locked by another")
_NOT_OURS = ("are you root?", "requires superuser", "Permission denied", "required read/write access")
_LOCK_PAUSE = 1.0  # seconds between tries while another process has the lock

Said = collections.namedtuple("Said", ["rc", "stdout", "stderr"])
# What dpkg knows of a package: ``installed``, ``leftovers`` (files remain after a removal), ``version``.
Status = collections.namedtuple("Status", ["name", "architecture", "installed", "leftovers", "version"])
# What apt would install: ``candidate`` (None for nothing) and all ``versions``, the newest first.
Policy = collections.namedtuple("Policy", ["candidate", "versions"])


def program(name):
    """The path of a program. Raises ModuleFailure when the host has none."""
    path = process.find(name)
    if path is None:
        raise ModuleFailure(
            "this host has no {}, so Debian's packages cannot be managed here".format(name),
            hint="guard this task with: when: ansible_pkg_mgr == 'apt'",
        )
    return path


def say(words):
    """A command as an operator would type it."""
    return " ".join(shlex.quote(word) for word in words)


def run(words, stdin=None):
    """Run a program of an absolute path; its rc, and output as text. Raises ModuleFailure when it cannot run."""
    try:
        outcome = process.run(words, stdin=stdin, environment=ENVIRONMENT)
    except OSError as error:
        raise ModuleFailure("cannot run {}: {}".format(words[0], error.strerror))
    return Said(outcome.rc, to_text(outcome.stdout), to_text(outcome.stderr))


def run_locking(words, deadline):
    """Run a program that takes apt's locks; while another process has them, try again until ``deadline``.

    Args:
        deadline: of ``time.monotonic()``.
    """
    while True:
        said = run(words)
        if said.rc == 0 or not is_locked(said.stderr) or time.monotonic() >= deadline:
            return said
        time.sleep(_LOCK_PAUSE)


def is_locked(stderr):
    """Whether another program holds a lock, and not we who may not have it."""
    if any(text in stderr for text in _NOT_OURS):
        return False
    return any(text in stderr for text in _LOCKED)


def hint_for(stderr):
    """What to do next where the words of apt or dpkg are known; else None."""
    if any(text in stderr for text in _NOT_OURS):
        return "this needs root: set become: true"
    if is_locked(stderr):
        return "another program manages packages now; wait for it, or give a larger lock_timeout"
    if "dpkg --configure -a" in stderr or "--fix-broken" in stderr:
        return "packages were left half installed: 'dpkg --configure -a', then a task with state: fixed"
    if "404 " in stderr or "Unable to fetch some archives" in stderr:
        return "the package lists are older than the mirror: set update_cache: true"
    return None


def configuration(*names):
    """Values of apt's configuration by name; a name that ends with /f or /d is a file or folder (apt-config(8))."""
    words = [program("apt-config"), "shell"]
    for place, name in enumerate(names):
        words += ["V{}".format(place), name]
    said = run(words)
    found = {}
    for line in said.stdout.splitlines():
        name, _, value = line.partition("=")
        parts = shlex.split(value)
        if name.startswith("V") and name[1:].isdigit():
            found[names[int(name[1:])]] = parts[0] if parts else ""
    return found


def lists_time():
    """When the package lists were last updated, in seconds since 1970; 0 when they never were."""
    found = configuration("Dir::State/d", "Dir::State::lists/d")
    state = found.get("Dir::State/d") or "/var/lib/apt/"
    stamp = os.path.join(os.path.normpath(state), "periodic/update-success-stamp")
    for path in (stamp, found.get("Dir::State::lists/d") or "/var/lib/apt/lists/"):
        try:
            return int(os.stat(path).st_mtime)
        except OSError:
            continue
    return 0


def native_architecture():
    """The architecture that dpkg itself was built for, as "amd64"."""
    return run([program("dpkg"), "--print-architecture"]).stdout.strip()


def statuses(names=()):
    """What dpkg knows of packages: a dict of ``Status`` by name, and by name:architecture.

    Args:
        names: those to ask for; none of them for all.
    """
    asked = sorted({name for name in names})
    form = "${Package}\t${Architecture}\t${Status}\t${Version}\n"
    said = run([program("dpkg-query"), "-W", "-f", form, "--"] + asked)
    if said.rc not in (0, 1):
        raise ModuleFailure("dpkg-query failed: {}".format(said.stderr.strip()), rc=said.rc, stderr=said.stderr)
    found = {}
    for line in said.stdout.splitlines():
        fields = line.split("\t")
        if len(fields) != 4:
            continue
        name, architecture, status, version = fields
        state = status.split()[-1] if status.split() else ""
        left = state not in ("not-installed", "installed")
        one = Status(name, architecture, state == "installed", left, version or None)
        found["{}:{}".format(name, architecture)] = one
        if name not in found or (one.installed and not found[name].installed):
            found[name] = one
    return found


def policies(names, release=None):
    """What apt would install of packages: a dict of ``Policy`` by name; names that apt does not know are not in it."""
    if not names:
        return {}
    words = [program("apt-cache")] + (["-t", release] if release else []) + ["policy", "--"] + list(names)
    said = run(words)
    if said.rc != 0:
        raise ModuleFailure("'{}' failed: {}".format(say(words), said.stderr.strip()), rc=said.rc, stderr=said.stderr)
    found = {}
    name = candidate = None
    versions = []  # type: list[str]
    for line in said.stdout.splitlines() + ["end:"]:
        if line and not line[0].isspace():
            if name is not None:
                found[name] = Policy(candidate, versions)
            name, candidate, versions = line.rstrip()[:-1], None, []
        elif line.startswith("  Candidate: "):
            word = line.split(": ", 1)[1].strip()
            candidate = None if word == "(none)" else word
        else:
            # A version stands at the fifth column, after the mark of the installed one; its sources stand deeper.
            entry = re.match(r"(?: \*\*\* |     )(\S+)(?: \S+)?\s*$", line)
            if entry:
                versions.append(entry.group(1))
    return found


def providers(name):
    """Names of the packages that provide a virtual one."""
    said = run([program("apt-cache"), "showpkg", "--", name])
    _, _, after = said.stdout.partition("Reverse Provides:")
    return sorted({line.split()[0] for line in after.splitlines() if line.split()})


def expand(pattern):
    """The names that apt knows and a shell pattern (fnmatch(3)) matches; ``pattern:arch`` keeps its architecture."""
    name, colon, architecture = pattern.partition(":")
    known = run([program("apt-cache"), "pkgnames"]).stdout.split()
    return [each + colon + architecture for each in sorted(fnmatch.filter(set(known), name))]


def compare(left, relation, right):
    """Compare two versions; ``relation`` is lt, le, eq, ne, ge or gt (dpkg(1), --compare-versions)."""
    return run([program("dpkg"), "--compare-versions", left, relation, right]).rc == 0


def control_fields(path, *names):
    """Fields of a .deb file's control file, in the order asked for. Raises ModuleFailure when it is none."""
    found = []
    for name in names:
        said = run([program("dpkg-deb"), "--field", path, name])
        if said.rc != 0:
            raise ModuleFailure("Unable to install package: {}".format(said.stderr.strip()), stderr=said.stderr)
        found.append(said.stdout.strip())
    return found


def plan_of(output):
    """The part of apt-get's output that says what it does, for a diff."""
    lines = output.splitlines()
    start = 0
    for marker in ("Resolving dependencies...", "Reading state information..."):
        if marker in lines:
            start = lines.index(marker) + 1
            break
    end = len(lines)
    for place, line in enumerate(lines):
        if re.match(r"[0-9]+ (packages )?upgraded", line):
            end = place + 1
            break
    return {"prepared": "\n".join(lines[start:end])}
