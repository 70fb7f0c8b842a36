"""Speak HTTP with a web service, from the host."""

import json
import os
import re
import time
import urllib.parse

from stella_ops.remote.lib import atomic, files, multipart, received, rules, web
from stella_ops.remote.lib.files import FILE_ATTRIBUTES
from stella_ops.remote.lib.task import without_login
from stella_ops.remote.lib.web import URL_OPTIONS

ARGUMENTS = {
    "url": {"type": "str", "required": True, "doc": "What to ask for."},
    "method": {"type": "str", "default": "GET", "doc": "The HTTP method."},
    "body": {"type": "raw", "untold": True, "doc": "What to send."},
    "body_format": {
        "type": "str",
        "default": "raw",
        "choices": ["form-urlencoded", "json", "raw", "form-multipart"],
        "doc": "How body becomes bytes; the Content-Type follows.",
    },
    "src": {"type": "path", "doc": "A file whose content is sent."},
    "remote_src": {"type": "bool", "default": False, "doc": "src is on the host, not on the controller."},
    "dest": {"type": "path", "doc": "Where to put the answer."},
    "return_content": {"type": "bool", "default": False, "doc": "Return the answer's body as content."},
    "follow_redirects": {
        "type": "str",
        "default": "safe",
        "choices": ["all", "no", "none", "safe", "urllib2", "yes"],
        "doc": "Which redirections are followed; safe means those of GET and HEAD.",
    },
    "creates": {"type": "path", "doc": "Do nothing when there is a file of this name."},
    "removes": {"type": "path", "doc": "Do nothing when there is no file of this name."},
    "status_code": {"type": "list", "elements": "int", "default": [200], "doc": "Statuses that are success."},
    "timeout": {"type": "int", "default": 30, "doc": "Seconds to wait for the server each time."},
    "unix_socket": {"type": "path", "doc": "A socket of the host to speak HTTP over."},
    "ca_path": {"type": "path", "doc": "A PEM file or folder with authorities to trust."},
    "http_agent": {"type": "str", "default": "ansible-httpget", "doc": "The User-Agent header."},
    "url_username": {"type": "str", "aliases": ["user"], "doc": "The user for HTTP authentication."},
    "headers": {"type": "dict", "untold": True, "doc": "Headers to send."},
    # From the controller: whether src comes as content, its name, and how it is streamed.
    "_content_name": {"type": "str"},
    "_content_stream": {"type": "dict"},
    **URL_OPTIONS,
    **FILE_ATTRIBUTES,
}
SUPPORTS_CHECK = False


def run(task):
    """Return ansible-core's keys of ``uri``: status, url, msg, headers in lower case with _, json, content, path …"""
    args = task.args
    rules.exclusive(task, "body", "src")
    if args["follow_redirects"] in ("yes", "no"):
        text = "Using 'yes' or 'no' for 'follow_redirects' parameter is deprecated."
        task.deprecate(text, "2.22", "uri")
    if not re.match("[A-Z]+$", args["method"].upper()):
        task.fail("Parameter 'method' needs to be a single word in uppercase, like GET or POST.")
    for name, stops, words in (("creates", True, "exists"), ("removes", False, "does not exist")):
        if args[name] is not None and os.path.exists(args[name]) is stops:
            return {"changed": False, "stdout": "skipped, since '{}' {}".format(args[name], words)}
    headers = dict(args["headers"] or {})
    if args["_content_name"] is not None:
        if task.content is None:
            return dict(received.NEEDED)
        with received.as_file(task, args["_content_name"]) as path:
            return send_file(task, path, headers)
    if args["src"]:
        return send_file(task, args["src"], headers)
    return converse(task, body(task, headers), headers)


def send_file(task, path, headers):
    """Send a file's content."""
    try:
        with open(path, "rb") as stream:
            headers["Content-Length"] = os.fstat(stream.fileno()).st_size
            return converse(task, stream, headers)
    except OSError:
        return task.fail("Unable to open source file {}".format(task.args["src"]), elapsed=0)


def body(task, headers):
    """The body as bytes (None for none); sets its Content-Type unless there is one."""
    value, form = task.args["body"], task.args["body_format"]
    kind = None
    if form == "json":
        kind = "application/json"
        if not isinstance(value, str):
            value = json.dumps(value)
    elif form == "form-urlencoded":
        kind = "application/x-www-form-urlencoded"
        if not isinstance(value, str):
            value = urlencoded(task, value)
    elif form == "form-multipart":
        try:
            headers["Content-Type"], value = multipart.encode(value)
        except (TypeError, ValueError, OSError) as error:
            task.fail("failed to parse body as form-multipart: {}".format(error))
    if kind is not None and "content-type" not in [name.lower() for name in headers]:
        headers["Content-Type"] = kind
    if value is None or isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogateescape")


def urlencoded(task, value):
    """A mapping, or a list of pairs, as a form."""
    if value is None:
        return None
    try:
        pairs = []
        for key, values in value.items() if isinstance(value, dict) else value:
            for each in values if isinstance(values, (list, tuple)) else [values]:
                if each is not None:
                    pairs.append((key, each))
        return urllib.parse.urlencode(pairs, doseq=True)
    except (TypeError, ValueError) as error:
        return task.fail("failed to parse body as form_urlencoded: {}".format(error), elapsed=0)


def converse(task, data, headers):
    """Ask, and make the result of the answer."""
    args = task.args
    dest = args["dest"]
    since = os.stat(dest).st_mtime if dest is not None and os.path.isfile(dest) else None
    started = time.time()
    try:
        answer = web.fetch(args["url"], args["method"].upper(), data, headers, since, args)
    except web.UrlError as error:
        return task.fail(str(error), status=-1, url=without_login(args["url"]))
    except web.WebError as error:
        msg = "Status code was -1 and not {}: {}".format(args["status_code"], error)
        result = {"status": -1, "url": without_login(args["url"]), "elapsed": int(time.time() - started)}
        result["redirected"] = False
        return task.fail(msg, **result)
    result = {"redirected": answer.url != without_login(args["url"]), "changed": False}
    result.update(answer.info())
    result["status"] = int(answer.status or 200)
    good = result["status"] in args["status_code"]
    encoding, is_json = content_type(answer)
    content = None
    if args["return_content"] or is_json or not good:
        content = read(task, answer)
    elif result["status"] >= 300 and dest is None:
        result["body"] = read(task, answer).decode(encoding, "replace")
    if dest is not None and good and result["status"] != 304:
        if os.path.isdir(dest):
            dest = os.path.join(dest, web.file_name(answer))
        result["changed"] = keep(task, answer, content, dest)
        result.update(files.describe(dest))
        result["path"] = dest
    elif dest is not None:
        result["path"] = dest
    result["elapsed"] = int(time.time() - started)
    result = {name.replace("-", "_").lower(): value for name, value in result.items()}
    if "location" in result:
        result["location"] = urllib.parse.urljoin(args["url"], result["location"])
    if content is not None:
        text = content.decode(encoding, "replace")
        if is_json:
            try:
                result["json"] = json.loads(text)
            except ValueError:
                pass  # it said that it was JSON
        if args["return_content"]:
            result["content"] = text
    if not good:
        msg = "Status code was {} and not {}: {}".format(result["status"], args["status_code"], result.pop("msg", ""))
        task.fail(msg, **result)
    return result


def read(task, answer):
    """All of a body."""
    try:
        return answer.stream.read()
    except Exception as error:  # http.client, gzip and sockets have many
        return task.fail("HTTP Error while fetching {}: {}".format(without_login(task.args["url"]), error))


def content_type(answer):
    """The encoding of a body, and whether it is JSON."""
    kind, _, more = answer.headers.get("content-type", "application/octet-stream").partition(";")
    found = re.search(r"charset=[\"']?([\w.:-]+)", more)
    encoding = found.group(1) if found else "utf-8"
    try:
        "".encode(encoding)
    except LookupError:
        encoding = "utf-8"
    # "+json" is a suffix of RFC 6839.
    sub = kind.strip().lower().partition("/")[2].rpartition("+")[2]
    return encoding, sub in ("json", "javascript")


def keep(task, answer, content, dest):
    """Put the body into a file; whether that changed."""
    dest = os.path.realpath(dest)
    before = files.digest(dest, "sha256")[0] if os.path.isfile(dest) else None
    with atomic.Replacement(dest, warn=task.warn, named=True) as new:
        if content is not None:
            new.write(content)
        else:
            web.copy(answer, new)
        if before is None or files.digest(new.temporary, "sha256")[0] != before:
            new.commit(in_place=task.args["unsafe_writes"])
    files.set_attributes(dest, files.wanted(task))
    return True
