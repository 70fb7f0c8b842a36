"""Download a file to the host."""

import hashlib
import os
import posixpath
import re
import time
import urllib.parse

from stella_ops.remote.lib import atomic, files, web
from stella_ops.remote.lib.files import FILE_ATTRIBUTES
from stella_ops.remote.lib.task import without_login
from stella_ops.remote.lib.web import URL_OPTIONS

ARGUMENTS = {
    "url": {"type": "str", "required": True, "doc": "What to download: http, https, ftp or file."},
    "dest": {"type": "path", "required": True, "doc": "The file, or the folder to put it in."},
    "checksum": {
        "type": "str",
        "default": "",
        "doc": "algorithm:digest, or algorithm:URL of a file with digests; a file that has it is not loaded again.",
    },
    "backup": {"type": "bool", "default": False, "doc": "Keep a copy of the old file beside it."},
    "timeout": {"type": "int", "default": 10, "doc": "Seconds to wait for the server each time."},
    "tmp_dest": {"type": "path", "doc": "Accepted when it is a folder: the download is kept beside dest."},
    "http_agent": {"type": "str", "default": "ansible-httpget", "doc": "The User-Agent header."},
    "url_username": {"type": "str", "aliases": ["username"], "doc": "The user for HTTP authentication."},
    "headers": {"type": "dict", "untold": True, "doc": "Headers to send."},
    **URL_OPTIONS,
    **FILE_ATTRIBUTES,
}

_BSD_LINE = re.compile(r"(\w+) ?\((?P<path>.+)\) ?= (?P<digest>[\w.]+)$")
_GNU_LINE = re.compile(r"(?P<digest>[\w.]+)\s+(\*|\./|\.)?(?P<path>.+)$")


def run(task):
    """Return ansible-core's keys of ``get_url``: checksum_src, checksum_dest, status_code, elapsed, size …"""
    args = task.args
    url, dest = args["url"], args["dest"]
    result = {"changed": False, "checksum_dest": None, "checksum_src": None, "dest": dest, "elapsed": 0}
    result["url"] = without_login(url)
    if args["tmp_dest"] and not os.path.isdir(args["tmp_dest"]):
        what = "is a file but should be a directory" if os.path.exists(args["tmp_dest"]) else "directory does not exist"
        task.fail("{} {}.".format(args["tmp_dest"], what), elapsed=0)
    algorithm, digest = checksum(task, result)
    since = None
    force = args["force"]
    if os.path.exists(dest) and not os.path.isdir(dest):
        if not force and digest:
            if files.digest(dest, algorithm)[0] == digest:
                changed = files.set_attributes(dest, files.wanted(task), task.check_mode)
                result.update(files.describe(dest))
                words = "file already exists but file attributes changed" if changed else "file already exists"
                return dict(result, changed=changed, msg=words)
            force = True
        since = os.stat(dest).st_mtime
    started = time.time()
    options = dict(args, force=force)
    method = "HEAD" if task.check_mode else "GET"
    told = {"url": without_login(url), "dest": dest}
    try:
        answer = web.fetch(url, method, headers=args["headers"], since=since, options=options)
    except web.UrlError as error:
        task.fail(str(error), status=-1, url=told["url"])
    except web.WebError as error:
        task.fail(str(error), elapsed=int(time.time() - started), **told)
    result["elapsed"] = int(time.time() - started)
    if answer.status == 304:
        changed = files.set_attributes(dest, files.wanted(task), task.check_mode)
        result.update(files.describe(dest))
        result = {name: value for name, value in result.items() if name not in ("checksum_src", "checksum_dest")}
        return dict(result, changed=changed, msg=answer.msg, status_code=304)
    if answer.status not in (None, 200):
        task.fail("Request failed", status_code=answer.status, response=answer.msg, elapsed=result["elapsed"], **told)
    if os.path.isdir(dest):
        dest = os.path.join(dest, web.file_name(answer))
        result["dest"] = dest
    folder = os.path.dirname(os.path.abspath(dest))
    if not os.path.isdir(folder):
        task.fail("Destination {} does not exist".format(folder), **result)
    if not (task.check_mode or args["unsafe_writes"] or os.access(folder, os.W_OK)):
        hint = "files are made in their folder, and renamed"
        task.fail("Destination {} is not writable".format(folder), hint, **result)
    result["msg"] = answer.msg
    if task.check_mode:
        return dict(result, changed=True)
    result["status_code"] = answer.status
    return receive(task, answer, dest, algorithm, digest, result)


def receive(task, answer, dest, algorithm, digest, result):
    """Write the answer beside the file, and put it there when it is another."""
    hashes = {name: new_hash(name) for name in {"sha1", "md5", algorithm or "sha1"}}
    dest = os.path.realpath(dest)
    with atomic.Replacement(dest, warn=task.warn) as new:
        web.copy(answer, Sink(new, [each for each in hashes.values() if each is not None]))
        digests = {name: None if each is None else each.hexdigest() for name, each in hashes.items()}
        result["checksum_src"] = digests["sha1"]
        if digest and digests[algorithm] != digest:
            words = "The checksum for {} did not match {}; it was {}."
            del result["msg"], result["status_code"]
            task.fail(words.format(result["url"], digest, digests[algorithm]), **result)
        if os.path.exists(dest):
            result["checksum_dest"] = files.digest(dest, "sha1")[0]
        changed = result["checksum_src"] != result["checksum_dest"]
        if changed:
            if task.args["backup"] and result["checksum_dest"] is not None:
                result["backup_file"] = atomic.backup(dest)
            new.commit(in_place=task.args["unsafe_writes"])
    result["changed"] = files.set_attributes(dest, files.wanted(task)) or changed
    result["md5sum"] = digests["md5"]
    result["src"] = None
    result.update(files.describe(dest))
    return result


class Sink(object):
    """Where the body goes: to the new file, and into its digests."""

    def __init__(self, new, hashes):
        self._new = new
        self._hashes = hashes

    def write(self, data):
        """Take some bytes."""
        self._new.write(data)
        for each in self._hashes:
            each.update(data)


def new_hash(name):
    """A digest that is only just beginning; None where the host forbids it (FIPS 140)."""
    try:
        return hashlib.new(name)
    except ValueError:
        return None


def checksum(task, result):
    """Algorithm and digest that are asked for; (None, "") when none are."""
    text = task.args["checksum"]
    if not text:
        return None, ""
    algorithm, sign, digest = text.partition(":")
    if not sign:
        task.fail("The checksum parameter has to be in format <algorithm>:<checksum>", **result)
    if new_hash(algorithm) is None:
        task.fail("there is no checksum algorithm '{}' on this host".format(algorithm), **result)
    if urllib.parse.urlsplit(digest).scheme in ("http", "https", "ftp", "file"):
        digest = listed(task, digest)
    digest = re.sub(r"\W+", "", digest).lower()
    try:
        int(digest, 16)
    except ValueError:
        task.fail("The checksum format is invalid", **result)
    return algorithm, digest


def listed(task, url):
    """The digest of our file in a file of digests."""
    answer = web.fetch(url, headers=task.args["headers"], options=task.args)
    if answer.status not in (None, 200):
        task.fail("Request failed", status_code=answer.status, response=answer.msg, url=without_login(url))
    lines = answer.stream.read().decode("utf-8", "replace").splitlines()
    name = posixpath.basename(urllib.parse.urlsplit(task.args["url"]).path) or "index.html"
    if len(lines) == 1 and len(lines[0].split()) == 1:
        return lines[0]
    for line in lines:
        found = _BSD_LINE.match(line) or _GNU_LINE.match(line)
        if found and found.group("path").lstrip("./") == name:
            return found.group("digest")
    return task.fail("Unable to find a checksum for file '{}' in '{}'".format(name, without_login(url)))
