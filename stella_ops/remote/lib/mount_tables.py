"""Tables of filesystems of any UNIX: fstab(5), Solaris' vfstab and mnttab, AIX' filesystems, what mount(8) lists."""

import collections
import re

from stella_ops.remote.lib.facts import sources

# ``fields`` by ansible-core's names, at least device, mount and fstype; ``text`` is what they were read from.
Entry = collections.namedtuple("Entry", ["fields", "text"])

_LINUX = re.compile(r"^(?P<device>\S+) on (?P<mount>\S+) type (?P<fstype>\S+) \((?P<options>.+)\)$")
_BSD = re.compile(r"^(?P<device>\S+) on (?P<mount>\S+) \((?P<fstype>.+)\)$")
_AIX = re.compile(
    r"^(?P<node>\S*)\s+(?P<mounted>\S+)\s+(?P<mount>\S+)\s+(?P<fstype>\S+)\s+(?P<time>\S+\s+\d+\s+\d+:\d+)\s+"
    r"(?P<options>.*)$"
)


def of_file(path):
    """The entries of a file, whose kind its columns tell; none for one that is not there or is no such table."""
    lines = sources.text(path).splitlines()
    for read in (_vfstab, _mnttab, _fstab, _aix) if lines else ():
        try:
            return read(lines)
        except (IndexError, ValueError):
            continue
    return []


def of_program(text):
    """The entries that mount(8) lists."""
    lines = text.splitlines()
    found = [_LINUX.match(line) for line in lines]
    if all(found):
        return [Entry(each.groupdict(), each.string) for each in found if each]
    found = [_BSD.match(line) for line in lines if not line.startswith("map ")]
    if all(found):
        return [_of_bsd(each.groupdict(), each.string) for each in found if each]
    found = [_AIX.match(line) for line in lines[2:]]
    if found and all(found):
        return [_of_aix(each.groupdict(), each.string) for each in found if each]
    return []


def _of_bsd(fields, line):
    kind, comma, options = fields["fstype"].partition(",")
    fields["fstype"] = kind.strip()
    if comma:
        fields["options"] = options.strip()
    return Entry(fields, line)


def _of_aix(fields, line):
    device, node = fields.pop("mounted"), fields.pop("node")
    fields["device"] = "{}:{}".format(node, device) if node else device
    return Entry(fields, line)


def _fstab(lines):
    found = []
    for line in _meaningful(lines):
        words = [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), word) for word in line.split()]
        fields = {"device": words[0], "mount": words[1], "fstype": words[2], "options": words[3]}  # type: dict[str, object]
        for place, name in ((4, "dump"), (5, "passno")):
            if len(words) > place:
                fields[name] = int(words[place])
        found.append(Entry(fields, line))
    return found


def _vfstab(lines):
    found = []
    for line in _meaningful(lines):
        words = line.split()
        fields = {"device": words[0], "device_to_fsck": words[1], "mount": words[2], "fstype": words[3]}  # type: dict[str, object]
        fields["passno"] = int(words[4]) if words[4].lstrip("-").isdigit() and words[4] != "-" else words[4]
        fields.update(mount_at_boot=words[5], options=words[6])
        found.append(Entry(fields, line))
    return found


def _mnttab(lines):
    if not any(len(line.split()[4]) == 10 for line in lines):
        raise ValueError("the fifth column is no time")
    found = []
    for line in lines:
        words = line.split()
        fields = dict(device=words[0], mount=words[1], fstype=words[2], options=words[3], time=int(words[4]))
        found.append(Entry(fields, line))
    return found


def _aix(lines):
    stanzas = []  # type: list[list[str]]
    for line in lines:
        if line.startswith("*") or not line.strip():
            continue
        if line.rstrip().endswith(":"):
            stanzas.append([line])
        elif "=" not in line:
            return []  # Linux' file of that name lists kinds of filesystems
        else:
            stanzas[-1].append(line)
    found = []
    for stanza in stanzas:
        pairs = [line.partition("=") for line in stanza[1:]]
        attributes = {name.strip(): value.strip() for name, _, value in pairs}
        device = ":".join(attributes[name] for name in ("nodename", "dev") if attributes.get(name))
        kind = attributes.get("vfs") or "unknown"
        fields = dict(mount=stanza[0].rstrip()[:-1], device=device or "unknown", fstype=kind, attributes=attributes)
        found.append(Entry(fields, "\n".join(stanza)))
    return found


def _meaningful(lines):
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
