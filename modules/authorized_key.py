"""Add or remove SSH public keys in a user's authorized_keys file (ansible.posix.authorized_key)."""

import os
import pwd
import stat

from stella_ops.remote.lib import atomic, authorized_keys, difftext, files

ARGUMENTS = {
    "user": {"type": "str", "required": True, "doc": "whose file"},
    "key": {"type": "str", "required": True, "doc": "public keys, a line each; or the URL they are fetched from"},
    "path": {"type": "path", "doc": "another file than ~/.ssh/authorized_keys"},
    "manage_dir": {"type": "bool", "default": True, "doc": "make the folder, and set its owner and mode"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "key_options": {"type": "str", "doc": "options before the key, as sshd(8) has them"},
    "exclusive": {"type": "bool", "default": False, "doc": "remove all other keys of the file"},
    "comment": {"type": "str", "doc": "comment in place of the key's own"},
    "validate_certs": {"type": "bool", "default": True, "doc": "for a URL: check the server's certificate"},
    "follow": {"type": "bool", "default": False, "doc": "follow a link at the path instead of replacing it"},
}


def run(task):
    """Return the arguments, keyfile, and a diff where one is wanted."""
    args = task.args
    entry = account(task)
    path = args["path"] or os.path.join(entry.pw_dir, ".ssh", "authorized_keys")
    if args["follow"] or files.state_of(path) != "link":
        path = os.path.realpath(path) if os.path.islink(path) else path
    wanted = read_keys(task)
    before = content(task, path)
    table = authorized_keys.Table(before)
    if args["state"] == "present":
        kept = [table.put(key) for key in wanted]
        if args["exclusive"]:
            table.keep_only(kept)
    else:
        for key in wanted:
            table.remove(key)
    after = table.render()
    result = dict(args, keyfile=path, changed=table.changed)
    if task.diff_mode and table.changed:
        result["diff"] = difftext.of_content(before, after, path, path)
    if args["state"] == "present" and args["manage_dir"]:
        result["changed"] = prepare_folder(task, os.path.dirname(path), entry) or result["changed"]
    if table.changed and not task.check_mode:
        write(task, path, after, entry)
    elif args["state"] == "present" and args["manage_dir"] and files.look(path) is not None:
        owned = files.Wanted("0600", str(entry.pw_uid), str(entry.pw_gid)) if args["path"] is None else None
        if owned is not None:
            result["changed"] = files.set_attributes(path, owned, task.check_mode) or result["changed"]
    # What is told of the key file takes the place of the argument ``state``, as with ansible.posix.
    if files.look(path) is not None:
        result.update(files.describe(path))
    return result


def account(task):
    """The user's passwd entry."""
    name = task.args["user"]
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        if task.check_mode and task.args["path"] is not None:
            task.warn("Either user must exist or you must provide full path to key file in check mode")
            return pwd.getpwuid(os.getuid())
        return task.fail("Failed to lookup user {}: {}".format(name, error))


def read_keys(task):
    """The keys to put or remove, with the options and the comment that the task gives."""
    args = task.args
    text = args["key"]
    if text.startswith(("http://", "https://", "file://")):
        text = fetch(task, text)
    found = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key = authorized_keys.parse(line)
        if key is None:
            task.fail(
                "invalid key specified: {}".format(line), hint="a key is its type, then its base64, then a comment"
            )
        if args["key_options"] is not None:
            key = key._replace(options=args["key_options"])
        if args["comment"] is not None:
            key = key._replace(comment=args["comment"])
        found.append(key)
    return found


def fetch(task, url):
    """The text behind a URL."""
    import ssl
    import urllib.request

    context = None
    if url.startswith("https") and not task.args["validate_certs"]:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=30, context=context) as answer:
            return answer.read().decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        return task.fail("Error getting key from: {} ({})".format(url, error))


def content(task, path):
    """The file's bytes; empty when there is none."""
    try:
        with open(path, "rb") as source:
            return source.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        return task.fail("cannot read {}: {}".format(path, error.strerror))


def prepare_folder(task, folder, entry):
    """The folder, 0700 and the user's: sshd(8) refuses others. True when that is a change."""
    found = files.look(folder, follow=True)
    if found is not None and stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid == entry.pw_uid:
        return False
    if task.check_mode:
        return True
    files.make_directories(folder)
    files.set_attributes(os.path.realpath(folder), files.Wanted("0700", str(entry.pw_uid), str(entry.pw_gid)))
    return True


def write(task, path, data, entry):
    """Replace the file; the user's own, and nobody else's to write."""
    old = files.look(path)
    mode = "0600" if old is None else None
    wanted = files.Wanted(mode, str(entry.pw_uid), str(entry.pw_gid))
    with atomic.Replacement(path, warn=task.warn) as new:
        new.write(data)
        new.commit(wanted)
