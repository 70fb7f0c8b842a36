"""The packages that a host has, as each package manager tells them.

Each is asked once, for all packages, in a form made for programs: dpkg-query(1), rpm(8), apk(8), pacman(8), qlist(1).
"""

import re

from stella_ops.remote.lib import process
from stella_ops.remote.lib.task import to_text

ALIASES = {"dnf": "rpm", "dnf5": "rpm", "yum": "rpm", "zypper": "rpm"}

_DPKG = "${Package}\t${Architecture}\t${Version}\t${Section}\t${Status}\n"
_RPM = "%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n"


class NotListed(Exception):
    """A manager cannot tell; ``program_found`` says whether the host has its program at all."""

    def __init__(self, text, program_found):
        super().__init__(text)
        self.program_found = program_found


def installed(manager):
    """What a manager of ``MANAGERS`` says is installed: mappings with at least name, version and source.

    Raises:
        NotListed: it is not there, fails, or knows no package.
    """
    words, parse = MANAGERS[manager]
    path = process.find(words[0])
    if path is None:
        raise NotListed(process.lacking(words[0]), False)
    try:
        outcome = process.run([path] + words[1:], environment={"LC_ALL": "C.UTF-8", "LANGUAGE": "C"})
    except OSError as error:
        raise NotListed("cannot run {}: {}".format(path, error.strerror), True)
    if outcome.rc != 0:
        raise NotListed("Failed to retrieve packages: {}".format(to_text(outcome.stderr).strip()), True)
    found = parse(to_text(outcome.stdout))
    if not found:
        raise NotListed('Found "{}" but no associated packages'.format(manager), True)
    for one in found:
        one["source"] = manager
    return found


def _of_dpkg(output):
    native = None
    found = []
    rows = [line.split("\t") for line in output.splitlines()]
    origins = {}
    for fields in rows:
        if len(fields) != 5 or not fields[4].endswith(" installed"):
            continue
        name, architecture, version, section = fields[:4]
        if native is None:
            native = _native()
        shown = name if architecture in ("all", native) else "{}:{}".format(name, architecture)
        one = {"name": shown, "version": version, "arch": architecture, "category": section, "origin": ""}
        origins.setdefault((name, version), []).append(one)
        found.append(one)
    for key, origin in _origins(origins):
        for one in origins[key]:
            one["origin"] = origin
    return found


def _native():
    path = process.find("dpkg")
    return to_text(process.run([path, "--print-architecture"]).stdout).strip() if path else ""


def _origins(wanted):
    """Who publishes installed versions: (name, version) and the Origin of the archive that has it still.

    ``apt-cache policy`` numbers the archives; a version that is in none has no origin.
    """
    path = process.find("apt-cache")
    if path is None or not wanted:
        return
    language = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
    archives = {}
    where = None
    for line in to_text(process.run([path, "policy"], environment=language).stdout).splitlines():
        parts = line.split()
        if re.match(r" *-?[0-9]+ ", line):
            where = " ".join(parts[1:])
        elif parts[:1] == ["release"] and where:
            told = re.search(r"(?:^|,)o=([^,]*)", line.strip()[len("release ") :])
            archives[where] = told.group(1) if told else ""
    names = sorted({name for name, _ in wanted})
    told = to_text(process.run([path, "policy", "--"] + names, environment=language).stdout)
    name = version = None
    for line in told.splitlines():
        if line and not line[0].isspace():
            name, version = line[:-1].partition(":")[0], None
        elif line.startswith(" *** "):
            version = line.split()[1]
        elif version is not None and line.startswith("     ") and line[5:6] != " ":
            version = None
        elif version is not None and line.startswith("        "):
            origin = archives.get(" ".join(line.split()[1:]))
            if origin is not None and (name, version) in wanted:
                yield (name, version), origin
                version = None


def _of_rpm(output):
    found = []
    for line in output.splitlines():
        fields = line.split("\t")
        if len(fields) == 5:
            name, version, release, epoch, architecture = fields
            one = {"name": name, "version": version, "release": release, "arch": architecture}
            one["epoch"] = None if epoch == "(none)" else epoch
            found.append(one)
    return found


def _of_apk(output):
    found = []
    for line in output.splitlines():
        parts = line.strip().rsplit("-", 2)
        if len(parts) == 3:
            found.append({"name": parts[0], "version": parts[1], "release": parts[2]})
    return found


def _of_pacman(output):
    found = []
    for stanza in output.split("\n\n"):
        fields = {}
        last = None
        for line in stanza.splitlines():
            told = re.match(r"(\w[\w ]*?) +: (.*)", line)
            if told:
                last = told.group(1)
                fields[last] = told.group(2)
            elif last is not None:
                fields[last] += "  " + line.strip()
        if "Name" not in fields:
            continue
        provides = fields.get("Provides", "None")
        one = {"name": fields["Name"], "version": fields.get("Version"), "arch": fields.get("Architecture")}
        one["provides"] = None if provides == "None" else [each.split("=")[0] for each in provides.split()]
        found.append(one)
    return found


def _of_qlist(output):
    found = []
    for line in output.splitlines():
        told = re.match(r"([^/\s]+)/(\S+?)-([0-9][^-\s]*(?:-r[0-9]+)?)$", line.strip())
        if told:
            found.append({"name": told.group(2), "version": told.group(3), "category": told.group(1)})
    return found


MANAGERS = {
    "apk": (["apk", "info", "-v"], _of_apk),
    "apt": (["dpkg-query", "-W", "-f", _DPKG], _of_dpkg),
    "pacman": (["pacman", "-Qi"], _of_pacman),
    "portage": (["qlist", "-Iv"], _of_qlist),
    "rpm": (["rpm", "-qa", "--qf", _RPM], _of_rpm),
}
