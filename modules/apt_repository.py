"""Add or remove a one-line source of apt's, and update the package lists after it.

For Ubuntu's ``ppa:OWNER/NAME``, its signing key is fetched from Launchpad's key server and checked against the
fingerprint that Launchpad tells.
"""

import os
import re
import time

from stella_ops.remote.lib import apt_lists, apt_sources, atomic, debian, files

ARGUMENTS = {
    "repo": {"type": "str", "required": True, "doc": "a line as in sources.list(5), or ppa:OWNER/NAME"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "mode": {"type": "raw", "doc": "of a new file; default 0644"},
    "update_cache": {"type": "bool", "default": True, "aliases": ["update-cache"]},
    "update_cache_retries": {"type": "int", "default": 5},
    "update_cache_retry_max_delay": {"type": "int", "default": 12, "doc": "seconds"},
    "filename": {"type": "str", "doc": "name of the file without .list; default: made of the address"},
    "install_python_apt": {"type": "bool", "default": True, "doc": "accepted; there is nothing to install"},
    "validate_certs": {"type": "bool", "default": True},
    "codename": {"type": "str", "doc": "release for a ppa; default: the host's"},
}

LAUNCHPAD = "https://api.launchpad.net/1.0/~{}/+archive/{}"
KEY_SERVER = "https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x{}"
PPA = "https://ppa.launchpadcontent.net"
LOCK_SECONDS = 60


def run(task):
    """Return repo, state, sources_added and sources_removed (files)."""
    args = task.args
    repo = args["repo"].strip()
    if not repo:
        task.fail("Please set argument 'repo' to a non-empty value")
    sources = apt_sources.Sources()
    before = sources.texts()
    key = None
    if repo.startswith("ppa:"):
        codename = args["codename"] or release_name(task)
        source, owner, name = ppa(task, repo, codename)
        path = sources.place(args["filename"], "{}_{}".format(repo, codename))
        if args["state"] == "present" and not sources.has(source):
            key = (owner, name)
    else:
        source = apt_sources.parse(repo)
        path = sources.place(args["filename"], source)
    if args["state"] == "present":
        sources.add(source, path)
    else:
        sources.remove(source)
    after = sources.texts()
    result = {
        "changed": before != after,
        "repo": args["repo"],
        "state": args["state"],
        "sources_added": sorted(set(after) - set(before)),
        "sources_removed": sorted(set(before) - set(after)),
    }
    told = changed_files(before, after) if task.diff_mode else ()
    result["diff"] = [difference(path, before, after) for path in told]
    if result["changed"] and not task.check_mode:
        if key is not None:
            have_key(task, *key)
        apply(task, before, after)
    return result


def changed_files(before, after):
    """The files whose content differs."""
    return sorted(path for path in set(before) | set(after) if before.get(path) != after.get(path))


def difference(path, before, after):
    """One file's part of the diff."""
    return {
        "before": before.get(path, ""),
        "after": after.get(path, ""),
        "before_header": path if path in before else "/dev/null",
        "after_header": path if path in after else "/dev/null",
    }


def apply(task, before, after):
    """Write what changed, and update the lists; when that fails, all is put back."""
    args = task.args
    paths = changed_files(before, after)
    for path in paths:
        write(path, after.get(path), (args["mode"] or "0644") if path not in before else None)
    if not args["update_cache"]:
        return
    deadline = time.monotonic() + LOCK_SECONDS
    found = apt_lists.update(task, args["update_cache_retries"], args["update_cache_retry_max_delay"], deadline)
    if found is None:
        return
    for path in paths:
        write(path, before.get(path), "0644")
    message, said, hint = found
    more = {"rc": said.rc, "stdout": said.stdout, "stderr": said.stderr}
    task.fail(message, **(dict(more, hint=hint) if hint else more))


def write(path, text, mode):
    """Give a file its text; None removes it. A link stays, and its target is written."""
    path = os.path.realpath(path)
    if text is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    files.make_directories(os.path.dirname(path))
    with atomic.Replacement(path) as new:
        new.write(text.encode("utf-8", "surrogateescape"))
        new.commit(files.Wanted(mode))


def release_name(task):
    """The host's own release, as "jammy"."""
    try:
        with open("/etc/os-release", encoding="utf-8") as source:
            told = re.search(r'^VERSION_CODENAME="?([^"\n]+)', source.read(), re.MULTILINE)
    except OSError:
        told = None
    if told is None:
        task.fail("this host does not tell the name of its release (/etc/os-release); give codename")
    return told.group(1)


def ppa(task, repo, codename):
    """The source, owner and name of a ``ppa:OWNER/NAME``."""
    told = re.match(r"ppa:~?([A-Za-z0-9.+-]+)(?:/([A-Za-z0-9.+-]+))?$", repo)
    if told is None:
        task.fail("Invalid repository string: {}".format(repo), hint="expected: ppa:OWNER/NAME")
    owner, name = told.group(1), told.group(2) or "ppa"
    return "deb {}/{}/{}/ubuntu {} main".format(PPA, owner, name, codename), owner, name


def have_key(task, owner, name):
    """Have the key that signs a ppa."""
    import json

    from stella_ops.remote.lib import downloads, openpgp_keys

    failure = "failed to fetch PPA information, error was: {why}"
    verify = task.args["validate_certs"]
    try:
        answer = downloads.fetch(LAUNCHPAD.format(owner, name), limit=1048576, failure=failure, verify=verify)
        told = json.loads(answer.decode("utf-8"))
        wanted = str(told["signing_key_fingerprint"]).upper()
    except (ValueError, KeyError, TypeError):
        task.fail("failed to fetch PPA information: Launchpad's answer tells no key of ppa:{}/{}".format(owner, name))
    data = downloads.fetch(KEY_SERVER.format(wanted), limit=1048576, failure=failure, verify=verify)
    try:
        found = {key.fingerprint for key in openpgp_keys.read(data)}
    except openpgp_keys.NotKeys as error:
        task.fail("the key server's answer for {} is no key: {}".format(wanted, error))
    if found != {wanted}:
        task.fail("the key server gave {} where {} was asked for".format(", ".join(sorted(found)), wanted))
    etc = debian.configuration("Dir::Etc/d").get("Dir::Etc/d") or "/etc/apt/"
    folder = os.path.join(etc, "trusted.gpg.d")
    files.make_directories(folder)
    with atomic.Replacement(os.path.join(folder, "{}-{}.gpg".format(owner, name))) as new:
        new.write(openpgp_keys.binary(data))
        new.commit(files.Wanted("0644"))
