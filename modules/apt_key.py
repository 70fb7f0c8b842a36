"""Have, or have not, a key that apt trusts for every source.

Works on apt's key files themselves: neither apt-key, which Debian has removed, nor gpg is needed. A key named in a
source's ``signed-by`` is safer; the module deb822_repository keeps such.
"""

import glob
import os
import re

from stella_ops.remote.lib import atomic, debian, files, openpgp_keys
from stella_ops.remote.lib.task import without_login

ARGUMENTS = {
    "id": {"type": "str", "doc": "key id (8 or 16 hex digits) or fingerprint"},
    "url": {"type": "str", "doc": "where the host fetches the key"},
    "data": {"type": "str", "doc": "the armored key itself"},
    "file": {"type": "path", "doc": "a key file on the host"},
    "keyring": {"type": "path", "doc": "key file to change; default: one of its own in trusted.gpg.d"},
    "validate_certs": {"type": "bool", "default": True},
    "keyserver": {"type": "str", "doc": "host or hkp://, hkps://, https:// address of a key server"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
}

LIMIT = 8388608


def run(task):
    """Return id, key_id, short_id, fp, before and (when changed) after: key ids of 16 hex digits."""
    args = task.args
    given = [name for name in ("data", "file", "keyserver", "url") if args[name]]
    if len(given) > 1:
        task.fail("parameters are mutually exclusive: data|file|keyserver|url")
    name = args["id"]
    keys = None
    if not name:
        if args["keyserver"]:
            task.fail("Missing key_id, required with keyserver.")
        if not given:
            task.fail("Invalid key_id", "give the key (url, data, file), or its id", id=None)
        keys = obtain(task, None)
        name = keys[0].fingerprint[-16:]
    wanted = name.upper().replace(" ", "")
    wanted = wanted[2:] if wanted.startswith("0X") else wanted
    if not re.match(r"^([0-9A-F]{8}|[0-9A-F]{16,})$", wanted):
        task.fail("Invalid key_id", "8, 16 or more hexadecimal digits are expected", id=name)
    result = {"id": name, "key_id": wanted, "short_id": wanted[-8:]}
    result["fp"] = wanted[-16:]
    digits = 8 if len(wanted) == 8 else 16
    rings = read_rings(task)
    result["before"] = ids(rings, digits)
    if args["state"] == "absent":
        result["changed"] = remove(task, rings, wanted)
    else:
        result["changed"] = not any(key.is_called(wanted) for ring in rings.values() for key in ring)
        if result["changed"]:
            add(task, rings, wanted, keys, given)
    if result["changed"] and not task.check_mode:
        result["after"] = ids(read_rings(task), digits)
    return result


def etc():
    """apt's folder of settings."""
    return debian.configuration("Dir::Etc/d").get("Dir::Etc/d") or "/etc/apt/"


def read_rings(task):
    """The keys in each key file that counts: by path."""
    if task.args["keyring"]:
        paths = [task.args["keyring"]]
    else:
        paths = [os.path.join(etc(), "trusted.gpg")]
        for pattern in ("*.gpg", "*.asc"):
            paths += sorted(glob.glob(os.path.join(etc(), "trusted.gpg.d", pattern)))
    rings = {}
    for path in paths:
        try:
            with open(path, "rb") as source:
                rings[path] = openpgp_keys.read(source.read())
        except (FileNotFoundError, openpgp_keys.NotKeys):
            continue  # apt passes over such files, too
        except OSError as error:
            task.fail("cannot read {}: {}".format(path, error.strerror))
    return rings


def ids(rings, digits):
    """Key ids as apt-key lists them: of primary keys and subkeys."""
    found = []
    for ring in rings.values():
        for key in ring:
            found += [each[-digits:] for each in [key.fingerprint] + key.subkeys]
    return found


def obtain(task, wanted):
    """The keys from where the task says."""
    from stella_ops.remote.lib import downloads

    args = task.args
    if args["file"]:
        where = args["file"]
        try:
            with open(where, "rb") as source:
                data = source.read(LIMIT)
        except OSError as error:
            task.fail("Unable to extract key from '{}'".format(where), error.strerror)
    elif args["data"]:
        where, data = "data", args["data"].encode("utf-8")
    else:
        where = args["url"] or lookup(args["keyserver"], wanted)
        failure = "Failed to download key at {url}: {why}"
        if args["keyserver"]:
            server = without_login(args["keyserver"]).replace("{", "{{").replace("}", "}}")
            failure = "Error fetching key {} from keyserver: {}".format(wanted, server)
        data = downloads.fetch(where, limit=LIMIT, failure=failure, verify=args["validate_certs"])
        where = without_login(where)
    try:
        return openpgp_keys.read(data)
    except openpgp_keys.NotKeys as error:
        return task.fail("Unable to extract key from '{}': {}".format(where, error))


def lookup(server, wanted):
    """The address that a key server answers at (draft-shaw-openpgp-hkp-00)."""
    scheme, mark, rest = server.partition("://")
    if not mark:
        scheme, rest = "hkps", server
    rest = rest.rstrip("/")
    if scheme == "hkp":
        scheme, rest = "http", rest if ":" in rest else rest + ":11371"
    elif scheme == "hkps":
        scheme = "https"
    return "{}://{}/pks/lookup?op=get&options=mr&search=0x{}".format(scheme, rest, wanted)


def add(task, rings, wanted, keys, given):
    """Put the key where apt finds it."""
    if not given:
        task.fail("no key {} on this host, and none given".format(wanted), hint="give url, data, file or keyserver")
    if task.check_mode and keys is None:
        return
    keys = keys or obtain(task, wanted)
    if not any(key.is_called(wanted) for key in keys):
        held = ", ".join(key.fingerprint for key in keys)
        task.fail("the key is another than {}: {}".format(wanted, held), hint="nothing was added")
    if task.args["keyserver"] and len(wanted) < 32:
        task.warn("a key id of {} digits can be forged; give the whole fingerprint".format(len(wanted)))
    if task.check_mode:
        return
    path = task.args["keyring"]
    old = b"".join(key.data for key in rings.get(path, []))
    if path is None:
        path = os.path.join(etc(), "trusted.gpg.d", keys[0].fingerprint[-16:] + ".gpg")
    write(path, old + b"".join(key.data for key in keys))


def remove(task, rings, wanted):
    """Take the key out of every file; one that holds no other is removed."""
    changed = False
    for path, ring in rings.items():
        kept = [key for key in ring if not key.is_called(wanted)]
        if len(kept) == len(ring):
            continue
        changed = True
        if task.check_mode:
            continue
        if kept:
            write(path, b"".join(key.data for key in kept))
        else:
            os.unlink(path)
    return changed


def write(path, data):
    """Write a key file; one whose name ends with .asc has to be armored."""
    if path.endswith(".asc"):
        data = openpgp_keys.armored(data)
    files.make_directories(os.path.dirname(path))
    with atomic.Replacement(path) as new:
        new.write(data)
        new.commit(files.Wanted("0644"))
