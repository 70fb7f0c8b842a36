"""Keep one of apt's sources in a file of its own, in the format deb822 (sources.list(5))."""

import hashlib
import os
import re

from stella_ops.remote.lib import atomic, debian, difftext, files
from stella_ops.remote.lib.task import without_password

ARGUMENTS = {
    "allow_downgrade_to_insecure": {"type": "bool"},
    "allow_insecure": {"type": "bool"},
    "allow_weak": {"type": "bool"},
    "architectures": {"type": "list", "elements": "str"},
    "by_hash": {"type": "bool"},
    "check_date": {"type": "bool"},
    "check_valid_until": {"type": "bool"},
    "components": {"type": "list", "elements": "str"},
    "date_max_future": {"type": "int"},
    "enabled": {"type": "bool"},
    "inrelease_path": {"type": "str"},
    "languages": {"type": "list", "elements": "str"},
    "name": {"type": "str", "required": True, "doc": "X-Repolib-Name; the files' names are made of it"},
    "pdiffs": {"type": "bool"},
    "signed_by": {"type": "str", "doc": "URL of a key, path of a keyring on the host, fingerprints, or an armored key"},
    "suites": {"type": "list", "elements": "str"},
    "targets": {"type": "list", "elements": "str"},
    "trusted": {"type": "bool"},
    "types": {"type": "list", "elements": "str", "choices": ["deb", "deb-src"], "default": ["deb"]},
    "uris": {"type": "list", "elements": "str"},
    "mode": {"type": "raw", "default": "0644"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

NOT_FIELDS = ("mode", "state")
KEY_LIMIT = 8388608


def run(task):
    """Return repo (the file's text), dest (its path) and key_filename."""
    args = task.args
    found = debian.configuration("Dir::Etc::sourceparts/d", "Dir::Etc/d")
    name = re.sub(r"[^a-z0-9-]+", "", re.sub(r"[_\s]+", "-", args["name"].lower()))
    if not name:
        task.fail("no file name can be made of the name '{}'".format(args["name"]))
    dest = os.path.join(found.get("Dir::Etc::sourceparts/d") or "/etc/apt/sources.list.d/", name + ".sources")
    keys = os.path.join(found.get("Dir::Etc/d") or "/etc/apt/", "keyrings", name)
    if args["state"] == "absent":
        return absent(task, dest, [keys + ".asc", keys + ".gpg"])
    changed, signed_by, key_filename = signing_key(task, args["signed_by"], keys)
    text = stanza(args, signed_by)
    before = difftext.head(dest)
    changed = put(task, dest, text.encode("utf-8"), args["mode"]) or changed
    result = {"changed": changed, "repo": text, "dest": dest, "key_filename": key_filename}
    if task.diff_mode:
        result["diff"] = difftext.of_content(before, text.encode("utf-8"), dest, dest)
    return result


def absent(task, dest, keys):
    """Have neither the source nor a key that came with it."""
    there = [path for path in [dest] + keys if os.path.lexists(path)]
    result = {"changed": bool(there), "repo": None, "dest": dest, "key_filename": keys[-1]}
    if task.diff_mode and there:
        result["diff"] = difftext.of_content(difftext.head(dest), b"", dest, "/dev/null")
    for path in there if not task.check_mode else []:
        try:
            os.unlink(path)
        except OSError as error:
            raise files.FileError("cannot remove {}: {}".format(path, error.strerror))
    return result


def stanza(args, signed_by):
    """The text of the file."""
    lines = []
    for name in sorted(set(args) - set(NOT_FIELDS)):
        value = signed_by if name == "signed_by" else args[name]
        if value is None:
            continue
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, list):
            value = " ".join(value)
        lines.append("{}:{}\n".format(field(name), folded(str(value))))
    return "".join(lines)


def field(name):
    """What deb822 calls an argument."""
    return {"name": "X-Repolib-Name", "uris": "URIs"}.get(name) or name.replace("_", "-").title()


def folded(value):
    """A value after its colon; lines of a longer one are indented, and an empty line is a dot (deb822(5))."""
    if "\n" not in value:
        return " " + value
    lines = value.strip().splitlines()
    return "".join("\n    " + (line.strip() or ".") for line in lines)


def signing_key(task, value, keys):
    """The value of Signed-By; whether a key's file changed, the value, and the file that it names."""
    if value is None or os.path.isfile(value):
        return False, value, value
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value):
        return False, value, None
    from stella_ops.remote.lib import downloads, openpgp_keys

    data = downloads.fetch(value, limit=KEY_LIMIT, failure="Could not fetch signed_by key: {error}")
    try:
        openpgp_keys.read(data)
    except openpgp_keys.NotKeys as error:
        shown = without_password(value)
        task.fail("Could not fetch signed_by key: {} holds no public key: {}".format(shown, error))
    path = keys + (".asc" if openpgp_keys.is_armored(data) else ".gpg")
    folder = os.path.dirname(path)
    made = files.make_directories(folder, task.check_mode)
    if made and not task.check_mode:
        files.set_attributes(folder, files.Wanted("0755"))
    return put(task, path, data, "0644"), path, path


def put(task, path, data, mode):
    """Have a file with this content and mode; True when it changes."""
    wanted = files.Wanted(mode)
    if os.path.isfile(path) and files.digest(path, "sha256") == [hashlib.sha256(data).hexdigest()]:
        return files.set_attributes(path, wanted, task.check_mode)
    if not task.check_mode:
        with atomic.Replacement(path) as new:
            new.write(data)
            new.commit(wanted)
    return True
