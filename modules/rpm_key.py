"""Have, or have not, a key that rpm trusts; gpg is not needed on the host."""

import re
import tempfile

from stella_ops.remote.lib import openpgp_keys, process
from stella_ops.remote.lib.task import to_text, without_login

ARGUMENTS = {
    "key": {"type": "str", "required": True, "doc": "URL, path on the host, or id of a key that is there"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "fingerprint": {"type": "list", "elements": "str", "doc": "what the key must be"},
    "validate_certs": {"type": "bool", "default": True},
}

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
LIMIT = 8388608
MARK = "stella-key\t"


def run(task):
    """Return changed alone, as ansible-core does."""
    args = task.args
    rpm = process.find("rpm")
    if rpm is None:
        task.fail(
            "rpm_key needs rpm, which this host does not have",
            hint="guard this task with: when: ansible_pkg_mgr in ['dnf', 'dnf5', 'yum', 'zypper']",
        )
    if not args["validate_certs"]:
        task.fail("validate_certs: false is not supported: a key from an unproven server proves nothing")
    data, keys = given(task)
    name = keys[0].fingerprint[-16:] if keys else re.sub("^0X", "", args["key"].strip().upper())
    there = [package for package, key in imported(task, rpm) if key.is_called(name)]
    if args["state"] == "absent":
        if there and not task.check_mode:
            do(task, [rpm, "--erase", "--"] + there)
        return {"changed": bool(there)}
    if there:
        return {"changed": False}
    if not keys:
        task.fail("When importing a key, a valid file must be given")
    wanted = {text.replace(" ", "").upper() for text in args["fingerprint"] or []}
    held = {each for key in keys for each in [key.fingerprint] + key.subkeys}
    if not wanted <= held:
        shown = [", ".join(sorted(each)) for each in (wanted, held)]
        task.fail("The specified fingerprint, '{}', does not match any key fingerprints in '{}'".format(*shown))
    if not task.check_mode:
        with tempfile.NamedTemporaryFile(prefix="stella-key-") as copy:
            copy.write(data if openpgp_keys.is_armored(data) else openpgp_keys.armored(data))
            copy.flush()
            do(task, [rpm, "--import", copy.name])
    return {"changed": True}


def given(task):
    """The key's bytes, and the keys in them; nothing for a key's id."""
    from stella_ops.remote.lib import downloads

    key = task.args["key"]
    if "://" in key:
        data = downloads.fetch(key, limit=LIMIT, failure="failed to fetch key at {url} , error was: {why}")
    elif re.match(r"^(0[xX])?[0-9a-fA-F]{8,}$", key.strip()):
        return None, None
    else:
        try:
            with open(key, "rb") as source:
                data = source.read(LIMIT)
        except OSError as error:
            task.fail("Not a valid key {}".format(key), error.strerror)
    try:
        return data, openpgp_keys.read(data)
    except openpgp_keys.NotKeys as error:
        return task.fail("Not a public key: {}: {}".format(without_login(key), error))


def imported(task, rpm):
    """The keys that rpm has: pairs of its name for one, and the key."""
    form = MARK + "%{NAME}-%{VERSION}-%{RELEASE}\n%{DESCRIPTION}\n"
    outcome = process.run([rpm, "-q", "gpg-pubkey", "--qf", form], environment=ENVIRONMENT)
    found = []
    for entry in to_text(outcome.stdout).split(MARK)[1:]:
        package, _, text = entry.partition("\n")
        try:
            found += [(package, key) for key in openpgp_keys.read(text.encode("utf-8"))]
        except openpgp_keys.NotKeys as error:
            task.warn("rpm's own {} cannot be read: {}".format(package, error))
    return found


def do(task, words):
    """Run rpm; fail with its words."""
    outcome = process.run(words, environment=ENVIRONMENT)
    if outcome.rc != 0:
        said = to_text(outcome.stderr).strip()
        more = {"hint": "this needs root: set become: true"} if "ermission denied" in said else {}
        task.fail("'{}' failed: {}".format(" ".join(words), said), rc=outcome.rc, stderr=said, **more)
