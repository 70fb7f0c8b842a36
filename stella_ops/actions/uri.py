"""Speaks HTTP with a web service from the host; files of the controller that are sent travel to the host first."""

from __future__ import annotations

from typing import Any

from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file

ARGUMENTS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True, "doc": "What to ask for."},
    "method": {"type": "str", "default": "GET", "doc": "The HTTP method."},
    "body": {"type": "raw", "doc": "What to send."},
    "body_format": {
        "type": "str",
        "default": "raw",
        "choices": ["form-multipart", "form-urlencoded", "json", "raw"],
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
    "force": {
        "type": "bool",
        "default": False,
        "aliases": ["thirsty"],
        "doc": "Ask even when nothing is newer.",
    },
    "http_agent": {"type": "str", "default": "ansible-httpget", "doc": "The User-Agent header."},
    "use_proxy": {"type": "bool", "default": True, "doc": "Use the proxy that the environment names."},
    "validate_certs": {"type": "bool", "default": True, "doc": "Check certificates."},
    "url_username": {"type": "str", "aliases": ["user"], "doc": "The user for HTTP authentication."},
    "url_password": {
        "type": "str",
        "aliases": ["password"],
        "no_log": True,
        "doc": "The password for HTTP authentication.",
    },
    "force_basic_auth": {"type": "bool", "default": False, "doc": "Send user and password without being asked."},
    "client_cert": {"type": "path", "doc": "A PEM file with a client certificate, and maybe its key."},
    "client_key": {"type": "path", "doc": "A PEM file with the key of client_cert."},
    "use_gssapi": {"type": "bool", "default": False, "doc": "Not supported."},
    "headers": {"type": "dict", "doc": "Headers to send."},
    "unredirected_headers": {
        "type": "list",
        "elements": "str",
        "default": [],
        "doc": "Headers not to send again after a redirection.",
    },
    "decompress": {"type": "bool", "default": True, "doc": "Unpack an answer that came as gzip."},
    "ciphers": {"type": "list", "elements": "str", "doc": "TLS ciphers, in OpenSSL's names."},
    "use_netrc": {"type": "bool", "default": True, "doc": "Take user and password from ~/.netrc when none are given."},
    "mode": {"type": "raw", "doc": "Permission bits, as text such as '0644' or 'u=rw,g=r'."},
    "owner": {"type": "str", "doc": "The user that the file is to belong to."},
    "group": {"type": "str", "doc": "The group that the file is to belong to."},
    "attributes": {"type": "str", "aliases": ["attr"], "doc": "Inode flags as for chattr, such as +i."},
    "seuser": {"type": "str", "doc": "The user of its SELinux context."},
    "serole": {"type": "str", "doc": "The role of its SELinux context."},
    "setype": {"type": "str", "doc": "The type of its SELinux context."},
    "selevel": {"type": "str", "doc": "The level of its SELinux context."},
    "unsafe_writes": {
        "type": "bool",
        "default": False,
        "doc": "Overwrite the file itself where it cannot be replaced.",
    },
}


async def run(context: ActionContext, args: dict[str, Any]) -> Result:
    """See the module."""
    if context.check:
        return {"skipped": True, "msg": "remote module (uri) does not support check mode"}
    if args.get("remote_src"):
        return await context.module("uri", args)
    if args.get("src"):
        path = find_file(context, "files", str(args["src"]))
        if not path.is_file():
            raise ActionFailure(f"{path} is no file")
        content = await context.sources.file(path)
        return await context.module("uri", {**args, "_content_name": path.name}, content=content)
    if args.get("body_format") == "form-multipart":
        if not isinstance(args.get("body"), dict):
            raise ActionFailure(f"body must be mapping, cannot be type {type(args.get('body')).__name__}")
        args = {**args, "body": {name: _with_content(context, value) for name, value in args["body"].items()}}
    return await context.module("uri", args)


def _with_content(context: ActionContext, value: Any) -> Any:
    """A field of a form, with the text of the controller's file that it names."""
    if not isinstance(value, dict) or not value.get("filename") or value.get("content"):
        return value
    path = find_file(context, "files", str(value["filename"]))
    try:
        # Bytes that are no text travel as lone surrogates.
        content = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as problem:
        raise ActionFailure(f"cannot read {path} on the controller: {problem.strerror}") from None
    return {"multipart_encoding": "base64", **value, "content": content}
