"""Unpacks an archive on the host; one of the controller is streamed there first."""

from __future__ import annotations

from typing import Any

from stella_ops.actions._encrypted import decrypted_or_file
from stella_ops.actions.base import ActionContext, ActionFailure, Result, find_file

ARGUMENTS: dict[str, dict[str, Any]] = {
    "src": {"type": "path", "required": True, "doc": "The archive; with remote_src also a URL."},
    "dest": {"type": "path", "required": True, "doc": "The folder to unpack it in; it has to be there."},
    "remote_src": {"type": "bool", "default": False, "doc": "The archive is on the host, not on the controller."},
    "copy": {"type": "bool", "doc": "The opposite of remote_src, under its old name."},
    "creates": {"type": "path", "doc": "Do nothing when there is a file of this name."},
    "list_files": {"type": "bool", "default": False, "doc": "Return the names in the archive."},
    "include": {"type": "list", "elements": "str", "default": [], "doc": "Names to unpack, and no others."},
    "exclude": {"type": "list", "elements": "str", "default": [], "doc": "Names not to unpack."},
    "keep_newer": {"type": "bool", "default": False, "doc": "Leave files that are newer than those in the archive."},
    "extra_opts": {"type": "list", "elements": "str", "default": [], "doc": "Words for tar's command line."},
    "validate_certs": {"type": "bool", "default": True, "doc": "Check certificates when src is a URL."},
    "io_buffer_size": {"type": "int", "default": 65536, "doc": "Accepted, and of no effect here."},
    "decrypt": {"type": "bool", "default": True, "doc": "Decrypt an archive of the controller that a vault encrypted."},
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
    """See the module. A host that needs no archive, since ``creates`` exists, gets none."""
    args = dict(args)
    if args.get("copy") is not None:
        if args.get("remote_src") is not None:
            raise ActionFailure("parameters are mutually exclusive: ('copy', 'remote_src')")
        args["remote_src"] = not args.pop("copy")
    if args.get("src") is None or args.get("dest") is None:
        raise ActionFailure("src (or content) and dest are required")
    if args.get("remote_src"):
        return await context.module("unarchive", args)
    source = str(args["src"])
    if "://" in source:
        raise ActionFailure("Unsupported option, an URI src is only supported when remote_src is True")
    path = find_file(context, "files", source)
    if not path.is_file():
        raise ActionFailure(f"{path} is no file, so it is no archive")
    content = await decrypted_or_file(await context.sources.file(path), args)
    return await context.module("unarchive", args, content=content)
