"""Add or remove a host's key in a known_hosts file."""

import base64
import hashlib
import hmac
import os
import re

from stella_ops.remote.lib import atomic, files, programs

ARGUMENTS = {
    "name": {"type": "str", "required": True, "aliases": ["host"], "doc": "the host, as it stands before the key"},
    "key": {"type": "str", "doc": "a line of the file: host, type and base64 of the key"},
    "path": {"type": "path", "default": "~/.ssh/known_hosts"},
    "hash_host": {"type": "bool", "default": False, "doc": "keep the name as a hash"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
}


def run(task):
    """Return the arguments, a diff, and what the file is then (its ``state`` in place of the argument's)."""
    args = task.args
    name, path, key = args["name"].lower(), args["path"], args["key"]
    present = args["state"] == "present"
    if not key and present:
        task.fail("No key specified when adding a host")
    if re.search(r"\S\s*,\s*\S", name):
        task.fail(
            "Comma separated list of names is not supported. "
            "Please pass a single name to lookup in the known_hosts file."
        )
    keygen = programs.need(task, "ssh-keygen", "install the package 'openssh-client' (Debian) or 'openssh'")
    if key:
        key = check_key(task, keygen, name, key.strip())
    before = files.read_text(task, path, "Failed to read {}: {}")
    lines = before.splitlines(True)
    after = with_key(task, keygen, lines, name, key) if present else without(task, keygen, lines, name, key)
    text = "".join(after)
    result = dict(args, changed=text != before)
    result["diff"] = {
        "before": before,
        "after": text,
        "before_header": path if os.path.exists(path) else "/dev/null",
        "after_header": path,
    }
    if task.check_mode:
        return {"changed": result["changed"], "diff": result["diff"]}
    if result["changed"]:
        write(task, path, text)
    result.update(files.describe(path))
    return result


def check_key(task, keygen, name, key):
    """The line to put, its host hashed where that is wanted; fails when it is not a key of this host."""
    fields(task, key)  # fails when it is no key at all
    if task.args["hash_host"]:
        key = hashed(name, key)
    if not matching(task, keygen, [key + "\n"], name):
        task.fail("Host parameter does not match hashed host field in supplied key")
    return key


def with_key(task, keygen, lines, name, key):
    """The lines with the key; it replaces another one of the same type."""
    wanted = fields(task, key)
    for place in matching(task, keygen, lines, name):
        found = fields(task, lines[place])
        hosts_agree = found[1] == wanted[1] or (found[1].startswith("|1|") and wanted[1].startswith("|1|"))
        if (found[0], found[2], found[3]) == (wanted[0], wanted[2], wanted[3]) and hosts_agree:
            return lines
        if found[0] == wanted[0] == "" and found[2] == wanted[2]:
            return ended(lines[:place] + lines[place + 1 :]) + [key + "\n"]
    return ended(lines) + [key + "\n"]


def without(task, keygen, lines, name, key):
    """The lines without the host; with a key, without that one alone. Of lines with a marker the first means none."""
    places = matching(task, keygen, lines, name)
    found = {place: fields(task, lines[place]) for place in places}
    if key:
        marker, _, kind, data = fields(task, key)
        places = [place for place in places if (found[place][0], *found[place][2:]) == (marker, kind, data)]
    else:
        places = [place for place in places if not found[place][0]]
    return [line for place, line in enumerate(lines) if place not in places]


def matching(task, keygen, lines, name):
    """Places of the lines that are about a host, by ssh-keygen(1): it knows patterns, ports and hashes."""
    if not lines:
        return []
    import shutil
    import tempfile

    folder = tempfile.mkdtemp()  # host keys are no secret; the folder is ours all the same
    try:
        path = os.path.join(folder, "known_hosts")
        with open(path, "wb") as target:
            target.write("".join(lines).encode("utf-8", "surrogateescape"))
        said = programs.call(task, [keygen, "-F", name, "-f", path])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if said.rc not in (0, 1) or (said.rc == 1 and said.stderr.strip()):
        text = "ssh-keygen failed (rc={}, stdout='{}',stderr='{}')".format(said.rc, said.stdout, said.stderr)
        task.fail(text, rc=said.rc)
    return [int(number) - 1 for number in re.findall(r"^# Host .* found: line (\d+)", said.stdout, re.MULTILINE)]


def fields(task, line):
    """Marker ("" for none), host, type and base64 of a line."""
    words = line.split()
    if words and words[0].startswith("@"):
        marker, words = words[0], words[1:]
    else:
        marker = ""
    if len(words) < 3:
        task.fail(
            "'{}' is no line of a known_hosts file: host, type and base64 of the key make one".format(line.strip())
        )
    return (marker, words[0], words[1], words[2])


def hashed(name, key):
    """The line with its host as OpenSSH hashes it: HMAC-SHA1 of the name, under a salt."""
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode("utf-8"), hashlib.sha1).digest()
    words = key.split()
    place = 1 if words[0].startswith("@") else 0
    words[place] = "|1|{}|{}".format(*[base64.b64encode(part).decode("ascii") for part in (salt, digest)])
    return " ".join(words)


def ended(lines):
    """The lines, the last one with an end."""
    return lines[:-1] + [lines[-1] + "\n"] if lines and not lines[-1].endswith("\n") else lines


def write(task, path, text):
    """Replace the file; a folder that is missing is made, for its owner alone."""
    folder = os.path.dirname(path)
    for made in files.make_directories(folder) if folder else []:
        os.chmod(made, 0o700)
    with atomic.Replacement(os.path.realpath(path), warn=task.warn) as new:
        new.write(text.encode("utf-8", "surrogateescape"))
        new.commit()
